/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on supervisors whose children depend on each other. What
 * has to be true is checked at each start and each end, whatever the order: who
 * starts finds up all that it depends on, who is stopped leaves nobody up who
 * depends on it, and nothing is slower than the longest way through the graph.
 * 300,000 operations, or STEPS=n; SEED=n repeats one supervisor's life.
 */
#include "checks.h"
#include "random.h"

#define N 8
#define STARTS 200
#define OPS 40

enum mstate { DOWN, STARTING, UP };

static const char *const ids[N] = { "a", "b", "c", "d", "e", "f", "g", "h" };
static char scripts[N][STARTS + 1];
static struct fake fakes[N];
static const char *deps[N][N + 1];
static bool on[N][N];		/* the first depends on the second */
static bool reaches[N][N];	/* so, perhaps by way of others */

/* As the watcher sees it. */
static enum mstate states[N];
static enum sup_strategy strategy;
static bool rest[N];		/* nobody is to wait for it */
static bool dying[N];		/* it ended, and that may not be known yet */
static bool touched[N];		/* started or stopped since it was asked */
static int asked_for;		/* it alone is stopped, or -1 */

static int index_of(const char *id)
{
	return id[0] - 'a';
}

static void check_start(int i)
{
	int k;

	for (k = 0; k < N; k++)
		if (on[i][k] && states[k] != UP && !rest[k] && !dying[k])
			fail_msg("%s starts without %s", ids[i], ids[k]);
}

static void check_end(int i)
{
	int k;

	for (k = 0; k < N && i != asked_for; k++)
		if (on[k][i] && states[k] != DOWN && !dying[k])
			fail_msg("%s is stopped before %s", ids[i], ids[k]);
}

static void watch(char what, const char *id, struct sup_pid pid,
		  const struct sup_reason *reason)
{
	int i = index_of(id);

	(void)pid;
	(void)reason;
	if (id[1])		/* the supervisor */
		return;
	touched[i] = true;
	if (what == '-') {
		if (!dying[i])
			check_end(i);
		states[i] = DOWN;
		return;
	}
	if (states[i] != STARTING)
		check_start(i);
	rest[i] = what == '!';
	states[i] = what == '(' ? STARTING : what == '+' ? UP : DOWN;
	if (what == '(' || what == '+')
		dying[i] = false;
}

/* The longest way by start_ns, or by stop_ns of those that are up. */
static int64_t longest(int i, bool stops)
{
	int64_t most = 0, way;
	int k;

	for (k = 0; k < N; k++) {
		if (!(stops ? on[k][i] : on[i][k]))
			continue;
		way = longest(k, stops);
		most = way > most ? way : most;
	}
	if (!stops)
		return most + fakes[i].start_ns;
	return most + (states[i] == UP ? fakes[i].stop_ns : 0);
}

static int64_t longest_of_all(bool stops)
{
	int64_t most = 0, way;
	int i;

	for (i = 0; i < N; i++) {
		way = longest(i, stops);
		most = way > most ? way : most;
	}
	return most;
}

static void make_graph(void)
{
	int order[N], i, k, n, swap;

	memset(on, 0, sizeof(on));
	for (i = 0; i < N; i++) {
		k = (int)(random() % (i + 1));
		order[i] = order[k];
		order[k] = i;
	}
	/* One does for sure, so that it is a graph. */
	for (i = 1; i < N; i++)
		for (k = 0; k < i; k++)
			on[order[i]][order[k]] =
				fakes[order[k]].restart != SUP_TEMPORARY &&
				(random() % 3 == 0 || i == N - 1);
	memcpy(reaches, on, sizeof(on));
	for (n = 0; n < N; n++)
		for (i = 0; i < N; i++)
			for (k = 0; k < N; k++)
				reaches[i][k] |= reaches[i][n] &&
						 reaches[n][k];
	for (i = 0; i < N; i++) {
		for (n = k = 0; k < N; k++)
			if (on[i][k])
				deps[i][n++] = ids[k];
		deps[i][n] = NULL;
		for (k = n - 1; k > 0; k--) {
			swap = (int)(random() % (k + 1));
			deps[i][N] = deps[i][k];
			deps[i][k] = deps[i][swap];
			deps[i][swap] = deps[i][N];
		}
		deps[i][n] = NULL;
		fakes[i].depends_on = n ? deps[i] : NULL;
	}
}

static void make_fakes(void)
{
	int i, k;
	long r;

	for (i = 0; i < N; i++) {
		fakes[i] = (struct fake){
			.id = ids[i], .script = scripts[i],
			.restart = i ? (enum sup_restart)(random() % 8 / 3) :
				   SUP_PERMANENT,
			.start_ns = random() % 4 * 10 * MS,
			.stop_ns = random() % 4 * 10 * MS,
		};
		if (random() % 4 == 0)
			fakes[i].backoff.min_ms = 50;
		for (k = 0; k < STARTS; k++) {
			r = random() % 12;
			scripts[i][k] = r == 0 ? 'i' : r < 3 ? 'f' : 'o';
		}
		scripts[i][0] = 'o';
		states[i] = DOWN;
		rest[i] = dying[i] = touched[i] = false;
	}
	make_graph();
}

