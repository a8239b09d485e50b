/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked with a key is done once, as far as its bounds reach. */
#include "comms.h"

static int tear_down_once(void **state)
{
	return mab_comms_bounds(NULL) || tear_down_mabeam(state);
}

#define ONCE_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_mabeam, tear_down_once)

/* Somebody has it begin, and waits no more. */
static void begin_hold(struct worker *w, const char *key)
{
	struct sup_msg reply;

	AWAIT(mab_comms_once("a", key, SAY("hold", "x"), &reply, NULL,
			     sup_deadline_ms(10)) == -ETIMEDOUT &&
	      atomic_load(&w->done));
}

static void bound(int64_t window_ms, size_t keys, size_t bytes)
{
	const struct mab_comms_bounds b = { window_ms, keys, bytes };

	assert_int_equal(mab_comms_bounds(&b), 0);
}

/* As upstream's test: ten at once are done once. */
static int asks_for_ten(int nth, void *arg)
{
	(void)nth;
	(void)arg;
	EXPECT(!once("a", "ten", "do", "1: ten"));
	return 0;
}

static void ten_duplicates_are_done_once(void **state)
{
	const struct mab_comms_count before = count_of(MAB_COMMS_ONCE);
	struct mab_comms_count after;
	static struct worker w;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	assert_int_equal(crowd(10, asks_for_ten, NULL), 10);
	assert_int_equal(atomic_load(&w.done), 1);
	after = count_of(MAB_COMMS_ONCE);
	assert_int_equal(after.sent - before.sent, 10);
	assert_int_equal(after.answered - before.answered, 10);
	assert_int_equal(after.duplicates - before.duplicates, 9);
}

/* Keys are those of an agent, by whichever address; errors are answers. */
static void a_key_is_of_one_agent(void **state)
{
	static struct worker a, b;

	(void)state;
	start_agent(WORKER(&a, .id = "a"));
	start_agent(WORKER(&b, .id = "b"));
	assert_int_equal(once("a", "k1", "do", "1: k1"), 0);
	assert_int_equal(once("a", "k2", "do", "2: k2"), 0);
	assert_int_equal(once("local/a", "k1", "echo", "1: k1"), 0);
	assert_int_equal(once("b", "k1", "do", "1: k1"), 0);
	assert_int_equal(once("a", "k3", "error", ""), -EREMOTEIO);
	assert_int_equal(once("a", "k3", "do", ""), -EREMOTEIO);
	assert_non_null(strstr(sup_error(), "k3"));
	assert_int_equal(atomic_load(&a.done), 3);
	/* It is kept also when its agent is not there. */
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(once("a", "k1", "do", "1: k1"), 0);
	assert_int_equal(once("a", "k4", "do", ""), -ENOTCONN);
	assert_int_equal(once("c", "k1", "do", ""), -ENOENT);
}

static int asks_of_itself(void *state, struct sup_from from,
			  const struct mab_message *m)
{
	struct sup_msg reply;
	char text[16];
	int ret;

	(void)state;
	(void)m;
	ret = mab_comms_once("self", "k", SAY("do", ""), &reply, NULL, LONG);
	snprintf(text, sizeof(text), "%d", ret);
	return mab_reply(from, text, strlen(text));
}

static const struct mab_agent_ops self_ops = {
	.size = sizeof(self_ops), .init = simple_init,
	.request = asks_of_itself,
};

static void what_cannot_be_asked_is_refused(void **state)
{
	char name[MAB_NAME_MAX + 2] = "", expected[16];
	struct sup_msg reply;

	(void)state;
	memset(name, 'x', MAB_NAME_MAX + 1);
	start_agent(AGENT(.id = "a"));
	start_agent(AGENT_OF(&self_ops, .id = "self"));
	assert_int_equal(once("a", "", "do", ""), -EINVAL);
	assert_int_equal(once("", "k", "do", ""), -EINVAL);
	assert_int_equal(once("a", "k", "", ""), -EINVAL);
	assert_int_equal(once("a", name, "do", ""), -ENAMETOOLONG);
	assert_int_equal(mab_comms_once("a", "k", &(struct mab_message){
				.method = "echo", .len = MAB_BODY_MAX + 1,
				.body = "" }, &reply, NULL, LONG), -E2BIG);
	snprintf(expected, sizeof(expected), "%d", -EDEADLK);
	assert_int_equal(request("self", "", "", "", NULL), -EINVAL);
	assert_int_equal(request("self", "ask", "", expected, NULL), 0);
	assert_int_equal(mab_comms_bounds(&(struct mab_comms_bounds){
				0, 1, 1 }), -EINVAL);
	assert_int_equal(mab_comms_bounds(&(struct mab_comms_bounds){
				INT64_MAX, 1, 1 }), -EINVAL);
	assert_int_equal(mab_comms_bounds(&(struct mab_comms_bounds){
				1, 0, 1 }), -EINVAL);
}

