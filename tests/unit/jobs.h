/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of jobs begin with. */
#ifndef TESTS_UNIT_JOBS_H
#define TESTS_UNIT_JOBS_H

#include "tasks.h"

#include <stdlib.h>
#include <string.h>

#define ms(n) sup_deadline_ms(n)

static inline struct sup_pid jobs(int64_t max_children)
{
	struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = "jobs",
		.max_children = max_children,
	};
	struct sup_pid pid = SUP_PID_NONE;

	sup_dynamic_start(&spec, &pid);
	return pid;
}

static inline size_t n_children(struct sup_pid sup)
{
	struct sup_child_counts counts = { 0 };

	sup_count_children(sup, &counts);
	return counts.specs;
}

/* Results are of the heap, so that one that nobody frees is a leak. */
static inline int give(struct sup_msg *ret_result, uint64_t tag)
{
	*ret_result = (struct sup_msg){
		.tag = tag, .data = malloc(8), .len = 8, .free = free,
	};
	return 0;
}

static inline uint64_t take(struct sup_msg *msg)
{
	uint64_t tag = msg->tag;

	sup_msg_free(msg);
	return tag;
}

/* Jobs: what they do is what their arg, a number, says. */
enum { FOREVER = 1000, FAIL, EXIT_NORMAL, EXIT_SHUTDOWN, DEAF };

static inline int job(void *arg, struct sup_msg *ret_result)
{
	uint64_t what = (uintptr_t)arg;
	struct sup_info info;

	switch (what) {
	case FAIL:
		return 7;
	case EXIT_NORMAL:
		sup_exit_self(&SUP_NORMAL);
	case EXIT_SHUTDOWN:
		sup_exit_self(&SUP_SHUTDOWN);
	case DEAF:
		sup_trap_exits(true, NULL);
		/* fall through */
	case FOREVER:
		while (!sup_receive(&info, SUP_FOREVER))
			sup_msg_free(&info.msg);
		return 1;
	default:
		return give(ret_result, what);
	}
}

static inline struct sup_job_spec job_spec(uint64_t what)
{
	return (struct sup_job_spec){
		.size = sizeof(struct sup_job_spec), .run = job,
		.arg = (void *)(uintptr_t)what,
	};
}

static inline struct sup_async *async(struct sup_pid sup, uint64_t what)
{
	struct sup_job_spec spec = job_spec(what);
	struct sup_async *a = NULL;

	sup_async_start(sup, &spec, &a);
	return a;
}

static inline struct sup_async *nolink(struct sup_pid sup, uint64_t what)
{
	struct sup_job_spec spec = job_spec(what);
	struct sup_async *a = NULL;

	sup_async_nolink(sup, &spec, &a);
	return a;
}

static inline bool has_message(void)
{
	struct sup_info info;

	if (sup_receive(&info, SUP_TRY))
		return false;
	sup_msg_free(&info.msg);
	return true;
}

#endif
