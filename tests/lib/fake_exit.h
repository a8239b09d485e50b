/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An exit source that tells what a test tells it, with lineages as the module
 * has them. sup__runtime_set_source(&fake_exit_ops), then sup_open().
 */
#ifndef TESTS_LIB_FAKE_EXIT_H
#define TESTS_LIB_FAKE_EXIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "exit/exit.h"

extern const struct sup__exit_ops fake_exit_ops;

/* Forgets all that was told and set, before a runtime is opened. */
void fake_exit_reset(void);

/* Ends of threads are told, by the test. Before it is opened. */
void fake_exit_set_tells_threads(void);

/* Has an event told by the runtime's thread. Any thread. */
void fake_exit_push(const struct sup__exit_event *ev);

/* Waits until the runtime is through with what was pushed. */
void fake_exit_wait_told(void);

/* Waits for a zombie, and has its end told as it was. Returns its lineage. */
uint64_t fake_exit_push_end(pid_t pid);

/* The end of a lineage. */
void fake_exit_push_lineage(uint64_t lineage);

/* The lineage that watch() gave to a child; 0: it was not watched. */
uint64_t fake_exit_lineage_of(pid_t pid);

/* What watch() fails with from now on; 0: it does not. */
void fake_exit_set_watch(int error);

/*
 * Children are killed as they are born, and told of only if they are doubted,
 * as unrecorded. If ended, watch() returns when they are zombies.
 */
void fake_exit_set_no_room(bool no_room, bool ended);

/* How often doubt() was called for a child. */
unsigned int fake_exit_doubts_of(pid_t pid);

/* A lineage whose first process find() finds; pid 0: it has ended. */
void fake_exit_set_find(uint64_t lineage, pid_t pid);

/* Something of the lineage is alive: kill() finds it, and its end is told. */
void fake_exit_set_leftover(uint64_t lineage);

/* What members() lists; with members_end() only the first time. */
void fake_exit_add_member(const struct sup__member *m);
void fake_exit_reset_members(void);
void fake_exit_members_end(void);

/* Waits until kill() was called for a whole lineage with a signal. */
void fake_exit_wait_kill(uint64_t lineage, int signo);

#endif
