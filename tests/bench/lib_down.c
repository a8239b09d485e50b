// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the end of a task until who monitors it knows: on another CPU; and
 * until the last one knows, of 1,000 monitors that 8 tasks hold, and of 1,000
 * tasks with one each.
 */
#include "lib_bench.h"

#include <stdatomic.h>
#include <stdlib.h>

#define GO 10
#define READY 11
#define TOLD 12

#define MONITORS 1000

static _Atomic int64_t ended_at;

static void send_tag(struct sup_pid to, uint64_t tag)
{
	const struct sup_msg msg = { .tag = tag };

	must(sup_send(to, &msg, SUP_FOREVER), "a message");
}

/* Ends when it is told to, and notes when; arg: whom it tells that it is up. */
static int run_mortal(void *arg)
{
	struct sup_msg msg;

	if (arg) {
		pin(1);
		send_tag(*(struct sup_pid *)arg, READY);
	}
	await_msg(GO, &msg);
	atomic_store(&ended_at, now_ns());
	return 0;
}

static struct sup_pid mortal_start(struct sup_pid *tell)
{
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "mortal", .run = run_mortal,
		.arg = tell,
	};
	struct sup_pid pid;

	must(sup_thread_start(&spec, &pid), "a thread");
	return pid;
}

/* Other ends come as exit signals of children. */
static int64_t await_down(void)
{
	struct sup_info info;

	do {
		must(sup_receive(&info, SUP_FOREVER), "a DOWN");
	} while (info.kind != SUP_INFO_DOWN);
	return now_ns();
}

static int run_cross(void *arg)
{
	size_t i, n = scaled(2000);
	int64_t told, *times = room_for(n, sizeof(*times));
	struct sup_pid self = sup_self(), pid;
	struct sup_ref ref;
	struct sup_msg msg;

	(void)arg;
	pin(0);
	for (i = 0; i < n; i++) {
		pid = mortal_start(&self);
		must(sup_monitor(pid, &ref), "a monitor");
		await_msg(READY, &msg);
		send_tag(pid, GO);
		told = await_down();
		times[i] = told - atomic_load(&ended_at);
	}
	result("down_cross", median_us(times, n));
	free(times);
	return 0;
}

struct watch {
	struct sup_pid of, tell;
	size_t each;
};

static int run_watcher(void *arg)
{
	const struct watch *watch = arg;
	struct sup_msg msg = { .tag = TOLD };
	struct sup_ref ref;
	int64_t last = 0;
	size_t i;

	for (i = 0; i < watch->each; i++)
		must(sup_monitor(watch->of, &ref), "a monitor");
	send_tag(watch->tell, READY);
	for (i = 0; i < watch->each; i++)
		last = await_down();
	msg.data = &last;
	msg.len = sizeof(last);
	must(sup_send(watch->tell, &msg, SUP_FOREVER), "a message");
	return 0;
}

/* The monitors are held by so many tasks, alike. */
static int64_t fan_out(size_t monitors, size_t watchers)
{
	struct watch watch = { .each = monitors / watchers };
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "watcher", .run = run_watcher,
		.arg = &watch, .stack_size = 65536,
	};
	struct sup_msg msg;
	struct sup_pid pid;
	int64_t last = 0;
	size_t i;

	watch.of = mortal_start(NULL);
	watch.tell = sup_self();
	for (i = 0; i < watchers; i++)
		must(sup_thread_start(&spec, &pid), "a watcher");
	for (i = 0; i < watchers; i++)
		await_msg(READY, &msg);
	send_tag(watch.of, GO);
	for (i = 0; i < watchers; i++) {
		await_msg(TOLD, &msg);
		if (*(int64_t *)msg.data > last)
			last = *(int64_t *)msg.data;
		sup_msg_free(&msg);
	}
	return last - atomic_load(&ended_at);
}

static void fan_outs(const char *name, size_t n, size_t watchers)
{
	int64_t *times = room_for(n, sizeof(*times));
	size_t i;

	for (i = 0; i < n; i++)
		times[i] = fan_out(MONITORS, watchers);
	result(name, median_us(times, n));
	free(times);
}

void bench_down(void)
{
	const struct sup_thread_spec cross = {
		.size = sizeof(cross), .name = "cross", .run = run_cross,
	};
	struct sup_reason reason;
	struct sup_pid pid;

	must(sup_thread_start(&cross, &pid), "a thread");
	must(sup_wait(pid, &reason, SUP_FOREVER), "its end");
	must(reason.kind != SUP_REASON_NORMAL, "the end of a watcher");
	fan_outs("down_1000", scaled(50), 8);
	fan_outs("down_1000_tasks", scaled(6), MONITORS);
}
