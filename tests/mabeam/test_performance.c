/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PerformanceMonitor: what it samples is what the kernel says, within what
 * the test has measured itself around the look; what is pushed is kept.
 */
#include "performance.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

#define NS_PER_S 1e9

static _Atomic bool is_held, is_let_go;
static clockid_t clock_of_agent;

static int init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return pthread_getcpuclockid(pthread_self(), &clock_of_agent) ?
		-EIO : 0;
}

/* Works until it is let go. */
static int notify(void *state, const struct mab_message *m)
{
	(void)state;
	(void)m;
	atomic_store(&is_held, true);
	while (!atomic_load(&is_let_go))
		sup_checkpoint();
	return SUP_CONTINUE;
}

static const struct mab_agent_ops ops = {
	.size = sizeof(ops), .init = init, .request = simple_request,
	.notify = notify,
};

static struct sup_pid start_busy(const char *id)
{
	struct sup_pid pid = start_agent(AGENT_OF(&ops, .id = id));

	atomic_store(&is_held, false);
	atomic_store(&is_let_go, false);
	assert_int_equal(mab_agent_notify(id, SAY("hold", ""), LONG), 0);
	AWAIT(atomic_load(&is_held));
	return pid;
}

static double read_clock(clockid_t clock)
{
	struct timespec t;

	assert_int_equal(clock_gettime(clock, &t), 0);
	return t.tv_sec + t.tv_nsec / NS_PER_S;
}

/* What the test reads before and after a look. */
struct around {
	double cpu[2], time[2];
};

static struct around look_around(void)
{
	struct around a;

	a.time[0] = read_clock(CLOCK_MONOTONIC);
	a.cpu[0] = read_clock(clock_of_agent);
	look();
	a.cpu[1] = read_clock(clock_of_agent);
	a.time[1] = read_clock(CLOCK_MONOTONIC);
	return a;
}

/* Of what there was at least, and at most, between two looks. */
static void assert_rate(double rate, double least, double most,
			const struct around *a, const struct around *b)
{
	const double margin = 1e-6;

	assert_true(rate >= least / (b->time[1] - a->time[0]) - margin);
	assert_true(rate <= most / (b->time[0] - a->time[1]) + margin);
}

static void a_busy_agent_shows_its_cpu(void **state)
{
	struct around a, b;
	double until;

	(void)state;
	start_busy("busy");
	a = look_around();
	until = a.cpu[1] + 0.2;
	AWAIT(read_clock(clock_of_agent) > until);
	b = look_around();
	assert_rate(value_of("busy", MAB_CPU_USAGE), b.cpu[0] - a.cpu[1],
		    b.cpu[1] - a.cpu[0], &a, &b);
	assert_true(value_of("busy", MAB_CPU_USAGE) > 0);
	assert_false(is_known("busy", MAB_MEMORY_USAGE));
	atomic_store(&is_let_go, true);
}

static void what_it_is_told_is_its_throughput(void **state)
{
	struct around a, b;
	struct sup_msg reply;
	int i;

	(void)state;
	start_agent(AGENT_OF(&ops, .id = "a"));
	a = look_around();
	for (i = 0; i < 50; i++) {
		assert_int_equal(mab_agent_ask("a", SAY("echo", "x"), &reply,
					       NULL, LONG), 0);
		sup_msg_free(&reply);
	}
	b = look_around();
	assert_rate(value_of("a", MAB_THROUGHPUT), 50, 50, &a, &b);
	look();
	assert_true(value_of("a", MAB_THROUGHPUT) == 0);
}

