/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elections of a leader, over the back end of this process. */
#include "fail_memory.h"
#include "foundation.h"

#include <stdio.h>

#define ELECTIONS "fnd_elections"
#define E "e"

static int64_t now(void)
{
	return sup_deadline_ms(0);
}

static void await_waiting(unsigned int n)
{
	int64_t limit = LONG;
	unsigned int waiting;

	do {
		assert_int_equal(fnd_election_waiting(E, &waiting), 0);
		assert_true(now() < limit);
	} while (waiting != n);
}

/* Leads until it is told to end. */
static int leads(void *arg)
{
	uint64_t term;

	EXPECT(!fnd_election_campaign(E, arg, LONG, &term));
	return stays(NULL);
}

static void await_leader(struct sup_pid pid, struct fnd_leader *ret_leader)
{
	int64_t limit = LONG;

	while (fnd_election_leader(E, ret_leader) ||
	       ret_leader->pid.v != pid.v)
		assert_true(now() < limit);
}

static struct sup_pid start_leader(char *proclaims, uint64_t *ret_term)
{
	struct sup_pid pid = start(leads, proclaims);
	struct fnd_leader l;

	await_leader(pid, &l);
	assert_string_equal(l.proclaimed, proclaims);
	*ret_term = l.term;
	return pid;
}

static int is_elected_and_resigns(void *arg)
{
	struct fnd_leader l;
	uint64_t a, b;

	(void)arg;
	EXPECT(fnd_election_leader(E, &l) == -ENOENT);
	EXPECT(!fnd_election_campaign(E, "here", SUP_TRY, &a));
	EXPECT(!fnd_election_leader(E, &l));
	EXPECT(l.pid.v == sup_self().v && l.term == a);
	EXPECT(!strcmp(l.name, E) && !strcmp(l.proclaimed, "here"));
	EXPECT(fnd_election_campaign(E, "", SUP_TRY, &b) == -EDEADLK);
	EXPECT(!fnd_election_campaign("other", NULL, SUP_TRY, &b));
	EXPECT(b > a);
	EXPECT(fnd_election_proclaim(E, b, "there") == -EPERM);
	EXPECT(!fnd_election_proclaim(E, a, "there"));
	EXPECT(!fnd_election_leader(E, &l));
	EXPECT(l.term == a && !strcmp(l.proclaimed, "there"));
	EXPECT(fnd_election_resign(E, b) == -EPERM);
	EXPECT(!fnd_election_resign(E, a));
	EXPECT(fnd_election_resign(E, a) == -EPERM);
	EXPECT(fnd_election_proclaim(E, a, "") == -EPERM);
	EXPECT(fnd_election_leader(E, &l) == -ENOENT);
	EXPECT(!fnd_election_campaign(E, "", SUP_TRY, &a));
	EXPECT(a > b);
	/* Of both no more is heard. */
	return 0;
}

