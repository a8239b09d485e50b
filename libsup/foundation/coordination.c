/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public calls: they check, and hand on to the back end. */
#include <foundation/consensus.h>
#include <foundation/coordination.h>
#include <foundation/election.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "foundation/coord.h"
#include "foundation/handler.h"
#include "foundation/service.h"

static const struct fnd__coord_ops local = {
	.lock_acquire = fnd__lock_acquire,
	.lock_release = fnd__lock_release,
	.lock_holder = fnd__lock_holder,
	.lock_waiting = fnd__lock_waiting,
	.barrier_wait = fnd__barrier_wait,
	.barrier_waiting = fnd__barrier_waiting,
	.counter_add = fnd__counter_add,
	.counter_get = fnd__counter_get,
	.counter_remove = fnd__counter_remove,
	.election_campaign = fnd__election_campaign,
	.election_proclaim = fnd__election_proclaim,
	.election_resign = fnd__election_resign,
	.election_leader = fnd__election_leader,
	.election_waiting = fnd__election_waiting,
	.election_observe = fnd__election_observe,
	.election_unobserve = fnd__election_unobserve,
	.consensus_propose = fnd__consensus_propose,
	.consensus_vote = fnd__consensus_vote,
	.consensus_get = fnd__consensus_get,
	.consensus_remove = fnd__consensus_remove,
};

static const struct fnd__coord_ops *const ops = &local;

/* The events of a call; handlers alone are told of them. */
struct events {
	const char *begin, *end, *errors;
	const char *key;	/* of the name, in the metadata */
};

#define EVENT(what) "foundation.coordination." what

static const struct events locking = {
	.begin = EVENT("lock.request"), .end = EVENT("lock.acquire_duration"),
	.errors = EVENT("lock.errors"), .key = "lock",
};
static const struct events unlocking = {
	.end = EVENT("lock.release_duration"), .errors = EVENT("lock.errors"),
	.key = "lock",
};
static const struct events meeting = {
	.begin = EVENT("barrier.wait"), .end = EVENT("barrier.duration"),
	.errors = EVENT("barrier.errors"), .key = "barrier",
};
static const struct events electing = {
	.begin = EVENT("election.start"), .end = EVENT("election.duration"),
	.errors = EVENT("election.errors"), .key = "election",
};
static const struct events deciding = {
	.begin = EVENT("consensus.start"), .end = EVENT("consensus.duration"),
	.errors = EVENT("consensus.errors"), .key = "consensus",
};

/* When it has begun; -1: there is nobody to tell. */
static int64_t begin(const struct events *e, const char *name)
{
	const struct fnd_pair pair = { e->key, name };

	if (!fnd__handlers_any())
		return -1;
	if (e->begin)
		fnd__notify(e->begin, &pair, 1);
	return sup_deadline_ms(0);
}

static void notify_end(const struct events *e, const char *name, int64_t began,
		       int ret, const char *outcome)
{
	const struct fnd_pair pairs[] = {
		{ e->key, name },
		{ ret ? "error" : "outcome",
		  ret ? strerrorname_np(-ret) : outcome },
	};

	if (ret)
		fnd__notify(e->errors, pairs, 2);
	else if (began >= 0)
		fnd__notify_duration(e->end, sup_deadline_ms(0) - began,
				     pairs, outcome ? 2 : 1);
}

/* Of a call that has returned ret. */
static int end(const struct events *e, const char *name, int64_t began, int ret)
{
	if (fnd__handlers_any())
		notify_end(e, name, began, ret, NULL);
	return ret;
}

int fnd_lock_acquire(const char *name, int64_t deadline, uint64_t *ret_token)
{
	int64_t began;
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	if (!sup_self().v)
		return sup_set_error(-EPERM, "not in a task, whose lock it "
				     "would be");
	began = begin(&locking, name);
	return end(&locking, name, began,
		   ops->lock_acquire(name, deadline, ret_token));
}

int fnd_lock_release(const char *name, uint64_t token)
{
	int64_t began;
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	if (!sup_self().v)
		return sup_set_error(-EPERM, "not in a task, which might have "
				     "it");
	began = begin(&unlocking, name);
	return end(&unlocking, name, began, ops->lock_release(name, token));
}

int fnd_lock_holder(const char *name, struct sup_pid *ret_pid,
		    uint64_t *ret_token)
{
	struct sup_pid pid;
	uint64_t token;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = ops->lock_holder(name, &pid, &token);
	if (ret)
		return ret;
	if (ret_pid)
		*ret_pid = pid;
	if (ret_token)
		*ret_token = token;
	return 0;
}

int fnd_lock_waiting(const char *name, unsigned int *ret_n)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->lock_waiting(name, ret_n);
}

int fnd_barrier_waiting(const char *name, unsigned int *ret_n)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->barrier_waiting(name, ret_n);
}

int fnd_barrier_wait(const char *name, unsigned int n, int64_t deadline,
		     unsigned int *ret_arrived)
{
	unsigned int arrived;
	int64_t began;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret && !n)
		ret = sup_set_error(-EINVAL, "n: it is 0");
	if (ret)
		return ret;
	began = begin(&meeting, name);
	ret = end(&meeting, name, began,
		  ops->barrier_wait(name, n, deadline, &arrived));
	if (ret == -ETIMEDOUT && ret_arrived)
		*ret_arrived = arrived;
	return ret;
}

