/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools: who gets which connection when, and what becomes of it. */
#include "pool.h"

static struct side other_side;

static int takes_one_twice(void *arg)
{
	struct fnd_lease a, b;

	(void)arg;
	EXPECT(fnd_pool_checkout("p", SUP_TRY, &a) == -EAGAIN);
	EXPECT(!fnd_pool_checkout("p", LONG, &a));
	EXPECT(!fnd_pool_checkout("p", LONG, &b));
	EXPECT(a.connection != b.connection && a.token != b.token);
	EXPECT(!fnd_pool_checkin("p", &a));
	EXPECT(fnd_pool_checkin("p", &a) == -EPERM);
	EXPECT(!fnd_pool_checkin("p", &b));
	/* The one that was used last. */
	EXPECT(!fnd_pool_checkout("p", SUP_TRY, &a));
	EXPECT(a.connection == b.connection);
	EXPECT(a.token != b.token);
	EXPECT(fnd_pool_discard("p", &b) == -EPERM);
	EXPECT(!fnd_pool_discard("p", &a));
	EXPECT(!fnd_pool_checkout("p", LONG, &a));
	EXPECT(a.connection == &side.connections[0]);
	EXPECT(!fnd_pool_checkin("p", &a));
	return 0;
}

static void connections_are_used_again(void **state)
{
	(void)state;
	open_one("p", &side, 2, FND_POOL_NONE, false);
	run_with(takes_one_twice, NULL);
	assert_int_equal(side.made, 2);
	AWAIT(status().closed == 1);
	assert_int_equal(status().idle, 1);
	close_all();
	assert_int_equal(fnd_pool_close("p", LONG), -ENOENT);
}

/* Has one until it is told to end. */
static int has_one(void *arg)
{
	struct fnd_lease lease;

	EXPECT(!fnd_pool_checkout("p", LONG, &lease));
	if (arg)
		atomic_store((void *_Atomic *)arg, lease.connection);
	return stays(NULL);
}

static struct sup_pid holder(void)
{
	void *_Atomic connection = NULL;
	struct sup_pid pid = start(has_one, &connection);

	AWAIT(atomic_load(&connection));
	return pid;
}

static int is_told(void *arg)
{
	struct fnd_lease lease;

	return fnd_pool_checkout("p", *(int *)arg == -ETIMEDOUT ?
				 sup_deadline_ms(20) : LONG, &lease) ==
		*(int *)arg ? 0 : -1;
}

static int takes_and_gives_back(void *arg)
{
	struct fnd_lease lease;

	EXPECT(!fnd_pool_checkout("p", LONG, &lease));
	if (arg)
		*(void **)arg = lease.connection;
	EXPECT(!fnd_pool_checkin("p", &lease));
	return 0;
}

static int gives_back_when_told(void *arg)
{
	struct fnd_lease lease;
	struct sup_info info;

	EXPECT(!fnd_pool_checkout("p", LONG, &lease));
	atomic_fetch_add((_Atomic int *)arg, 1);
	EXPECT(!sup_receive(&info, SUP_FOREVER));
	EXPECT(!fnd_pool_checkin("p", &lease));
	return 0;
}

static void there_are_no_more_than_allowed(void **state)
{
	struct sup_msg go = { .tag = 1 };
	int late = -ETIMEDOUT;
	_Atomic int have = 0;
	struct sup_pid pids[5];
	size_t i;

	(void)state;
	open_one("p", &side, 2, 3, false);
	for (i = 0; i < N_OF(pids); i++)
		pids[i] = start(gives_back_when_told, &have);
	AWAIT(atomic_load(&have) == N_OF(pids));
	assert_int_equal(status().held, 5);
	run_with(is_told, &late);
	assert_int_equal(side.made, 5);
	assert_int_equal(status().late, 1);
	assert_int_equal(status().waiting, 0);
	for (i = 0; i < N_OF(pids); i++) {
		assert_int_equal(sup_send(pids[i], &go, LONG), 0);
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	}
	/* What was too much is closed. */
	AWAIT(status().closed == 3);
	assert_int_equal(status().idle, 2);
	close_all();
}