static int asks_for_nonsense(void *arg)
{
	char name[FND_NAME_MAX + 2], much[FND_PROCLAIMED_MAX + 2];
	struct fnd_leader l;
	unsigned int n;
	uint64_t t;

	(void)arg;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(much, 'm', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	EXPECT(fnd_election_campaign("", "", SUP_TRY, &t) == -EINVAL);
	EXPECT(fnd_election_campaign(name, "", SUP_TRY, &t) == -ENAMETOOLONG);
	EXPECT(fnd_election_campaign(E, much, SUP_TRY, &t) == -ENAMETOOLONG);
	EXPECT(fnd_election_proclaim(E, 1, much) == -ENAMETOOLONG);
	EXPECT(fnd_election_proclaim(NULL, 1, "") == -EINVAL);
	EXPECT(fnd_election_resign("", 1) == -EINVAL);
	EXPECT(fnd_election_leader("", &l) == -EINVAL);
	EXPECT(fnd_election_waiting("", &n) == -EINVAL);
	EXPECT(fnd_election_observe("") == -EINVAL);
	EXPECT(fnd_election_unobserve(name) == -ENAMETOOLONG);
	/* What has just the length passes. */
	name[FND_NAME_MAX] = '\0';
	much[FND_PROCLAIMED_MAX] = '\0';
	EXPECT(!fnd_election_campaign(name, much, SUP_TRY, &t));
	EXPECT(!fnd_election_leader(name, &l));
	EXPECT(!strcmp(l.name, name) && !strcmp(l.proclaimed, much));
	return 0;
}

static void a_leader_is_elected_and_resigns(void **state)
{
	struct fnd_leader l;
	uint64_t term;

	(void)state;
	run_with(is_elected_and_resigns, NULL);
	assert_int_equal(fnd_election_leader(E, &l), -ENOENT);
	assert_int_equal(fnd_election_leader("other", &l), -ENOENT);
	run_with(asks_for_nonsense, NULL);
	assert_int_equal(fnd_election_campaign(E, "", LONG, &term), -EPERM);
	assert_int_equal(fnd_election_proclaim(E, 1, ""), -EPERM);
	assert_int_equal(fnd_election_resign(E, 1), -EPERM);
	assert_int_equal(fnd_election_observe(E), -EPERM);
	assert_int_equal(fnd_election_unobserve(E), -EPERM);
}

static int tries(void *arg)
{
	int64_t begin = now();
	uint64_t term;

	(void)arg;
	EXPECT(fnd_election_campaign(E, "", SUP_TRY, &term) == -EAGAIN);
	EXPECT(fnd_election_campaign(E, "", sup_deadline_ms(50), &term) ==
	       -ETIMEDOUT);
	EXPECT(now() - begin >= INT64_C(50000000));
	return 0;
}

static void one_leads(void **state)
{
	struct fnd_leader l;
	struct sup_pid a;
	uint64_t term;

	(void)state;
	a = start_leader("a", &term);
	run_with(tries, NULL);
	await_waiting(0);
	kill_and_wait(a);
	/* Its entry goes before its end is told. */
	assert_int_equal(fnd_election_leader(E, &l), -ENOENT);
}

struct terms {
	int n;			/* who leads */
	uint64_t last;
	_Atomic int count;
};

static int leads_for_a_while(int nth, void *arg)
{
	struct terms *terms = arg;
	uint64_t term;
	int i;

	(void)nth;
	for (i = 0; i < SLOWLY(100); i++) {
		EXPECT(!fnd_election_campaign(E, "", LONG, &term));
		EXPECT(++terms->n == 1);
		EXPECT(term > terms->last);
		terms->last = term;
		sup_checkpoint();
		terms->n--;
		atomic_fetch_add(&terms->count, 1);
		EXPECT(!fnd_election_resign(E, term));
	}
	return 0;
}

static void sixteen_lead_one_by_one(void **state)
{
	struct terms terms = { .n = 0 };

	(void)state;
	assert_int_equal(crowd(16, leads_for_a_while, &terms), 16);
	assert_int_equal(terms.count, 16 * SLOWLY(100));
}

/* Of eight who wait the second and the last end before it is their turn. */
static void failover_to_who_came_first(void **state)
{
	struct sup_pid a, pids[8];
	struct fnd_leader l;
	uint64_t term;
	size_t i;

	(void)state;
	a = start_leader("a", &term);
	for (i = 0; i < N_OF(pids); i++) {
		pids[i] = start(leads, "");
		await_waiting(i + 1);
	}
	kill_and_wait(pids[1]);
	kill_and_wait(pids[7]);
	await_waiting(6);
	kill_and_wait(a);
	for (i = 0; i < 7; i++) {
		if (i == 1)
			continue;
		await_leader(pids[i], &l);
		assert_true(l.term > term);
		term = l.term;
		kill_and_wait(pids[i]);
	}
	assert_int_equal(fnd_election_leader(E, &l), -ENOENT);
}

/* The next message of the calling task; ends of its children are none. */
static int next_message(struct sup_info *ret_info, int64_t deadline)
{
	int ret;

	do
		ret = sup_receive(ret_info, deadline);
	while (!ret && ret_info->kind == SUP_INFO_EXIT);
	return ret;
}

/* It must be of an election. */
static bool is_told(struct fnd_leader *ret_leader)
{
	struct sup_info info;
	bool good;

	if (next_message(&info, LONG))
		return false;
	good = info.kind == SUP_INFO_MSG && info.msg.tag == FND_ELECTION &&
	       info.msg.len == sizeof(*ret_leader);
	if (good)
		memcpy(ret_leader, info.msg.data, sizeof(*ret_leader));
	sup_msg_free(&info.msg);
	return good;
}

static bool is_told_of(struct sup_pid pid, uint64_t *term, const char *what)
{
	struct fnd_leader l;
	bool good;

	good = is_told(&l) && l.pid.v == pid.v && !strcmp(l.name, E) &&
	       !strcmp(l.proclaimed, what);
	/* Nobody has no term, and another one a greater one. */
	good = good && (pid.v ? l.term >= *term : !l.term);
	if (good && pid.v)
		*term = l.term;
	return good;
}

static bool is_told_nothing(void)
{
	struct sup_info info;

	return next_message(&info, SUP_TRY) == -ETIMEDOUT;
}

static int proclaims_three_times(void *arg)
{
	uint64_t term;

	(void)arg;
	EXPECT(!fnd_election_campaign(E, "0", LONG, &term));
	EXPECT(!fnd_election_proclaim(E, term, "1"));
	EXPECT(!fnd_election_proclaim(E, term, "2"));
	EXPECT(!fnd_election_resign(E, term));
	return 0;
}

static int observes(void *arg)
{
	struct sup_pid none = SUP_PID_NONE, a, b, c;
	uint64_t term = 0, before;

	(void)arg;
	EXPECT(!fnd_election_observe(E));
	EXPECT(is_told_of(none, &term, ""));
	/* Each change, and in order. */
	a = start(proclaims_three_times, NULL);
	EXPECT(is_told_of(a, &term, "0"));
	before = term;
	EXPECT(is_told_of(a, &term, "1"));
	EXPECT(is_told_of(a, &term, "2"));
	EXPECT(term == before);
	EXPECT(is_told_of(none, &term, ""));
	/* A leader that ends, and who takes its place. */
	b = start(leads, "b");
	EXPECT(is_told_of(b, &term, "b"));
	EXPECT(term > before);
	before = term;
	c = start(leads, "c");
	await_waiting(1);
	kill_and_wait(b);
	EXPECT(is_told_of(c, &term, "c"));
	EXPECT(term > before);
	EXPECT(!fnd_election_observe(E));
	EXPECT(is_told_of(c, &term, "c"));
	kill_and_wait(c);
	EXPECT(is_told_of(none, &term, ""));
	EXPECT(!fnd_election_unobserve(E));
	EXPECT(!fnd_election_unobserve(E));
	EXPECT(!fnd_election_campaign(E, "", LONG, &term));
	EXPECT(!fnd_election_proclaim(E, term, "x"));
	EXPECT(is_told_nothing());
	return 0;
}

static void observers_are_told_of_each_change(void **state)
{
	(void)state;
	run_with(observes, NULL);
}

static _Atomic int proclaimed;

static int proclaims_much(void *arg)
{
	struct sup_info info;
	uint64_t term;
	char what[16];
	int i;

	(void)arg;
	EXPECT(!fnd_election_campaign(E, "0", LONG, &term));
	for (i = 1; i <= 100; i++) {
		snprintf(what, sizeof(what), "%d", i);
		EXPECT(!fnd_election_proclaim(E, term, what));
	}
	atomic_store(&proclaimed, i);
	return sup_receive(&info, SUP_FOREVER);
}

/* Has room for two messages, and reads but when all has been proclaimed. */
static int is_slow(void *arg)
{
	struct fnd_leader l;
	int last = -1;

	(void)arg;
	EXPECT(!fnd_election_observe(E));
	while (!atomic_load(&proclaimed))
		sup_checkpoint();
	do {
		EXPECT(is_told(&l));
		EXPECT(!l.pid.v || atoi(l.proclaimed) > last);
		if (l.pid.v)
			last = atoi(l.proclaimed);
	} while (last < 100);
	EXPECT(!fnd_election_observe(E));
	EXPECT(is_told(&l) && atoi(l.proclaimed) == 100);
	return 0;
}

static void who_has_no_room_holds_up_nobody_and_learns_the_newest(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = is_slow, .mailbox = 2,
	};
	struct sup_pid slow, leader;

	(void)state;
	atomic_store(&proclaimed, 0);
	assert_int_equal(sup_thread_start(&spec, &slow), 0);
	leader = start(proclaims_much, NULL);
	assert_int_equal(end_of(slow).kind, SUP_REASON_NORMAL);
	kill_and_wait(leader);
}

