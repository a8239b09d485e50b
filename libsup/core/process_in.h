/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of process tasks share. */
#ifndef SUP_CORE_PROCESS_IN_H
#define SUP_CORE_PROCESS_IN_H

#include <stdatomic.h>

#include "base/lock.h"
#include "core/output.h"
#include "core/process.h"
#include "exit/exit.h"
#include "exit/proc.h"

struct sup__function;
struct sup__task;

enum sup__ready {
	SUP__READY_NOT_YET,
	SUP__READY_YES,
	SUP__READY_NEVER,	/* it has ended */
};

struct sup__process {
	struct sup__task *task;
	struct sup__exit_source *src;
	int stop_signal;
	struct sup__proc proc;		/* the starter's before it is alive */
	_Atomic uint32_t done;		/* futex, set with the lock held */
	_Atomic uint32_t ready;		/* futex: enum sup__ready, likewise */
	struct sup__seat *starter;	/* woken then; NULL: it need not be */
	int64_t stop_timeout_ms;	/* 0: none */
	int watchdog_signal;
	char name[64];			/* for people */
	bool forward;			/* what it writes, to the log */
	struct sup__line line;		/* the runtime's thread's, as is */
	unsigned long n_ignored;	/* how many datagrams do not count */
	struct sup__function *function;	/* fixed; NULL: it is a program */
	bool is_starting;		/* its starter's: in start_era */
	unsigned int start_era;

	/* sup__processes protects all below */
	struct sup__process *prev, *next;	/* in the table */
	pid_t pid;			/* its place there */
	uint64_t lineage;		/* 0: not known yet */
	bool alive;			/* born, and not ended */
	bool draining;			/* ended, its lineage has not */
	bool reaped;
	bool start_over;		/* its start has returned well */
	bool never_ran;			/* it ended before it could */
	bool no_room;			/* and had no room in the source */
	int64_t ready_at;		/* it has to be ready by then */
	int64_t stop_at;		/* killed then; 0: it is not */
	int64_t watchdog_ns;		/* how often it is to be heard of; 0 */
	int64_t watchdog_at;		/* it is to be by then; 0: need not */
	bool trouble;			/* it has said WATCHDOG=trigger */
	bool missed;			/* it was not heard of, or said that */
	bool broken;			/* a function that sent what is none */
	bool stopping;			/* it has said so */
	struct sup__output output;	/* added to by the runtime's thread */
	bool mute;			/* its ready_fd has no writer left */
	char status[128];		/* its last STATUS=, "" if none */
	struct sup_reason reason;	/* of the end */
};

/*
 * process_table.c: who there is, and how it ends. One lock guards the table and
 * what changes in every process; ends are rare beside what they cost. Requests
 * to the exit source are made with it held: the source takes only locks of its
 * own, and calls nobody back from a request.
 */
extern struct sup__lock sup__processes;

void sup__process_add_locked(struct sup__process *p, pid_t pid)
	SUP__REQUIRES(sup__processes);
void sup__process_del_locked(struct sup__process *p)
	SUP__REQUIRES(sup__processes);

/* SIGKILL to all that is left of it. -ESRCH nothing is, -EPERM. */
int sup__process_kill_locked(struct sup__process *p)
	SUP__REQUIRES(sup__processes);

/* The same, and what goes wrong is logged. Any thread. */
void sup__process_kill(struct sup__process *p);

/* Waits until nothing is left of it. -ETIMEDOUT. Its starter. */
int sup__process_wait_done(struct sup__process *p, int64_t deadline);

/* OVERFLOW events that told of children without a record, so far. */
unsigned int sup__process_untracked_count(void);

/*
 * Around a start: one that did not run may have had no room in the source; so
 * may one that did, if such was told of since the count was asked for.
 */
void sup__process_look_at_start(struct sup__process *p, bool never_ran,
				unsigned int untracked_before);

/* Watches for it from now on, if it is to be. Returns when, or INT64_MAX. */
int64_t sup__process_expect_locked(struct sup__process *p)
	SUP__REQUIRES(sup__processes);

/* The first whose time has come; ret_next: when it will for another one. */
struct sup__process *sup__process_due_locked(int64_t now, int64_t *ret_next)
	SUP__REQUIRES(sup__processes);

/* process.c: the process task of a pid, with a reference to it; or NULL. */
struct sup__process *sup__process_get(struct sup_pid pid);

/* process_watch.c. Has what it says read, or closes it. -ENOMEM, -ENOSPC. */
int sup__process_watch_locked(struct sup__process *p)
	SUP__REQUIRES(sup__processes);
void sup__process_unwatch_locked(struct sup__process *p)
	SUP__REQUIRES(sup__processes);

/* Of one descriptor, -1 afterwards. */
void sup__process_unwatch_one_locked(int *fd)
	SUP__REQUIRES(sup__processes);

/*
 * What arrives at fd, which is its, is not looked at, or is again: -ENOMEM,
 * -ENOSPC. A bell that rings is for sup__process_function_retry().
 */
void sup__process_pause_locked(int fd) SUP__REQUIRES(sup__processes);
int sup__process_resume_locked(struct sup__process *p, int fd)
	SUP__REQUIRES(sup__processes);
int sup__process_watch_bell(int fd);
void sup__process_hear_bell(int fd, bool on);

/* It is ready, or never will be: what is said first holds, and wakes. */
void sup__process_ready_locked(struct sup__process *p, enum sup__ready to)
	SUP__REQUIRES(sup__processes);
void sup__process_never_ready(struct sup__process *p);
/* Reads what it has said. The runtime's thread. */
void sup__process_hear(struct sup__process *p);

/*
 * process_output.c. init: for a checked spec or not, -ENOMEM. hear_output reads
 * a piece of what it has written, hear_rest all that is there, at its end; then
 * ended keeps it, and logs it if the end was not well. The runtime's thread.
 */
int sup__process_output_init(struct sup__process *p,
			     const struct sup_process_spec *spec);
void sup__process_hear_output(struct sup__process *p);
void sup__process_hear_rest(struct sup__process *p);
void sup__process_output_ended(struct sup__process *p,
			       const struct sup_reason *reason);

/* at is a time that sup__process_due_locked() finds. Any thread. */
void sup__process_wake_at(int64_t at);

/*
 * process_adopt.c. The living process that a lineage began with becomes p.
 * -ESRCH it has ended, and what it had left behind has been killed and is gone;
 * -EOPNOTSUPP, -ETIMEDOUT it is not gone, -EPERM.
 */
int sup__process_adopt(struct sup__process *p, uint64_t lineage);

#endif