static void who_waits_gets_what_is_given_back(void **state)
{
	struct sup_msg go = { .tag = 1 };
	struct sup_pid a, b, c;
	_Atomic int have = 0;
	void *got[2] = { NULL, NULL };

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	a = start(gives_back_when_told, &have);
	AWAIT(atomic_load(&have));
	b = start(takes_and_gives_back, &got[0]);
	AWAIT(status().waiting == 1);
	c = start(takes_and_gives_back, &got[1]);
	AWAIT(status().waiting == 2);
	assert_int_equal(sup_send(a, &go, LONG), 0);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
	assert_int_equal(end_of(c).kind, SUP_REASON_NORMAL);
	assert_ptr_equal(got[0], &side.connections[0]);
	assert_ptr_equal(got[1], &side.connections[0]);
	assert_int_equal(end_of(a).kind, SUP_REASON_NORMAL);
	close_all();
}

/* Upstream's fault: whatever one pool does delays the others. */
static int uses_the_other(void *arg)
{
	struct fnd_lease lease;

	(void)arg;
	EXPECT(!fnd_pool_checkout("other", LONG, &lease));
	EXPECT(!fnd_pool_checkin("other", &lease));
	return 0;
}

static void a_pool_does_not_wait_for_another(void **state)
{
	struct sup_pid waits;
	const char **names;
	size_t n;

	(void)state;
	open_one("p", &side, 2, FND_POOL_NONE, false);
	open_one("other", &other_side, 2, FND_POOL_NONE, false);
	atomic_store(&side.shut, 1);
	waits = start(takes_and_gives_back, NULL);
	AWAIT(atomic_load(&side.arrived) == 1);
	run_with(uses_the_other, NULL);
	assert_int_equal(fnd_pool_list(&names, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "p");
	assert_string_equal(names[1], "other");
	free(names);
	assert_int_equal(atomic_load(&side.arrived), 1);
	assert_true(sup_is_alive(waits));
	atomic_store(&side.shut, 0);
	assert_int_equal(end_of(waits).kind, SUP_REASON_NORMAL);
	close_all();
	assert_int_equal(fnd_pool_close("other", LONG), 0);
}

/* One that is given back serves who waits for another to be made. */
static void who_waits_for_a_slow_one_takes_what_comes_first(void **state)
{
	struct sup_msg go = { .tag = 1 };
	_Atomic int have = 0;
	struct sup_pid a, b;

	(void)state;
	open_one("p", &side, 2, FND_POOL_NONE, false);
	a = start(gives_back_when_told, &have);
	AWAIT(atomic_load(&have));
	atomic_store(&side.shut, 1);
	b = start(takes_and_gives_back, NULL);
	AWAIT(atomic_load(&side.arrived) == 1);
	assert_int_equal(sup_send(a, &go, LONG), 0);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
	assert_int_equal(atomic_load(&side.arrived), 1);
	atomic_store(&side.shut, 0);
	AWAIT(status().idle == 2);
	assert_int_equal(end_of(a).kind, SUP_REASON_NORMAL);
	close_all();
}

static void who_ends_gives_its_connection_back(void **state)
{
	struct sup_pid a, b;
	void *got = NULL;

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, true);
	a = holder();
	b = start(takes_and_gives_back, &got);
	AWAIT(status().waiting == 1);
	kill_and_wait(a);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
	/* It was checked, for nobody knows how far its holder had come. */
	assert_ptr_equal(got, &side.connections[0]);
	assert_int_equal(side.checks, 1);
	atomic_store(&side.check_fails, -EIO);
	kill_and_wait(holder());
	run_with(takes_and_gives_back, &got);
	assert_ptr_equal(got, &side.connections[1]);
	close_all();
}

