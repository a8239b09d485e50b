/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rate, breaker and pool in one call. */
#include "pool.h"

#define MINUTE INT64_C(60000)

static const struct fnd_rate rate = {
	.kind = FND_RATE_SLIDING_WINDOW, .limit = 5, .window_ms = MINUTE,
};

struct call {
	int called, result;
	void *connection;
};

static int is_called(const struct fnd_lease *lease, void *arg)
{
	struct call *c = arg;

	c->called++;
	c->connection = lease ? lease->connection : NULL;
	return c->result;
}

static struct fnd_protection all(void)
{
	return (struct fnd_protection){
		.size = sizeof(struct fnd_protection), .rate = &rate,
		.entity = "user", .operation = "ask", .breaker = "b",
		.pool = "p", .pool_deadline = LONG,
	};
}

static void open_breaker(unsigned int tolerance)
{
	struct fnd_breaker_options o = {
		.size = sizeof(o), .tolerance = tolerance,
		.window_ms = MINUTE, .refresh_ms = MINUTE,
	};

	assert_int_equal(fnd_breaker_open("b", &o), 0);
}

static int tear_down_all(void **state)
{
	fnd_breaker_close("b");
	fnd_rate_reset("user", "ask");
	return tear_down(state);
}

#define PROTECTED_CASE(f) cmocka_unit_test_setup_teardown(f, \
	set_up_foundation, tear_down_all)

static int calls_with_all(void *arg)
{
	struct fnd_protection p = all();
	struct call c = { .result = 7 };
	int i, result;

	(void)arg;
	for (i = 0; i < 5; i++) {
		result = 0;
		EXPECT(!fnd_protected_run(&p, is_called, &c, &result));
		EXPECT(result == 7);
		EXPECT(c.connection == &side.connections[0]);
	}
	/* The rate comes first: nothing of the others is used. */
	EXPECT(fnd_protected_run(&p, is_called, &c, &result) == -EDQUOT);
	EXPECT(c.called == 5);
	return 0;
}

static void what_is_allowed_is_called_with_a_connection(void **state)
{
	struct fnd_breaker_status s;

	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	open_breaker(1);
	run_with(calls_with_all, NULL);
	assert_int_equal(fnd_breaker_status("b", &s), 0);
	assert_int_equal(s.calls, 5);
	assert_int_equal(s.refused, 0);
	assert_int_equal(side.made, 1);
	assert_int_equal(status().idle, 1);
	close_all();
}

/* Upstream's fault: through the facade the breaker never blows. */
static int fails_until_it_blows(void *arg)
{
	struct fnd_protection p = all();
	struct call c = { .result = -5 };
	int i, result;

	(void)arg;
	p.rate = NULL;
	for (i = 0; i < 3; i++) {
		EXPECT(!fnd_protected_run(&p, is_called, &c, &result));
		EXPECT(result == -5);
	}
	EXPECT(fnd_protected_run(&p, is_called, &c, &result) ==
	       -ECONNREFUSED);
	EXPECT(c.called == 3);
	return 0;
}

static void what_fails_opens_the_breaker(void **state)
{
	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	open_breaker(2);
	run_with(fails_until_it_blows, NULL);
	/* A failure does not cost the connection. */
	assert_int_equal(side.made, 1);
	close_all();
}

static int gets_no_connection(void *arg)
{
	struct fnd_protection p = all();
	struct call c = { .result = 0 };
	int result = 99;

	(void)arg;
	EXPECT(fnd_protected_run(&p, is_called, &c, &result) == -ECONNABORTED);
	EXPECT(fnd_protected_run(&p, is_called, &c, &result) == -ECONNABORTED);
	EXPECT(fnd_protected_run(&p, is_called, &c, &result) == -ECONNREFUSED);
	EXPECT(!c.called && result == 99);
	return 0;
}

static void want_of_a_connection_is_a_failure(void **state)
{
	(void)state;
	open_one("p", &side, 1, FND_POOL_NONE, false);
	atomic_store(&side.make_fails, -EIO);
	open_breaker(1);
	run_with(gets_no_connection, NULL);
	assert_int_equal(status().failed, 2);
	close_all();
}

static void each_of_them_may_be_missing(void **state)
{
	struct fnd_protection p = { .size = sizeof(p) };
	struct call c = { .result = 3 };
	int result = 0;

	(void)state;
	assert_int_equal(fnd_protected_run(&p, is_called, &c, &result), 0);
	assert_int_equal(result, 3);
	assert_null(c.connection);
	p.rate = &rate;
	assert_int_equal(fnd_protected_run(&p, is_called, &c, &result),
			 -EINVAL);
	p.entity = "user";
	p.operation = "ask";
	p.breaker = "b";
	assert_int_equal(fnd_protected_run(&p, is_called, &c, &result),
			 -ENOENT);
	p.breaker = NULL;
	p.pool = "p";
	/* Not in a task. */
	assert_int_equal(fnd_protected_run(&p, is_called, &c, &result),
			 -EPERM);
	p.size++;
	assert_int_equal(fnd_protected_run(&p, is_called, &c, &result),
			 -EINVAL);
	assert_int_equal(c.called, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROTECTED_CASE(what_is_allowed_is_called_with_a_connection),
		PROTECTED_CASE(what_fails_opens_the_breaker),
		PROTECTED_CASE(want_of_a_connection_is_a_failure),
		PROTECTED_CASE(each_of_them_may_be_missing),
	};

	return RUN_TESTS(tests);
}