static void what_waits_is_counted(void **state)
{
	int i;

	(void)state;
	start_busy("a");
	look();
	assert_true(value_of("a", MAB_MAILBOX_LENGTH) == 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(mab_agent_notify("a", SAY("x", ""), LONG), 0);
	look();
	assert_true(value_of("a", MAB_MAILBOX_LENGTH) == 3);
	atomic_store(&is_let_go, true);
}

static void a_first_look_has_no_rate(void **state)
{
	struct sup_pid old, pid;

	(void)state;
	old = start_agent(AGENT(.id = "a", .restart = MAB_PERMANENT));
	look();
	assert_int_equal(known_of("a").pid.v, old.v);
	assert_false(is_known("a", MAB_CPU_USAGE));
	assert_false(is_known("a", MAB_THROUGHPUT));
	assert_true(is_known("a", MAB_MAILBOX_LENGTH));
	look();
	assert_true(is_known("a", MAB_CPU_USAGE));
	kill_and_wait(old);
	AWAIT((pid = mab_agent_whereis("a")).v);
	/* Of the life before nothing is said of this one. */
	AWAIT(state_of("a") == MAB_RUNNING);
	look();
	assert_int_equal(known_of("a").pid.v, pid.v);
	assert_false(is_known("a", MAB_CPU_USAGE));
	assert_false(is_known("a", MAB_THROUGHPUT));
	look();
	assert_true(is_known("a", MAB_CPU_USAGE));
}

/* A killed server's next one has the time that was between their looks. */
static void a_rate_outlives_the_server(void **state)
{
	struct mab_figures *f;
	struct around a, b;
	double until;
	size_t n;

	(void)state;
	start_busy("busy");
	a = look_around();
	until = a.cpu[1] + 0.1;
	AWAIT(read_clock(clock_of_agent) > until);
	b.time[0] = read_clock(CLOCK_MONOTONIC);
	b.cpu[0] = read_clock(clock_of_agent);
	kill_and_wait(sup_whereis("mab_performance"));
	AWAIT(sup_whereis("mab_performance").v);
	look();		/* after its own */
	b.cpu[1] = read_clock(clock_of_agent);
	b.time[1] = read_clock(CLOCK_MONOTONIC);
	assert_int_equal(mab_performance_history("busy", 0, &f, &n), 0);
	assert_int_equal(n, 3);
	assert_true(f[1].has & MAB_FIGURE_BIT(MAB_CPU_USAGE));
	assert_rate(f[1].values[MAB_CPU_USAGE], b.cpu[0] - a.cpu[1],
		    b.cpu[1] - a.cpu[0], &a, &b);
	free(f);
	atomic_store(&is_let_go, true);
}

static void a_program_shows_its_memory(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", ODD_AGENT, NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
	};
	double before, after;

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "py"));
	look();
	before = value_of("py", MAB_MEMORY_USAGE);
	assert_int_equal(says("py", SAY("allocate", "67108864"), "67108864"),
			 0);
	look();
	after = value_of("py", MAB_MEMORY_USAGE);
	assert_true(after - before >= 67108864);
	assert_true(after - before < 2 * 67108864);
	assert_true(value_of("py", MAB_CPU_USAGE) > 0);
	assert_true(value_of("py", MAB_THROUGHPUT) > 0);
}

static void it_looks_by_itself(void **state)
{
	struct mab_performance_status before, after;

	(void)state;
	start_agent(AGENT(.id = "a"));
	mab_performance_status(&before);
	assert_int_equal(mab_performance_configure(OPTIONS(.interval_ms = 1)),
			 0);
	do
		mab_performance_status(&after);
	while (after.rounds < before.rounds + 5);
	assert_true(after.sampled > before.sampled);
	assert_true(is_known("a", MAB_CPU_USAGE));
}

static void what_is_pushed_is_kept(void **state)
{
	struct mab_figures f = { .has = 0 };

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(mab_performance_get("a", &f), -ENOENT);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.5), 0);
	assert_int_equal(push("a", MAB_ERROR_RATE, 0), 0);
	f = known_of("a");
	assert_int_equal(f.has, MAB_FIGURE_BIT(MAB_CPU_USAGE) |
			 MAB_FIGURE_BIT(MAB_ERROR_RATE));
	assert_true(f.values[MAB_CPU_USAGE] == 0.5);
	assert_true(f.time_ns > 0);
	/* What is none. */
	assert_int_equal(push("b", MAB_CPU_USAGE, 0.5), -ENOENT);
	assert_int_equal(push(NULL, MAB_CPU_USAGE, 0.5), -ENOENT);
	assert_int_equal(push("a", MAB_CPU_USAGE, NAN), -EINVAL);
	assert_int_equal(push("a", MAB_CPU_USAGE, INFINITY), -EINVAL);
	assert_int_equal(push("a", MAB_CPU_USAGE, -0.1), -EINVAL);
	f.has = MAB_FIGURE_BIT(MAB_FIGURES);
	assert_int_equal(mab_performance_push("a", &f), -EINVAL);
	f.has = 0;
	assert_int_equal(mab_performance_push("a", &f), -EINVAL);
	f.has = 1;
	f.time_ns = -1;
	assert_int_equal(mab_performance_push("a", &f), -EINVAL);
	assert_true(value_of("a", MAB_CPU_USAGE) == 0.5);
}

