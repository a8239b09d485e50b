/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking agents, and telling them. All calls but those of the agent itself: any
 * thread.
 */
#ifndef MABEAM_AGENT_ASK_H
#define MABEAM_AGENT_ASK_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Asks an agent, and waits for its reply, whose data is len bytes with a NUL
 * behind them: the caller's, to sup_msg_free(). Errors: -EREMOTEIO the agent
 * has answered by an error: sup_error() has its text; -ENOENT no such agent;
 * -ENOTCONN it does not run; -EPIPE it has ended meanwhile, and *ret_reason,
 * which may be NULL, says why; -ETIMEDOUT; -EAGAIN it has no room; -EDEADLK it
 * is the caller, or waits for it; -EINVAL; -ENAMETOOLONG; -E2BIG the body;
 * -ENOSYS it answers no requests; -EBADMSG; -ENOMEM. A safe point.
 */
SUP_API int mab_agent_ask(const char *id, const struct mab_message *what,
			  struct sup_msg *ret_reply,
			  struct sup_reason *ret_reason, int64_t deadline);

/* What came of it with one of many. */
struct mab_answer {
	struct sup_pid pid;	/* who was asked, or SUP_PID_NONE */
	int error;		/* 0, or as mab_agent_ask() */
	struct sup_reason reason;	/* error -EPIPE */
	struct sup_msg reply;	/* error 0; -EREMOTEIO: its text */
};

/*
 * Asks n agents at once and waits for all of them, until one deadline:
 * ret_answers[i] is what came of ids[i]. One that is silent or ends delays
 * nobody else's answer. Errors, and none was asked or what they have answered
 * is dropped: -EINVAL; -ENAMETOOLONG; -E2BIG; -ENOMEM. A safe point.
 */
SUP_API int mab_agent_ask_many(const char *const *ids, size_t n,
			       const struct mab_message *what,
			       struct mab_answer *ret_answers,
			       int64_t deadline);

/* Frees the replies of n answers. */
SUP_API void mab_answers_free(struct mab_answer *answers, size_t n);

/*
 * Tells an agent something, without an answer. Waits for room until the
 * deadline. -ENOENT; -ENOTCONN; -EAGAIN, -ETIMEDOUT no room; -EDEADLK; -EINVAL;
 * -ENAMETOOLONG; -E2BIG; -ENOMEM. A safe point.
 */
SUP_API int mab_agent_notify(const char *id, const struct mab_message *what,
			     int64_t deadline);

/*
 * Of an agent: answers a request, by a body, or by an error, of which text
 * tells. Nobody may wait any more: that is no error. Any thread. -E2BIG;
 * -ENOMEM the request is not answered.
 */
SUP_API int mab_reply(struct sup_from from, const char *body, size_t len);
SUP_API int mab_reply_error(struct sup_from from, const char *text);

#ifdef __cplusplus
}
#endif

#endif
