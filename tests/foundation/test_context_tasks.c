/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contexts that nest, on many tasks at once, and of tasks that end in one. */
#include "contexts.h"

#include <pthread.h>

/* Each runs the next one, down to the last, which fails. */
struct nest {
	int depth, of, line;
	const struct fnd_context *outer;
};

static int nests(struct fnd_error *error, void *arg);

static int run_nest(struct fnd_error *error, struct nest *n)
{
	struct fnd_context c;
	char word[8];
	int ret;

	snprintf(word, sizeof(word), "%d", n->depth);
	ret = fnd_context_init(&c, SPEC_OF("nest", word));
	return ret ? ret : fnd_context_run(&c, nests, n, error);
}

/* 0, or the line of what is not so. */
static int look(const struct nest *n)
{
	const struct fnd_context *c = fnd_context_current();
	int i;

	EXPECT(c && atoi(c->operation) == n->depth);
	EXPECT(c->n_crumbs == (size_t)n->depth + 1);
	for (i = 0; i <= n->depth; i++)
		EXPECT(atoi(c->crumbs[i].operation) == i);
	if (!n->outer)
		return 0;
	EXPECT(c->parent_id == n->outer->operation_id);
	EXPECT(!strcmp(c->correlation, n->outer->correlation));
	EXPECT(!strcmp(c->pairs[0].value, "kept"));
	return 0;
}

static int nests(struct fnd_error *error, void *arg)
{
	const struct fnd_context *c = fnd_context_current();
	struct nest *n = arg, inner = { n->depth + 1, n->of, 0, c };
	int ret;

	n->line = look(n);
	if (!n->depth)
		fnd_context_add(NULL, "pair", "kept");
	if (n->depth == n->of || n->line)
		return -EIO;
	ret = run_nest(error, &inner);
	if (!n->line)
		n->line = inner.line;
	/* The outer one is the current one again, and as it was. */
	if (!n->line && fnd_context_current() != c)
		n->line = __LINE__;
	if (!n->line)
		n->line = look(n);
	return ret;
}

static void contexts_nest(void **state)
{
	struct nest n = { .depth = 0, .of = 9 };
	struct fnd_error e;
	size_t i;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(run_nest(&e, &n), -EIO);
	assert_int_equal(n.line, 0);
	assert_null(fnd_context_current());
	/* Of the innermost, who knows most, and counted once. */
	assert_string_equal(e.operation, "9");
	assert_int_equal(e.n_crumbs, 10);
	for (i = 0; i < e.n_crumbs; i++)
		assert_int_equal(atoi(e.crumbs[i].operation), i);
	assert_string_equal(fnd_error_get(&e, "pair"), "kept");
	assert_int_equal(counted("foundation.errors", "2301"), 1);
	assert_int_equal(counted(DURATION, "nest"), 10);
	assert_int_equal(counted(DURATION, "error"), 10);
	fnd_telemetry_reset();
}

static int has_none(void *arg)
{
	(void)arg;
	EXPECT(!fnd_context_current());
	return 0;
}

static void *thread_has_its_own(void *arg)
{
	struct nest n = { .depth = 0, .of = 3 };

	*(int *)arg = has_none(NULL);
	if (!*(int *)arg)
		run_nest(NULL, &n);
	if (n.line)
		*(int *)arg = n.line;
	if (fnd_context_current())
		*(int *)arg = __LINE__;
	return NULL;
}

static int looks_elsewhere(struct fnd_error *error, void *arg)
{
	pthread_t thread;
	int line = 0;

	(void)error;
	(void)arg;
	EXPECT(end_of(start(has_none, NULL)).kind == SUP_REASON_NORMAL);
	EXPECT(!pthread_create(&thread, NULL, thread_has_its_own, &line));
	pthread_join(thread, NULL);
	return line;
}

static void other_threads_have_their_own(void **state)
{
	struct fnd_context c;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o")), 0);
	assert_int_equal(fnd_context_run(&c, looks_elsewhere, NULL, NULL), 0);
}

static int nests_much(int nth, void *arg)
{
	struct fnd_error e;
	int i;

	(void)arg;
	for (i = 0; i < 50; i++) {
		struct nest n = { .depth = 0, .of = (nth + i) % 10 };

		EXPECT(run_nest(&e, &n) == -EIO);
		EXPECT(!n.line);
		EXPECT(e.n_crumbs == (size_t)n.of + 1);
		EXPECT(e.pid.v == sup_self().v);
	}
	return 0;
}

