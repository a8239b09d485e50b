/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets of requests, and what asks many servers: on the public calls alone. */
#include <sup/request.h>

#include <errno.h>

#include <sup/call.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/request.h"
#include "core/seat.h"
#include "core/task.h"

struct member {
	struct sup_request request;
	uint64_t label;
};

struct sup_requests {
	struct member *members;
	size_t n, room;
};

int sup_requests_new(struct sup_requests **ret_set)
{
	struct sup_requests *set = sup__zalloc(sizeof(*set));

	if (!set)
		return sup__error_nomem("a set of requests");
	*ret_set = set;
	return 0;
}

static void abandon_all(struct sup_requests *set)
{
	while (set->n)
		sup_request_abandon(set->members[--set->n].request);
}

void sup_requests_free(struct sup_requests *set)
{
	if (!set)
		return;
	abandon_all(set);
	sup__free(set->members);
	sup__free(set);
}

size_t sup_requests_count(const struct sup_requests *set)
{
	return set->n;
}

int sup_requests_add(struct sup_requests *set, struct sup_request request,
		     uint64_t label)
{
	size_t i, room = set->room ? 2 * set->room : 8;
	struct member *members;

	if (!sup__request_is_pending(request))
		return sup__error(-ENOENT, "request: it is over, or not the "
				  "caller's");
	for (i = 0; i < set->n; i++)
		if (set->members[i].request.v == request.v)
			return sup__error(-EEXIST, "request: it is in there");
	if (set->n == set->room) {
		members = sup__realloc(set->members, room * sizeof(*members));
		if (!members)
			return sup__error_nomem("a set of requests");
		set->members = members;
		set->room = room;
	}
	set->members[set->n++] = (struct member){ request, label };
	return 0;
}

/* One that is there, if any: 0; it leaves the set. Else -EAGAIN. */
static int take_any(struct sup_requests *set,
		    struct sup_response *ret_response)
{
	size_t i;
	int ret;

	for (i = 0; i < set->n; i++) {
		ret = sup_request_wait(set->members[i].request, ret_response,
				       SUP_TRY);
		if (ret == -ETIMEDOUT)
			continue;
		ret_response->label = set->members[i].label;
		set->members[i] = set->members[--set->n];
		/* One that was taken by other means. */
		return ret == -ENOENT && set->n ? take_any(set, ret_response) :
			ret;
	}
	return -EAGAIN;
}

int sup_requests_wait(struct sup_requests *set,
		      struct sup_response *ret_response, int64_t deadline)
{
	struct sup__seat *seat = sup__seat_self();
	int ret, waited = 0;

	sup__task_checkpoint();
	if (!seat)
		return -ENOMEM;
	if (!set->n)
		return sup__error(-ENOENT, "there is no request in the set");
	/* Each look names our seat to those that are still to come. */
	while ((ret = take_any(set, ret_response)) == -EAGAIN) {
		if (waited)
			return sup__error(waited, "no response in time");
		waited = sup__seat_wait(seat, deadline);
		sup__task_checkpoint();
	}
	return ret;
}

int sup_requests_receive(struct sup_requests *set,
			 struct sup_response *ret_response, int64_t deadline)
{
	int ret = sup_requests_wait(set, ret_response, deadline);

	if (ret == -ETIMEDOUT)
		abandon_all(set);
	return ret;
}

/*
 * One whose mailbox is full must not keep the others waiting: it is tried again
 * when all have been asked. Responses hold the requests until they are there.
 */
static int send_to_all(const struct sup_pid *to, size_t n,
		       const struct sup_msg *req,
		       struct sup_response *responses, int64_t deadline)
{
	int64_t until = SUP_TRY;
	size_t i;
	int pass, ret = 0;

	for (i = 0; i < n; i++)
		responses[i] = (struct sup_response){ .error = -EAGAIN };
	for (pass = 0; pass < 2; pass++, until = deadline) {
		for (i = 0; i < n && ret != -ENOMEM; i++) {
			if (responses[i].error != -EAGAIN)
				continue;
			ret = sup_request_send(to[i], req, false, until,
					       &responses[i].request);
			responses[i].error = ret;
		}
	}
	if (ret != -ENOMEM)
		return 0;
	for (i = 0; i < n; i++)
		if (!responses[i].error)
			sup_request_abandon(responses[i].request);
	return ret;
}

int sup_multi_call(const struct sup_pid *to, size_t n,
		   const struct sup_msg *req, struct sup_response *responses,
		   int64_t deadline)
{
	struct sup_request request;
	size_t i;
	int ret;

	sup__task_checkpoint();
	if (req->free)
		return sup__error(-EINVAL, "req: it has a free(), but goes to "
				  "many");
	ret = send_to_all(to, n, req, responses, deadline);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		if (responses[i].error)
			continue;
		request = responses[i].request;
		ret = sup_request_receive(request, &responses[i], deadline);
		if (ret)
			responses[i].error = ret;
	}
	return 0;
}

int sup_multi_cast(const struct sup_pid *to, size_t n,
		   const struct sup_msg *msg)
{
	size_t i;

	if (msg->free)
		return sup__error(-EINVAL, "msg: it has a free(), but goes to "
				  "many");
	for (i = 0; i < n; i++)
		sup_cast(to[i], msg, SUP_TRY);
	return 0;
}
