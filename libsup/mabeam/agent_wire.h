/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes between who asks and the task of an agent. */
#ifndef SUP_MABEAM_AGENT_WIRE_H
#define SUP_MABEAM_AGENT_WIRE_H

#include <mabeam/agent.h>
#include <sup/request.h>

/* Tags. REQUEST is called, NOTIFY cast; the data of both is a mab__wire. */
#define MAB__REQUEST	UINT64_C(0x6d61622d61736b00)
#define MAB__NOTIFY	UINT64_C(0x6d61622d74656c6c)
/* Called, by who has started it: it answers when its start is over. */
#define MAB__IS_UP	UINT64_C(0x6d61622d75703f00)
/* Of replies: a body, or the text of an error; a NUL is behind it, in len. */
#define MAB__REPLY	UINT64_C(0x6d61622d72657079)
#define MAB__ERROR	UINT64_C(0x6d61622d6572726f)

struct mab__wire {
	int64_t deadline;	/* of who asks */
	char method[MAB_NAME_MAX + 1];
	char body[];		/* and a NUL */
};

/* Whether it may be sent. -EINVAL; -ENAMETOOLONG; -E2BIG. */
int mab__wire_check(const struct mab_message *what);

/*
 * A message to an agent, for who waits until that deadline; data is to
 * mab__free(). -EINVAL; -ENAMETOOLONG; -E2BIG; -ENOMEM.
 */
int mab__wire_new(uint64_t tag, const struct mab_message *what,
		  int64_t deadline, struct sup_msg *ret_msg);

/* What the wire has, if that is what it is. It lasts as long as msg. */
bool mab__wire_read(const struct sup_msg *msg, struct mab_message *ret);

/*
 * What a reply is: 0, and its len does without the NUL; -EREMOTEIO an error, of
 * which sup_error() has the text; -EBADMSG neither.
 */
int mab__wire_judge(struct sup_msg *reply);

/* The task to ask. -ENOENT; -ENOTCONN it does not run. A safe point. */
int mab__agent_task(const char *id, struct sup_pid *ret_pid);

/* Why an agent has ended last: NOPROC if it never did, or is not there. */
void mab__agent_last_end(const char *id, struct sup_reason *ret_reason);

/* Asks a task, as mab_agent_ask(). A safe point. */
int mab__task_ask(struct sup_pid pid, const struct mab_message *what,
		  struct sup_msg *ret_reply, struct sup_reason *ret_reason,
		  int64_t deadline);

/* Tells it, as mab_agent_notify(), but -ESRCH it has ended. A safe point. */
int mab__task_tell(struct sup_pid pid, const struct mab_message *what,
		   int64_t deadline);

#endif
