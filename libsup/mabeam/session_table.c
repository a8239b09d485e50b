/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions in two lists under one lock, above that of the protocols: those that
 * are not over, and those that are, the oldest first, of which so many are
 * kept. Nothing under it is a safe point.
 *
 * Whoever looks asks first for workers that have ended: so what is reported is
 * never older than the look, and needs no service to run. Only a worker that
 * has ended, or said so, is done with its protocol: a session that is cancelled
 * is in the first list until then. Events are told without the lock.
 */
#include "mabeam/sessions.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/protocols.h"
#include "mabeam/service.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct session {
	UT_hash_handle hh;
	struct session *prev, *next;
	uint64_t nr;
	const struct mab_protocol *protocol;	/* until it is over */
	struct mab__plan *plan;			/* until it is over */
	struct sup_pid starter;		/* none: a foreign thread */
	char *outcome;
	struct mab_session told;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of all below. */
static struct session *sessions;		/* by nr */
static struct session *active, *over;
static size_t n_active, n_over, outcome_bytes;
static uint64_t last_nr, ends[MAB__RUN_ENDS];
static int64_t agreed_ns;

static struct session *find_locked(uint64_t nr)
{
	struct session *s;

	HASH_FIND(hh, sessions, &nr, sizeof(nr), s);
	return s;
}

static bool is_over(const struct session *s)
{
	return s->told.state >= MAB_SESSION_DONE;
}

/* Nobody but who has drawn it knows of it, until it has a worker. */
static struct session *find_known_locked(uint64_t nr)
{
	struct session *s = find_locked(nr);

	return s && s->told.worker.v ? s : NULL;
}

static void remove_active_locked(struct session *s)
{
	DL_DELETE(active, s);
	n_active--;
	free(s->plan);
	s->plan = NULL;
}

static void withdraw_locked(struct session *s)
{
	mab__protocol_withdraw(s->protocol);
	remove_active_locked(s);
	HASH_DEL(sessions, s);
	free(s);
}

/* Who has drawn them was killed before there was a worker. */
static void withdraw_orphans_locked(void)
{
	struct session *s, *next;

	DL_FOREACH_SAFE(active, s, next)
		if (!s->told.worker.v && s->starter.v &&
		    !sup_is_alive(s->starter))
			withdraw_locked(s);
}

static void forget_some_locked(void)
{
	struct session *s;

	while (n_over > MAB_SESSIONS_KEPT ||
	       (outcome_bytes > MAB_OUTCOMES_KEPT && n_over > 1)) {
		s = over;
		DL_DELETE(over, s);
		n_over--;
		outcome_bytes -= s->told.len;
		HASH_DEL(sessions, s);
		free(s->outcome);
		free(s);
	}
}

static enum mab__run_end end_of(const struct mab_session *told)
{
	switch (told->state) {
	case MAB_SESSION_DONE:
		return told->agreed ? MAB__RUN_AGREED : MAB__RUN_NOT_AGREED;
	case MAB_SESSION_TIMED_OUT:
		return MAB__RUN_TIMED_OUT;
	case MAB_SESSION_CANCELLED:
		return MAB__RUN_CANCELLED;
	default:
		return MAB__RUN_FAILED;
	}
}

/*
 * Its state says how it is over; its worker has done with the protocol. What is
 * to be told of it is in *ret_told: it may be forgotten at once.
 */
static void end_locked(struct session *s, struct mab_session *ret_told)
{
	enum mab__run_end end = end_of(&s->told);
	int64_t took;

	if (!s->told.ended_ns)
		s->told.ended_ns = sup_deadline_ms(0);
	took = s->told.ended_ns - s->told.begun_ns;
	mab__protocol_end(s->protocol, end, took);
	s->protocol = NULL;
	*ret_told = s->told;
	ends[end]++;
	if (end == MAB__RUN_AGREED)
		agreed_ns += took;
	remove_active_locked(s);
	DL_APPEND(over, s);
	n_over++;
	outcome_bytes += s->told.len;
	forget_some_locked();
}

