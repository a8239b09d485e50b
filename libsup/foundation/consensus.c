/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consensus: who counts the votes is a job under the task supervisor. It gets
 * what is put to the vote as its first message: if its caller is killed before
 * it has sent that, the job hears of it and ends. It monitors all participants,
 * asks them by messages, waits for theirs, and for ends, and decides by one
 * step in a table of the process (consensus_log.c), which knows the number that
 * the value must have.
 *
 * It never waits for room in a mailbox: who has none is asked again after a
 * while. All that it has is memory of its task.
 */
#include "foundation/consensus_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "foundation/coord.h"
#include "foundation/service.h"
#include "foundation/token.h"

#define AGAIN_MS 10
/* Votes that the mailbox of a run holds for each participant. */
#define VOTES 2

enum tag {
	MOTION,		/* struct motion */
	VOTE,		/* struct vote */
};

/* What is put to the vote; participants and value are behind it. */
struct motion {
	int64_t deadline;
	struct sup_pid caller;	/* SUP_PID_NONE: a foreign thread */
	size_t n, needed, len;
	char name[FND_NAME_MAX + 1];
	struct sup_pid participants[];
};

struct vote {
	uint64_t id;
	struct sup_pid voter;
	bool in_favour;
};

enum voter_state {
	NOT_ASKED, ASKED, IN_FAVOUR, AGAINST, ENDED, N_VOTER_STATES,
};

struct voter {
	struct sup_pid pid;
	struct sup_ref monitor;
	enum voter_state state;
};

struct run {
	const struct motion *motion;
	struct fnd_proposal *proposal;
	size_t n[N_VOTER_STATES];
	struct voter voters[];
};

static void set_state(struct run *r, struct voter *v, enum voter_state state)
{
	r->n[v->state]--;
	v->state = state;
	r->n[state]++;
}

static void ask(struct run *r)
{
	const struct fnd_proposal *p = r->proposal;
	const struct sup_msg msg = {
		.tag = FND_PROPOSAL, .data = r->proposal,
		.len = sizeof(*p) + p->len,
	};
	struct voter *v;
	size_t i;
	int ret;

	for (i = 0; r->n[NOT_ASKED] && i < r->motion->n; i++) {
		v = &r->voters[i];
		if (v->state != NOT_ASKED)
			continue;
		ret = sup_send(v->pid, &msg, SUP_TRY);
		if (!ret)
			set_state(r, v, ASKED);
		else if (ret == -ESRCH || ret == -EINVAL)
			set_state(r, v, ENDED);
	}
}

static bool is_over(const struct run *r, enum fnd_consensus_outcome *ret)
{
	const struct motion *m = r->motion;

	if (r->n[IN_FAVOUR] >= m->needed) {
		*ret = FND_CONSENSUS_DECIDED;
		return true;
	}
	if (m->n - r->n[AGAINST] - r->n[ENDED] < m->needed) {
		*ret = FND_CONSENSUS_REJECTED;
		return true;
	}
	*ret = FND_CONSENSUS_LATE;
	return m->deadline >= 0 && sup_deadline_ms(0) >= m->deadline;
}

static bool can_vote(const struct voter *v)
{
	return v->state == NOT_ASKED || v->state == ASKED;
}

static void take_vote(struct run *r, const struct vote *vote)
{
	size_t i;

	if (vote->id != r->proposal->id)
		return;
	for (i = 0; i < r->motion->n; i++)
		if (r->voters[i].pid.v == vote->voter.v &&
		    can_vote(&r->voters[i]))
			set_state(r, &r->voters[i], vote->in_favour ?
				  IN_FAVOUR : AGAINST);
}

static void take_end(struct run *r, struct sup_ref ref)
{
	size_t i;

	for (i = 0; i < r->motion->n; i++)
		if (r->voters[i].monitor.v == ref.v && can_vote(&r->voters[i]))
			set_state(r, &r->voters[i], ENDED);
}

static void take(struct run *r, const struct sup_info *info)
{
	struct vote vote;

	if (info->kind == SUP_INFO_DOWN)
		take_end(r, info->ref);
	if (info->kind == SUP_INFO_MSG && info->msg.tag == VOTE &&
	    info->msg.len == sizeof(vote)) {
		memcpy(&vote, info->msg.data, sizeof(vote));
		take_vote(r, &vote);
	}
}

