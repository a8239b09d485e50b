/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions from within: their table, which is the process's. A session is drawn
 * by who starts it, known to others when it has a worker, and over when that
 * has said what came of it, or has ended. Until then its protocol stays.
 */
#ifndef SUP_MABEAM_SESSIONS_H
#define SUP_MABEAM_SESSIONS_H

#include <mabeam/coordination.h>

#include "mabeam/protocols.h"

/* What a worker has to do: one block. Behind it: params, then ids, as text. */
struct mab__plan {
	size_t size;			/* of all */
	struct mab_protocol protocol;
	uint64_t seed;
	int64_t deadline;
	size_t n;
	size_t len;			/* of params */
	char text[];			/* each with its NUL */
};

/*
 * A session of the protocol, which mab__protocol_begin() has handed out; it and
 * the plan, of malloc(3), are the table's then. Not a safe point. -ENOSPC;
 * -ENOMEM.
 */
int mab__session_draw(const struct mab_protocol *protocol,
		      struct mab__plan *plan, uint64_t *ret_nr);

/* It has that worker; or it will have none. Neither is a safe point. */
void mab__session_known(uint64_t nr, struct sup_pid worker);
void mab__session_drop(uint64_t nr);

/*
 * In the worker: the session is the calling task's; *ret_plan is memory of it.
 * -ENOENT: there is nothing to do any more; -ENOMEM. Not a safe point.
 */
int mab__session_claim(uint64_t nr, struct mab__plan **ret_plan);

/* What came of it; outcome, of malloc(3), is the table's. Not a safe point. */
void mab__session_finish(uint64_t nr, enum mab_session_state state, bool agreed,
			 char *outcome);

/*
 * Sessions whose worker has ended are made over: that one, or all (0). A safe
 * point.
 */
void mab__sessions_settle(uint64_t nr);

/* Events: a session is known; it is over. Without any lock; no safe points. */
void mab__session_tell_start(const char *protocol);
void mab__session_tell_end(const struct mab_session *told,
			   enum mab__run_end end);

/* Its worker, or none. */
struct sup_pid mab__session_worker(uint64_t nr);

/* How many sessions are not over, and the workers of the first max of them. */
size_t mab__sessions_workers(struct sup_pid *workers, size_t max);

/* Tells the service of a worker, if there is one. A safe point. */
void mab__worker_tell(struct sup_pid worker);

/* The run function of a worker's job; arg is the number of its session. */
int mab__worker_run(void *arg, struct sup_msg *ret_result);

/* Starts a worker under the CoordinationSupervisor. A safe point. */
int mab__worker_start(uint64_t nr, struct sup_pid *ret_pid);

#endif
