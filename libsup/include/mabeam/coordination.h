/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coordination: sessions, in each of which some agents are asked by a protocol
 * (<mabeam/protocol.h>) and come to one outcome. Each is run by a worker, a
 * task under the CoordinationSupervisor. What is known of sessions is the
 * process's: no task that ends takes any of it along. Any thread; all are safe
 * points.
 */
#ifndef MABEAM_COORDINATION_H
#define MABEAM_COORDINATION_H

#include <mabeam/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sessions at a time, and those that are over and remembered. */
#define MAB_SESSIONS_MAX 1024
#define MAB_SESSIONS_KEPT 1024
#define MAB_OUTCOMES_KEPT 16777216	/* bytes, of all of these */

/*
 * Starts the service, which sees to it that sessions of workers that have died
 * are over at once, and the supervisor of the workers, without any: start
 * functions of children; options is NULL. -EEXIST it runs; as
 * sup_server_start() and sup_dynamic_start() otherwise.
 */
SUP_API int mab_coordination_start(const void *options,
				   struct sup_pid *ret_pid);
SUP_API int mab_coordination_supervisor_start(const void *options,
					      struct sup_pid *ret_pid);

struct mab_coordination {
	size_t size;
	const char *protocol;
	const char *const *agents;	/* n_agents ids */
	size_t n_agents;
	const char *params;	/* JSON, of the protocol; NULL: none */
	int64_t timeout_ms;	/* agents have to answer; default 30,000 */
	uint64_t seed;		/* of lots */
};

/*
 * Starts a session. Everything is copied. An agent that does not run, ends,
 * answers by an error, has no room, or is silent until the time has passed
 * abstains: the outcome says why. Errors: -ENOENT no such protocol, or agent;
 * -EINVAL names the field: the protocol's parameters, an agent that is named
 * twice, or is no UTF-8, none or more than MAB_ROUND_AGENTS_MAX; -ENAMETOOLONG;
 * -E2BIG parameters of more than MAB_BODY_MAX; -ENOSPC there are
 * MAB_SESSIONS_MAX; -ENOTCONN the CoordinationSupervisor does not run; what the
 * protocol returns; -EDEADLK from its thread; -EAGAIN; -ENOMEM.
 */
SUP_API int mab_coordinate_start(const struct mab_coordination *coordination,
				 uint64_t *ret_session);

enum mab_session_state {
	MAB_SESSION_STARTING,
	MAB_SESSION_ASKING,
	MAB_SESSION_DONE,	/* outcome; agreed or not */
	MAB_SESSION_TIMED_OUT,	/* outcome: not agreed, some were silent */
	MAB_SESSION_FAILED,	/* its worker has ended: reason */
	MAB_SESSION_CANCELLED,
	MAB_SESSION_STATES
};

/* A session at one moment. */
struct mab_session {
	uint64_t nr;
	char protocol[MAB_NAME_MAX + 1];
	enum mab_session_state state;
	bool agreed;		/* DONE */
	const char *outcome;	/* DONE, TIMED_OUT: JSON, len bytes and a NUL */
	size_t len;
	struct sup_reason reason;	/* FAILED */
	struct sup_pid worker;	/* alive or not */
	size_t n_agents;
	uint64_t seed;
	int64_t begun_ns, ended_ns;	/* CLOCK_MONOTONIC; 0: not yet */
};

/*
 * The session, *ret_session to free(3): as it is now, or, wait, when it is
 * over. Who waits hears at once if its worker dies. -ENOENT there is none, or
 * it is forgotten; wait: -ETIMEDOUT; -EDEADLK from its worker; -ENOMEM.
 */
SUP_API int mab_coordinate_get(uint64_t session,
			       struct mab_session **ret_session);
SUP_API int mab_coordinate_wait(uint64_t session,
				struct mab_session **ret_session,
				int64_t deadline);

/*
 * Ends a session, and waits until its worker has ended: nobody is asked any
 * more. -ENOENT; -EALREADY it is over; -EDEADLK from its worker.
 */
SUP_API int mab_coordinate_cancel(uint64_t session);

/*
 * All sessions, the oldest first. *ret_sessions is one block, to free(3), NULL
 * if there are none. -ENOMEM.
 */
SUP_API int mab_coordinate_list(struct mab_session **ret_sessions,
				size_t *ret_n);

struct mab_coordination_stats {
	uint64_t started;	/* in all, and of these: */
	uint64_t active;
	uint64_t agreed, not_agreed, timed_out, failed, cancelled;
	size_t kept;		/* those that are over and remembered */
	int64_t mean_ns;	/* of the agreed ones; 0: none */
};

SUP_API void mab_coordinate_stats(struct mab_coordination_stats *ret_stats);

/* Its name, as "timed out"; or "unknown". Not a safe point. */
SUP_API const char *mab_session_state_name(enum mab_session_state state);

#ifdef __cplusplus
}
#endif

#endif
