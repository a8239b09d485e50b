/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What integration tests share: the runtime over the source that SOURCE names,
 * a record of events to wait for, and processes to play with: the test program
 * itself, started with a role as its argument.
 */
#ifndef TESTS_INTEGRATION_BENCH_H
#define TESTS_INTEGRATION_BENCH_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sup/sup.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* How long anything may take before a test fails: the machine may be slow. */
#define LIMIT sup_deadline_ms(60000)

enum sup_source bench_source(void);

/*
 * Fixtures. Closing fails if a thread, a descriptor or a child process is left
 * over that was not there before.
 */
int bench_open(void **state);
int bench_close(void **state);

#define CASE(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

/* Skips, and says why, if the source lacks what a test is about. */
void bench_need(uint32_t lacks_bit);

/*
 * Sets a parameter of the module, as root; what it was is left in old, unless
 * that is NULL.
 */
void bench_parameter(const char *name, const char *value, char old[16]);

/*
 * Waits for the nth event (1 is the first) since bench_open() of that kind; of
 * that child, unless id is NULL.
 */
struct sup_event bench_event(enum sup_event_kind kind, const char *id, int n);
/* How many there have been. */
int bench_count(enum sup_event_kind kind, const char *id);
/* All so far: "started:a stopped:a". */
const char *bench_history(void);

#define BENCH_FAULT 0x1230

/*
 * main() of each test calls this first. Roles of processes:
 *	wait		waits for a signal
 *	exit N		ends with that status
 *	crash		writes to BENCH_FAULT, where nothing is
 *	family		starts a child that waits, says its pid, waits
 *	stray		the same, but the child is a double-forked one, in a
 *			session of its own
 *	spokesman	starts a double-forked child as well, which says READY=1
 *	talk		writes a line and ends with 9
 * What a role says goes to its output.
 */
void bench_role(int argc, char **argv);

/* A spec of this program in that role; arg may be NULL, output, too. */
struct sup_process_spec *bench_process(const char *role, const char *arg,
				       const char *output);

/* A fifo to be an output; a line from it, as a number. */
const char *bench_fifo(void);
long bench_number(void);

/* Waits for the end of a process by a descriptor made while it lived. */
int bench_watch(pid_t pid);
void bench_watch_end(int fd);

/* A supervisor of these children; fails the test if it does not start. */
struct sup_pid bench_supervisor(enum sup_strategy strategy, int intensity,
				const struct sup_child_spec *children,
				size_t n);

/* The living task of a child, by its supervisor's picture. */
struct sup_node bench_child(struct sup_pid sup, const char *id);

/* Tells a supervisor to end and waits for it. */
void bench_stop(struct sup_pid sup);

#endif
