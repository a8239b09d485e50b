/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Servers (OTP gen_server): a thread that owns a state and answers messages
 * one at a time. Every callback runs on the server's own thread.
 */
#ifndef SUP_SERVER_H
#define SUP_SERVER_H

#include <sup/task.h>
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

/* A start callback, or init, may decline without failing (OTP ignore). */
#define SUP_IGNORE 1

/* Returned by a callback: go on, or end. */
#define SUP_CONTINUE	0
#define SUP_STOP	2	/* reason as set by sup_server_stop_with() */

/*
 * All but init may be NULL: an unhandled call is answered with -ENOSYS, an
 * unhandled cast or info is logged and freed. A negative return ends the
 * server with EXIT(code).
 */
struct sup_server_ops {
	size_t size;
	/*
	 * 0: *ret_state is the state. SUP_IGNORE: ends normally, the start
	 * returns SUP_IGNORE. Negative: ends, the start returns it.
	 */
	int (*init)(void *arg, void **ret_state);
	/* Answer with sup_reply(), now or later, from any thread. */
	int (*call)(void *state, struct sup_from from, struct sup_msg *req);
	int (*cast)(void *state, struct sup_msg *msg);
	int (*info)(void *state, struct sup_info *info);
	/*
	 * The last callback: after SUP_STOP, a negative return, or an exit
	 * signal that ends it. Not after a kill nor a contained crash. Frees
	 * the state.
	 */
	void (*terminate)(void *state, const struct sup_reason *reason);
};

struct sup_server_spec {
	size_t size;
	const char *name;	/* of the thread; also registered if reg */
	bool reg;
	const struct sup_server_ops *ops;
	void *arg;		/* handed to init */
	enum sup_containment containment;
	size_t mailbox;		/* data messages held at most; default 1024 */
	int64_t init_timeout_ms;	/* 0: none */
};

/*
 * Starts a server and waits until its init has returned (OTP start_link). As a
 * child: sup_child_spec.start = sup_server_start, arg = the spec. On error the
 * thread has ended and its name is free. Any thread.
 * Errors: SUP_IGNORE; what init returned; -EEXIST the name is taken (ret_pid
 * then names who has it); -ETIMEDOUT; -EINVAL; -ENOTCONN; -EAGAIN; -ENOMEM.
 */
SUP_API int sup_server_start(const void *server_spec, struct sup_pid *ret_pid);

/*
 * Calls and waits for the reply, which the caller then owns. From any thread.
 * Unlike elsewhere a request with a free() is gone after any return: a call
 * that fails late cannot tell how far it had come.
 * Errors: -ETIMEDOUT (a late reply is dropped); -EPIPE the server ended, or
 * had ended, and *ret_reason, which may be NULL, says why (NOPROC: there never
 * was one); -EDEADLK the call would wait for itself, or the server has begun to
 * wait for the end of the caller; -EAGAIN no room before the deadline; what the
 * server gave sup_reply_error(); -EINVAL it is a process; -ENOMEM.
 */
SUP_API int sup_call(struct sup_pid to, const struct sup_msg *req,
		     struct sup_msg *ret_reply, struct sup_reason *ret_reason,
		     int64_t deadline);

/* Sends without an answer. As sup_send(), but reaches the cast callback. */
SUP_API int sup_cast(struct sup_pid to, const struct sup_msg *msg,
		     int64_t deadline);

/* Answers a call; dropped silently if nobody waits any more. Any thread. */
SUP_API int sup_reply(struct sup_from from, const struct sup_msg *msg);
SUP_API int sup_reply_error(struct sup_from from, int error);

/* In a callback: the reason to end with; then return SUP_STOP. */
SUP_API int sup_server_stop_with(const struct sup_reason *reason);

/*
 * In a callback: if nothing arrives within ms, info gets SUP_INFO_TIMEOUT
 * once. Any message cancels it (OTP's receive timeout). ms < 0 cancels.
 */
SUP_API int sup_server_timeout(int64_t ms);

/*
 * Asks a server to end with the reason and waits until it has (OTP stop/3).
 * Even one that traps exits. Any thread. Errors: -EPIPE it ended with another
 * reason, in *ret_reason; -ETIMEDOUT it will still end; -ESRCH; -EINVAL it is
 * no server; -EDEADLK it is the caller.
 */
SUP_API int sup_server_stop(struct sup_pid pid, const struct sup_reason *reason,
			    struct sup_reason *ret_reason, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