static int has_no_room(void *arg)
{
	struct sup_msg msg = { .tag = 7 };
	struct sup_info info;

	(void)arg;
	EXPECT(!sup_send(sup_self(), &msg, SUP_TRY));
	EXPECT(!sup_send(sup_self(), &msg, SUP_TRY));
	EXPECT(fnd_election_observe(E) == -EAGAIN);
	EXPECT(!sup_receive(&info, SUP_TRY) && info.msg.tag == 7);
	EXPECT(!sup_receive(&info, SUP_TRY) && info.msg.tag == 7);
	kill_and_wait(start(leads, ""));
	EXPECT(is_told_nothing());
	return 0;
}

static void who_has_no_room_does_not_begin_to_observe(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = has_no_room, .mailbox = 2,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	assert_int_equal(end_of(pid).code, 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
}

static int waits_in_vain(void *arg)
{
	uint64_t term;

	(void)arg;
	return fnd_election_campaign(E, "", LONG, &term) == -EPIPE ? 0 : -1;
}

static int sees_a_restart(void *arg)
{
	struct sup_pid none = SUP_PID_NONE, a, b;
	uint64_t term = 0, before, resigned;
	struct fnd_leader l;

	(void)arg;
	EXPECT(!fnd_election_observe(E));
	EXPECT(is_told_of(none, &term, ""));
	a = start(leads, "a");
	EXPECT(is_told_of(a, &term, "a"));
	before = term;
	b = start(waits_in_vain, NULL);
	await_waiting(1);
	restart_by_kill(ELECTIONS);
	EXPECT(end_of(b).kind == SUP_REASON_NORMAL);
	/* Told again by the new one, who knows of the term and the observer. */
	EXPECT(is_told_of(a, &term, "a"));
	EXPECT(term == before);
	EXPECT(!fnd_election_leader(E, &l));
	EXPECT(l.pid.v == a.v && l.term == before);
	b = start(leads, "b");
	await_waiting(1);
	kill_and_wait(a);
	EXPECT(is_told_of(b, &term, "b"));
	EXPECT(term > before);
	kill_and_wait(b);
	EXPECT(is_told_of(none, &term, ""));
	EXPECT(!fnd_election_campaign(E, "me", LONG, &term));
	EXPECT(is_told_of(sup_self(), &term, "me"));
	restart_by_kill(ELECTIONS);
	EXPECT(is_told_of(sup_self(), &term, "me"));
	EXPECT(!fnd_election_proclaim(E, term, "still me"));
	EXPECT(is_told_of(sup_self(), &term, "still me"));
	resigned = term;
	EXPECT(!fnd_election_resign(E, term));
	EXPECT(is_told_of(none, &term, ""));
	EXPECT(!fnd_election_campaign(E, "", SUP_TRY, &term));
	EXPECT(term > resigned);
	return 0;
}

static void a_leader_and_observers_outlive_the_service(void **state)
{
	(void)state;
	run_with(sees_a_restart, NULL);
}

/* While there is none, a leader ends, or resigns; it is started by hand. */
static int does_without(void *arg)
{
	struct sup_pid none = SUP_PID_NONE, a, service;
	uint64_t term = 0, mine;
	struct fnd_leader l;

	(void)arg;
	EXPECT(fnd_election_campaign(E, "", LONG, &mine) == -ENOTCONN);
	EXPECT(fnd_election_observe(E) == -ENOTCONN);
	EXPECT(!fnd_election_unobserve(E));
	EXPECT(fnd_election_leader(E, &l) == -ENOENT);
	EXPECT(!fnd_elections_start(NULL, &service));
	EXPECT(fnd_elections_start(NULL, &a) == -EEXIST && a.v == service.v);
	EXPECT(!fnd_election_observe(E));
	EXPECT(!fnd_election_observe("mine"));
	EXPECT(is_told_of(none, &term, ""));
	EXPECT(is_told(&l) && !strcmp(l.name, "mine"));
	EXPECT(!fnd_election_campaign("mine", "", LONG, &mine));
	EXPECT(is_told(&l) && l.pid.v == sup_self().v);
	a = start(leads, "a");
	EXPECT(is_told_of(a, &term, "a"));
	kill_and_wait(service);
	EXPECT(!fnd_election_leader(E, &l) && l.pid.v == a.v);
	EXPECT(fnd_election_proclaim("mine", mine, "x") == -ENOTCONN);
	EXPECT(fnd_election_resign("mine", mine + 1) == -EPERM);
	EXPECT(!fnd_election_resign("mine", mine));
	EXPECT(fnd_election_leader("mine", &l) == -ENOENT);
	EXPECT(!fnd_election_unobserve("mine"));
	kill_and_wait(a);
	EXPECT(fnd_election_leader(E, &l) == -ENOENT);
	EXPECT(is_told_nothing());
	EXPECT(!fnd_elections_start(NULL, &service));
	EXPECT(is_told_of(none, &term, ""));
	EXPECT(is_told_nothing());
	return 0;
}

static void no_service(void **state)
{
	(void)state;
	run_with(does_without, NULL);
}

/* Whether it leads, by this term. */
static bool it_leads(uint64_t term)
{
	struct fnd_leader l;

	return !fnd_election_leader(E, &l) && l.pid.v == sup_self().v &&
	       l.term == term;
}

/* Of each call in turn every allocation fails: what it says is so. */
static int has_little_memory(void *arg)
{
	unsigned int *tries = arg, n;
	struct fnd_leader l;
	uint64_t term = 0;
	bool failed;
	int ret;

	for (n = 1, failed = true; failed; n++, ++*tries) {
		fail_nth(n);
		ret = fnd_election_campaign(E, "0", LONG, &term);
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
		EXPECT(it_leads(term) == !ret);
		EXPECT(ret || !fnd_election_resign(E, term));
	}
	EXPECT(!fnd_election_campaign(E, "0", LONG, &term));
	for (n = 1, failed = true; failed; n++, ++*tries) {
		EXPECT(!fnd_election_proclaim(E, term, "old"));
		fail_nth(n);
		ret = fnd_election_proclaim(E, term, "new");
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
		EXPECT(!fnd_election_leader(E, &l));
		EXPECT(!strcmp(l.proclaimed, ret ? "old" : "new"));
	}
	for (n = 1, failed = true; failed; n++, ++*tries) {
		fail_nth(n);
		ret = fnd_election_resign(E, term);
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
		EXPECT(it_leads(term) == !!ret);
		EXPECT(ret || !fnd_election_campaign(E, "", LONG, &term));
	}
	for (n = 1, failed = true; failed; n++, ++*tries) {
		fail_nth(n);
		ret = fnd_election_observe(E);
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
		EXPECT(!fnd_election_proclaim(E, term, "x"));
		EXPECT(ret || (is_told(&l) && is_told(&l)));
		EXPECT(is_told_nothing());
		EXPECT(ret || !fnd_election_unobserve(E));
	}
	return 0;
}

static void want_of_memory(void **state)
{
	unsigned int tries = 0;

	(void)state;
	run_with(has_little_memory, &tries);
	assert_true(tries > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(a_leader_is_elected_and_resigns),
		SERVICE_CASE(one_leads),
		SERVICE_CASE(sixteen_lead_one_by_one),
		SERVICE_CASE(failover_to_who_came_first),
		SERVICE_CASE(observers_are_told_of_each_change),
		SERVICE_CASE(
		    who_has_no_room_holds_up_nobody_and_learns_the_newest),
		SERVICE_CASE(who_has_no_room_does_not_begin_to_observe),
		SERVICE_CASE(a_leader_and_observers_outlive_the_service),
		SERVICE_CASE(want_of_memory),
		CASE(no_service),
	};

	return RUN_TESTS(tests);
}
