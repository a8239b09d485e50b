// SPDX-License-Identifier: GPL-2.0-or-later
/* Timers, registries, very many children, and a tree that has nothing to do. */
#include "lib_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMER_MS 10
#define KEYS 100000
#define MANY 10000
#define IDLE_SERVERS 100
#define SETTLE_MS 500
#define IDLE_MS 3000

void bench_timer(void)
{
	size_t i, n = scaled(50);
	int64_t at, *times = room_for(n, sizeof(*times));
	const struct sup_msg msg = { .tag = 1 };
	struct sup_info info;

	for (i = 0; i < n; i++) {
		at = now_ns() + TIMER_MS * 1000000;
		must(sup_timer_start(sup_self(), &msg, at, NULL), "a timer");
		must(sup_receive(&info, SUP_FOREVER), "a timer's message");
		times[i] = now_ns() - at;
	}
	result("timer_10ms_late", median_us(times, n));
	free(times);
}

static struct sup_registry registry;

static struct sup_bytes key_of(const uint64_t *key)
{
	return (struct sup_bytes){ .data = key, .len = sizeof(*key) };
}

static int put(struct sup_pid pid, const uint64_t *key)
{
	const struct sup_bytes value = { 0 };

	return sup_registry_put(registry, pid, key_of(key), value, NULL);
}

static void lookups(void)
{
	size_t i, n = scaled(500000), keys = scaled(KEYS);
	uint64_t key;
	int64_t begin;

	for (key = 0; key < keys; key++)
		must(put(sup_self(), &key), "a key");
	key = keys / 2;
	begin = now_ns();
	for (i = 0; i < n; i++)
		if (sup_registry_whereis(registry, key_of(&key)).v !=
		    sup_self().v)
			die("a key that is not found");
	result("registry_lookup", (now_ns() - begin) / 1000.0 / n);
}

static const uint64_t reused = UINT64_MAX;

static int run_holder(void *arg)
{
	const struct sup_pid *tell = arg;
	const struct sup_msg ready = { .tag = STARTED };
	struct sup_msg msg;

	must(put(sup_self(), &reused), "the key");
	must(sup_send(*tell, &ready, SUP_FOREVER), "a message");
	await_msg(COUNT, &msg);
	return 0;
}

static void name_reuse(void)
{
	struct sup_pid self = sup_self(), pid;
	const struct sup_registry_query query = { .pid = self };
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "holder", .run = run_holder,
		.arg = &self,
	};
	size_t i, n = scaled(1000);
	int64_t begin, *times = room_for(n, sizeof(*times));
	struct sup_msg msg;

	must(sup_registry_remove(registry, &query), "removing keys");
	for (i = 0; i < n; i++) {
		must(sup_thread_start(&spec, &pid), "a thread");
		await_msg(STARTED, &msg);
		begin = now_ns();
		must(sup_kill(pid, SUP_TRY), "a kill");
		while (put(self, &reused))
			;
		times[i] = now_ns() - begin;
		must(sup_registry_remove(registry, &query), "removing a key");
	}
	result("name_reuse", median_us(times, n));
	free(times);
}

void bench_registry(void)
{
	const struct sup_registry_spec spec = { .size = sizeof(spec) };

	must(sup_registry_open(&spec, &registry), "a registry");
	lookups();
	name_reuse();
	must(sup_registry_close(registry), "closing the registry");
}

/* The number behind a word of a file of /proc. */
static double proc_kb(const char *path, const char *word)
{
	FILE *f = fopen(path, "r");
	char line[256];
	double kb = -1;

	if (!f)
		die(path);
	while (kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, word, strlen(word)))
			kb = strtod(line + strlen(word), NULL);
	fclose(f);
	if (kb < 0)
		die(word);
	return kb;
}

/* What the process and the kernel have taken for it; stacks: of all tasks. */
struct memory {
	double user, tables, stacks;
};

static struct memory memory(void)
{
	return (struct memory){
		.user = proc_kb("/proc/self/smaps_rollup", "Rss:"),
		.tables = proc_kb("/proc/self/status", "VmPTE:"),
		.stacks = proc_kb("/proc/meminfo", "KernelStack:"),
	};
}

static int run_idly(void *arg)
{
	struct sup_msg msg;

	(void)arg;
	await_msg(COUNT, &msg);
	return 0;
}

static void each_us(const char *name, int64_t begin, size_t n)
{
	result(name, (now_ns() - begin) / 1000.0 / n);
}

void bench_many(void)
{
	const struct sup_thread_spec thread = {
		.size = sizeof(thread), .name = "child", .run = run_idly,
	};
	const struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = "many",
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .start = sup_thread_start,
		.arg = &thread, .restart = SUP_TEMPORARY,
	};
	size_t i, n = scaled(MANY);
	struct memory before, after;
	struct sup_pid sup, pid;
	int64_t begin;

	must(sup_dynamic_start(&spec, &sup), "a supervisor");
	before = memory();
	begin = now_ns();
	for (i = 0; i < n; i++)
		must(sup_start_child(sup, &child, &pid), "a child");
	each_us("many_start", begin, n);
	after = memory();
	result("thread_child_bytes", (after.user - before.user) * 1024 / n);
	result("thread_child_tables", (after.tables - before.tables) * 1024 / n);
	result("thread_child_kernel", (after.stacks - before.stacks) * 1024 / n);
	begin = now_ns();
	stop_server(sup);
	each_us("many_stop", begin, n);
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void bench_idle(void)
{
	static struct report nobody;
	static const struct sup_server_spec server = {
		.size = sizeof(server), .name = "idle", .ops = &worker_ops,
		.arg = &nobody,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "idle",
	};
	struct sup_child_spec child = {
		.size = sizeof(child), .start = sup_server_start,
		.arg = &server,
	};
	int64_t begin, cpu;
	struct sup_pid sup, pid;
	char id[16];
	int i;

	must(sup_supervisor_start(&spec, &sup), "a supervisor");
	child.id = id;
	for (i = 0; i < IDLE_SERVERS; i++) {
		snprintf(id, sizeof(id), "idle%d", i);
		must(sup_start_child(sup, &child, &pid), "a child");
	}
	/* Until the last of them has found nothing to do. */
	idle_ms(scaled(SETTLE_MS));
	begin = now_ns();
	cpu = cpu_ns();
	idle_ms(scaled(IDLE_MS));
	result("idle_cpu_percent", (cpu_ns() - cpu) * 100.0 /
	       (now_ns() - begin));
	stop_server(sup);
}
