/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is sent is a mab__wire, in memory of the sender's task, since to send is
 * a safe point.
 */
#include "mabeam/agent_wire.h"

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/agent_table.h"
#include "mabeam/service.h"

int mab__wire_check(const struct mab_message *what)
{
	int ret = mab__check_name("method", what->method);

	if (!ret && what->len > MAB_BODY_MAX)
		ret = sup_set_error(-E2BIG, "len: %zu is more than %d",
				    what->len, MAB_BODY_MAX);
	return ret;
}

int mab__wire_new(uint64_t tag, const struct mab_message *what,
		  int64_t deadline, struct sup_msg *ret_msg)
{
	struct mab__wire *wire;
	int ret;

	ret = mab__wire_check(what);
	if (ret)
		return ret;
	wire = mab__alloc(sizeof(*wire) + what->len + 1);
	if (!wire)
		return mab__nomem("a message");
	wire->deadline = deadline;
	strcpy(wire->method, what->method);
	if (what->len)
		memcpy(wire->body, what->body, what->len);
	wire->body[what->len] = '\0';
	*ret_msg = (struct sup_msg){
		.tag = tag, .data = wire,
		.len = sizeof(*wire) + what->len + 1,
	};
	return 0;
}

bool mab__wire_read(const struct sup_msg *msg, struct mab_message *ret)
{
	const struct mab__wire *wire = msg->data;

	if (msg->len <= sizeof(*wire))
		return false;
	*ret = (struct mab_message){
		.method = wire->method, .body = wire->body,
		.len = msg->len - sizeof(*wire) - 1,
		.deadline = wire->deadline,
	};
	return true;
}

int mab__agent_task(const char *id, struct sup_pid *ret_pid)
{
	enum mab_agent_state state = MAB_REGISTERED;
	struct mab__agent *a;
	bool up = false;

	mab__agents_settle(id);
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a) {
		state = a->state;
		up = state == MAB_RUNNING;
		*ret_pid = up ? a->pid : SUP_PID_NONE;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	if (!a)
		return mab__agent_unknown(id);
	return up ? 0 : sup_set_error(-ENOTCONN, "id: the agent \"%s\" is %s",
				      id, mab_agent_state_name(state));
}

void mab__agent_last_end(const char *id, struct sup_reason *ret_reason)
{
	struct mab__agent *a;

	*ret_reason = SUP__REASON(SUP_REASON_NOPROC);
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a && a->has_ended)
		*ret_reason = a->reason;
	pthread_mutex_unlock(&mab__agents.lock);
}

int mab__wire_judge(struct sup_msg *reply)
{
	if (!reply->len || (reply->tag != MAB__REPLY &&
			    reply->tag != MAB__ERROR))
		return sup_set_error(-EBADMSG, "the agent has answered by "
				     "something else");
	reply->len--;
	return reply->tag == MAB__ERROR ?
		sup_set_error(-EREMOTEIO, "the agent: %s",
			      (const char *)reply->data) : 0;
}

int mab__task_ask(struct sup_pid pid, const struct mab_message *what,
		  struct sup_msg *ret_reply, struct sup_reason *ret_reason,
		  int64_t deadline)
{
	struct sup_msg msg, reply;
	int ret;

	ret = mab__wire_new(MAB__REQUEST, what, deadline, &msg);
	if (ret)
		return ret;
	ret = sup_call(pid, &msg, &reply, ret_reason, deadline);
	mab__free(msg.data);
	if (ret)
		return ret;
	ret = mab__wire_judge(&reply);
	if (ret)
		sup_msg_free(&reply);
	else
		*ret_reply = reply;
	return ret;
}

int mab__task_tell(struct sup_pid pid, const struct mab_message *what,
		   int64_t deadline)
{
	struct sup_msg msg;
	int ret;

	ret = mab__wire_new(MAB__NOTIFY, what, deadline, &msg);
	if (ret)
		return ret;
	ret = sup_cast(pid, &msg, deadline);
	mab__free(msg.data);
	return ret;
}