static void without_a_check_it_is_closed(void **state)
{
	struct sup_pid a, b;
	void *got = NULL;

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	a = holder();
	b = start(takes_and_gives_back, &got);
	AWAIT(status().waiting == 1);
	kill_and_wait(a);
	assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
	assert_ptr_equal(got, &side.connections[1]);
	close_all();
}

static void who_ends_while_it_waits_gets_none(void **state)
{
	struct sup_pid a, b;

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, true);
	a = holder();
	b = start(takes_and_gives_back, NULL);
	AWAIT(status().waiting == 1);
	kill_and_wait(b);
	AWAIT(status().waiting == 0);
	kill_and_wait(a);
	AWAIT(status().idle == 1);
	close_all();
}

static void each_is_checked_if_that_is_wanted(void **state)
{
	struct fnd_pool_options o = {
		.size = sizeof(o), .connections = 1, .make = make_one,
		.check = check_one, .close = close_one, .arg = &side,
		.check_ms = FND_POOL_ALWAYS,
	};
	int fails = -EAGAIN;

	(void)state;
	memset(&side, 0, sizeof(side));
	assert_int_equal(fnd_pool_open("p", &o), 0);
	run_with(takes_and_gives_back, NULL);
	assert_int_equal(side.checks, 0);
	run_with(takes_and_gives_back, NULL);
	run_with(takes_and_gives_back, NULL);
	assert_int_equal(side.checks, 2);
	assert_int_equal(side.made, 1);
	atomic_store(&side.check_fails, fails);
	run_with(takes_and_gives_back, NULL);
	assert_int_equal(side.made, 2);
	close_all();
}

static void that_none_can_be_made_is_told(void **state)
{
	int aborted = -ECONNABORTED;

	(void)state;
	open_one("p", &side, 2, FND_POOL_NONE, false);
	atomic_store(&side.make_fails, -EHOSTUNREACH);
	run_with(is_told, &aborted);
	run_with(is_told, &aborted);
	assert_int_equal(status().failed, 2);
	/* It is no number that make may return. */
	atomic_store(&side.make_fails, 7);
	run_with(is_told, &aborted);
	atomic_store(&side.make_fails, 0);
	run_with(takes_and_gives_back, NULL);
	close_all();
}

/* The job that makes it is killed with its supervisor. */
static void who_waits_for_a_killed_job_is_told(void **state)
{
	struct sup_pid waits;
	int aborted = -ECONNABORTED;

	(void)state;
	open_one("p", &side, 2, FND_POOL_NONE, false);
	atomic_store(&side.shut, 1);
	waits = start(is_told, &aborted);
	AWAIT(atomic_load(&side.arrived) == 1);
	restart_by_kill("fnd_tasks");
	assert_int_equal(end_of(waits).kind, SUP_REASON_NORMAL);
	assert_int_equal(status().failed, 1);
	atomic_store(&side.shut, 0);
	run_with(takes_and_gives_back, NULL);
	close_all();
}

static void closing_waits_for_who_has_one(void **state)
{
	struct sup_msg go = { .tag = 1 };
	int closed = -ESHUTDOWN;
	struct sup_pid a, b;
	_Atomic int have = 0;

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	a = start(gives_back_when_told, &have);
	AWAIT(atomic_load(&have));
	b = start(takes_and_gives_back, NULL);
	AWAIT(status().waiting == 1);
	assert_int_equal(fnd_pool_close("p", SUP_TRY), -EAGAIN);
	assert_int_equal(end_of(b).kind, SUP_REASON_EXIT);
	run_with(is_told, &closed);
	assert_int_equal(fnd_pool_close("p", sup_deadline_ms(20)),
			 -ETIMEDOUT);
	assert_int_equal(side.closed, 0);
	assert_int_equal(sup_send(a, &go, LONG), 0);
	/* It may have been closed before we come. */
	AWAIT(fnd_pool_close("p", LONG) == -ENOENT);
	assert_int_equal(end_of(a).kind, SUP_REASON_NORMAL);
	assert_int_equal(side.closed, 1);
}

