/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmarks of the library share. They use its public headers only;
 * lib_peer.erl and lib_peer.exs do the same on Erlang and Elixir.
 */
#ifndef TESTS_BENCH_LIB_BENCH_H
#define TESTS_BENCH_LIB_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include <sup/sup.h>

/*
 * Topics: each runs as a task of its own and prints "NAME VALUE" for each of
 * its figures. A count of n becomes less in a smoke run, but not less than 2.
 */
void bench_restart(void);
void bench_window(void);
void bench_call(void);
void bench_cast(void);
void bench_down(void);
void bench_timer(void);
void bench_registry(void);
void bench_many(void);
void bench_idle(void);

size_t scaled(size_t n);

int64_t now_ns(void);

/* The calling thread runs on the first (0) or the second (1) CPU only. */
void pin(int nth);

/* Sorts; the middle one, in microseconds. */
double median_us(int64_t *ns, size_t n);
void result(const char *name, double value);

/* Memory, or die. */
void *room_for(size_t n, size_t size);

/* Dies, with what the library says, unless ret is 0. */
void must(int ret, const char *what);
void die(const char *what) __attribute__((noreturn));

/* The next message; all that comes before it is thrown away. */
void await_msg(uint64_t tag, struct sup_msg *ret_msg);
/* For that long nothing is done. */
void idle_ms(int64_t ms);

/*
 * A server that tells when its init runs: *arg is a struct report. A call is
 * answered with how many casts came; a cast of COUNT is counted, one of CRASH
 * ends it.
 */
#define STARTED 1
#define COUNT 2
#define CRASH 3

struct report {
	struct sup_pid to;	/* SUP_PID_NONE: nobody */
};

struct started {
	struct sup_pid pid;
	int64_t at_ns;
};

extern const struct sup_server_ops worker_ops;
struct sup_pid worker_start(struct report *report, size_t mailbox);
/* Waits for the next STARTED. */
struct started await_started(void);

void stop_server(struct sup_pid pid);

#endif
