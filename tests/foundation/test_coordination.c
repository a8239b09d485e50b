/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks, barriers and counters, over the back end of this process. */
#include "locks.h"

#define BARRIERS "fnd_barriers"

static int64_t now(void)
{
	return sup_deadline_ms(0);
}

static int takes_and_gives_back(void *arg)
{
	struct sup_pid pid;
	uint64_t a, b, has;

	(void)arg;
	EXPECT(fnd_lock_holder("l", &pid, &has) == -ENOENT);
	EXPECT(!fnd_lock_acquire("l", SUP_TRY, &a));
	EXPECT(!fnd_lock_holder("l", &pid, &has));
	EXPECT(pid.v == sup_self().v && has == a);
	EXPECT(fnd_lock_acquire("l", SUP_TRY, &b) == -EDEADLK);
	EXPECT(!fnd_lock_acquire("m", SUP_TRY, &b));
	EXPECT(b > a);
	EXPECT(fnd_lock_release("l", b) == -EPERM);
	EXPECT(fnd_lock_release("l", a + 1) == -EPERM);
	EXPECT(!fnd_lock_release("l", a));
	EXPECT(fnd_lock_release("l", a) == -EPERM);
	EXPECT(!fnd_lock_acquire("l", SUP_TRY, &has));
	EXPECT(has > b);
	EXPECT(fnd_lock_release("l", a) == -EPERM);
	EXPECT(!fnd_lock_release("l", has));
	EXPECT(fnd_lock_acquire("", SUP_TRY, &a) == -EINVAL);
	EXPECT(fnd_lock_release(NULL, 1) == -EINVAL);
	/* "m" goes with us. */
	return 0;
}

static void a_lock_is_its_holders_alone(void **state)
{
	uint64_t token;

	(void)state;
	run_with(takes_and_gives_back, NULL);
	assert_int_equal(fnd_lock_holder("m", NULL, NULL), -ENOENT);
	assert_int_equal(fnd_lock_acquire("l", LONG, &token), -EPERM);
	assert_int_equal(fnd_lock_release("l", 1), -EPERM);
}

static int tries(void *arg)
{
	uint64_t token;
	int64_t begin = now();

	(void)arg;
	EXPECT(fnd_lock_acquire("l", SUP_TRY, &token) == -EAGAIN);
	EXPECT(fnd_lock_acquire("l", sup_deadline_ms(50), &token) ==
	       -ETIMEDOUT);
	EXPECT(now() - begin >= INT64_C(50000000));
	EXPECT(!fnd_lock_acquire("other", SUP_TRY, &token));
	return 0;
}

static void a_lock_excludes(void **state)
{
	struct sup_pid a;
	uint64_t token;

	(void)state;
	a = holder(&token);
	run_with(tries, NULL);
	kill_and_wait(a);
	/* Free before the end of a is told, but passed on when it is. */
	assert_int_equal(fnd_lock_holder("l", NULL, NULL), -ENOENT);
}

struct inside {
	int n, most;		/* under the lock */
	uint64_t last_token;
	_Atomic int count;
};

static int goes_in(int nth, void *arg)
{
	struct inside *in = arg;
	uint64_t token;
	int i;

	(void)nth;
	for (i = 0; i < SLOWLY(200); i++) {
		EXPECT(!fnd_lock_acquire("l", LONG, &token));
		EXPECT(++in->n == 1);
		EXPECT(token > in->last_token);
		in->last_token = token;
		sup_checkpoint();
		in->n--;
		atomic_fetch_add(&in->count, 1);
		EXPECT(!fnd_lock_release("l", token));
	}
	return 0;
}

static void sixteen_go_in_one_by_one(void **state)
{
	struct inside in = { .n = 0 };

	(void)state;
	assert_int_equal(crowd(16, goes_in, &in), 16);
	assert_int_equal(in.count, 16 * SLOWLY(200));
}

struct line {
	_Atomic int came, went;
	_Atomic bool right;
};

