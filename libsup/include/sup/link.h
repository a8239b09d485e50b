/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links (OTP link/1): two tasks that end together, unless the one that is left
 * traps exits. What an exit signal does to the task that gets it:
 *
 *	signal				does not trap		traps
 *	link, NORMAL			nothing			SUP_INFO_EXIT
 *	link, any other reason		ends with that reason	SUP_INFO_EXIT
 *	sup_exit() of another, NORMAL	nothing			SUP_INFO_EXIT
 *	sup_exit() of itself, NORMAL	ends NORMAL		SUP_INFO_EXIT
 *	sup_exit(), any other reason	ends with that reason	SUP_INFO_EXIT
 *	sup_kill()			ends KILLED		ends KILLED
 *
 * A process cannot trap: it gets its stop signal. A server ends by its
 * terminate callback, and what its parent sends ends it even if it traps.
 * What counts is what the task does at the moment the signal is sent.
 */
#ifndef SUP_LINK_H
#define SUP_LINK_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Links the calling task with another one, thread or process: the end of
 * either is an exit signal to the other. A pair has one link; a second call,
 * or one with the caller itself, changes nothing. All the memory the signal
 * needs is taken here, so it is never lost. Task threads only. Errors: -ESRCH
 * it has ended and the caller does not trap exits (OTP raises noproc); one that
 * traps gets 0 and the SUP_INFO_EXIT, with the true reason if that is still
 * known, else NOPROC; -EPERM on a foreign thread; -ENOMEM.
 */
SUP_API int sup_link(struct sup_pid pid);

/*
 * Takes the link away, whoever made it: after the return the other's end does
 * nothing to the caller. With flush a SUP_INFO_EXIT that the link has already
 * led to is removed, too. Idempotent. Task threads only: -EPERM.
 */
SUP_API int sup_unlink(struct sup_pid pid, bool flush);

/*
 * From now on exit signals to the calling task are messages (OTP's flag
 * trap_exit), or not any more. One that has come before still ends it.
 * *ret_was, which may be NULL, is what held before. Task threads only: -EPERM.
 */
SUP_API int sup_trap_exits(bool on, bool *ret_was);

#ifdef __cplusplus
}
#endif

#endif