static int add_locked(struct session *s)
{
	withdraw_orphans_locked();
	if (n_active >= MAB_SESSIONS_MAX)
		return sup_set_error(-ENOSPC, "there are %d sessions",
				     MAB_SESSIONS_MAX);
	s->nr = last_nr + 1;
	HASH_ADD(hh, sessions, nr, sizeof(s->nr), s);
	if (!s->hh.tbl)
		return mab__nomem("a session");
	s->told.nr = ++last_nr;
	DL_APPEND(active, s);
	n_active++;
	return 0;
}

int mab__session_draw(const struct mab_protocol *protocol,
		      struct mab__plan *plan, uint64_t *ret_nr)
{
	struct session *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return mab__nomem("a session");
	s->protocol = protocol;
	s->plan = plan;
	s->starter = sup_self();
	s->told = (struct mab_session){
		.n_agents = plan->n, .seed = plan->seed,
		.begun_ns = sup_deadline_ms(0),
	};
	strcpy(s->told.protocol, protocol->name);
	pthread_mutex_lock(&lock);
	ret = add_locked(s);
	if (!ret)
		*ret_nr = s->nr;
	pthread_mutex_unlock(&lock);
	if (ret)
		free(s);
	return ret;
}

/* Whether it was not known until now: then that is to be told. */
static bool know_locked(struct session *s, struct sup_pid worker)
{
	bool first = !s->told.worker.v;

	s->told.worker = worker;
	return first;
}

void mab__session_known(uint64_t nr, struct sup_pid worker)
{
	char protocol[MAB_NAME_MAX + 1];
	struct session *s;
	bool first = false;

	pthread_mutex_lock(&lock);
	s = find_locked(nr);
	if (s) {
		first = know_locked(s, worker);
		strcpy(protocol, s->told.protocol);
	}
	pthread_mutex_unlock(&lock);
	if (first)
		mab__session_tell_start(protocol);
}

void mab__session_drop(uint64_t nr)
{
	struct session *s;

	pthread_mutex_lock(&lock);
	s = find_locked(nr);
	if (s && !s->told.worker.v)
		withdraw_locked(s);
	pthread_mutex_unlock(&lock);
}

static int claim_locked(struct session *s, struct mab__plan **ret_plan,
			bool *ret_first)
{
	struct mab__plan *plan;

	if (!s || s->told.state != MAB_SESSION_STARTING)
		return -ENOENT;
	plan = sup_alloc(s->plan->size);
	if (!plan)
		return -ENOMEM;
	memcpy(plan, s->plan, s->plan->size);
	*ret_first = know_locked(s, sup_self());
	s->told.state = MAB_SESSION_ASKING;
	*ret_plan = plan;
	return 0;
}

int mab__session_claim(uint64_t nr, struct mab__plan **ret_plan)
{
	char protocol[MAB_NAME_MAX + 1];
	struct session *s;
	bool first = false;
	int ret;

	pthread_mutex_lock(&lock);
	s = find_locked(nr);
	ret = claim_locked(s, ret_plan, &first);
	if (!ret)
		strcpy(protocol, s->told.protocol);
	pthread_mutex_unlock(&lock);
	if (first)
		mab__session_tell_start(protocol);
	return ret;
}

void mab__session_finish(uint64_t nr, enum mab_session_state state, bool agreed,
			 char *outcome)
{
	struct mab_session told;
	struct session *s;

	pthread_mutex_lock(&lock);
	s = find_locked(nr);
	if (s && s->told.state == MAB_SESSION_ASKING) {
		s->told.state = state;
		s->told.agreed = agreed;
		s->told.len = strlen(outcome);
		s->outcome = outcome;
		outcome = NULL;
		end_locked(s, &told);
	}
	pthread_mutex_unlock(&lock);
	if (!outcome)
		mab__session_tell_end(&told, end_of(&told));
	free(outcome);
}