static int64_t next_look(const struct run *r)
{
	int64_t again = sup_deadline_ms(AGAIN_MS);

	if (!r->n[NOT_ASKED])
		return r->motion->deadline;
	return r->motion->deadline >= 0 && r->motion->deadline < again ?
		r->motion->deadline : again;
}

static enum fnd_consensus_outcome count_votes(struct run *r)
{
	enum fnd_consensus_outcome outcome;
	struct sup_info info;

	ask(r);
	while (!is_over(r, &outcome)) {
		if (sup_receive(&info, next_look(r))) {
			ask(r);
			continue;
		}
		take(r, &info);
		sup_msg_free(&info.msg);
	}
	return outcome;
}

static int decide(struct run *r, enum fnd_consensus_outcome *outcome)
{
	const struct fnd_proposal *p = r->proposal;
	int ret;

	ret = fnd__decisions_add(p->name, p->number, p->value, p->len);
	if (ret == -ESTALE)
		*outcome = FND_CONSENSUS_OUTDATED;
	return ret == -ENOMEM ? ret : 0;
}

static void tell(const struct run *r, enum fnd_consensus_outcome outcome)
{
	struct fnd_decision d = {
		.id = r->proposal->id, .number = r->proposal->number,
		.outcome = outcome,
	};
	const struct sup_msg msg = {
		.tag = FND_DECISION, .data = &d, .len = sizeof(d),
	};
	size_t i;

	strcpy(d.name, r->proposal->name);
	for (i = 0; i < r->motion->n; i++)
		if (r->voters[i].state != NOT_ASKED &&
		    r->voters[i].pid.v != r->motion->caller.v)
			sup_send(r->voters[i].pid, &msg, SUP_TRY);
}

static const void *value_of(const struct motion *m)
{
	return m->participants + m->n;
}

static struct fnd_proposal *new_proposal(const struct motion *m)
{
	struct fnd_proposal *p = sup_alloc(sizeof(*p) + m->len);

	if (!p)
		return NULL;
	fnd__tokens_begin();
	p->id = fnd__draw_token();
	p->run = sup_self();
	p->number = fnd__decisions_next(m->name);
	p->deadline = m->deadline;
	p->len = m->len;
	strcpy(p->name, m->name);
	memcpy(p->value, value_of(m), m->len);
	return p;
}

static int new_run(const struct motion *m, struct run **ret_run)
{
	struct run *r = sup_alloc(sizeof(*r) + m->n * sizeof(r->voters[0]));
	struct voter *v;
	size_t i;
	int ret = 0;

	if (!r)
		return -ENOMEM;
	r->motion = m;
	r->proposal = new_proposal(m);
	if (!r->proposal)
		return -ENOMEM;
	r->n[NOT_ASKED] = m->n;
	for (i = 0; !ret && i < m->n; i++) {
		v = &r->voters[i];
		v->pid = m->participants[i];
		if (v->pid.v == m->caller.v)
			set_state(r, v, IN_FAVOUR);
		else
			ret = sup_monitor(v->pid, &v->monitor);
	}
	*ret_run = r;
	return ret;
}

static int hand_over(const struct run *r, enum fnd_consensus_outcome outcome,
		     struct sup_msg *ret_result)
{
	struct fnd_consensus_result *result = sup_alloc(sizeof(*result));

	if (!result)
		return -ENOMEM;
	*result = (struct fnd_consensus_result){
		.outcome = outcome,
		.number = outcome == FND_CONSENSUS_DECIDED ?
			r->proposal->number : 0,
		.in_favour = r->n[IN_FAVOUR], .against = r->n[AGAINST],
		.ended = r->n[ENDED],
		.silent = r->n[NOT_ASKED] + r->n[ASKED],
	};
	sup_give(result);
	*ret_result = (struct sup_msg){
		.data = result, .len = sizeof(*result), .free = sup_free,
	};
	return 0;
}

static int keep_motion(const struct sup_msg *msg, struct motion **ret_motion)
{
	struct motion *m = sup_alloc(msg->len);

	if (!m)
		return -ENOMEM;
	memcpy(m, msg->data, msg->len);
	*ret_motion = m;
	return 0;
}