/* Nobody waits when it comes, and who asks again gets it. */
static void what_came_late_is_had_by_the_same_key(void **state)
{
	static struct worker w;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	begin_hold(&w, "late");
	sem_post(&w.go);
	assert_int_equal(once("a", "late", "hold", "1: x"), 0);
	assert_int_equal(once("a", "late", "hold", "1: x"), 0);
	assert_int_equal(atomic_load(&w.done), 1);
}

static void so_many_keys_are_kept(void **state)
{
	static struct worker w;

	(void)state;
	bound(60000, 2, 1000);
	start_agent(WORKER(&w, .id = "many"));
	assert_int_equal(once("many", "a", "do", "1: a"), 0);
	assert_int_equal(once("many", "b", "do", "2: b"), 0);
	assert_int_equal(once("many", "a", "do", "1: a"), 0);
	assert_int_equal(once("many", "c", "do", "3: c"), 0);
	assert_int_equal(once("many", "b", "do", "2: b"), 0);
	assert_int_equal(once("many", "a", "do", "4: a"), 0);
}

/* An answer has a NUL behind it: 5 bytes each. */
static void so_many_bytes_are_kept(void **state)
{
	static struct worker w;

	(void)state;
	bound(60000, 100, 10);
	start_agent(WORKER(&w, .id = "bytes"));
	assert_int_equal(once("bytes", "a", "do", "1: a"), 0);
	assert_int_equal(once("bytes", "b", "do", "2: b"), 0);
	assert_int_equal(once("bytes", "a", "do", "1: a"), 0);
	assert_int_equal(once("bytes", "c", "do", "3: c"), 0);
	assert_int_equal(once("bytes", "a", "do", "4: a"), 0);
	bound(60000, 100, 1);
	assert_int_equal(once("bytes", "d", "do", "5: d"), 0);
	assert_int_equal(once("bytes", "d", "do", "5: d"), 0);
	assert_int_equal(once("bytes", "a", "do", "6: a"), 0);
}

/* Who is not answered is not forgotten for others. */
static void when_too_many_are_not_answered_it_is_refused(void **state)
{
	static struct worker w;

	(void)state;
	bound(60000, 1, 1000);
	start_agent(WORKER(&w, .id = "a"));
	begin_hold(&w, "hold");
	assert_int_equal(once("a", "refused", "do", ""), -ENOSPC);
	sem_post(&w.go);
	assert_int_equal(once("a", "hold", "do", "1: x"), 0);
	assert_int_equal(once("a", "refused", "do", "2: refused"), 0);
}

/* Until then, as often as it takes: one that comes too late has no answer. */
static void when_the_window_ends_it_is_done_again(void **state)
{
	static struct worker w;
	struct sup_msg reply;
	char expected[32];

	(void)state;
	bound(10, 100, 1000);
	start_agent(WORKER(&w, .id = "window"));
	AWAIT(!mab_comms_once("window", "k", SAY("do", ""), &reply, NULL,
			      LONG) &&
	      (sup_msg_free(&reply), atomic_load(&w.done) > 1));
	bound(60000, 100, 1000);
	snprintf(expected, sizeof(expected), "%d: l",
		 atomic_load(&w.done) + 1);
	assert_int_equal(once("window", "l", "do", expected), 0);
	assert_int_equal(once("window", "l", "do", expected), 0);
}

/* Also who would wait for ever is told that it has ended. */
static void what_is_not_answered_is_given_up(void **state)
{
	static struct worker w;
	struct sup_msg reply;

	(void)state;
	bound(20, 100, 1000);
	start_agent(WORKER(&w, .id = "a"));
	assert_int_equal(mab_comms_once("a", "given up", SAY("silent", ""),
					&reply, NULL, SUP_FOREVER),
			 -ETIMEDOUT);
	bound(60000, 100, 1000);
	assert_int_equal(once("a", "given up", "do", "2: given up"), 0);
}

