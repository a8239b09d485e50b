/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a task, of either kind. sup__task_new(), then either
 * sup__task_started() or not, then sup__task_end() exactly once: before it was
 * started only who waits for it is told; afterwards its parent is, too.
 */
#ifndef SUP_CORE_TASK_H
#define SUP_CORE_TASK_H

#include <sup/task.h>

#define SUP__TASK_NAME 64

struct sup__task;
struct sup__seat;

/* What a process task brings along; threads have none. */
struct sup__task_ops {
	/* It is asked to end (sup_exit). Any thread, no lock held. */
	void (*exit)(void *priv, const struct sup_reason *reason);
	/* It must end (sup_kill). Any thread, no lock held. */
	void (*kill)(void *priv);
	/*
	 * A message to it, as sup_send() says; its bytes are copied. Any
	 * thread, no lock held; -ECANCELED the calling task is to end.
	 */
	int (*send)(void *priv, const struct sup_msg *msg, int64_t deadline);
	/* The last reference is gone. Any thread, no lock held. */
	void (*free)(void *priv);
};

enum sup__task_state {
	SUP__TASK_ALIVE,
	SUP__TASK_ENDING,	/* its reason is fixed, its names go */
	SUP__TASK_ENDED,	/* whoever asks is told at once */
};

enum sup__start_state {
	SUP__START_NEW,		/* its start has not returned */
	SUP__START_DONE,	/* it has: its parent is told of its end */
	SUP__START_FAILED,	/* it failed, or nobody waits any more */
};

/*
 * A task whose parent is the calling task; named, and registered if reg. The
 * caller owns one reference, and with it the duty to end it. On error priv is
 * the caller's. Any thread. -EEXIST (*ret_holder has the name), -EINVAL,
 * -ENAMETOOLONG, -ENOTCONN, -ENOMEM.
 */
int sup__task_new(const struct sup__task_ops *ops, void *priv,
		  const char *name, bool reg, struct sup__task **ret_task,
		  struct sup_pid *ret_holder);

/* By what the system knows it; tid is 0 for a process. Any thread. */
void sup__task_set_os(struct sup__task *t, pid_t pid, pid_t tid);

/* Its start is about to return well. False: it has been given up before. */
bool sup__task_started(struct sup__task *t);

/* The init of a server is, but it awaits that it is ready. */
void sup__task_init_is_over(struct sup__task *t);

/*
 * It has ended: its names go, then who waits, calls, monitors and its parent
 * are told, and its children are shut down. A process that we killed and that
 * ended by SIGKILL is told as KILLED; that one which ended as it was asked to
 * counts as SHUTDOWN is for process.c to say (sup__task_asked()). Drops the
 * reference of sup__task_new(). Once. Any thread.
 */
void sup__task_end(struct sup__task *t, const struct sup_reason *reason);

/* True, and the reason, if sup_exit() has been called on it. */
bool sup__task_asked(struct sup__task *t, struct sup_reason *ret_reason);
bool sup__task_killed(const struct sup__task *t);

struct sup_pid sup__task_pid(const struct sup__task *t);
bool sup__task_has_ended(const struct sup__task *t);

/* priv, if its ops are these, else NULL. */
void *sup__task_priv(const struct sup__task *t,
		     const struct sup__task_ops *ops);

/* A reference, to be put. NULL: it has gone, or never was. Any thread. */
struct sup__task *sup__task_get(struct sup_pid pid);
void sup__task_ref(struct sup__task *t);
void sup__task_put(struct sup__task *t);

/*
 * What a message owned has been given away. If the message is the one that the
 * calling task's callback looks at, the task does not free it any more.
 */
void sup__task_gave(const struct sup_msg *msg);

/* The same of one that has been sent as a copy: what it owned is freed. */
void sup__task_gave_copy(const struct sup_msg *msg);

/*
 * A safe point. Every public call of a task's thread that may wait begins with
 * it, with nothing allocated and no lock held: does not return if the calling
 * task has been killed, or is no server and has been told to end.
 */
void sup__task_checkpoint(void);

/* True if that would not return: a wait must end and its caller clean up. */
bool sup__task_must_end(void);

/*
 * True once in the life of the calling task, if it is a server that has been
 * told to end and whose terminate() does not run yet: it waits no more.
 */
bool sup__task_is_interrupted(void);

#endif
