/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Servers (OTP gen_server): a thread that owns a state and answers messages
 * one at a time. Every callback runs on the server's own thread.
 */
#ifndef SUP_SERVER_H
#define SUP_SERVER_H

#include <sup/call.h>
#include <sup/registry.h>
#include <sup/task.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A start callback, or init, may decline without failing (OTP ignore). */
#define SUP_IGNORE 1

/* Returned by a callback: go on, or end. */
#define SUP_CONTINUE	0
#define SUP_STOP	2	/* reason as set by sup_server_stop_with() */

/*
 * All but init may be NULL: an unhandled call is answered with -ENOSYS, an
 * unhandled cast or info is logged and freed. A negative return ends the
 * server with EXIT(code); that, and any other end of its own that is not clean,
 * is logged with what came last.
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
	/* What sup_server_continue() has asked for. NULL: -ENOSYS ends it. */
	int (*go_on)(void *state, uint64_t what);
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
	bool link;		/* once it is up, with the starter, a task */
	const struct sup_via *via;	/* also named there; NULL: nowhere */
	/*
	 * Its start is over when it says sup_ready(), which may be long after
	 * init: it already answers meanwhile. Said in init, that counts when
	 * init has returned.
	 */
	bool awaits_ready;
	int64_t ready_timeout_ms; /* then, init included; default 30,000 */
};

/*
 * Starts a server and waits until its init has returned (OTP start_link). As a
 * child: sup_child_spec.start = sup_server_start, arg = the spec. On error the
 * thread has ended and its name is free. Any thread.
 * Errors: SUP_IGNORE; what init returned; -EEXIST the name is taken (ret_pid
 * then names who has it); -EPROTO init returned what it should not;
 * -ETIMEDOUT init_timeout_ms, or ready_timeout_ms;
 * -ECHILD it ended before its start was over;
 * -EPERM link on a foreign thread, or via a registry with duplicates; -ENOENT
 * via no registry; -EINVAL; -ENAMETOOLONG; -ENOTCONN; -EAGAIN; -ENOMEM.
 */
SUP_API int sup_server_start(const void *server_spec, struct sup_pid *ret_pid);

/*
 * The same, and monitors it; on error there is no monitor, and no DOWN comes.
 * Task threads only: also -EPERM. (OTP start_monitor.)
 */
SUP_API int sup_server_start_monitor(const struct sup_server_spec *spec,
				     struct sup_pid *ret_pid,
				     struct sup_ref *ret_ref);

/*
 * Makes the calling plain thread task a server that has been initialised (OTP
 * enter_loop): does not return, but ends with the task. If name is not NULL, it
 * must be the caller's. init is not used. Errors: -EPERM a foreign thread, or a
 * server; -ESRCH the name is somebody else's, or nobody's; -EINVAL.
 */
SUP_API int sup_server_enter(const struct sup_server_ops *ops, void *state,
			     const char *name);

/* In a callback: the reason to end with; then return SUP_STOP. -EPERM. */
SUP_API int sup_server_stop_with(const struct sup_reason *reason);

/*
 * In a callback, init too: go_on is called as soon as the callback has
 * returned, before any message (OTP continue). It may ask again. What was asked
 * for last counts. -EPERM not in a server.
 */
SUP_API int sup_server_continue(uint64_t what);

/*
 * In a callback that then returns SUP_STOP: answers a call, but when terminate
 * has returned, even if it crashed, and the name is free (OTP {stop, Reason,
 * Reply, State}). The message is copied or moved as in sup_send(). Errors:
 * -EALREADY there is such a reply; -EPERM not in a server; -ENOMEM.
 */
SUP_API int sup_server_reply_at_end(struct sup_from from,
				    const struct sup_msg *msg);

/*
 * In a callback: if nothing arrives within ms, info gets SUP_INFO_TIMEOUT
 * once. Any message cancels it (OTP's receive timeout). ms < 0 cancels.
 * -EPERM not in a server.
 */
SUP_API int sup_server_timeout(int64_t ms);

/*
 * Asks a server to end with the reason and waits until it has (OTP stop/3).
 * Even one that traps exits. Any thread. Errors: -EPIPE it ended with another
 * reason, in *ret_reason, which may be NULL; -ETIMEDOUT it will still end;
 * -ESRCH; -EINVAL it is no server, or the deadline is none; -EDEADLK it is the
 * caller, or waits for its end.
 */
SUP_API int sup_server_stop(struct sup_pid pid, const struct sup_reason *reason,
			    struct sup_reason *ret_reason, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
