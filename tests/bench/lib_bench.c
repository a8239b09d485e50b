// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Benchmarks of the library, for lib.sh: one topic a run.
 *
 * usage: lib_bench TOPIC DIVISOR [module|pidfd]
 *
 * DIVISOR: 1, or how much less to do. The source of exits: else the best.
 */
#include "lib_bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t divisor;
static cpu_set_t cpus;

static const struct {
	const char *name;
	void (*run)(void);
} topics[] = {
	{ "restart", bench_restart },
	{ "window", bench_window },
	{ "call", bench_call },
	{ "cast", bench_cast },
	{ "down", bench_down },
	{ "timer", bench_timer },
	{ "registry", bench_registry },
	{ "many", bench_many },
	{ "idle", bench_idle },
};

size_t scaled(size_t n)
{
	return n / divisor > 2 ? n / divisor : 2;
}

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void die(const char *what)
{
	fprintf(stderr, "lib_bench: %s: %s\n", what,
		sup_error()[0] ? sup_error() : strerror(errno));
	exit(1);
}

void must(int ret, const char *what)
{
	if (ret)
		die(what);
}

void *room_for(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("memory");
	return p;
}

void pin(int nth)
{
	cpu_set_t one;
	int cpu;

	CPU_ZERO(&one);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && nth-- == 0)
			CPU_SET(cpu, &one);
	must(sched_setaffinity(0, sizeof(one), &one), "two CPUs");
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

double median_us(int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare);
	return ns[n / 2] / 1000.0;
}

void result(const char *name, double value)
{
	printf("%s %.4f\n", name, value);
	fflush(stdout);
}

void await_msg(uint64_t tag, struct sup_msg *ret_msg)
{
	struct sup_info info;

	for (;;) {
		must(sup_receive(&info, SUP_FOREVER), "receive");
		if (info.kind == SUP_INFO_MSG && info.msg.tag == tag)
			break;
		sup_msg_free(&info.msg);
	}
	*ret_msg = info.msg;
}

void idle_ms(int64_t ms)
{
	int64_t deadline = sup_deadline_ms(ms);
	struct sup_info info;

	while (!sup_receive(&info, deadline))
		sup_msg_free(&info.msg);
}

static int worker_init(void *arg, void **ret_state)
{
	const struct report *report = arg;
	struct started started = { .at_ns = now_ns() };
	struct sup_msg msg = {
		.tag = STARTED, .data = &started, .len = sizeof(started),
	};

	started.pid = sup_self();
	*ret_state = room_for(1, sizeof(uint64_t));
	if (!report->to.v)
		return 0;
	return sup_send(report->to, &msg, SUP_FOREVER);
}

static int worker_call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct sup_msg reply = { .tag = *(uint64_t *)state };

	(void)req;
	sup_reply(from, &reply);
	return SUP_CONTINUE;
}

static int worker_cast(void *state, struct sup_msg *msg)
{
	uint64_t *casts = state;

	if (msg->tag == CRASH)
		return -EIO;
	++*casts;
	return SUP_CONTINUE;
}

static void worker_terminate(void *state, const struct sup_reason *reason)
{
	(void)reason;
	free(state);
}

const struct sup_server_ops worker_ops = {
	.size = sizeof(worker_ops),
	.init = worker_init,
	.call = worker_call,
	.cast = worker_cast,
	.terminate = worker_terminate,
};

struct sup_pid worker_start(struct report *report, size_t mailbox)
{
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = "worker", .ops = &worker_ops,
		.arg = report, .mailbox = mailbox,
	};
	struct sup_pid pid;

	must(sup_server_start(&spec, &pid), "a server");
	return pid;
}

struct started await_started(void)
{
	struct started started;
	struct sup_msg msg;

	await_msg(STARTED, &msg);
	memcpy(&started, msg.data, sizeof(started));
	sup_msg_free(&msg);
	return started;
}

void stop_server(struct sup_pid pid)
{
	must(sup_server_stop(pid, &SUP_SHUTDOWN, NULL, SUP_FOREVER),
	     "stopping a server");
}

static int run_topic(void *arg)
{
	void (*run)(void) = *(void (*const *)(void))arg;

	run();
	return 0;
}

static enum sup_source source_of(const char *name)
{
	if (!strcmp(name, "module"))
		return SUP_SOURCE_MODULE;
	if (strcmp(name, "pidfd") != 0)
		die(name);
	return SUP_SOURCE_PIDFD;
}

int main(int argc, char **argv)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "bench", .run = run_topic,
	};
	struct sup_options options = { .size = sizeof(options) };
	struct sup_reason reason;
	size_t i;

	if (argc < 3 || argc > 4 || !(divisor = strtoul(argv[2], NULL, 10)))
		die("usage: lib_bench TOPIC DIVISOR [module|pidfd]");
	if (argc == 4)
		options.source = source_of(argv[3]);
	must(sched_getaffinity(0, sizeof(cpus), &cpus), "affinity");
	for (i = 0; i < sizeof(topics) / sizeof(*topics); i++)
		if (!strcmp(argv[1], topics[i].name))
			spec.arg = (void *)&topics[i].run;
	if (!spec.arg)
		die(argv[1]);
	must(sup_open(&options), "opening the runtime");
	must(sup_thread_run(&spec, &reason), "the topic");
	must(reason.kind != SUP_REASON_NORMAL, "the end of the topic");
	must(sup_close(), "closing the runtime");
	return 0;
}
