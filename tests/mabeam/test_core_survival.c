/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Core killed a thousand times while four tasks write and three listen: no
 * version is lost, or given twice, and each listener hears each one once.
 */
#include "survival.h"
#include "variables.h"

#define CORE "mab_core"
#define N_VARIABLES 2
#define N_WRITERS 4
#define N_LISTENERS 3
/* How far ahead of the slowest listener they write: all of it is kept. */
#define AHEAD 50
#define VERSIONS (1 << 22)

static const char *const names[N_VARIABLES] = { "v", "w" };

static struct {
	_Atomic bool given[N_VARIABLES][VERSIONS];
	_Atomic uint64_t heard[N_VARIABLES][N_LISTENERS];
	_Atomic uint64_t all, written[N_VARIABLES];
	_Atomic int listening;
	_Atomic bool over;
} load;

static uint64_t least_heard(int which)
{
	uint64_t least = UINT64_MAX, heard;
	int i;

	for (i = 0; i < N_LISTENERS; i++) {
		heard = atomic_load(&load.heard[which][i]);
		if (heard < least)
			least = heard;
	}
	return least;
}

static int write_on(int nth)
{
	int which = nth % N_VARIABLES;
	uint64_t version, last = 1;
	char text[32];

	while (atomic_load(&load.listening) < N_LISTENERS)
		sup_checkpoint();
	while (!atomic_load(&load.over)) {
		if (last >= least_heard(which) + AHEAD - N_WRITERS) {
			sup_checkpoint();
			sched_yield();
			continue;
		}
		snprintf(text, sizeof(text), "%d", nth);
		EXPECT(!mab_variable_update(names[which], UPDATE(text),
					    &version));
		EXPECT(version > last && version < VERSIONS);
		EXPECT(!atomic_exchange(&load.given[which][version], true));
		atomic_fetch_add(&load.written[which], 1);
		last = version;
	}
	return 0;
}

static bool has_heard_all(int nth)
{
	int i;

	for (i = 0; i < N_VARIABLES; i++)
		if (atomic_load(&load.heard[i][nth]) !=
		    atomic_load(&load.written[i]) + 1)
			return false;
	return true;
}

static int hear(int nth)
{
	struct mab_variable_news *news;
	struct sup_info info;
	int which;

	for (which = 0; which < N_VARIABLES; which++) {
		atomic_store(&load.heard[which][nth], 1);
		EXPECT(!mab_variable_subscribe(names[which], NULL));
	}
	atomic_fetch_add(&load.listening, 1);
	while (!atomic_load(&load.over) || !has_heard_all(nth)) {
		/* Writers may have ended since the last one was heard. */
		if (sup_receive(&info, sup_deadline_ms(10)))
			continue;
		news = info.msg.data;
		which = strcmp(news->name, names[0]) ? 1 : 0;
		EXPECT(news->version ==
		       atomic_load(&load.heard[which][nth]) + 1);
		atomic_store(&load.heard[which][nth], news->version);
		atomic_fetch_add(&load.all, 1);
		sup_msg_free(&info.msg);
	}
	return 0;
}

/* In each of its lives somebody has heard something. */
static int kill_core(void)
{
	const int kills = SLOWLY(1000);
	struct sup_pid pid;
	uint64_t before;
	int64_t limit;
	int i;

	for (i = 0; i < kills; i++) {
		before = atomic_load(&load.all);
		limit = LONG;
		while (atomic_load(&load.all) == before) {
			EXPECT(sup_deadline_ms(0) < limit);
			sched_yield();
		}
		pid = sup_whereis(CORE);
		sup_kill(pid, LONG);
		sup_wait(pid, NULL, LONG);
	}
	return 0;
}

static int run_load(int nth, void *arg)
{
	int ret;

	(void)arg;
	if (nth < N_WRITERS)
		return write_on(nth);
	if (nth < N_WRITERS + N_LISTENERS)
		return hear(nth - N_WRITERS);
	ret = kill_core();
	atomic_store(&load.over, true);
	return ret;
}

static void killed_a_thousand_times(void **state)
{
	static const struct sup_child_spec children[] = {
		SURVIVAL_SERVICE(mab_core_start),
	};
	const int n = N_WRITERS + N_LISTENERS + 1;
	int i;

	(void)state;
	survival_start(children, N_OF(children));
	for (i = 0; i < N_VARIABLES; i++)
		assert_int_equal(mab_variable_register(VARIABLE(names[i],
								"0")), 0);
	assert_int_equal(crowd(n, run_load, NULL), n);
	for (i = 0; i < N_VARIABLES; i++) {
		assert_int_equal(stats_of(names[i]).version,
				 atomic_load(&load.written[i]) + 1);
		assert_int_equal(mab_variable_delete(names[i], NULL), 0);
	}
	print_message("%d versions heard\n", (int)atomic_load(&load.all));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(killed_a_thousand_times),
	};

	take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