static struct sup_pid find_ended(uint64_t nr)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct session *s;

	pthread_mutex_lock(&lock);
	DL_FOREACH(active, s) {
		if ((nr && s->nr != nr) || !s->told.worker.v ||
		    sup_is_alive(s->told.worker))
			continue;
		pid = s->told.worker;
		break;
	}
	pthread_mutex_unlock(&lock);
	return pid;
}

static void end_of_worker(struct sup_pid pid, const struct sup_reason *reason)
{
	struct mab_session told;
	struct session *s;

	pthread_mutex_lock(&lock);
	DL_FOREACH(active, s)
		if (s->told.worker.v == pid.v)
			break;
	if (s && !is_over(s)) {
		s->told.state = MAB_SESSION_FAILED;
		s->told.reason = *reason;
	}
	if (s)
		end_locked(s, &told);
	pthread_mutex_unlock(&lock);
	if (s)
		mab__session_tell_end(&told, end_of(&told));
}

void mab__sessions_settle(uint64_t nr)
{
	struct sup_reason reason;
	struct sup_pid pid;

	while ((pid = find_ended(nr)).v) {
		if (sup_wait(pid, &reason, SUP_TRY))
			reason = SUP__REASON(SUP_REASON_LOST);
		end_of_worker(pid, &reason);
	}
}

struct sup_pid mab__session_worker(uint64_t nr)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct session *s;

	pthread_mutex_lock(&lock);
	s = find_known_locked(nr);
	if (s)
		pid = s->told.worker;
	pthread_mutex_unlock(&lock);
	return pid;
}

