/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comms: speaking with agents by their addresses, wherever they are
 * (<mabeam/transport.h>). Who speaks does so with the task of the agent itself:
 * one that is slow delays nobody else, and of its end who waits for it is told
 * at once, and why. Only what is to be done once goes through a task of Comms.
 * Any thread.
 */
#ifndef MABEAM_COMMS_H
#define MABEAM_COMMS_H

#include <mabeam/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts Comms: a child's start function, as sup_server_start(). Only
 * mab_comms_once() needs it. options is NULL. -EEXIST it runs; as
 * sup_server_start() otherwise.
 */
SUP_API int mab_comms_start(const void *options, struct sup_pid *ret_pid);

/*
 * Asks an agent, and waits for its reply, as mab_agent_ask(). Also when it does
 * not run, -ENOTCONN, *ret_reason says why: NOPROC if it never did. Other
 * errors: those of the transport. A safe point.
 */
SUP_API int mab_comms_request(const char *to, const struct mab_message *what,
			      struct sup_msg *ret_reply,
			      struct sup_reason *ret_reason, int64_t deadline);

/*
 * Asks, and does not wait, not even for room: -EAGAIN. The request belongs to
 * the calling task, and ends with it (<sup/request.h>). deadline: until when
 * the answer is of use, which the agent is told. It is taken by
 * mab_comms_answer(); or, with as_info, comes as a SUP_INFO_RESPONSE, which
 * mab_comms_response() reads. Errors, and there is no request: as
 * mab_comms_request(); -EPERM as_info on a foreign thread. A safe point.
 */
SUP_API int mab_comms_send(const char *to, const struct mab_message *what,
			   bool as_info, int64_t deadline,
			   struct sup_request *ret_request);

/*
 * What came of a request, as of mab_comms_request(). It is over then, but with
 * -ETIMEDOUT, still to come, and -ENOMEM of a thread's first wait. -ENOENT: it
 * was before, or is not the caller's. A safe point.
 */
SUP_API int mab_comms_answer(struct sup_request request,
			     struct sup_msg *ret_reply,
			     struct sup_reason *ret_reason, int64_t deadline);

/* The same of one that has come; the reply is taken out of info. */
SUP_API int mab_comms_response(struct sup_info *info,
			       struct sup_msg *ret_reply,
			       struct sup_reason *ret_reason);

/*
 * Asks, but has it done once: who asks the same agent with the same key, a word
 * of at most MAB_NAME_MAX bytes, within the window gets what the first has got,
 * or will get, whatever is asked. An answer is kept even if nobody waits any
 * more: after -ETIMEDOUT the same key gets it. After -EPIPE, and after an error
 * number of the agent's host, as -EAGAIN, the key is free again. Errors: as
 * mab_comms_request(); -EOWNERDEAD Comms has ended meanwhile, and the agent may
 * have done it: ask again, with the same key; so is said until the window ends,
 * if the answer was lost; -ESRCH Comms does not run; -ENOSPC too many are
 * not answered; -EDEADLK the caller is the agent. A safe point.
 */
SUP_API int mab_comms_once(const char *to, const char *key,
			   const struct mab_message *what,
			   struct sup_msg *ret_reply,
			   struct sup_reason *ret_reason, int64_t deadline);

/* Of what is kept: of more the oldest answers go, and their keys are free. */
struct mab_comms_bounds {
	int64_t window_ms;	/* > 0; from the first request of a key */
	size_t keys;		/* > 0 */
	size_t bytes;		/* of answers; at least the last one is kept */
};

#define MAB_COMMS_BOUNDS { 60000, 1024, 16777216 }

/* From now on; NULL: MAB_COMMS_BOUNDS. A safe point. -EINVAL. */
SUP_API int mab_comms_bounds(const struct mab_comms_bounds *bounds);

/*
 * Tells an agent something, as mab_agent_notify(). What one task tells one
 * agent comes in that order. A safe point.
 */
SUP_API int mab_comms_notify(const char *to, const struct mab_message *what,
			     int64_t deadline);

/*
 * Tells all agents that run, or all of them that have all of these capabilities
 * (up to a NULL; NULL: any). Who has no room is left out: *ret_n, which may be
 * NULL, is how many were told. Does not wait. -EINVAL; -ENAMETOOLONG; -E2BIG;
 * -ENOMEM; those of a transport. A safe point.
 */
SUP_API int mab_comms_broadcast(const struct mab_message *what, size_t *ret_n);
SUP_API int mab_comms_multicast(const char *const *capabilities,
				const struct mab_message *what, size_t *ret_n);

/*
 * The task gets what is published under a topic, a word of at most MAB_NAME_MAX
 * bytes, until it ends, or unsubscribes: as what an agent is told, whose method
 * is the topic. To an agent it comes as a notification, to a server as a cast,
 * to a plain task as a message; mab_message_read() reads it. A next life of an
 * agent is another task. Errors: -EALREADY it is subscribed; -ESRCH no such
 * task; unsubscribe: -ENOENT it is not; both: -EINVAL; -ENAMETOOLONG; -EDEADLK;
 * -ENOMEM. A safe point.
 */
SUP_API int mab_comms_subscribe(const char *topic, struct sup_pid pid);
SUP_API int mab_comms_unsubscribe(const char *topic, struct sup_pid pid);

/* To all subscribers of the topic what->method; else as a broadcast. */
SUP_API int mab_comms_publish(const struct mab_message *what, size_t *ret_n);

enum mab_comms_kind {
	MAB_COMMS_REQUEST,
	MAB_COMMS_SEND,
	MAB_COMMS_ONCE,
	MAB_COMMS_NOTIFY,
	MAB_COMMS_BROADCAST,
	MAB_COMMS_MULTICAST,
	MAB_COMMS_PUBLISH,
	MAB_COMMS_KINDS
};

/* Of this process. What is refused for its arguments does not count. */
struct mab_comms_count {
	uint64_t sent;		/* begun; one for each who is told */
	uint64_t answered;	/* by a reply or an error of the agent's */
	uint64_t failed;	/* otherwise; of those who are told: no room */
	uint64_t timed_out;
	uint64_t duplicates;	/* of answered: done before, not again */
	uint64_t bytes_sent, bytes_received;	/* of bodies */
};

/* ret_counts: of MAB_COMMS_KINDS. Not a safe point. */
SUP_API void mab_comms_stats(struct mab_comms_count *ret_counts);

#ifdef __cplusplus
}
#endif

#endif
