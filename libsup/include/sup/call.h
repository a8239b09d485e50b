/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls and casts to servers (OTP gen_server:call/3, cast/2, reply/2). */
#ifndef SUP_CALL_H
#define SUP_CALL_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whom a call came from: where its reply goes. Copy it to reply later. */
struct sup_from {
	struct sup_pid pid;	/* of the caller, or SUP_PID_NONE: foreign */
	uint32_t slot;
	uint32_t generation;
};

/*
 * Calls and waits for the reply, which the caller then owns. From any thread.
 * Unlike elsewhere a request with a free() is gone after any return: a call
 * that fails late cannot tell how far it had come.
 * Errors: -ETIMEDOUT (a late reply is dropped); -EPIPE the server ended, or
 * had ended, and *ret_reason, which may be NULL, says why (NOPROC: there never
 * was one); -EDEADLK the call would wait for itself, or the server has begun to
 * wait for the end of the caller; -EAGAIN no room before the deadline; what the
 * server gave sup_reply_error(); -ENOSYS it has no call callback, or is no
 * server; -EINVAL it is a process; -ENOMEM. A safe point.
 */
SUP_API int sup_call(struct sup_pid to, const struct sup_msg *req,
		     struct sup_msg *ret_reply, struct sup_reason *ret_reason,
		     int64_t deadline);

/* Sends without an answer. As sup_send(), but reaches the cast callback. */
SUP_API int sup_cast(struct sup_pid to, const struct sup_msg *msg,
		     int64_t deadline);

/*
 * Answers a call with a message, copied or moved as in sup_send(); dropped
 * silently if nobody waits any more. Any thread. -ENOMEM: the message still is
 * the caller's, and the call still waits.
 */
SUP_API int sup_reply(struct sup_from from, const struct sup_msg *msg);

/* Answers it with a negative errno, which sup_call() returns. -EINVAL. */
SUP_API int sup_reply_error(struct sup_from from, int error);

#ifdef __cplusplus
}
#endif

#endif
