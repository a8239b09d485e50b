/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Supervisors (OTP supervisor). Semantics are OTP 27's where nothing else is
 * said; Documentation/otp.md lists the differences.
 */
#ifndef SUP_SUPERVISOR_H
#define SUP_SUPERVISOR_H

#include <sup/supervisor_spec.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts a supervisor and its children, in order. If one fails, those before
 * it are stopped in reverse and the error is that child's; sup_error() names
 * it. Any thread. Errors: -EINVAL names the bad field; -EEXIST a duplicate id
 * or a name that is taken; what init or a child's start returned, -EPROTO for
 * what they should not return; -ENOTCONN; -ENOMEM. It ends by
 * sup_server_stop(), with its parent or by its exit signal, and by sup_kill():
 * it traps exits, and sup_exit() of anybody else does nothing.
 *
 * Once it has restarted a thread whose start is one of libsup's, it keeps a
 * spare one, "sup-spare", for the next time: what a thread inherits from that
 * of its supervisor it then has from when the spare was made, after the last
 * restart.
 */
SUP_API int sup_supervisor_start(const void *supervisor_spec,
				 struct sup_pid *ret_pid);

/*
 * Checks specs without starting anything (OTP check_childspecs/2): 0, -EINVAL,
 * or -EEXIST for two of one id; -ENOMEM. Any thread.
 */
SUP_API int sup_check_childspecs(const struct sup_child_spec *specs, size_t n,
				 enum sup_auto_shutdown auto_shutdown);

/*
 * In a start of the caller's own, on its supervisor's thread: the next start of
 * a task need not wait until that is over, but may return once it has begun;
 * the supervisor, which starts others meanwhile, waits, and what the start
 * would have returned is the child's. What its spec points to must last until
 * then. Does nothing elsewhere, and where no child depends on another.
 */
SUP_API void sup_start_async(void);

/*
 * Changes to a running supervisor, answered in its turn. From any thread but
 * its own or that of a child it is starting or stopping (-EDEADLK). -ESRCH: it
 * has ended, whatever is asked of it; of SUP_PID_NONE a spec is checked first.
 * -EINVAL: it is no supervisor, or the spec is wrong. -ENOMEM: if what found
 * no memory was the answer, the change has been made all the same.
 * Answers by state, as OTP:
 *
 *		running		stopped		restarting	unknown
 * start_child	-EEXIST, pid	-EEXIST, none	-EEXIST, none	0, pid
 * terminate	0		0		0		-ENOENT
 * restart	-EBUSY		0, pid		-EAGAIN		-ENOENT
 * delete	-EBUSY		0		-EAGAIN		-ENOENT
 *
 * start_child and restart_child also return SUP_IGNORE and any error of the
 * child's start; -EAGAIN: one that it depends on is not up. delete: also -EBUSY
 * if another depends on it. Those by id answer -EOPNOTSUPP where children have
 * none (SIMPLE_ONE_FOR_ONE, dynamic supervisors).
 */
SUP_API int sup_start_child(struct sup_pid sup,
			    const struct sup_child_spec *spec,
			    struct sup_pid *ret_pid);
SUP_API int sup_terminate_child(struct sup_pid sup, const char *id);
SUP_API int sup_restart_child(struct sup_pid sup, const char *id,
			      struct sup_pid *ret_pid);
SUP_API int sup_delete_child(struct sup_pid sup, const char *id);

#ifdef __cplusplus
}
#endif

#endif