struct asker {
	const char *to, *key;
	int ret;
};

static int asks(void *arg)
{
	struct asker *a = arg;

	a->ret = once(a->to, a->key, "hold", "");
	return 0;
}

/* The shorter window counts at once, for those that wait, too. */
static void a_shorter_window_counts_at_once(void **state)
{
	struct asker asker = { .to = "a", .key = "shorter" };
	static struct worker w;
	struct sup_pid pid;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	pid = start(asks, &asker);
	AWAIT(atomic_load(&w.done));
	bound(1, 100, 1000);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(asker.ret, -ETIMEDOUT);
	sem_post(&w.go);
}

/* Its next life may do it; what its host has refused has not been done. */
static void an_end_frees_the_key(void **state)
{
	static const struct mab_agent_ops mute = {
		.size = sizeof(mute), .init = simple_init,
	};
	struct sup_reason reason;
	static struct worker w;
	struct sup_msg reply;
	struct sup_pid pid;

	(void)state;
	pid = start_agent(WORKER(&w, .id = "a"));
	assert_int_equal(mab_comms_once("a", "end", SAY("fail", ""), &reply,
					&reason, LONG), -EPIPE);
	assert_int_equal(reason.code, -EIO);
	sup_wait(pid, NULL, LONG);
	assert_int_equal(mab_comms_once("a", "end", SAY("do", ""), &reply,
					&reason, LONG), -ENOTCONN);
	assert_int_equal(reason.code, -EIO);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(once("a", "end", "do", "2: end"), 0);
	start_agent(AGENT_OF(&mute, .id = "b"));
	assert_int_equal(once("b", "refused", "do", ""), -ENOSYS);
	assert_int_equal(mab_agent_deregister("b"), 0);
	start_agent(WORKER(&w, .id = "b"));
	assert_int_equal(once("b", "refused", "do", "3: refused"), 0);
}

/*
 * Answers outlive Comms. Of what it waited for nobody knows whether it is done:
 * that life of the agent is not asked again.
 */
static void answers_outlive_a_kill(void **state)
{
	struct asker asker = { .to = "a", .key = "kill" };
	struct sup_pid comms = sup_whereis("mab_comms"), pid;
	static struct worker w;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	assert_int_equal(once("a", "before", "do", "1: before"), 0);
	pid = start(asks, &asker);
	AWAIT(atomic_load(&w.done) == 2);
	kill_and_wait(comms);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(asker.ret, -EOWNERDEAD);
	await_comms(comms);
	assert_int_equal(once("a", "before", "do", "1: before"), 0);
	assert_int_equal(once("a", "kill", "do", ""), -EOWNERDEAD);
	sem_post(&w.go);
	assert_int_equal(once("a", "after", "do", "3: after"), 0);
	assert_int_equal(once("a", "kill", "do", ""), -EOWNERDEAD);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(once("a", "kill", "do", ""), -ENOTCONN);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(once("a", "kill", "do", "4: kill"), 0);
	assert_int_equal(once("a", "before", "do", "1: before"), 0);
}

static void without_comms_nothing_is_asked(void **state)
{
	static struct worker w;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	assert_int_equal(sup_terminate_child(mabeam, "comms"), 0);
	assert_int_equal(once("a", "without", "do", ""), -ESRCH);
	assert_int_equal(request("a", "do", "x", "1: x", NULL), 0);
	assert_int_equal(sup_restart_child(mabeam, "comms", NULL), 0);
	assert_int_equal(once("a", "without", "do", "2: without"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE_CASE(ten_duplicates_are_done_once),
		ONCE_CASE(a_key_is_of_one_agent),
		ONCE_CASE(what_cannot_be_asked_is_refused),
		ONCE_CASE(what_came_late_is_had_by_the_same_key),
		ONCE_CASE(so_many_keys_are_kept),
		ONCE_CASE(so_many_bytes_are_kept),
		ONCE_CASE(when_too_many_are_not_answered_it_is_refused),
		ONCE_CASE(when_the_window_ends_it_is_done_again),
		ONCE_CASE(what_is_not_answered_is_given_up),
		ONCE_CASE(a_shorter_window_counts_at_once),
		ONCE_CASE(an_end_frees_the_key),
		ONCE_CASE(answers_outlive_a_kill),
		ONCE_CASE(without_comms_nothing_is_asked),
	};

	return RUN_TESTS(tests);
}