static int keeps_it_over_a_restart(void *arg)
{
	struct fnd_lease a, b, c;

	(void)arg;
	EXPECT(!fnd_pool_checkout("p", LONG, &a));
	EXPECT(!fnd_pool_checkout("p", LONG, &b));
	EXPECT(!fnd_pool_checkout("p", LONG, &c));
	EXPECT(!fnd_pool_checkin("p", &c));
	restart_by_kill("fnd_pools");
	EXPECT(status().held == 2 && status().idle == 1);
	EXPECT(!fnd_pool_checkin("p", &a));
	EXPECT(!fnd_pool_discard("p", &b));
	EXPECT(!fnd_pool_checkout("p", SUP_TRY, &b));
	EXPECT(b.connection == a.connection);
	EXPECT(!fnd_pool_checkin("p", &b));
	return 0;
}

static void a_pool_outlives_its_service(void **state)
{
	struct sup_pid a;

	(void)state;
	open_one("p", &side, 4, FND_POOL_NONE, true);
	run_with(keeps_it_over_a_restart, NULL);
	a = holder();
	restart_by_kill("fnd_pools");
	kill_and_wait(a);
	AWAIT(status().idle == 2);
	assert_int_equal(side.checks, 1);
	close_all();
}

/* What a killed server has begun the next one ends. */
static void work_outlives_the_service(void **state)
{
	struct sup_pid waits;

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, true);
	atomic_store(&side.shut, 1);
	waits = start(takes_and_gives_back, NULL);
	AWAIT(atomic_load(&side.arrived) == 1);
	restart_by_kill("fnd_pools");
	/* It was told by its call. */
	assert_int_equal(end_of(waits).kind, SUP_REASON_EXIT);
	assert_int_equal(status().making, 1);
	atomic_store(&side.shut, 0);
	AWAIT(status().idle == 1);
	assert_int_equal(side.made, 1);
	close_all();
}