size_t mab__sessions_workers(struct sup_pid *workers, size_t max)
{
	struct session *s;
	size_t n = 0;

	pthread_mutex_lock(&lock);
	DL_FOREACH(active, s) {
		if (!s->told.worker.v)
			continue;
		if (n < max)
			workers[n] = s->told.worker;
		n++;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

static int unknown(void)
{
	return sup_set_error(-ENOENT, "session: there is none, or it is "
			     "forgotten");
}

static size_t room_of(const struct session *s)
{
	return s->outcome ? s->told.len + 1 : 0;
}

/* *text is where the next outcome of the block goes. */
static void tell_locked(const struct session *s, struct mab_session *to,
			char **text)
{
	*to = s->told;
	if (!s->outcome)
		return;
	to->outcome = memcpy(*text, s->outcome, s->told.len + 1);
	*text += s->told.len + 1;
}

/* -EAGAIN: it is not over, and only_over. */
static int copy_locked(const struct session *s, bool only_over,
		       struct mab_session **ret_session)
{
	struct mab_session *to;
	char *text;

	if (!s)
		return unknown();
	if (only_over && !is_over(s))
		return -EAGAIN;
	to = malloc(sizeof(*to) + room_of(s));
	if (!to)
		return mab__nomem("a session");
	text = (char *)(to + 1);
	tell_locked(s, to, &text);
	*ret_session = to;
	return 0;
}

static int copy(uint64_t nr, bool only_over, struct mab_session **ret_session)
{
	int ret;

	mab__sessions_settle(nr);
	pthread_mutex_lock(&lock);
	ret = copy_locked(find_known_locked(nr), only_over, ret_session);
	pthread_mutex_unlock(&lock);
	return ret;
}

int mab_coordinate_get(uint64_t session, struct mab_session **ret_session)
{
	return session ? copy(session, false, ret_session) : unknown();
}

int mab_coordinate_wait(uint64_t session, struct mab_session **ret_session,
			int64_t deadline)
{
	struct sup_pid worker;
	int ret;

	do {
		worker = mab__session_worker(session);
		ret = worker.v ? copy(session, true, ret_session) : unknown();
		if (ret != -EAGAIN)
			return ret;
		ret = sup_wait(worker, NULL, deadline);
	} while (!ret);
	return ret;
}

/* -EALREADY; *ret_worker is to end. */
static int cancel_locked(struct session *s, struct sup_pid *ret_worker)
{
	if (!s)
		return unknown();
	*ret_worker = s->told.worker;
	if (is_over(s))
		return sup_set_error(-EALREADY, "session: it is %s",
				     mab_session_state_name(s->told.state));
	if (s->told.worker.v == sup_self().v)
		return sup_set_error(-EDEADLK, "session: the caller is its "
				     "worker");
	s->told.state = MAB_SESSION_CANCELLED;
	s->told.ended_ns = sup_deadline_ms(0);
	return 0;
}

int mab_coordinate_cancel(uint64_t session)
{
	struct sup_pid worker;
	int ret;

	if (!session)
		return unknown();
	mab__sessions_settle(session);
	pthread_mutex_lock(&lock);
	ret = cancel_locked(find_known_locked(session), &worker);
	pthread_mutex_unlock(&lock);
	if (ret)
		return ret;
	sup_exit(worker, &SUP_SHUTDOWN);
	ret = sup_wait(worker, NULL, SUP_FOREVER);
	mab__sessions_settle(session);
	return ret;
}

static size_t measure_locked(size_t *ret_n)
{
	struct session *s;
	size_t room = 0;

	*ret_n = n_over;
	DL_FOREACH(over, s)
		room += room_of(s);
	DL_FOREACH(active, s)
		*ret_n += !!s->told.worker.v;
	return *ret_n * sizeof(struct mab_session) + room;
}

static int by_nr(const void *a, const void *b)
{
	const struct mab_session *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static int list_locked(struct mab_session **ret_sessions, size_t *ret_n)
{
	struct mab_session *to = NULL;
	size_t n, i = 0, size = measure_locked(&n);
	struct session *s;
	char *text;

	if (n) {
		to = malloc(size);
		if (!to)
			return mab__nomem("sessions");
		text = (char *)(to + n);
		DL_FOREACH(over, s)
			tell_locked(s, &to[i++], &text);
		DL_FOREACH(active, s)
			if (s->told.worker.v)
				tell_locked(s, &to[i++], &text);
	}
	*ret_sessions = to;
	*ret_n = n;
	return 0;
}

int mab_coordinate_list(struct mab_session **ret_sessions, size_t *ret_n)
{
	int ret;

	mab__sessions_settle(0);
	pthread_mutex_lock(&lock);
	ret = list_locked(ret_sessions, ret_n);
	pthread_mutex_unlock(&lock);
	if (!ret && *ret_n)
		qsort(*ret_sessions, *ret_n, sizeof(**ret_sessions), by_nr);
	return ret;
}

void mab_coordinate_stats(struct mab_coordination_stats *ret_stats)
{
	struct mab_coordination_stats *r = ret_stats;
	size_t i;

	mab__sessions_settle(0);
	pthread_mutex_lock(&lock);
	*r = (struct mab_coordination_stats){
		.started = n_active, .active = n_active,
		.agreed = ends[MAB__RUN_AGREED],
		.not_agreed = ends[MAB__RUN_NOT_AGREED],
		.timed_out = ends[MAB__RUN_TIMED_OUT],
		.failed = ends[MAB__RUN_FAILED],
		.cancelled = ends[MAB__RUN_CANCELLED],
		.kept = n_over,
	};
	for (i = 0; i < MAB__RUN_ENDS; i++)
		r->started += ends[i];
	if (r->agreed)
		r->mean_ns = agreed_ns / (int64_t)r->agreed;
	pthread_mutex_unlock(&lock);
}

const char *mab_session_state_name(enum mab_session_state state)
{
	static const char *const names[] = {
		[MAB_SESSION_STARTING] = "starting",
		[MAB_SESSION_ASKING] = "asking",
		[MAB_SESSION_DONE] = "done",
		[MAB_SESSION_TIMED_OUT] = "timed out",
		[MAB_SESSION_FAILED] = "failed",
		[MAB_SESSION_CANCELLED] = "cancelled",
	};

	return (unsigned int)state < MAB_SESSION_STATES ? names[state] :
		"unknown";
}
