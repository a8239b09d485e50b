/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks in loops and on threads that are not libsup's: a mailbox as a file to
 * poll, and a thread that is there already as a task.
 */
#ifndef SUP_LOOP_H
#define SUP_LOOP_H

#include <sup/task.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A descriptor, for poll(2) and its like, that is readable when the calling
 * task should call sup_dispatch(): something has come, a timer is due, or it is
 * to end. It belongs to the task and is closed when that has ended. Errors:
 * -EPERM on a foreign thread or in a server; -EMFILE, -ENFILE, -ENOMEM.
 */
SUP_API int sup_fd(int *ret_fd);

/*
 * Calls cb with what has come, as sup_receive() gives it out, and waits for
 * nothing. cb owns info->msg; it returns 0 to go on, anything else ends the
 * call and is returned. Not all at once: what is left keeps the descriptor
 * readable. A safe point. -EPERM.
 */
SUP_API int sup_dispatch(int (*cb)(struct sup_info *info, void *arg),
			 void *arg);

/*
 * Runs spec->run(arg) on the calling thread, which is foreign, as a task of its
 * own: it has a pid, a mailbox, a name, links and monitors, can be told to end,
 * is killed and contained like any other. Returns 0 when the task has ended,
 * with its reason, which may be NULL; the thread is foreign again, its signal
 * mask and alternate stack are as before. stack_size is not used. It is a
 * top-level task: sup_close(), on another thread, ends it. Errors: -EPERM in a
 * task; as sup_thread_start().
 */
SUP_API int sup_thread_run(const struct sup_thread_spec *spec,
			   struct sup_reason *ret_reason);

#ifdef __cplusplus
}
#endif

#endif
