/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitors (OTP erlang:monitor/2): one watcher, one DOWN, with the reason. */
#ifndef SUP_MONITOR_H
#define SUP_MONITOR_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The calling task will get exactly one SUP_INFO_DOWN when the task ends; at
 * once, with NOPROC or the true reason if that is still known, if it already
 * has. Calls stack. Its name is free before the DOWN is seen. Task threads
 * only. Errors: -EPERM on a foreign thread, -ENOMEM. Unlike OTP the reason is
 * not lost when the task dies while the monitor is being made.
 */
SUP_API int sup_monitor(struct sup_pid pid, struct sup_ref *ret_ref);

/*
 * Takes a monitor back. With flush a DOWN that has already arrived is removed
 * too, so that none is seen after this returns. Idempotent. Only by the task
 * that made it (-EPERM).
 */
SUP_API int sup_demonitor(struct sup_ref ref, bool flush);

/*
 * Waits on any thread, foreign ones too, for the end of a task; *ret_reason,
 * which may be NULL, is why, NOPROC if there was none or it is forgotten. Who
 * calls the caller meanwhile, and stands in the way of that end, gets -EDEADLK.
 * A safe point. Errors: -ETIMEDOUT; -EDEADLK it is the caller, or waits for the
 * caller's end; -ENOMEM a thread's first wait.
 */
SUP_API int sup_wait(struct sup_pid pid, struct sup_reason *ret_reason,
		     int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
