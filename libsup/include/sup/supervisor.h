/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Supervisors (OTP supervisor). Semantics are OTP 27's where nothing else is
 * said; Documentation/otp.md lists the differences.
 */
#ifndef SUP_SUPERVISOR_H
#define SUP_SUPERVISOR_H

#include <sup/backoff.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sup_strategy {
	SUP_ONE_FOR_ONE,
	SUP_ONE_FOR_ALL,
	SUP_REST_FOR_ONE,
	SUP_SIMPLE_ONE_FOR_ONE,	/* any number of children of one spec */
};

enum sup_restart {
	SUP_PERMANENT,		/* always restarted */
	SUP_TRANSIENT,		/* after an end that was not clean */
	SUP_TEMPORARY,		/* never; its spec goes with it */
};

enum sup_child_type {
	SUP_WORKER,
	SUP_SUPERVISOR,
};

/*
 * When a supervisor ends, by shutdown, because a significant child of it has
 * ended by itself and is not restarted (OTP auto_shutdown).
 */
enum sup_auto_shutdown {
	SUP_AUTO_SHUTDOWN_NEVER,
	SUP_AUTO_SHUTDOWN_ANY,	/* one of them has */
	SUP_AUTO_SHUTDOWN_ALL,	/* and no other one is up or restarting */
};

/* Values of sup_child_spec.shutdown_ms besides a time. */
#define SUP_SHUTDOWN_DEFAULT	INT64_C(0)	/* 5 s; supervisor: infinity */
#define SUP_SHUTDOWN_INFINITY	INT64_C(-1)
#define SUP_SHUTDOWN_KILL	INT64_C(-2)	/* brutal_kill */

/* Values of sup_supervisor_spec.intensity besides a count, to 1,000,000. */
#define SUP_INTENSITY_DEFAULT	0		/* 1, as in OTP */
#define SUP_INTENSITY_NONE	(-1)		/* 0: never restart */

/*
 * start is one of sup_server_start, sup_thread_start, sup_process_start,
 * sup_supervisor_start, or the caller's own with the same contract: it runs on
 * the supervisor's thread, returns 0 with a task whose parent is the
 * supervisor (which any of these make), SUP_IGNORE, or a negative errno.
 * The supervisor copies spec and id; arg is borrowed until the child is
 * deleted, then handed to free_arg if there is one.
 *
 * start_with may stand in start's place: it also gets what belongs to one
 * child of many, see <sup/dynamic.h>.
 */
struct sup_child_spec {
	size_t size;
	const char *id;		/* unique in its supervisor */
	int (*start)(const void *arg, struct sup_pid *ret_pid);
	const void *arg;
	void (*free_arg)(void *arg);
	enum sup_restart restart;
	int64_t shutdown_ms;
	enum sup_child_type type;
	int (*start_with)(const void *arg, const void *extra,
			  struct sup_pid *ret_pid);
	bool significant;	/* not if permanent */
	struct sup_backoff backoff;	/* default: restarts at once */
};

struct sup_supervisor_spec {
	size_t size;
	const char *name;	/* of the thread; also registered if reg */
	bool reg;
	enum sup_strategy strategy;
	int intensity;		/* restarts allowed within the period */
	unsigned int period_s;	/* default 5 */
	const struct sup_child_spec *children;	/* all of the same size */
	size_t n_children;	/* SIMPLE_ONE_FOR_ONE: 1, not started */
	enum sup_auto_shutdown auto_shutdown;
	/*
	 * OTP's Module:init/1, or NULL. Runs on the supervisor's thread before
	 * anything is started, at each start, and may change *spec: all but
	 * size, name, reg. What it points to must last until the start is
	 * over. Returns 0, SUP_IGNORE: the start declines, too, or a negative
	 * errno, which the start returns.
	 */
	int (*init)(void *init_arg, struct sup_supervisor_spec *spec);
	void *init_arg;
};

/*
 * Starts a supervisor and its children, in order. If one fails, those before
 * it are stopped in reverse and the error is that child's; sup_error() names
 * it. Any thread. Errors: -EINVAL names the bad field; -EEXIST a duplicate id
 * or a name that is taken; what init or a child's start returned, -EPROTO for
 * what they should not return; -ENOTCONN; -ENOMEM. It ends by
 * sup_server_stop(), with its parent or by its exit signal, and by sup_kill():
 * it traps exits, and sup_exit() of anybody else does nothing.
 */
SUP_API int sup_supervisor_start(const void *supervisor_spec,
				 struct sup_pid *ret_pid);

/*
 * Checks specs without starting anything (OTP check_childspecs/2): 0, -EINVAL,
 * or -EEXIST for two of one id. Any thread.
 */
SUP_API int sup_check_childspecs(const struct sup_child_spec *specs, size_t n,
				 enum sup_auto_shutdown auto_shutdown);

/*
 * Changes to a running supervisor, answered in its turn. From any thread but
 * its own or that of a child it is starting or stopping (-EDEADLK). -ESRCH: it
 * has ended. Answers by state, as OTP:
 *
 *		running		stopped		restarting	unknown
 * start_child	-EEXIST, pid	-EEXIST, none	-EEXIST, none	0, pid
 * terminate	0		0		0		-ENOENT
 * restart	-EBUSY		0, pid		-EAGAIN		-ENOENT
 * delete	-EBUSY		0		-EAGAIN		-ENOENT
 *
 * start_child and restart_child also return SUP_IGNORE and any error of the
 * child's start. Those by id answer -EOPNOTSUPP where children have none
 * (SIMPLE_ONE_FOR_ONE, dynamic supervisors).
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
