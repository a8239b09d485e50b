/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks, when memory is wanting, or a call is cut short. */
#include "locks.h"

#include "fail_memory.h"

/* Who is not told that it has a lock has it not. */
static int has_little_memory(void *arg)
{
	uint64_t token = 0, has = 0;
	struct sup_pid pid;
	bool failed = true;
	unsigned int n;
	int ret;

	(void)arg;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = fnd_lock_acquire("l", LONG, &token);
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
		EXPECT(fnd_lock_holder("l", &pid, &has) == (ret ? -ENOENT : 0));
		EXPECT(ret || (pid.v == sup_self().v && has == token));
		EXPECT(ret || !fnd_lock_release("l", token));
	}
	EXPECT(n > 2);
	EXPECT(!fnd_lock_acquire("l", LONG, &token));
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = fnd_lock_release("l", token);
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
		EXPECT(fnd_lock_holder("l", &pid, &has) == (ret ? 0 : -ENOENT));
		EXPECT(ret || !fnd_lock_acquire("l", LONG, &token));
	}
	return 0;
}

static void want_of_memory(void **state)
{
	(void)state;
	run_with(has_little_memory, NULL);
}

/*
 * Ends the server when it would tell one that it has the lock. Other servers
 * answer meanwhile, too.
 */
static _Atomic bool strikes_before_a_reply;

int __real_sup_reply(struct sup_from from, const struct sup_msg *msg);
int __wrap_sup_reply(struct sup_from from, const struct sup_msg *msg);

int __wrap_sup_reply(struct sup_from from, const struct sup_msg *msg)
{
	if (sup_self().v == sup_whereis(LOCKS).v &&
	    atomic_exchange(&strikes_before_a_reply, false)) {
		sup_kill(sup_self(), SUP_TRY);
		sup_checkpoint();
	}
	return __real_sup_reply(from, msg);
}

struct attempt {
	unsigned int nth;	/* the allocation that fails */
	_Atomic bool over;
	bool failed;
	struct sup_pid has;
};

static int gets_it_unknowingly(void *arg)
{
	struct attempt *a = arg;
	uint64_t token;
	int ret;

	fail_nth(a->nth);
	ret = fnd_lock_acquire("l", LONG, &token);
	a->failed = fail_no_more();
	atomic_store(&a->over, true);
	EXPECT(ret == -EPIPE || (ret == -ENOMEM && a->failed));
	ret = fnd_lock_holder("l", &a->has, NULL);
	EXPECT(ret == -ENOENT || (!ret && a->has.v != sup_self().v));
	return 0;
}

static void who_has_a_lock_unknowingly_gives_it_back(void **state)
{
	struct attempt try = { .failed = true };
	struct sup_pid a, b;
	unsigned int n;
	uint64_t token;

	(void)state;
	while (try.failed) {
		try = (struct attempt){ .nth = try.nth + 1 };
		await_service(LOCKS);
		a = holder(&token);
		b = start(gets_it_unknowingly, &try);
		do
			assert_int_equal(fnd_lock_waiting("l", &n), 0);
		while (!n && !atomic_load(&try.over));
		atomic_store(&strikes_before_a_reply, n);
		kill_and_wait(a);
		assert_int_equal(end_of(b).kind, SUP_REASON_NORMAL);
		atomic_store(&strikes_before_a_reply, false);
	}
	assert_true(try.nth > 1);
}

/* A server that is told to end while it lets go of a lock. */
static _Atomic bool is_told_to_end;

int __real_sup_cast(struct sup_pid to, const struct sup_msg *msg,
		    int64_t deadline);
int __wrap_sup_cast(struct sup_pid to, const struct sup_msg *msg,
		    int64_t deadline);

int __wrap_sup_cast(struct sup_pid to, const struct sup_msg *msg,
		    int64_t deadline)
{
	if (to.v == sup_whereis(LOCKS).v &&
	    atomic_exchange(&is_told_to_end, false))
		return sup_set_error(-EINTR, "the caller has been told to end");
	return __real_sup_cast(to, msg, deadline);
}

static int gets_it(void *arg)
{
	uint64_t token;

	(void)arg;
	EXPECT(!fnd_lock_acquire("l", LONG, &token));
	return 0;
}

static int lets_go_and_is_told_to_end(void *arg)
{
	unsigned int n = 0;
	struct sup_pid pid;
	uint64_t token;

	(void)arg;
	EXPECT(!fnd_lock_acquire("l", LONG, &token));
	pid = start(gets_it, NULL);
	while (!n)
		EXPECT(!fnd_lock_waiting("l", &n));
	atomic_store(&is_told_to_end, true);
	EXPECT(!fnd_lock_release("l", token));
	EXPECT(!atomic_load(&is_told_to_end));
	EXPECT(end_of(pid).kind == SUP_REASON_NORMAL);
	return 0;
}

/* The service hears of it all the same, and the next one has the lock. */
static void a_lock_let_go_at_the_end_is_free(void **state)
{
	(void)state;
	run_with(lets_go_and_is_told_to_end, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(want_of_memory),
		SERVICE_CASE(who_has_a_lock_unknowingly_gives_it_back),
		SERVICE_CASE(a_lock_let_go_at_the_end_is_free),
	};

	return RUN_TESTS(tests);
}
