/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comms, when memory is wanting: of who speaks, or of its own task. */
#include "comms.h"

#include "fail_memory.h"

/* Tries f until it needs no more memory than there is. */
static int try_all(int (*f)(unsigned int nth))
{
	bool failed = true;
	unsigned int n;
	int ret;

	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = f(n);
		failed = fail_no_more();
		EXPECT(!ret || (ret == -ENOMEM && failed));
	}
	EXPECT(n > 2);
	return 0;
}

static int requests(unsigned int nth)
{
	(void)nth;
	return request("a", "echo", "x", "x", NULL);
}

static int sends(unsigned int nth)
{
	struct sup_request r;
	struct sup_msg reply;
	int ret = mab_comms_send("a", SAY("echo", "x"), false, LONG, &r);

	(void)nth;
	if (ret)
		return ret;
	fail_no_more();
	ret = has(mab_comms_answer(r, &reply, NULL, LONG), &reply, "x");
	/* What was sent counts as one that did not fail. */
	has_failed = false;
	return ret;
}

static int asks_once(unsigned int nth)
{
	char key[32];

	snprintf(key, sizeof(key), "memory %u", nth);
	return once("a", key, "echo", key);
}

static int notifies(unsigned int nth)
{
	(void)nth;
	return mab_comms_notify("a", SAY("n", ""), LONG);
}

static int broadcasts(unsigned int nth)
{
	(void)nth;
	return mab_comms_broadcast(SAY("n", ""), NULL);
}

/* What has failed has changed nothing. */
static int subscribes(unsigned int nth)
{
	int ret = mab_comms_subscribe("memory", sup_self());

	(void)nth;
	if (ret)
		return ret;
	ret = mab_comms_unsubscribe("memory", sup_self());
	return ret && mab_comms_unsubscribe("memory", sup_self()) ? -EBADE :
		ret;
}

static int publishes(unsigned int nth)
{
	(void)nth;
	return mab_comms_publish(SAY("published", ""), NULL);
}

static int has_little_memory(void *arg)
{
	static int (*const all[])(unsigned int nth) = {
		requests, sends, asks_once, notifies, broadcasts, subscribes,
		publishes,
	};
	size_t i;
	int line;

	(void)arg;
	EXPECT(!mab_comms_subscribe("published", sup_self()));
	for (i = 0; i < N_OF(all); i++) {
		line = try_all(all[i]);
		if (line)
			print_message("%zu of these\n", i);
		EXPECT(!line);
	}
	return 0;
}

static void who_speaks_is_told(void **state)
{
	static struct worker w;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	run_with(has_little_memory, NULL);
}

/* Comms looks at the clock when it is asked: then its nth allocation fails. */
static _Atomic unsigned int strikes;

int64_t __real_sup_deadline_ms(int64_t ms);
int64_t __wrap_sup_deadline_ms(int64_t ms);

int64_t __wrap_sup_deadline_ms(int64_t ms)
{
	if (atomic_load(&strikes) &&
	    sup_self().v == sup_whereis("mab_comms").v)
		fail_nth(atomic_exchange(&strikes, 0) - 1);
	return __real_sup_deadline_ms(ms);
}

/*
 * Whatever fails, it is done at most once, and who is told so may ask again;
 * an answer that could not be kept is lost.
 */
static void what_has_a_key_is_done_at_most_once(void **state)
{
	static struct worker w;
	int first, second, before;
	unsigned int n, failed = 0;
	struct sup_msg reply;
	char key[32];

	(void)state;
	start_agent(WORKER(&w, .id = "b"));
	for (n = 1; n < 20; n++) {
		snprintf(key, sizeof(key), "%u", n);
		before = atomic_load(&w.done);
		atomic_store(&strikes, n + 1);
		first = mab_comms_once("b", key, SAY("do", ""), &reply, NULL,
				       LONG);
		if (!first)
			sup_msg_free(&reply);
		assert_true(!first || first == -ENOMEM);
		atomic_store(&strikes, 1);	/* no more */
		second = mab_comms_once("b", key, SAY("do", ""), &reply, NULL,
					LONG);
		if (!second)
			sup_msg_free(&reply);
		assert_true(!second || second == -EOWNERDEAD);
		assert_int_equal(atomic_load(&w.done) - before, 1);
		failed += first || second;
	}
	assert_true(failed > 1);
	assert_true(!first && !second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(who_speaks_is_told),
		MABEAM_CASE(what_has_a_key_is_done_at_most_once),
	};

	return RUN_TESTS(tests);
}
