// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls: of a client and a server on different CPUs, one after the other and
 * after a millisecond in which nothing happens; and of eight clients at once.
 * Casts: from one, two and four producers, until the server has handled them.
 */
#include "lib_bench.h"

#include <stdlib.h>

#define CLIENTS 8
#define IDLE_MS 1
#define MAILBOX 4096

static struct report nobody;

static void call(struct sup_pid server)
{
	const struct sup_msg req = { .tag = COUNT };
	struct sup_msg reply;

	must(sup_call(server, &req, &reply, NULL, SUP_FOREVER), "a call");
}

/* A server on the second CPU. */
static int pinned_init(void *arg, void **ret_state)
{
	pin(1);
	return worker_ops.init(arg, ret_state);
}

static struct sup_pid pinned_start(void)
{
	struct sup_server_ops ops = worker_ops;
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = "pinned", .ops = &ops,
		.arg = &nobody,
	};
	struct sup_pid pid;

	ops.init = pinned_init;
	must(sup_server_start(&spec, &pid), "a server");
	return pid;
}

static void timed_calls(const char *name, struct sup_pid server, size_t n,
			int64_t pause_ms)
{
	int64_t begin, *times = room_for(n, sizeof(*times));
	size_t i;

	for (i = 0; i < n; i++) {
		if (pause_ms)
			idle_ms(pause_ms);
		begin = now_ns();
		call(server);
		times[i] = now_ns() - begin;
	}
	result(name, median_us(times, n));
	free(times);
}

static int run_client(void *arg)
{
	const struct sup_pid *server = arg;
	struct sup_pid pid;

	pin(0);
	pid = *server;
	timed_calls("call_cross", pid, scaled(30000), 0);
	timed_calls("call_idle", pid, scaled(300), IDLE_MS);
	return 0;
}

struct crowd {
	struct sup_pid server;
	size_t each;
};

static int run_caller(void *arg)
{
	const struct crowd *crowd = arg;
	size_t i;

	for (i = 0; i < crowd->each; i++)
		call(crowd->server);
	return 0;
}

static int run_producer(void *arg)
{
	const struct crowd *crowd = arg;
	const struct sup_msg msg = { .tag = COUNT };
	size_t i;

	for (i = 0; i < crowd->each; i++)
		must(sup_cast(crowd->server, &msg, SUP_FOREVER), "a cast");
	return 0;
}

/* n of them at once, until all have ended. */
static void run_crowd(int (*run)(void *arg), struct crowd *crowd, size_t n)
{
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "crowd", .run = run,
		.arg = crowd,
	};
	struct sup_pid pids[CLIENTS];
	struct sup_reason reason;
	size_t i;

	for (i = 0; i < n; i++)
		must(sup_thread_start(&spec, &pids[i]), "a thread");
	for (i = 0; i < n; i++) {
		must(sup_wait(pids[i], &reason, SUP_FOREVER), "an end");
		must(reason.kind != SUP_REASON_NORMAL, "the end of a client");
	}
}

void bench_call(void)
{
	struct crowd crowd = { .each = scaled(10000) };
	struct crowd alone;
	int64_t begin;

	alone.server = pinned_start();
	run_crowd(run_client, &alone, 1);
	stop_server(alone.server);
	crowd.server = worker_start(&nobody, 0);
	begin = now_ns();
	run_crowd(run_caller, &crowd, CLIENTS);
	result("call_8_clients", CLIENTS * crowd.each * 1e9 /
	       (now_ns() - begin));
	stop_server(crowd.server);
}

static void casts(const char *name, size_t producers)
{
	struct crowd crowd = { .each = scaled(400000) / producers };
	const struct sup_msg req = { .tag = COUNT };
	struct sup_msg reply;
	int64_t begin, end;

	crowd.server = worker_start(&nobody, MAILBOX);
	begin = now_ns();
	run_crowd(run_producer, &crowd, producers);
	must(sup_call(crowd.server, &req, &reply, NULL, SUP_FOREVER),
	     "a call");
	end = now_ns();
	must(reply.tag != producers * crowd.each, "a cast was lost");
	result(name, reply.tag * 1e9 / (end - begin));
	stop_server(crowd.server);
}

void bench_cast(void)
{
	casts("cast_1", 1);
	casts("cast_2", 2);
	casts("cast_4", 4);
}
