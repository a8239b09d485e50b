/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls whose reply is waited for later (OTP gen_server:send_request/2): one,
 * many, or many with one deadline. A request belongs to the task that sent it,
 * and ends with it; on foreign threads to all of these, to one at a time. It is
 * over when its response has been taken or it has been abandoned. Cycles of
 * waits for requests are not looked for, unlike those of sup_call().
 */
#ifndef SUP_REQUEST_H
#define SUP_REQUEST_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What came of a request. */
struct sup_response {
	struct sup_request request;
	uint64_t label;		/* as it was added with, or 0 */
	int error;		/* 0: reply; -EPIPE: reason; or of the server */
	struct sup_reason reason;
	struct sup_msg reply;	/* the receiver's */
};

/*
 * Sends a request that reaches the call callback. Waits for room until the
 * deadline. If there is no such server, or it ends, this is the response, at
 * once and with the true reason. as_info: the response comes to the calling
 * task as a SUP_INFO_RESPONSE, with the signals, if it is not taken before.
 * Any thread. On error req stays the caller's: -EAGAIN no room (SUP_TRY),
 * -ETIMEDOUT, -EDEADLK it is the caller's own mailbox that is full, -EINVAL it
 * is a process, -EPERM as_info on a foreign thread, -ENOMEM.
 */
SUP_API int sup_request_send(struct sup_pid to, const struct sup_msg *req,
			     bool as_info, int64_t deadline,
			     struct sup_request *ret_request);

/*
 * Takes the response, 0, however it turned out. -ETIMEDOUT: it is still to
 * come; wait leaves the request as it is (OTP wait_response; with SUP_TRY also
 * check_response), receive abandons it (OTP receive_response). -ENOENT: it is
 * over, or not the caller's. -ENOMEM, on a thread that has not waited before:
 * it is as it was. Any thread. A safe point.
 */
SUP_API int sup_request_wait(struct sup_request request,
			     struct sup_response *ret_response,
			     int64_t deadline);
SUP_API int sup_request_receive(struct sup_request request,
				struct sup_response *ret_response,
				int64_t deadline);

/* Nothing will come of it any more. -ENOENT it is over, or not the caller's. */
SUP_API int sup_request_abandon(struct sup_request request);

/*
 * A set of requests, of who has sent them; one thread at a time. Free abandons
 * what is left in it; NULL is none. -ENOMEM.
 */
struct sup_requests;
SUP_API int sup_requests_new(struct sup_requests **ret_set);
SUP_API void sup_requests_free(struct sup_requests *set);

/* -EEXIST it is in there; -ENOENT it is over, or not the caller's; -ENOMEM. */
SUP_API int sup_requests_add(struct sup_requests *set,
			     struct sup_request request, uint64_t label);

/* How many are in it: those whose response has not been taken from it. */
SUP_API size_t sup_requests_count(const struct sup_requests *set);

/*
 * Takes a response to any of them, which leaves the set. -ENOENT: it is empty.
 * -ETIMEDOUT: wait leaves the set as it is, receive abandons them all. -ENOMEM,
 * on a thread that has not waited before: it is as it was. A safe point.
 */
SUP_API int sup_requests_wait(struct sup_requests *set,
			      struct sup_response *ret_response,
			      int64_t deadline);
SUP_API int sup_requests_receive(struct sup_requests *set,
				 struct sup_response *ret_response,
				 int64_t deadline);

/*
 * Calls n servers at once and waits for all, until one deadline: responses[i]
 * says what came of to[i], error -ETIMEDOUT if nothing; a late reply is
 * dropped. (OTP multi_call.) The message is copied: -EINVAL if it has a free().
 * -ENOMEM: none was asked, or their answers are dropped. Any thread.
 */
SUP_API int sup_multi_call(const struct sup_pid *to, size_t n,
			   const struct sup_msg *req,
			   struct sup_response *responses, int64_t deadline);

/*
 * Casts to n servers; who has ended or has no room is left out (OTP abcast).
 * The message is copied: -EINVAL if it has a free(). Any thread.
 */
SUP_API int sup_multi_cast(const struct sup_pid *to, size_t n,
			   const struct sup_msg *msg);

#ifdef __cplusplus
}
#endif

#endif
