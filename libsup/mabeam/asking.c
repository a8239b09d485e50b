/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Responses come to the calling task with its signals, so that taking one does
 * not mean to look at each request, and requests are of the task, with which
 * they go.
 */
#include "mabeam/asking.h"

#include <errno.h>

#include <sup/sup.h>

#include "mabeam/agent_wire.h"
#include "mabeam/service.h"

struct asked {
	struct sup_request request;	/* 0: it is over, or never was */
	struct sup_pid pid;
	int error;			/* it could not be asked */
};

struct mab__asking {
	size_t n;
	size_t refused;		/* up to here they have been told of */
	size_t out;		/* requests that are not over */
	struct asked asked[];
};

static int ask_one(struct asked *a, const char *id, const struct sup_msg *wire)
{
	int ret;

	ret = mab__agent_task(id, &a->pid);
	if (ret)
		return ret;
	return sup_request_send(a->pid, wire, true, SUP_TRY, &a->request);
}

int mab__asking_begin(const char *const *ids, size_t n,
		      const struct sup_msg *wire,
		      struct mab__asking **ret_asking)
{
	struct mab__asking *asking;
	size_t i;

	asking = sup_alloc(sizeof(*asking) + n * sizeof(asking->asked[0]));
	if (!asking)
		return mab__nomem("requests");
	asking->n = n;
	for (i = 0; i < n; i++) {
		asking->asked[i].error = ask_one(&asking->asked[i], ids[i],
						 wire);
		asking->out += !asking->asked[i].error;
	}
	*ret_asking = asking;
	return 0;
}

static bool next_refused(struct mab__asking *asking, size_t *ret_which,
			 struct mab_answer *ret_answer)
{
	size_t i;

	while (asking->refused < asking->n) {
		i = asking->refused++;
		if (!asking->asked[i].error)
			continue;
		*ret_which = i;
		*ret_answer = (struct mab_answer){
			.pid = asking->asked[i].pid,
			.error = asking->asked[i].error,
		};
		return true;
	}
	return false;
}

static bool take(struct mab__asking *asking, struct sup_info *info,
		 size_t *ret_which, struct mab_answer *ret_answer)
{
	struct asked *a;
	size_t i;

	for (i = 0; i < asking->n; i++)
		if (asking->asked[i].request.v == info->request.v)
			break;
	if (info->kind != SUP_INFO_RESPONSE || i == asking->n)
		return false;
	a = &asking->asked[i];
	a->request.v = 0;
	asking->out--;
	*ret_which = i;
	*ret_answer = (struct mab_answer){
		.pid = a->pid, .error = info->error, .reason = info->reason,
	};
	if (info->error)
		return true;
	ret_answer->error = mab__wire_judge(&info->msg);
	if (!ret_answer->error || ret_answer->error == -EREMOTEIO)
		sup_msg_take(&info->msg, &ret_answer->reply);
	return true;
}

int mab__asking_next(struct mab__asking *asking, size_t *ret_which,
		     struct mab_answer *ret_answer, int64_t deadline)
{
	struct sup_info info;
	bool taken;
	int ret;

	if (next_refused(asking, ret_which, ret_answer))
		return 0;
	while (asking->out) {
		ret = sup_receive(&info, deadline);
		if (ret)
			return ret;
		taken = take(asking, &info, ret_which, ret_answer);
		sup_msg_free(&info.msg);
		if (taken)
			return 0;
	}
	return -ENOENT;
}

void mab__asking_end(struct mab__asking *asking)
{
	size_t i;

	for (i = 0; i < asking->n; i++)
		if (asking->asked[i].request.v)
			sup_request_abandon(asking->asked[i].request);
	sup_free(asking);
}
