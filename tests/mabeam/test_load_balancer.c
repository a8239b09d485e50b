/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets the next task; of check 10 of the reference what is about that. */
#include "mabeam.h"

#include <math.h>

#include "mabeam/balance.h"

static int tear_down_balance(void **state)
{
	mab_balance_clear();
	mab__balance_set_clock(NULL);
	return mab_balance_strategy(MAB_RESOURCE_AWARE, 0) ||
		mab_balance_bounds(NULL) || tear_down_mabeam(state);
}

#define BALANCE_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_mabeam, tear_down_balance)

static void add_agent(const char *id, const char *const *capabilities)
{
	start_agent(AGENT(.id = id, .capabilities = capabilities,
			  .restart = MAB_PERMANENT));
	assert_int_equal(mab_balance_add(id), 0);
}

static void report(const char *id, double cpu, uint64_t memory)
{
	const struct mab_load load = { .cpu = cpu, .memory = memory };

	assert_int_equal(mab_balance_report(id, &load), 0);
}

static uint64_t assign_to(const char *expected)
{
	struct mab_assignment a;

	assert_int_equal(mab_balance_assign(NULL, &a), 0);
	assert_string_equal(a.id, expected);
	assert_int_equal(a.pid.v, mab_agent_whereis(expected).v);
	return a.nr;
}

static struct mab_balance balance_of(const char *id)
{
	struct mab_balance b;

	assert_int_equal(mab_balance_get(id, &b), 0);
	return b;
}

static void check_10_round_robin(void **state)
{
	const char *const order[] = { "l1", "l2", "l3" };
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		add_agent(order[i], NULL);
	assert_int_equal(mab_balance_strategy(MAB_ROUND_ROBIN, 0), 0);
	for (i = 0; i < 6; i++)
		assign_to(order[i % 3]);
	for (i = 0; i < 3; i++)
		assert_int_equal(balance_of(order[i]).active, 2);
}

