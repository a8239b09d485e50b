/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to tasks: a thread has a mailbox, a process perhaps a socket. */
#include <errno.h>

#include <sup/call.h>
#include <sup/task.h>

#include "base/error.h"
#include "core/mailbox.h"
#include "core/table.h"
#include "core/task.h"

static int post_to_process(struct sup__task *t, enum sup__letter_kind kind,
			   const struct sup_msg *msg, int64_t deadline)
{
	int ret;

	if (kind != SUP__LETTER_SEND)
		return sup__error(-EINVAL, "to: \"%s\" is a process", t->name);
	ret = t->ops->send(t->priv, msg, deadline);
	if (!ret)
		sup__task_gave_copy(msg);
	return ret;
}

static int post_to_thread(struct sup__task *t, enum sup__letter_kind kind,
			  const struct sup_msg *msg, int64_t deadline)
{
	struct sup__letter *letter = sup__letter_make(&t->mailbox, kind, msg);
	int ret;

	if (!letter)
		return sup__error_nomem("a message");
	ret = sup__mailbox_put(&t->mailbox, sup__task_pid(t).v, letter,
			       deadline);
	if (ret)
		sup__letter_unmake(letter);
	else
		sup__task_gave(msg);
	if (ret == -ESRCH || ret == -EAGAIN || ret == -ETIMEDOUT)
		sup__error_sys(ret, "mailbox of \"%s\"", t->name);
	return ret;
}

static int post(enum sup__letter_kind kind, struct sup_pid to,
		const struct sup_msg *msg, int64_t deadline)
{
	struct sup__task *t;
	int ret;

	sup__task_checkpoint();
	t = sup__task_get(to);
	if (!t)
		return sup__error(-ESRCH, "to: no such task");
	ret = t->ops ? post_to_process(t, kind, msg, deadline) :
	      post_to_thread(t, kind, msg, deadline);
	sup__task_put(t);
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	return ret;
}

int sup_send(struct sup_pid to, const struct sup_msg *msg, int64_t deadline)
{
	return post(SUP__LETTER_SEND, to, msg, deadline);
}

int sup_cast(struct sup_pid to, const struct sup_msg *msg, int64_t deadline)
{
	return post(SUP__LETTER_CAST, to, msg, deadline);
}

int sup_mailbox_count(struct sup_pid pid, size_t *ret_n)
{
	struct sup__task *t = sup__task_get(pid);
	int ret = 0;

	if (!t || sup__task_has_ended(t))
		ret = sup__error(-ESRCH, "pid: no such task");
	else if (t->ops)
		ret = sup__error(-EINVAL, "pid: \"%s\" is a process", t->name);
	else
		*ret_n = atomic_load(&t->mailbox.count);
	if (t)
		sup__task_put(t);
	return ret;
}
