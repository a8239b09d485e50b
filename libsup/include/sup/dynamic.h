/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Children that have no ids, but come and go in any number: those of a
 * simple_one_for_one supervisor (OTP), which share one spec, and those of a
 * dynamic supervisor (Elixir's DynamicSupervisor), which bring their own.
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
 * the caller's. As sup_start_child() otherwise; -EOPNOTSUPP other supervisors.
 */
SUP_API int sup_start_extra(struct sup_pid sup, const void *extra,
			    void (*free_extra)(void *extra),
			    struct sup_pid *ret_pid);

/*
 * Stops a child that has no id by its pid, or by its last one if it is
 * restarting. -ENOENT there is none; but 0 if it has ended and the supervisor
 * is SIMPLE_ONE_FOR_ONE, as OTP. With other supervisors always -ENOENT. As
 * sup_terminate_child() otherwise.
 */
SUP_API int sup_terminate_child_pid(struct sup_pid sup, struct sup_pid pid);

/*
 * In a start, on its supervisor's thread; elsewhere it does nothing: a value
 * that goes to who asked for the child, beside its pid
 * (OTP {ok, Pid, Info}). After sup_start_child(), sup_start_extra() or
 * sup_restart_child(), on the thread that called it: that value; -ENODATA:
 * there was none.
 */
SUP_API void sup_start_info(uint64_t info);
SUP_API int sup_started_info(uint64_t *ret_info);

/* Values of sup_dynamic_spec.max_children besides a count. */
#define SUP_CHILDREN_UNLIMITED	INT64_C(0)	/* the default */
#define SUP_CHILDREN_NONE	INT64_C(-1)	/* 0: none at all */

struct sup_dynamic_spec {
	size_t size;
	const char *name;	/* of the thread; also registered if reg */
	bool reg;
	int intensity;		/* restarts within the period; default 3 */
	unsigned int period_s;	/* default 5 */
	int64_t max_children;	/* those that are restarting count */
	const void *extra;	/* for each start_with, at restarts, too; */
				/* borrowed as long as the supervisor lives */
	uint32_t hold_ms;	/* as sup_supervisor_spec's */
};

/*
 * Starts a dynamic supervisor: one_for_one, without children. As a child:
 * sup_child_spec.start = sup_dynamic_start, arg = the spec, type supervisor.
 * Any thread. Errors: -EINVAL names the field; -EEXIST the name is taken;
 * -ENOTCONN; -EAGAIN; -ENOMEM.
 *
 * sup_start_child() adds a child: its id may be missing, and need not be
 * unique; it shows in reports alone. -ENOSPC: there are max_children. One
 * that declines is not kept. When the supervisor ends all are asked to end at
 * once, and each gets its own time.
 */
SUP_API int sup_dynamic_start(const void *dynamic_spec,
			      struct sup_pid *ret_pid);

#ifdef __cplusplus
}
#endif

#endif
