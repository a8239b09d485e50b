/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions of this program, each life of one in a process of its own: the
 * program is executed again, and there runs the function instead of the rest of
 * main(). In all else it is a process task, <sup/process.h>; messages go both
 * ways.
 */
#ifndef SUP_FUNCTION_H
#define SUP_FUNCTION_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUP_FUNCTION_MAX 65536	/* bytes of a message, or of arg, at most */
#define SUP_FUNCTION_NAME_MAX 63

/* One that can be started by its name. */
struct sup_function {
	const char *name;	/* at most SUP_FUNCTION_NAME_MAX bytes */
	int (*run)(const void *arg, size_t len); /* returns an exit status */
	bool stays;		/* without its parent: it is told, -EPIPE; */
				/* else the call that notices does exit(0) */
};

/*
 * The functions of this program: n of them, in a table that is borrowed for
 * ever. main() calls this first, always, with the same table, before it has
 * threads or looks at its arguments.
 *
 * In a process that was started to run one of them it does not return: it calls
 * run with the bytes of sup_function_spec.arg, which stay valid, and exit(3)
 * with what that returns. Whatever else the function wants it makes itself, as
 * main() would: it may call sup_open() and have a tree of its own. Everywhere
 * else it returns at once.
 *
 * Errors: -EINVAL a name or run is missing, or a name is too long or there
 * twice; -EALREADY it was called before. Not thread-safe.
 */
SUP_API int sup_functions(const struct sup_function *functions, size_t n);

/* sup_process_spec.function: what to run, where argv is NULL. */
struct sup_function_spec {
	size_t size;
	const char *function;	/* its name in the table of sup_functions() */
	const void *arg;	/* arg_len bytes that it gets, copied */
	size_t arg_len;		/* at most SUP_FUNCTION_MAX */
	const char *to;		/* name of who gets what it sends; NULL: who */
				/* starts it, which must be a task then */
	int64_t send_timeout_ms; /* sup_send() to it waits no longer; default */
				/* 5,000, whatever the deadline */
};

/*
 * The parent's side is made of calls that are there already:
 *
 * sup_process_start() starts it, as a child of a supervisor as well. The start
 * is over when the process says that it has the function; with
 * SUP_READY_MESSAGE, when it has sent its first message. If it never says so
 * (-ETIMEDOUT, -ECHILD) main() did not call sup_functions() first. -ENOENT
 * there is no such function; -EPERM sup_functions() was not called here, or
 * this process has got rights by its execve (set-user-ID), and the next would
 * not look at what tells it what to run; -EPROTO the process is of another
 * build of the program or of libsup, or said what is no message; -EMSGSIZE arg
 * is longer than the system lets a packet be. What is executed is the file that
 * this process runs, as it was at sup_open(), even if it has been deleted or
 * replaced since.
 *
 * What it sends arrives at to as SUP_INFO_MSG, with the pid of its task, so
 * lives of it are told apart. Each name is looked up once for each message:
 * what finds nobody, or comes when its process has ended and the mailbox has no
 * room, is dropped and logged; else a full mailbox makes it wait. As always a
 * reader finds an EXIT or a DOWN before messages that came earlier. Whatever is
 * not a message (something else wrote to its descriptor) ends it: its lineage
 * is killed, its reason is SUP_REASON_EXIT with -EPROTO.
 *
 * sup_send() with its pid puts a message into its socket: on success data has
 * been copied, and is freed if it has a free(). -EAGAIN, -ETIMEDOUT it does
 * not read what it is sent; -EMSGSIZE; -ESRCH it has ended, or closed its end;
 * -EMFILE, -ENOMEM.
 * What it had not read when it ended is lost. A next life has another socket.
 *
 * The socket ends with its parent. So one that has been taken over, by
 * sup_process_spec.adopt_lineage, is sent nothing (-ESRCH), nor is it heard.
 */

/*
 * Takes the next message from the parent: ret_msg->data is aligned as by
 * malloc(3), and the caller's. On any thread of a process that runs a function;
 * each message comes once. Errors: -ETIMEDOUT; -EPIPE the parent is gone, or
 * has closed its end, and the function stays; -EPERM the process runs none;
 * -EPROTO what came is no message; -ENOMEM. A safe point.
 */
SUP_API int sup_function_receive(struct sup_msg *ret_msg, int64_t deadline);

/*
 * Sends a message to the parent, copied, or as sup_send() if it has a free().
 * Waits until there is room. Any thread, as above. Errors: -EAGAIN no room
 * (SUP_TRY); -ETIMEDOUT; -EMSGSIZE more than SUP_FUNCTION_MAX bytes, or than
 * the system allows; -EPIPE; -EPERM; -ENOMEM. A safe point.
 */
SUP_API int sup_function_send(const struct sup_msg *msg, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