/* Who waits does so for somebody; what is shown is what is. */
static void check_quiet(struct sup_pid sup)
{
	struct sup_node *nodes;
	bool gone[N], waits[N] = { false };
	size_t n, j;
	int i, k;

	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	memset(gone, 1, sizeof(gone));
	for (j = 1; j < n; j++)
		waits[index_of(nodes[j].id)] =
			nodes[j].state == SUP_CHILD_RESTARTING;
	for (j = 1; j < n; j++) {
		i = index_of(nodes[j].id);
		gone[i] = false;
		assert_int_equal(nodes[j].state == SUP_CHILD_RUNNING,
				 states[i] == UP);
		if (!waits[i] || nodes[j].due_ns)
			continue;
		for (k = 0; k < N; k++)
			if (on[i][k] && states[k] != UP &&
			    (!rest[k] || waits[k]))
				break;
		if (k == N)
			fail_msg("%s waits for nobody: %s", ids[i],
				 world_trace());
	}
	for (i = 0; i < N; i++)
		if (gone[i])
			assert_int_equal(states[i], DOWN);
	free(nodes);
}

/* Whom it takes along, of all that may be. */
static bool goes_along(int i, int with)
{
	return i == with || strategy == SUP_ONE_FOR_ALL ||
	       (strategy == SUP_REST_FOR_ONE && reaches[i][with]);
}

static void op_crash(struct sup_pid sup)
{
	static const struct sup_reason *const reasons[] = {
		&normal, &abnormal, &abnormal, &killed,
	};
	const struct sup_reason *reason;
	bool ended[N] = { false };
	int n = 1 + (int)(random() % 3), i, k;
	const bool alone = n == 1;
	bool waited[N];

	memset(touched, 0, sizeof(touched));
	for (i = 0; i < N; i++)
		waited[i] = states[i] == DOWN;
	while (n--) {
		i = (int)(random() % N);
		if (states[i] != UP || dying[i])
			continue;
		reason = reasons[random() % (long)N_OF(reasons)];
		/*
		 * One that ends well while another takes it along is at rest
		 * or starts again, by which of them is heard of first.
		 */
		if (!alone && fakes[i].restart == SUP_TRANSIENT)
			reason = &killed;
		dying[i] = ended[i] = true;
		rest[i] = fakes[i].restart == SUP_TRANSIENT &&
			  sup_reason_is_clean(reason);
		world_end(fakes[i].pid, *reason);
	}
	world_run();
	memset(dying, 0, sizeof(dying));
	if (world_has_ended(sup, NULL))
		return;
	for (i = 0; i < N; i++) {
		if (!touched[i] || waited[i])
			continue;
		for (k = 0; k < N; k++)
			if ((ended[k] || waited[k]) && goes_along(i, k))
				break;
		if (k == N)
			fail_msg("%s has nothing to do with it", ids[i]);
	}
}

static void op_time(struct sup_pid sup)
{
	(void)sup;
	world_advance(random() % 200 * MS);
}

static void op_terminate(struct sup_pid sup)
{
	int i = (int)(random() % N), ret;
	bool was_up = states[i] == UP;

	asked_for = i;
	ret = sup_terminate_child(sup, ids[i]);
	asked_for = -1;
	assert_true(ret == 0 || ret == -ENOENT);
	if (was_up)
		rest[i] = false;
	assert_int_equal(states[i], DOWN);
}

static void op_restart(struct sup_pid sup)
{
	int i = (int)(random() % N), k, ret;
	struct sup_pid pid;
	bool may = true;

	for (k = 0; k < N; k++)
		may &= !on[i][k] || states[k] == UP || rest[k];
	ret = sup_restart_child(sup, ids[i], &pid);
	if (ret == 0)
		assert_true(may);
	if (ret == -EAGAIN && may)
		assert_non_null(strstr(sup_error(), "restarting"));
}

static void (*const ops[])(struct sup_pid sup) = {
	op_crash, op_crash, op_crash, op_time, op_terminate, op_restart,
};

static void one_round(void)
{
	struct fake *list[N + 1] = { NULL };
	struct sup_pid sup;
	int64_t begun, most;
	int i;

	world_open(seed);
	world_watch(watch);
	asked_for = -1;
	make_fakes();
	for (i = 0; i < N; i++)
		list[i] = &fakes[i];
	strategy = (enum sup_strategy)(random() % 3);
	begun = sup_deadline_ms(0);
	sup = world_supervisor(strategy, 3 + (int)(random() % 20), 1, list);
	assert_int_equal(sup_deadline_ms(0) - begun, longest_of_all(false));
	for (i = 0; i < OPS && !world_has_ended(sup, NULL); i++, steps++) {
		check_quiet(sup);
		ops[random() % (long)N_OF(ops)](sup);
	}
	if (!world_has_ended(sup, NULL)) {
		most = longest_of_all(true);
		begun = sup_deadline_ms(0);
		world_stop(sup);
		assert_int_equal(sup_deadline_ms(0) - begun, most);
	}
	for (i = 0; i < N; i++)
		assert_int_equal(states[i], DOWN);
	world_close();
}

static void order_is_kept(void **state)
{
	(void)state;
	run_rounds(one_round, 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RANDOM_CASE(order_is_kept),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
