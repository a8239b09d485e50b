/* SPDX-License-Identifier: GPL-2.0 */
/* What tests ask the system about processes, and how they wait for it. */
#ifndef SUP_PROC_H
#define SUP_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Field 22 of /proc/PID/stat; 0 if there is no such task. */
uint64_t start_ticks(pid_t pid);
/* True once the process is gone or a zombie; gives up after 10 s. */
bool wait_gone(pid_t pid);
/* Field 3: R, S, D and so on; 0 if there is no such process. */
char task_state(pid_t pid);
bool alive(pid_t pid);
/* True if the caller has no child any more; reaps those that have ended. */
bool nobody_is_left(void *unused);
/*
 * Forks as fast as it can, and so does all that comes of it, until *births, in
 * a shared page, is at its limit. Does not return.
 */
void fork_bomb(int *births, int limit);
/* Waits until cond(arg), looking again and again for up to 10 s. */
bool eventually(bool (*cond)(void *arg), void *arg);
int param_set(const char *name, const char *value);
int pidfd_of(pid_t pid);
/* The program sup_helper, which is beside the test's; cut to size. */
const char *helper_path(void);

#endif