static void many_tasks_at_once(void **state)
{
	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(crowd(8, nests_much, NULL), 8);
	assert_int_equal(counted("foundation.errors", "2301"), 400);
	fnd_telemetry_reset();
}

/* A context is a value: it goes along in the argument of a job. */
struct handed_on {
	struct fnd_context from;
	struct fnd_error error;
};

static int job(void *arg, struct sup_msg *ret_result)
{
	struct handed_on *h = arg;
	struct fnd_context c;
	int result = -EIO;

	(void)ret_result;
	EXPECT(!fnd_context_current());
	EXPECT(!fnd_context_init(&c, SPEC_OF("job", "work",
					     .parent = &h->from)));
	EXPECT(fnd_context_run(&c, returns, &result, &h->error) == -EIO);
	return 0;
}

static int hands_on(struct fnd_error *error, void *arg)
{
	struct handed_on *h = arg;
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .run = job, .arg = h,
	};
	struct sup_async *async;
	struct sup_msg result;

	fnd_context_step(NULL, "shop", "hand_on");
	h->from = *fnd_context_current();
	EXPECT(!sup_async_nolink(fnd_task_supervisor(), &spec, &async));
	EXPECT(!sup_async_await(async, &result, NULL, LONG));
	*error = h->error;
	return -EIO;
}

static void a_context_goes_with_a_job(void **state)
{
	struct handed_on h = { .error.code = 0 };
	struct fnd_context c;
	struct fnd_error e;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_context_init(&c, SPEC_OF("shop", "order")), 0);
	assert_int_equal(fnd_context_run(&c, hands_on, &h, &e), -EIO);
	assert_string_equal(e.correlation, c.correlation);
	assert_string_equal(e.module, "job");
	assert_int_not_equal(e.pid.v, 0);
	assert_int_equal(e.n_crumbs, 3);
	assert_string_equal(e.crumbs[0].operation, "order");
	assert_string_equal(e.crumbs[1].operation, "hand_on");
	assert_string_equal(e.crumbs[2].operation, "work");
	/* It was the job's, where it was counted. */
	assert_int_equal(counted("foundation.errors", "2301"), 1);
	fnd_telemetry_reset();
}

static sem_t inside;

static int waits_for_its_end(struct fnd_error *error, void *arg)
{
	struct sup_info info;

	(void)error;
	(void)arg;
	fnd_context_step(NULL, "m", "wait");
	sem_post(&inside);
	sup_receive(&info, SUP_FOREVER);
	return 0;
}

static int runs_inner(struct fnd_error *error, void *arg)
{
	struct fnd_context c;
	int ret;

	ret = fnd_context_init(&c, SPEC_OF("m", "inner"));
	return ret ? ret : fnd_context_run(&c, waits_for_its_end, arg, error);
}

static int ends_in_a_context(void *arg)
{
	struct fnd_context c;

	EXPECT(!fnd_context_current());
	EXPECT(!fnd_context_init(&c, SPEC_OF("m", "outer")));
	return fnd_context_run(&c, runs_inner, arg, NULL);
}

/* Killed, or told to end; the next task has the thread's stack, maybe. */
static void a_task_that_ends_in_one_leaves_nothing(void **state)
{
	struct sup_pid pid;
	int i;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(sem_init(&inside, 0, 0), 0);
	for (i = 1; i <= SLOWLY(1000); i++) {
		pid = start(ends_in_a_context, NULL);
		while (sem_wait(&inside))
			;
		if (i % 2)
			assert_int_equal(sup_kill(pid, LONG), 0);
		else
			assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
		assert_int_equal(end_of(pid).kind, i % 2 ? SUP_REASON_KILLED :
				 SUP_REASON_SHUTDOWN);
	}
	assert_false(is_there(DURATION));
	assert_false(is_there("foundation.errors"));
	run_with(has_none, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts_nest),
		CASE(other_threads_have_their_own),
		CASE(many_tasks_at_once),
		FEW_CASE(a_context_goes_with_a_job),
		CASE(a_task_that_ends_in_one_leaves_nothing),
	};

	return RUN_TESTS(tests);
}