static void notify_added(const char *name, int64_t n, int ret)
{
	const struct fnd_pair pairs[] = {
		{ "counter", name }, { "error", strerrorname_np(-ret) },
	};

	if (ret)
		fnd__notify(EVENT("counter.errors"), pairs, 2);
	else
		fnd__notify_value(EVENT("counter.increment"), n, pairs, 1);
}

int fnd_counter_add(const char *name, int64_t n, int64_t *ret_value)
{
	int64_t value;
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	ret = ops->counter_add(name, n, &value);
	if (fnd__handlers_any())
		notify_added(name, n, ret);
	if (!ret && ret_value)
		*ret_value = value;
	return ret;
}

int fnd_counter_get(const char *name, int64_t *ret_value)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->counter_get(name, ret_value);
}

int fnd_counter_remove(const char *name)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->counter_remove(name);
}

/* What a task asks for, as one that leads, or would, or observes. */
static int check_task(const char *name, const char *what)
{
	int ret = fnd__check_name("name", name);

	if (!ret && !sup_self().v)
		return sup_set_error(-EPERM, "not in a task, which might %s",
				     what);
	return ret;
}

static int check_proclaimed(const char **proclaimed)
{
	if (!*proclaimed)
		*proclaimed = "";
	if (strlen(*proclaimed) > FND_PROCLAIMED_MAX)
		return sup_set_error(-ENAMETOOLONG, "proclaimed: it has more "
				     "than %d bytes", FND_PROCLAIMED_MAX);
	return 0;
}

int fnd_election_campaign(const char *name, const char *proclaimed,
			  int64_t deadline, uint64_t *ret_term)
{
	int64_t began;
	int ret;

	ret = check_task(name, "lead");
	if (!ret)
		ret = check_proclaimed(&proclaimed);
	if (ret)
		return ret;
	began = begin(&electing, name);
	return end(&electing, name, began,
		   ops->election_campaign(name, proclaimed, deadline,
					  ret_term));
}

int fnd_election_proclaim(const char *name, uint64_t term,
			  const char *proclaimed)
{
	int ret;

	ret = check_task(name, "lead");
	if (!ret)
		ret = check_proclaimed(&proclaimed);
	return ret ? ret : ops->election_proclaim(name, term, proclaimed);
}

int fnd_election_resign(const char *name, uint64_t term)
{
	int ret = check_task(name, "lead");

	return ret ? ret : ops->election_resign(name, term);
}

int fnd_election_leader(const char *name, struct fnd_leader *ret_leader)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->election_leader(name, ret_leader);
}

int fnd_election_waiting(const char *name, unsigned int *ret_n)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->election_waiting(name, ret_n);
}

int fnd_election_observe(const char *name)
{
	int ret = check_task(name, "observe");

	return ret ? ret : ops->election_observe(name);
}

int fnd_election_unobserve(const char *name)
{
	int ret = check_task(name, "observe");

	return ret ? ret : ops->election_unobserve(name);
}

static int check_participants(const struct fnd_consensus *c)
{
	size_t i, j;

	if (c->n > FND_CONSENSUS_TASKS_MAX)
		return sup_set_error(-EINVAL, "n: %zu is more than %d", c->n,
				     FND_CONSENSUS_TASKS_MAX);
	if (c->needed > c->n && c->needed)
		return sup_set_error(-EINVAL, "needed: %zu of %zu", c->needed,
				     c->n);
	for (i = 0; i < c->n; i++)
		for (j = 0; j < i; j++)
			if (c->participants[i].v == c->participants[j].v)
				return sup_set_error(-EINVAL, "participants: "
						     "one is there twice");
	return 0;
}

static const char *outcome_name(enum fnd_consensus_outcome outcome)
{
	static const char *const names[] = {
		[FND_CONSENSUS_DECIDED] = "decided",
		[FND_CONSENSUS_REJECTED] = "rejected",
		[FND_CONSENSUS_LATE] = "late",
		[FND_CONSENSUS_OUTDATED] = "outdated",
	};

	return names[outcome];
}

int fnd_consensus_propose(const char *name, const struct fnd_consensus *c,
			  int64_t deadline,
			  struct fnd_consensus_result *ret_result)
{
	int64_t began;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = check_participants(c);
	if (!ret && c->len > FND_CONSENSUS_VALUE_MAX)
		ret = sup_set_error(-E2BIG, "len: %zu is more than %d", c->len,
				    FND_CONSENSUS_VALUE_MAX);
	if (ret)
		return ret;
	began = begin(&deciding, name);
	ret = ops->consensus_propose(name, c, deadline, ret_result);
	if (fnd__handlers_any())
		notify_end(&deciding, name, began, ret,
			   ret ? NULL : outcome_name(ret_result->outcome));
	return ret;
}

int fnd_consensus_vote(const struct fnd_proposal *proposal, bool in_favour)
{
	if (!sup_self().v)
		return sup_set_error(-EPERM, "not in a task, which might vote");
	return ops->consensus_vote(proposal, in_favour);
}

int fnd_consensus_get(const char *name, void **ret_value, size_t *ret_len,
		      uint64_t *ret_number)
{
	uint64_t number;
	void *value;
	size_t len;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = ops->consensus_get(name, &value, &len, &number);
	if (ret)
		return ret;
	if (ret_value)
		*ret_value = value;
	else
		free(value);
	if (ret_len)
		*ret_len = len;
	if (ret_number)
		*ret_number = number;
	return 0;
}

int fnd_consensus_remove(const char *name)
{
	int ret = fnd__check_name("name", name);

	return ret ? ret : ops->consensus_remove(name);
}