/* As memory of the task. -ESRCH: the caller has ended before it was sent. */
static int receive_motion(struct sup_pid caller, struct motion **ret_motion)
{
	struct sup_info info;
	struct sup_ref ref = { 0 };
	bool is_it = false;
	int ret = 0;

	if (caller.v)
		ret = sup_monitor(caller, &ref);
	while (!ret && !is_it) {
		ret = sup_receive(&info, SUP_FOREVER);
		if (ret)
			break;
		is_it = info.kind == SUP_INFO_MSG && info.msg.tag == MOTION;
		if (is_it)
			ret = keep_motion(&info.msg, ret_motion);
		else if (info.kind == SUP_INFO_DOWN)
			ret = -ESRCH;
		sup_msg_free(&info.msg);
	}
	if (ref.v)
		sup_demonitor(ref, true);
	return ret;
}

/* The job. arg: who calls, as a number, so that nobody has to free it. */
static int run_it(void *arg, struct sup_msg *ret_result)
{
	struct sup_pid caller = { (uintptr_t)arg };
	enum fnd_consensus_outcome outcome;
	struct motion *m;
	struct run *r;
	int ret;

	ret = receive_motion(caller, &m);
	if (ret)
		return -ret;
	ret = new_run(m, &r);
	if (ret)
		return -ret;
	outcome = count_votes(r);
	if (outcome == FND_CONSENSUS_DECIDED)
		ret = decide(r, &outcome);
	if (ret)
		return -ret;
	tell(r, outcome);
	return -hand_over(r, outcome, ret_result);
}

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "a pid in a pointer");

static int start_run(size_t n, struct sup_async **ret_async)
{
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .name = "fnd_consensus", .run = run_it,
		.arg = (void *)(uintptr_t)sup_self().v,
		.mailbox = VOTES * n + 8,
	};
	int ret;

	ret = sup_async_nolink(sup_whereis(FND__TASKS), &spec, ret_async);
	if (ret == -ESRCH)
		return sup_set_error(-ENOTCONN, "%s does not run", FND__TASKS);
	return ret;
}

static int send_motion(struct sup_pid run, const char *name,
		       const struct fnd_consensus *c, int64_t deadline)
{
	struct motion *m;
	size_t size = sizeof(*m) + c->n * sizeof(m->participants[0]) + c->len;
	int ret;

	m = fnd__alloc(size);
	if (!m)
		return fnd__nomem("a motion");
	*m = (struct motion){
		.deadline = deadline, .caller = sup_self(), .n = c->n,
		.needed = c->needed ? c->needed : c->n / 2 + 1, .len = c->len,
	};
	strcpy(m->name, name);
	if (c->n)
		memcpy(m->participants, c->participants,
		       c->n * sizeof(m->participants[0]));
	if (c->len)
		memcpy(m->participants + c->n, c->value, c->len);
	ret = sup_send(run, &(struct sup_msg){
		       .tag = MOTION, .data = m, .len = size }, SUP_FOREVER);
	fnd__free(m);
	/* It has been ended already: that is what waiting for it tells. */
	return ret == -ESRCH ? 0 : ret;
}

static int in_vain(int error, const struct sup_reason *reason)
{
	if (error == -EPIPE && reason->kind == SUP_REASON_EXIT &&
	    reason->code == ENOMEM)
		return fnd__nomem("a vote");
	if (error == -EPIPE)
		return sup_set_error(error, "the run has been ended");
	return error;
}

int fnd__consensus_propose(const char *name, const struct fnd_consensus *c,
			   int64_t deadline,
			   struct fnd_consensus_result *ret_result)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	struct sup_async *async;
	struct sup_msg result;
	int ret;

	ret = start_run(c->n, &async);
	if (ret)
		return ret;
	ret = send_motion(sup_async_pid(async), name, c, deadline);
	if (ret) {
		sup_async_shutdown(async, SUP_SHUTDOWN_KILL,
				   &(struct sup_outcome){ 0 });
		return ret;
	}
	ret = sup_async_await(async, &result, &reason, SUP_FOREVER);
	if (ret)
		return in_vain(ret, &reason);
	memcpy(ret_result, result.data, sizeof(*ret_result));
	sup_msg_free(&result);
	return 0;
}

int fnd__consensus_vote(const struct fnd_proposal *proposal, bool in_favour)
{
	struct vote vote = {
		.id = proposal->id, .voter = sup_self(),
		.in_favour = in_favour,
	};

	return sup_send(proposal->run, &(struct sup_msg){
			.tag = VOTE, .data = &vote, .len = sizeof(vote) },
			SUP_TRY);
}