static void who_is_not_watched_is_left_alone(void **state)
{
	struct mab_performance_status s;

	(void)state;
	assert_int_equal(mab_performance_unwatch("a"), -ENOENT);
	start_agent(AGENT(.id = "a"));
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.95), 0);
	assert_int_equal(n_alerts(), 1);
	assert_int_equal(mab_performance_unwatch("a"), 0);
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.1), -EPERM);
	look();
	mab_performance_status(&s);
	assert_int_equal(s.unwatched, 1);
	assert_int_equal(s.figures, 1);
	assert_true(value_of("a", MAB_CPU_USAGE) == 0.95);
	assert_int_equal(mab_performance_watch("a"), 0);
	look();
	assert_true(is_known("a", MAB_MAILBOX_LENGTH));
}

/* The newest is at the front, in steps of one. */
static void assert_history(size_t limit, double newest, size_t n)
{
	struct mab_figures *f;
	size_t i, got;

	assert_int_equal(mab_performance_history("a", limit, &f, &got), 0);
	assert_int_equal(got, n);
	for (i = 0; i < n; i++)
		assert_true(f[i].values[MAB_CPU_USAGE] == newest - i);
	free(f);
}

static void push_up_to(int *last, int to)
{
	while (*last < to)
		assert_int_equal(push("a", MAB_CPU_USAGE, ++*last), 0);
}

static void history_is_bounded(void **state)
{
	struct mab_figures *f;
	int last = 0;
	size_t n;

	(void)state;
	assert_int_equal(mab_performance_history("a", 0, &f, &n), -ENOENT);
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(mab_performance_watch("a"), 0);
	assert_int_equal(mab_performance_history("a", 0, &f, &n), 0);
	assert_null(f);
	assert_int_equal(n, 0);
	push_up_to(&last, 20);
	assert_history(0, 20, 20);
	assert_history(7, 20, 7);
	assert_int_equal(mab_performance_configure(
			OPTIONS(.interval_ms = -1, .history = 15)), 0);
	assert_history(0, 20, 15);
	push_up_to(&last, 27);
	assert_history(0, 27, 15);
	/* Longer, in the midst of a turn; then shorter, in another. */
	assert_int_equal(mab_performance_configure(
			OPTIONS(.interval_ms = -1, .history = 18)), 0);
	push_up_to(&last, 29);
	assert_history(0, 29, 17);
	push_up_to(&last, 35);
	assert_history(0, 35, 18);
	assert_int_equal(mab_performance_configure(
			OPTIONS(.interval_ms = -1, .history = 4)), 0);
	assert_history(0, 35, 4);
	push_up_to(&last, 36);
	assert_history(0, 36, 4);
	assert_int_equal(mab_performance_configure(
			OPTIONS(.history = MAB_HISTORY_MAX + 1)), -EINVAL);
	assert_history(0, 36, 4);
}

static void statistics_are_those_of_the_values(void **state)
{
	struct mab_statistics s;
	int i;

	(void)state;
	assert_int_equal(mab_performance_statistics("a", MAB_CPU_USAGE, &s),
			 -ENOENT);
	assert_int_equal(mab_performance_statistics(NULL, MAB_CPU_USAGE, &s),
			 0);
	assert_int_equal(s.n, 0);
	assert_true(s.mean == 0 && s.p99 == 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "b")), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(push("a", MAB_CPU_USAGE, i * 37 % 100 + 1), 0);
	assert_int_equal(push("a", MAB_ERROR_RATE, 1), 0);
	assert_int_equal(mab_performance_statistics("a", MAB_CPU_USAGE, &s),
			 0);
	assert_int_equal(s.n, 100);
	assert_true(fabs(s.mean - 50.5) < 1e-9);
	assert_true(s.min == 1 && s.max == 100);
	assert_true(s.p50 == 50 && s.p90 == 90 && s.p99 == 99);
	/* Of all agents the last ones: 63 + 1, and 10. */
	assert_int_equal(push("b", MAB_CPU_USAGE, 10), 0);
	assert_int_equal(mab_performance_statistics(NULL, MAB_CPU_USAGE, &s),
			 0);
	assert_int_equal(s.n, 2);
	assert_true(s.mean == 37 && s.min == 10 && s.max == 64);
	assert_true(s.p50 == 10 && s.p99 == 64);
	assert_int_equal(mab_performance_statistics("a", MAB_FIGURES, &s),
			 -EINVAL);
}

