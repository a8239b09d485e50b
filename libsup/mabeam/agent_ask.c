/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking agents is calling their tasks: what is sent is a mab__wire, in memory
 * of the caller's task, since to call is a safe point.
 */
#include <mabeam/agent_ask.h>

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/agent_wire.h"
#include "mabeam/service.h"

int mab_agent_ask(const char *id, const struct mab_message *what,
		  struct sup_msg *ret_reply, struct sup_reason *ret_reason,
		  int64_t deadline)
{
	struct sup_pid pid;
	int ret;

	ret = mab__check_name("id", id);
	if (!ret)
		ret = mab__agent_task(id, &pid);
	return ret ? ret : mab__task_ask(pid, what, ret_reply, ret_reason,
					 deadline);
}

static void take_response(struct sup_response *from, struct mab_answer *to)
{
	to->error = from->error;
	to->reason = from->reason;
	if (from->error)
		return;
	to->error = mab__wire_judge(&from->reply);
	if (to->error && to->error != -EREMOTEIO)
		sup_msg_free(&from->reply);
	else
		to->reply = from->reply;
}

/* The tasks of n agents; those that do not run are none. */
static int find_tasks(const char *const *ids, size_t n,
		      struct mab_answer *answers, struct sup_pid *pids)
{
	size_t i;
	int ret;

	for (i = 0; i < n; i++) {
		answers[i] = (struct mab_answer){ .error = 0 };
		ret = mab__check_name("ids", ids[i]);
		if (ret)
			return ret;
		pids[i] = SUP_PID_NONE;
		answers[i].error = mab__agent_task(ids[i], &pids[i]);
		answers[i].pid = pids[i];
	}
	return 0;
}

static int ask_all(const struct sup_msg *msg, const struct sup_pid *pids,
		   struct mab_answer *answers, size_t n, int64_t deadline)
{
	struct sup_response *responses;
	size_t i;
	int ret;

	responses = mab__alloc(n * sizeof(*responses));
	if (!responses)
		return mab__nomem("answers");
	ret = sup_multi_call(pids, n, msg, responses, deadline);
	for (i = 0; i < n && !ret; i++)
		if (pids[i].v)
			take_response(&responses[i], &answers[i]);
	mab__free(responses);
	return ret;
}

int mab_agent_ask_many(const char *const *ids, size_t n,
		       const struct mab_message *what,
		       struct mab_answer *ret_answers, int64_t deadline)
{
	struct sup_pid *pids;
	struct sup_msg msg;
	int ret;

	ret = mab__wire_new(MAB__REQUEST, what, deadline, &msg);
	if (ret || !n) {
		if (!ret)
			mab__free(msg.data);
		return ret;
	}
	pids = mab__alloc(n * sizeof(*pids));
	ret = pids ? find_tasks(ids, n, ret_answers, pids) :
		mab__nomem("answers");
	if (!ret)
		ret = ask_all(&msg, pids, ret_answers, n, deadline);
	mab__free(pids);
	mab__free(msg.data);
	return ret;
}

void mab_answers_free(struct mab_answer *answers, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		sup_msg_free(&answers[i].reply);
}

int mab_agent_notify(const char *id, const struct mab_message *what,
		     int64_t deadline)
{
	struct sup_pid pid;
	int ret;

	ret = mab__check_name("id", id);
	if (!ret)
		ret = mab__agent_task(id, &pid);
	if (!ret)
		ret = mab__task_tell(pid, what, deadline);
	return ret == -ESRCH ? sup_set_error(-ENOTCONN, "id: the agent \"%s\" "
					     "has ended", id) : ret;
}

static int reply(struct sup_from from, uint64_t tag, const char *text,
		 size_t len)
{
	char *copy;
	int ret;

	if (len > MAB_BODY_MAX)
		return sup_set_error(-E2BIG, "len: %zu is more than %d", len,
				     MAB_BODY_MAX);
	copy = mab__alloc(len + 1);
	if (!copy)
		return mab__nomem("a reply");
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	ret = sup_reply(from, &(struct sup_msg){
			.tag = tag, .data = copy, .len = len + 1 });
	mab__free(copy);
	return ret;
}

int mab_reply(struct sup_from from, const char *body, size_t len)
{
	return reply(from, MAB__REPLY, body, len);
}

int mab_reply_error(struct sup_from from, const char *text)
{
	return reply(from, MAB__ERROR, text, strlen(text));
}