static void told_to_end_it_closes_what_is_idle(void **state)
{
	struct sup_pid old;

	(void)state;
	open_one("p", &side, 2, FND_POOL_NONE, true);
	run_with(takes_and_gives_back, NULL);
	old = sup_whereis("fnd_pools");
	assert_int_equal(sup_server_stop(old, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(side.closed, 1);
	await_service("fnd_pools");
	assert_int_equal(status().idle, 0);
	run_with(takes_and_gives_back, NULL);
	close_all();
}

struct unserved {
	struct fnd_lease lease[2];
	_Atomic int step;
};

static int gives_back_unserved(void *arg)
{
	struct unserved *u = arg;
	struct sup_info info;

	EXPECT(!fnd_pool_checkout("p", LONG, &u->lease[0]));
	EXPECT(!fnd_pool_checkout("p", LONG, &u->lease[1]));
	atomic_store(&u->step, 1);
	EXPECT(!sup_receive(&info, SUP_FOREVER));
	EXPECT(!fnd_pool_checkin("p", &u->lease[0]));
	EXPECT(!fnd_pool_discard("p", &u->lease[1]));
	EXPECT(fnd_pool_checkin("p", &u->lease[0]) == -EPERM);
	atomic_store(&u->step, 2);
	return stays(NULL);
}

static void given_back_while_no_service_runs(void **state)
{
	struct sup_msg go = { .tag = 1 };
	struct unserved u = { .step = 0 };
	struct fnd_pool_options o = { .size = sizeof(o) };
	struct sup_pid a;

	(void)state;
	open_one("p", &side, 4, FND_POOL_NONE, true);
	a = start(gives_back_unserved, &u);
	AWAIT(atomic_load(&u.step) == 1);
	assert_int_equal(sup_terminate_child(foundation,
					     "connection_manager"), 0);
	assert_int_equal(fnd_pool_open("p", &o), -EINVAL);
	assert_int_equal(fnd_pool_close("p", LONG), -ENOTCONN);
	assert_int_equal(sup_send(a, &go, LONG), 0);
	AWAIT(atomic_load(&u.step) == 2);
	assert_int_equal(sup_restart_child(foundation, "connection_manager",
					   NULL), 0);
	AWAIT(status().idle == 1 && status().closed == 1);
	assert_int_equal(status().held, 0);
	assert_int_equal(side.checks, 1);
	kill_and_wait(a);
	close_all();
}

static int runs(const struct fnd_lease *lease, void *arg)
{
	struct connection *c = lease->connection;

	if (!atomic_load(&c->open))
		return -1;
	if (arg)
		EXPECT(!fnd_pool_discard("p", lease));
	return 42;
}

static int runs_with_one(void *arg)
{
	int result = 0;

	EXPECT(!fnd_pool_run("p", runs, arg, LONG, &result));
	EXPECT(result == 42);
	return 0;
}

static void run_gives_it_back(void **state)
{
	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	run_with(runs_with_one, NULL);
	run_with(runs_with_one, NULL);
	assert_int_equal(side.made, 1);
	run_with(runs_with_one, "discard it");
	run_with(runs_with_one, NULL);
	assert_int_equal(side.made, 2);
	close_all();
}

static void bad_arguments(void **state)
{
	struct fnd_pool_options o = {
		.size = sizeof(o), .make = make_one, .close = close_one,
	};
	struct fnd_lease lease;

	(void)state;
	o.make = NULL;
	assert_int_equal(fnd_pool_open("p", &o), -EINVAL);
	o.make = make_one;
	o.close = NULL;
	assert_int_equal(fnd_pool_open("p", &o), -EINVAL);
	o.close = close_one;
	o.connections = FND_POOL_MAX;
	assert_int_equal(fnd_pool_open("p", &o), -EINVAL);
	o.connections = 1;
	o.check_ms = -2;
	assert_int_equal(fnd_pool_open("p", &o), -EINVAL);
	o.check_ms = 0;
	assert_int_equal(fnd_pool_open("", &o), -EINVAL);
	assert_int_equal(fnd_pool_open("p", NULL), -EINVAL);
	assert_int_equal(fnd_pool_open("p", &o), 0);
	assert_int_equal(fnd_pool_open("p", &o), -EEXIST);
	assert_int_equal(fnd_pool_checkout("p", LONG, &lease), -EPERM);
	lease.token = 1;
	assert_int_equal(fnd_pool_checkin("p", &lease), -EPERM);
	assert_int_equal(fnd_pool_close("p", LONG), 0);
	assert_int_equal(fnd_pool_close("", LONG), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(connections_are_used_again),
		SERVICE_CASE(there_are_no_more_than_allowed),
		SERVICE_CASE(who_waits_gets_what_is_given_back),
		SERVICE_CASE(a_pool_does_not_wait_for_another),
		SERVICE_CASE(who_waits_for_a_slow_one_takes_what_comes_first),
		SERVICE_CASE(who_ends_gives_its_connection_back),
		SERVICE_CASE(without_a_check_it_is_closed),
		SERVICE_CASE(who_ends_while_it_waits_gets_none),
		SERVICE_CASE(each_is_checked_if_that_is_wanted),
		SERVICE_CASE(that_none_can_be_made_is_told),
		SERVICE_CASE(who_waits_for_a_killed_job_is_told),
		SERVICE_CASE(closing_waits_for_who_has_one),
		SERVICE_CASE(a_pool_outlives_its_service),
		SERVICE_CASE(work_outlives_the_service),
		SERVICE_CASE(told_to_end_it_closes_what_is_idle),
		SERVICE_CASE(given_back_while_no_service_runs),
		SERVICE_CASE(run_gives_it_back),
		SERVICE_CASE(bad_arguments),
	};

	return RUN_TESTS(tests);
}