static int stands_in_line(void *arg)
{
	struct line *line = arg;
	int mine = atomic_fetch_add(&line->came, 1);
	uint64_t token;

	EXPECT(!fnd_lock_acquire("l", LONG, &token));
	if (atomic_fetch_add(&line->went, 1) != mine)
		atomic_store(&line->right, false);
	EXPECT(!fnd_lock_release("l", token));
	return 0;
}

static int is_refused(void *arg)
{
	uint64_t token;

	(void)arg;
	return fnd_lock_acquire("l", SUP_TRY, &token) == -EAGAIN ? 0 : -1;
}

static void await_waiting(int (*f)(const char *name, unsigned int *ret_n),
			  const char *name, unsigned int n)
{
	int64_t limit = LONG;
	unsigned int waiting;

	do {
		assert_int_equal(f(name, &waiting), 0);
		assert_true(now() < limit);
	} while (waiting != n);
}

static void who_waits_gets_it_in_order(void **state)
{
	struct line line = { .right = true };
	struct sup_pid a, pids[8];
	uint64_t token;
	size_t i;

	(void)state;
	a = holder(&token);
	for (i = 0; i < N_OF(pids); i++) {
		pids[i] = start(stands_in_line, &line);
		await_waiting(fnd_lock_waiting, "l", i + 1);
	}
	kill_and_wait(a);
	for (i = 0; i < N_OF(pids); i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	assert_true(line.right);
}

/* Who waits is killed, or gives up: the one behind it is not forgotten. */
static void who_ends_while_it_waits_is_passed_over(void **state)
{
	struct line line = { .right = true };
	struct sup_pid a, b, c;
	uint64_t token;

	(void)state;
	a = holder(&token);
	b = start(stands_in_line, &line);
	await_waiting(fnd_lock_waiting, "l", 1);
	atomic_store(&line.came, 0);
	c = start(stands_in_line, &line);
	await_waiting(fnd_lock_waiting, "l", 2);
	kill_and_wait(b);
	await_waiting(fnd_lock_waiting, "l", 1);
	kill_and_wait(a);
	assert_int_equal(end_of(c).kind, SUP_REASON_NORMAL);
	assert_true(line.right);
}

static int keeps_it_over_a_restart(void *arg)
{
	uint64_t token, has;
	struct sup_pid pid;

	(void)arg;
	EXPECT(!fnd_lock_acquire("l", SUP_TRY, &token));
	restart_by_kill(LOCKS);
	EXPECT(!fnd_lock_holder("l", &pid, &has));
	EXPECT(pid.v == sup_self().v && has == token);
	run_with(is_refused, NULL);
	EXPECT(!fnd_lock_release("l", token));
	EXPECT(!fnd_lock_acquire("l", SUP_TRY, &has));
	EXPECT(has > token);
	return 0;
}

static void a_lock_outlives_its_service(void **state)
{
	struct sup_pid a;
	uint64_t token;

	(void)state;
	run_with(keeps_it_over_a_restart, NULL);
	a = holder(&token);
	restart_by_kill(LOCKS);
	kill_and_wait(a);
	a = holder(&token);
	kill_and_wait(a);
}

/* Takes it as often as it gets it, whatever becomes of the server. */
static int goes_in_anyhow(int nth, void *arg)
{
	struct inside *in = arg;
	uint64_t token;
	int ret, i;

	for (i = 0; !nth && i < 5; i++)
		restart_by_kill(LOCKS);
	if (!nth)
		atomic_store(&in->count, -1);
	while (atomic_load(&in->count) >= 0) {
		ret = fnd_lock_acquire("l", LONG, &token);
		if (ret == -EPIPE || ret == -ENOTCONN) {
			await_service(LOCKS);
			continue;
		}
		EXPECT(!ret);
		EXPECT(++in->n == 1);
		EXPECT(token > in->last_token);
		in->last_token = token;
		in->n--;
		EXPECT(!fnd_lock_release("l", token));
	}
	return 0;
}

static void nobody_gets_in_beside_another_while_it_restarts(void **state)
{
	struct inside in = { .n = 0 };

	(void)state;
	assert_int_equal(crowd(8, goes_in_anyhow, &in), 8);
	assert_int_equal(fnd_lock_holder("l", NULL, NULL), -ENOENT);
}

static int wants_a_lock(void *arg)
{
	uint64_t token;

	(void)arg;
	return fnd_lock_acquire("l", LONG, &token) == -ENOTCONN ? 0 : -1;
}

static int waits_in_vain(void *arg)
{
	uint64_t token;

	(void)arg;
	return fnd_lock_acquire("l", LONG, &token) == -EPIPE ? 0 : -1;
}

/* Whom it has counted waits no more, and is not waited for. */
static void a_service_that_ended_while_one_waited(void **state)
{
	struct sup_pid service, a, b;
	uint64_t token;

	(void)state;
	assert_int_equal(fnd_locks_start(NULL, &service), 0);
	a = holder(&token);
	b = start(waits_in_vain, NULL);
	await_waiting(fnd_lock_waiting, "l", 1);
	kill_and_wait(service);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
	run_with(is_refused, NULL);
	run_with(wants_a_lock, NULL);
	kill_and_wait(a);
	run_with(takes_and_gives_back, NULL);
}

/* Only who has to wait needs it. */
static void no_service(void **state)
{
	struct sup_pid a;
	uint64_t token;

	(void)state;
	run_with(takes_and_gives_back, NULL);
	a = holder(&token);
	run_with(is_refused, NULL);
	run_with(wants_a_lock, NULL);
	kill_and_wait(a);
	assert_int_equal(fnd_barrier_wait("b", 1, LONG, NULL), -ENOTCONN);
}

/* Check 7, for those who come one by one and, upstream's fault, at once. */
static int comes(int nth, void *arg)
{
	unsigned int n = *(unsigned int *)arg;
	int i;

	(void)nth;
	for (i = 0; i < SLOWLY(100); i++)
		EXPECT(!fnd_barrier_wait("b", n, LONG, NULL));
	return 0;
}

static void check_7_simultaneous_barrier_and_reuse(void **state)
{
	unsigned int n = 8;

	(void)state;
	assert_int_equal(crowd(n, comes, &n), n);
	n = 3;
	assert_int_equal(crowd(n, comes, &n), n);
	assert_int_equal(fnd_barrier_wait("b", 1, SUP_TRY, NULL), 0);
}

static void check_7_barrier_with_one_of_three(void **state)
{
	unsigned int arrived = 99;
	int64_t begin = now();

	(void)state;
	assert_int_equal(fnd_barrier_wait("b", 3, sup_deadline_ms(100),
					  &arrived), -ETIMEDOUT);
	assert_int_equal(arrived, 1);
	assert_true(now() - begin >= INT64_C(100000000));
	assert_true(now() - begin < INT64_C(5000000000));
	assert_int_equal(fnd_barrier_wait("b", 0, LONG, NULL), -EINVAL);
	assert_int_equal(fnd_barrier_wait("", 1, LONG, NULL), -EINVAL);
}

static int waits_at_three(void *arg)
{
	(void)arg;
	return fnd_barrier_wait("b", 3, LONG, NULL);
}

static void a_participant_that_ends_has_not_come(void **state)
{
	struct sup_pid a = start(waits_at_three, NULL);
	struct sup_pid b = start(waits_at_three, NULL);
	unsigned int arrived = 0;

	(void)state;
	await_waiting(fnd_barrier_waiting, "b", 2);
	assert_int_equal(fnd_barrier_wait("b", 4, LONG, &arrived), -EINVAL);
	kill_and_wait(b);
	/* Others are told of its end in no order. */
	await_waiting(fnd_barrier_waiting, "b", 1);
	assert_int_equal(fnd_barrier_wait("b", 3, sup_deadline_ms(50),
					  &arrived), -ETIMEDOUT);
	assert_int_equal(arrived, 2);
	b = start(waits_at_three, NULL);
	assert_int_equal(fnd_barrier_wait("b", 3, LONG, NULL), 0);
	assert_int_equal(end_of(a).kind, SUP_REASON_NORMAL);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
}

static int comes_in_vain(void *arg)
{
	(void)arg;
	return fnd_barrier_wait("b", 2, LONG, NULL) == -EPIPE ? 0 : -1;
}

static void a_barrier_begins_anew_with_its_service(void **state)
{
	struct sup_pid pid = start(comes_in_vain, NULL);

	(void)state;
	await_waiting(fnd_barrier_waiting, "b", 1);
	restart_by_kill(BARRIERS);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	await_waiting(fnd_barrier_waiting, "b", 0);
	assert_int_equal(fnd_barrier_wait("b", 1, LONG, NULL), 0);
}

/* Kills the server of barriers in the midst of letting all go. */
static _Atomic bool strikes;

int __real_sup_demonitor(struct sup_ref ref, bool flush);
int __wrap_sup_demonitor(struct sup_ref ref, bool flush);

int __wrap_sup_demonitor(struct sup_ref ref, bool flush)
{
	if (sup_self().v == sup_whereis(BARRIERS).v &&
	    atomic_exchange(&strikes, false))
		sup_kill(sup_self(), SUP_TRY);
	return __real_sup_demonitor(ref, flush);
}

static void nobody_passes_a_barrier_alone(void **state)
{
	struct sup_pid server = sup_whereis(BARRIERS);
	struct sup_pid a = start(waits_at_three, NULL);
	struct sup_pid b = start(waits_at_three, NULL);

	(void)state;
	await_waiting(fnd_barrier_waiting, "b", 2);
	atomic_store(&strikes, true);
	assert_int_equal(fnd_barrier_wait("b", 3, LONG, NULL), 0);
	assert_int_equal(end_of(a).kind, SUP_REASON_NORMAL);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
	assert_int_equal(end_of(server).kind, SUP_REASON_KILLED);
}

static int counts(int nth, void *arg)
{
	int64_t value;
	int i;

	(void)nth;
	(void)arg;
	for (i = 0; i < 1000; i++)
		EXPECT(!fnd_counter_add("c", 1, &value));
	return 0;
}

static void check_7_counters(void **state)
{
	int64_t v = 99;

	(void)state;
	assert_int_equal(fnd_counter_get("c", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(fnd_counter_add("c", 10, &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(fnd_counter_add("c", -3, &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(fnd_counter_get("c", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(fnd_counter_add("c", INT64_MAX, &v), -EOVERFLOW);
	assert_int_equal(fnd_counter_get("c", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(fnd_counter_remove("c"), 0);
	assert_int_equal(fnd_counter_remove("c"), -ENOENT);
	assert_int_equal(fnd_counter_add("", 1, NULL), -EINVAL);
	/* A fresh one, by twenty at once, who are gone then. */
	assert_int_equal(crowd(20, counts, NULL), 20);
	assert_int_equal(fnd_counter_add("c", 0, &v), 0);
	assert_int_equal(v, 20000);
	assert_int_equal(fnd_counter_remove("c"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(a_lock_is_its_holders_alone),
		SERVICE_CASE(a_lock_excludes),
		SERVICE_CASE(sixteen_go_in_one_by_one),
		SERVICE_CASE(who_waits_gets_it_in_order),
		SERVICE_CASE(who_ends_while_it_waits_is_passed_over),
		SERVICE_CASE(a_lock_outlives_its_service),
		SERVICE_CASE(nobody_gets_in_beside_another_while_it_restarts),
		CASE(no_service),
		CASE(a_service_that_ended_while_one_waited),
		SERVICE_CASE(check_7_simultaneous_barrier_and_reuse),
		SERVICE_CASE(check_7_barrier_with_one_of_three),
		SERVICE_CASE(a_participant_that_ends_has_not_come),
		SERVICE_CASE(a_barrier_begins_anew_with_its_service),
		SERVICE_CASE(nobody_passes_a_barrier_alone),
		CASE(check_7_counters),
	};

	return RUN_TESTS(tests);
}
