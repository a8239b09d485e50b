/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Speaking with agents: an address becomes a task, and the rest is a call, a
 * request or a cast to that task, by the caller itself. So nothing of Comms is
 * between two who speak, and nothing that could be killed.
 */
#include "mabeam/comms_in.h"

#include <errno.h>
#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "mabeam/agent_wire.h"
#include "mabeam/service.h"
#include "mabeam/transport_in.h"

/*
 * Whom to tell, for which kind of call. What is wrong with the arguments does
 * not count; that nobody is there does.
 */
static int find(enum mab_comms_kind kind, const char *to,
		const struct mab_message *what, struct sup_pid *ret_pid,
		struct sup_reason *ret_reason)
{
	struct sup_reason reason;
	int ret;

	ret = mab__wire_check(what);
	if (ret)
		return ret;
	ret = mab__address_find(to, ret_pid, &reason);
	if (ret == -EINVAL || ret == -ENAMETOOLONG)
		return ret;
	mab__comms_sent(kind, 1, what->len);
	if (ret)
		mab__comms_over(kind, ret, 0);
	if (ret == -ENOTCONN && ret_reason)
		*ret_reason = reason;
	return ret;
}

int mab_comms_request(const char *to, const struct mab_message *what,
		      struct sup_msg *ret_reply, struct sup_reason *ret_reason,
		      int64_t deadline)
{
	const int64_t begin = sup_deadline_ms(0);
	struct sup_pid pid;
	int ret;

	ret = find(MAB_COMMS_REQUEST, to, what, &pid, ret_reason);
	if (ret)
		return ret;
	ret = mab__task_ask(pid, what, ret_reply, ret_reason, deadline);
	mab__comms_over(MAB_COMMS_REQUEST, ret, ret ? 0 : ret_reply->len);
	if (!ret)
		fnd_telemetry_duration("foundation.mabeam.comms.request",
				       sup_deadline_ms(0) - begin, NULL);
	return ret;
}

int mab_comms_send(const char *to, const struct mab_message *what,
		   bool as_info, int64_t deadline,
		   struct sup_request *ret_request)
{
	struct sup_pid pid;
	struct sup_msg msg;
	int ret;

	ret = find(MAB_COMMS_SEND, to, what, &pid, NULL);
	if (ret)
		return ret;
	ret = mab__wire_new(MAB__REQUEST, what, deadline, &msg);
	if (!ret) {
		ret = sup_request_send(pid, &msg, as_info, SUP_TRY,
				       ret_request);
		mab__free(msg.data);
	}
	if (ret)
		mab__comms_over(MAB_COMMS_SEND, ret, 0);
	return ret;
}

/* A request is over. */
static int outcome(int error, const struct sup_reason *reason,
		   struct sup_msg *reply, struct sup_msg *ret_reply,
		   struct sup_reason *ret_reason)
{
	if (!error)
		error = mab__wire_judge(reply);
	mab__comms_over(MAB_COMMS_SEND, error, error ? 0 : reply->len);
	if (!error)
		sup_msg_take(reply, ret_reply);
	if (error == -EPIPE && ret_reason)
		*ret_reason = *reason;
	return error;
}

int mab_comms_answer(struct sup_request request, struct sup_msg *ret_reply,
		     struct sup_reason *ret_reason, int64_t deadline)
{
	struct sup_response r;
	int ret;

	ret = sup_request_wait(request, &r, deadline);
	if (ret)
		return ret;
	ret = outcome(r.error, &r.reason, &r.reply, ret_reply, ret_reason);
	if (ret)
		sup_msg_free(&r.reply);
	return ret;
}

int mab_comms_response(struct sup_info *info, struct sup_msg *ret_reply,
		       struct sup_reason *ret_reason)
{
	if (info->kind != SUP_INFO_RESPONSE)
		return sup_set_error(-EINVAL, "info: it is no response");
	return outcome(info->error, &info->reason, &info->msg, ret_reply,
		       ret_reason);
}

int mab_comms_notify(const char *to, const struct mab_message *what,
		     int64_t deadline)
{
	struct sup_pid pid;
	int ret;

	ret = find(MAB_COMMS_NOTIFY, to, what, &pid, NULL);
	if (ret)
		return ret;
	ret = mab__task_tell(pid, what, deadline);
	if (ret)
		mab__comms_over(MAB_COMMS_NOTIFY, ret, 0);
	else
		fnd_telemetry_count("foundation.mabeam.comms.notify", 1, NULL);
	return ret == -ESRCH ? sup_set_error(-ENOTCONN, "to: \"%s\" has ended",
					     to) : ret;
}

int mab__audience_add(struct sup_pid pid, void *audience)
{
	struct mab__audience *a = audience;
	size_t room = a->room ? 2 * a->room : 16;
	struct sup_pid *pids;

	if (a->n == a->room) {
		pids = mab__alloc(room * sizeof(*pids));
		if (!pids)
			return mab__nomem("who is told");
		if (a->n)
			memcpy(pids, a->pids, a->n * sizeof(*pids));
		mab__free(a->pids);
		a->pids = pids;
		a->room = room;
	}
	a->pids[a->n++] = pid;
	return 0;
}

int mab__audience_tell(struct mab__audience *audience, enum mab_comms_kind kind,
		       const struct mab_message *what, size_t *ret_n)
{
	struct sup_msg msg;
	size_t i, n = 0;
	int ret;

	ret = mab__wire_new(MAB__NOTIFY, what, SUP_FOREVER, &msg);
	for (i = 0; i < audience->n && !ret; i++) {
		mab__comms_sent(kind, 1, what->len);
		if (sup_cast(audience->pids[i], &msg, SUP_TRY))
			mab__comms_over(kind, -EAGAIN, 0);
		else
			n++;
	}
	if (!ret)
		mab__free(msg.data);
	mab__free(audience->pids);
	if (!ret && ret_n)
		*ret_n = n;
	return ret;
}

static int cast(enum mab_comms_kind kind, const char *const *capabilities,
		const struct mab_message *what, size_t *ret_n)
{
	struct mab__audience audience = { .n = 0 };
	const char *const *c;
	int ret = 0;

	for (c = capabilities; c && *c && !ret; c++)
		ret = mab__check_name("capabilities", *c);
	if (!ret)
		ret = mab__address_each(capabilities, mab__audience_add,
					&audience);
	if (!ret)
		return mab__audience_tell(&audience, kind, what, ret_n);
	mab__free(audience.pids);
	return ret;
}

int mab_comms_broadcast(const struct mab_message *what, size_t *ret_n)
{
	return cast(MAB_COMMS_BROADCAST, NULL, what, ret_n);
}

int mab_comms_multicast(const char *const *capabilities,
			const struct mab_message *what, size_t *ret_n)
{
	return cast(MAB_COMMS_MULTICAST, capabilities, what, ret_n);
}