static void check_10_resource_aware(void **state)
{
	struct mab_assignment a;
	int i;

	(void)state;
	add_agent("a", NULL);
	add_agent("b", NULL);
	add_agent("c", NULL);
	report("a", 0.8, 0);
	report("b", 0.1, 0);
	report("c", 0.5, 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(mab_balance_complete(assign_to("b")), 0);
	report("a", 0.95, 0);
	report("b", 0.95, 0);
	report("c", 0.95, 0);
	/* Upstream has a word for it, all_agents_overloaded, and no use. */
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	report("c", 0.9, 0);
	assign_to("c");
}

static void overload_begins_beyond_its_bounds(void **state)
{
	struct mab_assignment a;
	int i;

	(void)state;
	add_agent("a", NULL);
	report("a", 0, MAB_OVERLOAD_MEMORY + 1);
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	assert_true(balance_of("a").overloaded);
	report("a", 0, MAB_OVERLOAD_MEMORY);
	for (i = 0; i < 11; i++)
		assign_to("a");
	assert_int_equal(balance_of("a").active, 11);
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	/* Of who does not run there is none that is overloaded. */
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_false(balance_of("a").overloaded);
	assert_int_equal(mab_balance_assign(NULL, &a), -ESRCH);
}

static void bounds_are_set(void **state)
{
	struct mab_bounds b = { .cpu = 0.5, .memory = 10, .tasks = 1 };
	struct mab_assignment a;

	(void)state;
	add_agent("a", NULL);
	assert_int_equal(mab_balance_bounds(&b), 0);
	report("a", 0.51, 0);
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	report("a", 0.5, 11);
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	report("a", 0.5, 10);
	assign_to("a");
	assign_to("a");
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	assert_int_equal(mab_balance_bounds(NULL), 0);
	assign_to("a");
	b.cpu = 1.1;
	assert_int_equal(mab_balance_bounds(&b), -EINVAL);
	b.cpu = NAN;
	assert_int_equal(mab_balance_bounds(&b), -EINVAL);
}

/* 0.4 of the CPU, 0.3 of memory, 0.3 of tasks. */
static void load_is_weighed(void **state)
{
	(void)state;
	add_agent("cpu", NULL);
	add_agent("memory", NULL);
	report("cpu", 0.5, 0);				/* 0.2 */
	report("memory", 0, MAB_OVERLOAD_MEMORY / 2);	/* 0.15 */
	assign_to("memory");				/* 0.18 */
	assign_to("memory");				/* 0.21 */
	assign_to("cpu");
}

static void only_who_can_do_it_gets_it(void **state)
{
	struct mab_assignment a;

	(void)state;
	add_agent("all", CAN("nlp", "ml", "vision"));
	add_agent("nlp", CAN("nlp"));
	report("nlp", 0.9, 0);
	assert_int_equal(mab_balance_strategy(MAB_CAPABILITY_BASED, 0), 0);
	assert_int_equal(mab_balance_assign(CAN("nlp"), &a), 0);
	assert_string_equal(a.id, "nlp");
	assert_int_equal(mab_balance_assign(CAN("nlp", "ml"), &a), 0);
	assert_string_equal(a.id, "all");
	assert_int_equal(mab_balance_assign(CAN("music"), &a), -ESRCH);
	assert_int_equal(mab_balance_strategy(MAB_RESOURCE_AWARE, 0), 0);
	assert_int_equal(mab_balance_assign(CAN("nlp"), &a), 0);
	assert_string_equal(a.id, "all");
}

static int64_t time_ns;

static int64_t fake_clock(void)
{
	return time_ns;
}

static void takes(const char *id, int64_t ns)
{
	uint64_t nr = assign_to(id);

	time_ns += ns;
	assert_int_equal(mab_balance_complete(nr), 0);
}

static void who_is_slow_gets_less(void **state)
{
	(void)state;
	mab__balance_set_clock(fake_clock);
	add_agent("slow", NULL);
	takes("slow", 300);
	takes("slow", 500);
	assert_int_equal(balance_of("slow").average_ns, 400);
	assert_int_equal(balance_of("slow").completed, 2);
	report("slow", 0.9, 0);
	add_agent("fast", NULL);
	takes("fast", 100);
	report("fast", 0.9, 0);
	assert_int_equal(mab_balance_strategy(MAB_PERFORMANCE_WEIGHTED, 0), 0);
	/* With three in its queue the fast one takes as long. */
	assign_to("fast");
	assign_to("fast");
	assign_to("fast");
	assign_to("slow");
	assign_to("fast");
	/* One that nobody has measured counts as the average, 250. */
	add_agent("new", NULL);
	assign_to("new");
	assign_to("fast");
	mab__balance_set_clock(NULL);
}

static void two_choices(uint64_t seed, char *log)
{
	struct mab_assignment a;
	int i;

	assert_int_equal(mab_balance_strategy(MAB_TWO_CHOICES, seed), 0);
	for (i = 0; i < 20; i++) {
		assert_int_equal(mab_balance_assign(NULL, &a), 0);
		log[i] = a.id[0];
		assert_int_equal(mab_balance_complete(a.nr), 0);
	}
	log[20] = '\0';
}

static void two_choices_have_a_seed(void **state)
{
	char once[21], again[21], other[21];

	(void)state;
	add_agent("a", NULL);
	add_agent("b", NULL);
	add_agent("c", NULL);
	report("a", 0.1, 0);
	report("b", 0.2, 0);
	report("c", 0.3, 0);
	two_choices(1, once);
	two_choices(1, again);
	two_choices(2, other);
	assert_string_equal(once, again);
	assert_string_not_equal(once, other);
	/* The worst of three is the better of no two. */
	assert_null(strchr(once, 'c'));
	assert_non_null(strchr(once, 'a'));
	assert_non_null(strchr(once, 'b'));
}

static void it_follows_ends_and_restarts(void **state)
{
	struct sup_pid old;

	(void)state;
	add_agent("a", NULL);
	add_agent("b", NULL);
	report("a", 0.5, 0);
	assign_to("b");
	old = mab_agent_whereis("b");
	kill_and_wait(old);
	AWAIT(state_of("b") == MAB_RUNNING);
	/* Upstream knows the old task alone, and finds nobody suitable. */
	assert_int_equal(balance_of("b").active, 0);
	assert_int_equal(balance_of("b").stranded, 1);
	assign_to("b");
	assert_int_equal(mab_agent_stop("b"), 0);
	assert_false(balance_of("b").running);
	assign_to("a");
}

static void what_was_stranded_is_moved(void **state)
{
	struct mab_balance_stats s;
	struct mab_move *moves;
	uint64_t nr;
	size_t n;

	(void)state;
	add_agent("a", NULL);
	nr = assign_to("a");
	add_agent("b", NULL);
	assert_int_equal(mab_balance_rebalance(&moves, &n), 0);
	assert_int_equal(n, 0);
	assert_null(moves);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(mab_balance_rebalance(&moves, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(moves[0].to.nr, nr);
	assert_string_equal(moves[0].from, "a");
	assert_string_equal(moves[0].to.id, "b");
	assert_int_equal(moves[0].to.pid.v, mab_agent_whereis("b").v);
	free(moves);
	assert_int_equal(balance_of("b").active, 1);
	assert_int_equal(mab_balance_complete(nr), 0);
	assert_int_equal(mab_balance_complete(nr), -ENOENT);
	mab_balance_stats(&s);
	assert_int_equal(s.stranded, 0);
	assert_int_equal(s.active, 0);
	assert_true(s.moved >= 1);
}

static void what_is_too_much_is_moved(void **state)
{
	struct mab_move *moves;
	size_t n;
	int i;

	(void)state;
	add_agent("a", NULL);
	for (i = 0; i < 11; i++)
		assign_to("a");
	add_agent("b", NULL);
	assert_int_equal(mab_balance_rebalance(&moves, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(moves[0].from, "a");
	assert_string_equal(moves[0].to.id, "b");
	free(moves);
	assert_int_equal(balance_of("a").active, 10);
	assert_int_equal(balance_of("b").active, 1);
}

static void its_figures_are_those_of_its_agents(void **state)
{
	struct mab_balance_stats before, s;
	uint64_t nr;

	(void)state;
	mab_balance_stats(&before);
	assert_int_equal(before.agents, 0);
	add_agent("a", NULL);
	add_agent("b", NULL);
	report("a", 0.2, 100);
	report("b", 0.96, 300);
	nr = assign_to("a");
	assign_to("a");
	assert_int_equal(mab_balance_complete(nr), 0);
	mab_balance_stats(&s);
	assert_int_equal(s.agents, 2);
	assert_int_equal(s.available, 1);
	assert_int_equal(s.overloaded, 1);
	assert_true(s.average_cpu > 0.579 && s.average_cpu < 0.581);
	assert_true(s.average_memory > 199 && s.average_memory < 201);
	assert_int_equal(s.assigned - before.assigned, 2);
	assert_int_equal(s.completed - before.completed, 1);
	assert_int_equal(s.active, 1);
}

static void what_is_wrong_is_refused(void **state)
{
	const struct mab_load load = { .cpu = -1 };
	struct mab_assignment a;
	struct mab_balance b;

	(void)state;
	assert_int_equal(mab_balance_add("nobody"), -ENOENT);
	assert_int_equal(mab_balance_add(""), -EINVAL);
	assert_int_equal(mab_balance_remove("nobody"), -ENOENT);
	assert_int_equal(mab_balance_get("nobody", &b), -ENOENT);
	assert_int_equal(mab_balance_strategy(MAB_STRATEGIES, 0), -EINVAL);
	assert_int_equal(mab_balance_assign(CAN(""), &a), -EINVAL);
	assert_int_equal(mab_balance_complete(0), -ENOENT);
	add_agent("a", NULL);
	assert_int_equal(mab_balance_add("a"), -EEXIST);
	assert_int_equal(mab_balance_report("a", &load), -EINVAL);
	assert_int_equal(mab_balance_remove("a"), 0);
	assert_int_equal(mab_balance_assign(NULL, &a), -ESRCH);
}

static void who_is_deregistered_is_forgotten(void **state)
{
	struct mab_balance_stats s;

	(void)state;
	add_agent("a", NULL);
	assign_to("a");
	assert_int_equal(mab_agent_deregister("a"), 0);
	add_agent("b", NULL);
	mab_balance_stats(&s);
	assert_int_equal(s.agents, 1);
	assert_int_equal(s.active + s.stranded, 0);
}

/* What an agent may have, and one more. */
static int takes_all(void *arg)
{
	struct mab_assignment a;
	_Atomic bool *has = arg;

	while (!mab_balance_assign(NULL, &a))
		;
	atomic_store(has, true);
	return stays(NULL);
}

static void tasks_end_with_who_asked_for_them(void **state)
{
	_Atomic bool has = false;
	struct mab_assignment a;
	struct sup_pid pid;

	(void)state;
	add_agent("a", NULL);
	pid = start(takes_all, &has);
	AWAIT(atomic_load(&has));
	assert_int_equal(balance_of("a").active, 11);
	assert_int_equal(mab_balance_assign(NULL, &a), -EUSERS);
	kill_and_wait(pid);
	assign_to("a");
	assert_int_equal(balance_of("a").active, 1);
}

struct many {
	_Atomic int got;
};

static int assign_many(int nth, void *arg)
{
	struct mab_assignment a;
	struct many *m = arg;
	int i;

	(void)nth;
	/* There is room for all of them: two agents may have 11 each. */
	for (i = 0; i < 100; i++) {
		EXPECT(!mab_balance_assign(NULL, &a));
		atomic_fetch_add(&m->got, 1);
		EXPECT(!mab_balance_complete(a.nr));
	}
	return 0;
}

static void sixteen_at_once_lose_no_count(void **state)
{
	struct mab_balance_stats before, s;
	struct many m = { .got = 0 };

	(void)state;
	add_agent("a", NULL);
	add_agent("b", NULL);
	mab_balance_stats(&before);
	assert_int_equal(crowd(16, assign_many, &m), 16);
	mab_balance_stats(&s);
	assert_int_equal(s.assigned - before.assigned, m.got);
	assert_int_equal(s.completed - before.completed, m.got);
	assert_int_equal(s.active, 0);
	assert_int_equal(balance_of("a").active, 0);
}

/* The first kills one agent again and again, the others have tasks done. */
static int kills_or_assigns(int nth, void *arg)
{
	struct mab_assignment a;
	_Atomic bool *over = arg;
	struct sup_pid pid;
	int i, ret;

	for (i = 0; !nth && i < SLOWLY(60); i++) {
		while (!(pid = mab_agent_whereis("mortal")).v)
			sup_checkpoint();
		sup_kill(pid, LONG);
		sup_wait(pid, NULL, LONG);
	}
	if (!nth)
		atomic_store(over, true);
	while (!atomic_load(over)) {
		EXPECT(!mab_balance_assign(NULL, &a));
		ret = mab_balance_complete(a.nr);
		EXPECT(!ret);
	}
	return 0;
}

static void an_end_makes_nobody_else_unsuitable(void **state)
{
	enum mab_strategy s;
	_Atomic bool over;

	(void)state;
	start_agent(AGENT(.id = "mortal", .restart = MAB_PERMANENT,
			  .max_restarts = 10000));
	assert_int_equal(mab_balance_add("mortal"), 0);
	add_agent("a", NULL);
	add_agent("b", NULL);
	for (s = 0; s < MAB_STRATEGIES; s++) {
		atomic_store(&over, false);
		assert_int_equal(mab_balance_strategy(s, 1), 0);
		assert_int_equal(crowd(4, kills_or_assigns, &over), 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BALANCE_CASE(check_10_round_robin),
		BALANCE_CASE(check_10_resource_aware),
		BALANCE_CASE(overload_begins_beyond_its_bounds),
		BALANCE_CASE(bounds_are_set),
		BALANCE_CASE(load_is_weighed),
		BALANCE_CASE(only_who_can_do_it_gets_it),
		BALANCE_CASE(who_is_slow_gets_less),
		BALANCE_CASE(two_choices_have_a_seed),
		BALANCE_CASE(it_follows_ends_and_restarts),
		BALANCE_CASE(what_was_stranded_is_moved),
		BALANCE_CASE(what_is_too_much_is_moved),
		BALANCE_CASE(its_figures_are_those_of_its_agents),
		BALANCE_CASE(what_is_wrong_is_refused),
		BALANCE_CASE(who_is_deregistered_is_forgotten),
		BALANCE_CASE(tasks_end_with_who_asked_for_them),
		BALANCE_CASE(sixteen_at_once_lose_no_count),
		BALANCE_CASE(an_end_makes_nobody_else_unsuitable),
	};

	return RUN_TESTS(tests);
}
