/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/waiters.h"

#include <errno.h>
#include <utlist.h>

#include <sup/sup.h>

/* The table, too, goes with the task; want of memory is told. */
#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup_alloc(size)
#define uthash_free(p, size) sup_free(p)
#include <uthash.h>

#define NS_PER_MS 1000000

/* The tag of the timer that comes when somebody is late. */
#define LATE UINT64_C(0x666e642d6c617465)

struct fnd__by_ref {
	UT_hash_handle hh;
	struct sup_ref ref;
	struct fnd__waiter *waiter;
};

static int watch(struct fnd__waiters *ws, struct fnd__waiter *w)
{
	struct fnd__by_ref *watch = sup_alloc(sizeof(*watch));
	int ret;

	if (!watch)
		return -ENOMEM;
	ret = sup_monitor(w->from.pid, &watch->ref);
	if (ret) {
		sup_free(watch);
		return ret;
	}
	watch->waiter = w;
	HASH_ADD(hh, ws->watches, ref, sizeof(watch->ref), watch);
	if (!watch->hh.tbl) {
		sup_demonitor(watch->ref, true);
		sup_free(watch);
		return -ENOMEM;
	}
	w->watch = watch;
	return 0;
}

static int arm(struct fnd__waiters *ws, int64_t deadline)
{
	int64_t left = deadline - sup_deadline_ms(0);
	int ret;

	if (deadline < 0 || (ws->armed && ws->armed <= deadline))
		return 0;
	ret = sup_server_timer(LATE, left > 0 ? left / NS_PER_MS + 1 : 0);
	if (!ret)
		ws->armed = deadline;
	return ret;
}

int fnd__waiter_add(struct fnd__waiters *ws, struct sup_from from,
		    int64_t deadline, void *place,
		    struct fnd__waiter **ret_waiter)
{
	struct fnd__waiter *w = sup_alloc(sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	*w = (struct fnd__waiter){
		.from = from, .deadline = deadline, .place = place,
	};
	/* A timer that nobody needs any more does no harm. */
	ret = arm(ws, deadline);
	if (!ret && from.pid.v)
		ret = watch(ws, w);
	if (ret) {
		sup_free(w);
		return ret;
	}
	DL_APPEND2(ws->all, w, all_prev, all_next);
	*ret_waiter = w;
	return 0;
}

void fnd__waiter_del(struct fnd__waiters *ws, struct fnd__waiter *w)
{
	if (w->watch) {
		HASH_DEL(ws->watches, w->watch);
		sup_demonitor(w->watch->ref, true);
		sup_free(w->watch);
	}
	DL_DELETE2(ws->all, w, all_prev, all_next);
	sup_free(w);
}

static struct fnd__waiter *waiter_of(const struct fnd__waiters *ws,
				     struct sup_ref ref)
{
	struct fnd__by_ref *watch;

	HASH_FIND(hh, ws->watches, &ref, sizeof(ref), watch);
	return watch ? watch->waiter : NULL;
}

/* One whose deadline has come; or NULL, and the timer is set for the next. */
static struct fnd__waiter *next_late(struct fnd__waiters *ws)
{
	int64_t now = sup_deadline_ms(0), next = SUP_FOREVER;
	struct fnd__waiter *w;

	DL_FOREACH2(ws->all, w, all_next) {
		if (w->deadline < 0)
			continue;
		if (w->deadline <= now)
			return w;
		if (next < 0 || w->deadline < next)
			next = w->deadline;
	}
	ws->armed = 0;
	arm(ws, next);
	return NULL;
}

void fnd__waiters_info(struct fnd__waiters *ws, const struct sup_info *info,
		       void (*ended)(void *state, struct fnd__waiter *w),
		       void (*late)(void *state, struct fnd__waiter *w),
		       void *state)
{
	struct fnd__waiter *w = NULL;

	if (info->kind == SUP_INFO_DOWN)
		w = waiter_of(ws, info->ref);
	if (w)
		ended(state, w);
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == LATE)
		while ((w = next_late(ws)))
			late(state, w);
}

void fnd__waiter_refuse(const struct fnd__waiter *w)
{
	sup_reply_error(w->from, w->deadline == SUP_TRY ? -EAGAIN :
			-ETIMEDOUT);
}