static void the_ended_are_kept_up_to_a_bound(void **state)
{
	const char *const ids[] = { "d", "c", "b", "a" };
	struct mab_performance_status s;
	struct mab_figures f;
	int i;

	(void)state;
	assert_int_equal(mab_performance_configure(
			OPTIONS(.interval_ms = -1, .ended = 2)), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(mab_agent_register(AGENT(.id = ids[i])), 0);
		assert_int_equal(push(ids[i], MAB_CPU_USAGE, 0.1), 0);
	}
	look();
	for (i = 0; i < 4; i++) {
		assert_int_equal(mab_agent_deregister(ids[i]), 0);
		look();
	}
	assert_int_equal(mab_performance_get("d", &f), -ENOENT);
	assert_int_equal(mab_performance_get("c", &f), -ENOENT);
	assert_true(value_of("b", MAB_CPU_USAGE) == 0.1);
	assert_true(value_of("a", MAB_CPU_USAGE) == 0.1);
	mab_performance_status(&s);
	assert_int_equal(s.agents, 2);
	assert_int_equal(s.ended, 2);
	/* It has come back. */
	assert_int_equal(mab_agent_register(AGENT(.id = "b")), 0);
	assert_int_equal(push("b", MAB_CPU_USAGE, 0.2), 0);
	mab_performance_status(&s);
	assert_int_equal(s.ended, 1);
	assert_int_equal(s.figures, 3);
}

static void names_are_those_of_upstream(void **state)
{
	(void)state;
	assert_string_equal(mab_figure_name(MAB_CPU_USAGE), "cpu_usage");
	assert_string_equal(mab_figure_name(MAB_MEMORY_USAGE), "memory_usage");
	assert_string_equal(mab_figure_name(MAB_THROUGHPUT), "throughput");
	assert_string_equal(mab_figure_name(MAB_ERROR_RATE), "error_rate");
	assert_string_equal(mab_figure_name(MAB_FIGURES), "unknown");
	assert_string_equal(mab_alert_name(MAB_HIGH_CPU_USAGE),
			    "high_cpu_usage");
	assert_string_equal(mab_alert_name(MAB_LOW_THROUGHPUT),
			    "low_throughput");
	assert_string_equal(mab_alert_name(MAB_ALERTS), "unknown");
}

static void it_runs_once_or_says_that_it_does_not(void **state)
{
	struct sup_pid pid;

	(void)state;
	assert_int_equal(mab_performance_start(NULL, &pid), -EEXIST);
	assert_int_equal(mab_performance_start(
			OPTIONS(.history = MAB_HISTORY_MAX + 1), &pid),
			-EINVAL);
	kill_and_wait(mabeam);
	AWAIT(!sup_whereis("mab_performance").v);
	assert_int_equal(mab_performance_sample(LONG), -ENOTCONN);
}

static int pushes(int nth, void *arg)
{
	char id[] = { 'a' + nth % 2, '\0' };
	int i, ret = 0;

	(void)arg;
	for (i = 0; i < 500 && !ret; i++)
		ret = push(id, MAB_CPU_USAGE, i);
	return ret;
}

static void eight_at_once_lose_nothing(void **state)
{
	struct mab_performance_status before, s;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "b")), 0);
	assert_int_equal(mab_performance_configure(
			OPTIONS(.interval_ms = 1, .history = 10000)), 0);
	mab_performance_status(&before);
	assert_int_equal(crowd(8, pushes, NULL), 8);
	mab_performance_status(&s);
	assert_int_equal(s.pushed - before.pushed, 4000);
	assert_int_equal(s.figures, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERFORMANCE_CASE(a_busy_agent_shows_its_cpu),
		PERFORMANCE_CASE(what_it_is_told_is_its_throughput),
		PERFORMANCE_CASE(what_waits_is_counted),
		PERFORMANCE_CASE(a_first_look_has_no_rate),
		PERFORMANCE_CASE(a_rate_outlives_the_server),
		PERFORMANCE_CASE(a_program_shows_its_memory),
		PERFORMANCE_CASE(it_looks_by_itself),
		PERFORMANCE_CASE(what_is_pushed_is_kept),
		PERFORMANCE_CASE(who_is_not_watched_is_left_alone),
		PERFORMANCE_CASE(history_is_bounded),
		PERFORMANCE_CASE(statistics_are_those_of_the_values),
		PERFORMANCE_CASE(the_ended_are_kept_up_to_a_bound),
		PERFORMANCE_CASE(names_are_those_of_upstream),
		PERFORMANCE_CASE(it_runs_once_or_says_that_it_does_not),
		PERFORMANCE_CASE(eight_at_once_lose_nothing),
	};

	return RUN_TESTS(tests);
}
