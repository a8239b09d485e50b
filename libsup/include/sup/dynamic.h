/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Children that have no ids, but come and go in any number: those of a
 * simple_one_for_one supervisor (OTP).
 */
#ifndef SUP_DYNAMIC_H
#define SUP_DYNAMIC_H

#include <sup/supervisor.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts one more child of a SIMPLE_ONE_FOR_ONE supervisor: its spec's
 * start_with gets extra; without one start gets it, in arg's place, unless it
 * is NULL. On 0 and SUP_IGNORE extra is the supervisor's, who hands it to
 * free_extra, if there is one, when the child has gone; on errors it still is
 * the caller's. As start_child otherwise.
 */
SUP_API int sup_start_extra(struct sup_pid sup, const void *extra,
			    void (*free_extra)(void *extra),
			    struct sup_pid *ret_pid);

/*
 * Stops a child that has no id by its pid, or by its last one if it is
 * restarting. -ENOENT there is none; but 0 if it has ended and the supervisor
 * is SIMPLE_ONE_FOR_ONE, as OTP. With other supervisors always -ENOENT.
 */
SUP_API int sup_terminate_child_pid(struct sup_pid sup, struct sup_pid pid);

/*
 * In a start: a value that goes to who asked for the child, beside its pid
 * (OTP {ok, Pid, Info}). After sup_start_child(), sup_start_extra() or
 * sup_restart_child(), on the thread that called it: that value; -ENODATA:
 * there was none.
 */
SUP_API void sup_start_info(uint64_t info);
SUP_API int sup_started_info(uint64_t *ret_info);

#ifdef __cplusplus
}
#endif

#endif
