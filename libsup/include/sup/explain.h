/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a child is in the state that it is in. */
#ifndef SUP_EXPLAIN_H
#define SUP_EXPLAIN_H

#include <sup/registry.h>
#include <sup/tree.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sup_why {
	SUP_WHY_RUNS,		/* RUNNING */
	SUP_WHY_STARTS,		/* STARTING: init, or until it is ready */
	SUP_WHY_STOPS,		/* STOPPING: it has been asked to end */
	/* RESTARTING: */
	SUP_WHY_BACKOFF,	/* it waits for its time, node.due_ns */
	SUP_WHY_HELD,		/* as that: there was one restart too many */
	SUP_WHY_RETRY,		/* its restart failed: at once again */
	SUP_WHY_DEPENDS,	/* other, that it depends on, is not up; "": */
				/* all are by now, and it is to start */
	/* STOPPED: */
	SUP_WHY_NOT_YET,	/* it has not been started */
	SUP_WHY_DECLINED,	/* its start did (SUP_IGNORE) */
	SUP_WHY_FAILED,		/* its start did, and is not tried again */
	SUP_WHY_DONE,		/* it ended, and its kind is not restarted */
	SUP_WHY_TERMINATED,	/* sup_terminate_child(), by whom; or the */
				/* like: sup_partition_resize() */
	SUP_WHY_GROUP,		/* with other, and waits to start with it */
	SUP_WHY_SPENT,		/* its own budget is (SUP_SPENT_STOP) */
	SUP_WHY_ENDED,		/* it ended, and its restart is next */
	/* STOPPED or RESTARTING: */
	SUP_WHY_SUPERVISOR,	/* its supervisor ends, or has given up */
};

struct sup_explanation {
	struct sup_node node;	/* as sup_tree() has it; depth 0 */
	enum sup_why why;
	int64_t now_ns;		/* when it was so, CLOCK_MONOTONIC */
	int64_t since_ns;	/* it is in its state */
	char other[SUP_NAME_MAX + 1];	/* DEPENDS, GROUP: an id */
	struct sup_pid by;	/* TERMINATED: a task; none: no task */
	unsigned int in_a_row;	/* restarts, with a backoff */
	int start_error;	/* of its last start, if that failed, or 0 */
	char start_text[160];	/* its sentence */
	/* What its restarts are counted by: its own, or that of all. */
	unsigned int used;
	int intensity;
	unsigned int period_s;
};

/*
 * About one child of sup, by id, or, where children have none, by its pid, or
 * its last if it is restarting. Looks at what the supervisor shows, and never
 * waits for it. Any thread. Errors: -ESRCH there is no such supervisor; -ENOENT
 * no such child; by id -EOPNOTSUPP where children have none.
 */
SUP_API int sup_explain(struct sup_pid sup, const char *id,
			struct sup_explanation *ret_explanation);
SUP_API int sup_explain_pid(struct sup_pid sup, struct sup_pid pid,
			    struct sup_explanation *ret_explanation);

/*
 * Writes it for people, in a sentence or two. Always terminates buf. Returns
 * buf. Any thread.
 */
SUP_API const char *sup_explain_format(const struct sup_explanation *e,
				       char *buf, size_t len);

/* Its name, as "backoff"; "unknown" for what is none. Any thread. */
SUP_API const char *sup_why_name(enum sup_why why);

#ifdef __cplusplus
}
#endif

#endif
