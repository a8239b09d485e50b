/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmarks of the module share. In the machine that counts
 * instructions (tests/vm/run.sh -c) the time stamp counter is that count, so
 * a difference of two readings is exact.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sup_nl.h"
#include "sup_proc.h"

/* Rounds whose results count; one more before them is for warming up. */
#define ROUNDS 5

#define PROCESS SUP_MEMBER_KIND_PROCESS
#define THREAD SUP_MEMBER_KIND_THREAD
#define CHILDREN SUP_GROUP_FLAG_INHERIT_CHILDREN
#define THREADS SUP_GROUP_FLAG_INHERIT_THREADS

static inline uint64_t insns(void)
{
	return __builtin_ia32_rdtsc();
}

/* One line on stderr, with errno, and exit 1. */
void die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* Memory that children share, and that no fork has to copy. */
void *shared(size_t size);

/* A word in shared memory: waits while it is value; sets it and wakes. */
void word_wait(uint32_t *word, uint32_t value);
void word_set(uint32_t *word, uint32_t value);

/* Sorts; the value below which that share (0 to 1) of them are. */
uint64_t quantile(uint64_t *values, size_t n, double share);

/* Loads the module of SUP_KO; unloads it, waiting for its last user. */
void module_load(const char *params);
void module_unload(void);
/* Waits until the module has hooks, or has none. */
void module_wait_hooked(bool hooked);

/* A netlink socket of ours, and a group that it owns. */
void own(struct sup *s, struct group *g, uint32_t flags);
/* Makes a process a member. */
void join(struct sup *s, const struct group *g, pid_t pid);
/* Reads what has come, and acknowledges it, and what was read up to seq. */
void drain(struct sup *s, uint64_t group, uint64_t seq);

/* What an owner has to know of an exit. */
struct cause {
	uint32_t pid, code, signal;
	uint64_t seq;		/* the last of the message */
};

/* Waits for a message and finds the exit in it; pid is 0 if there is none. */
void cause_recv(struct sup *s, struct cause *cause);

/* A child that does nothing until it is killed; kills and reaps it. */
pid_t child_new(void);
void child_kill(pid_t pid);

/* The proc connector, listening. */
int connector_open(void);
/* The next event: the pid of who exited, 0 if it was another, or -errno. */
pid_t connector_recv(int fd, int flags);

/* Waits until a task sleeps; the page of its stack that this takes is known. */
void wait_asleep(pid_t pid);

/* "NAME ROUND VALUE", which judge.awk reads. */
void result(const char *name, int round, double value);

#endif
