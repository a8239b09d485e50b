/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supervisors and their children are made from. */
#ifndef SUP_SUPERVISOR_SPEC_H
#define SUP_SUPERVISOR_SPEC_H

#include <sup/backoff.h>
#include <sup/hang.h>
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
	struct sup_budget budget;	/* default: that of the supervisor */
	/*
	 * Ids of other children of its supervisor, up to a NULL: it starts
	 * when they are up, and ready if they await that; it ends before them.
	 * NULL: the order of all is that of the specs. See below.
	 */
	const char *const *depends_on;
	struct sup_flapping flapping;	/* default: it never counts so */
	uint32_t hang_ms;	/* 0: a server may be at one thing for ever */
	bool hang_kill;		/* it is killed then: <sup/hang.h> */
};

/*
 * depends_on; OTP has the order of the list alone. Once one child of a
 * supervisor has had it, that order counts for nothing there: children that do
 * not depend on each other, perhaps by way of others, start and stop at the
 * same time.
 *
 * Starts of tasks go on together where start is one of those named above; the
 * caller's own runs to its end first, but for what sup_start_async() says. If
 * one fails when the supervisor starts, no more are begun, those under way are
 * told to end, then those that are up are stopped. A child that declines, or
 * has ended for good by itself, does not keep others waiting. One that is to be
 * started again when another that it depends on is not up is RESTARTING until
 * that is, which does not count once more. A restart takes along whom the
 * strategy says: with REST_FOR_ONE all that depend on the child.
 *
 * -EINVAL where children have no ids; for an id that is not there, that is the
 * child's own or a temporary one's; for a circle.
 */

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
	/*
	 * What is done when one restart more is wanted than the intensity
	 * allows. 0: it gives up and ends (OTP). Else the child is held: it is
	 * RESTARTING for so long, then it is tried once more, which does not
	 * count; if it ends again the intensity is asked as ever. Who its
	 * strategy takes along is stopped at once and waits with it.
	 */
	uint32_t hold_ms;
};

#ifdef __cplusplus
}
#endif

#endif
