/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks run orchestrations while they, Core and the task supervisor are killed
 * at random: whoever is left hears of each end, and in the end none runs.
 */
#include "survival.h"
#include "orchestrations.h"

/* Of no memory: it may be killed with who asked. */
static int succeeds(const struct mab_orchestration *o,
		    struct sup_msg *ret_result)
{
	static char text[] = "done";

	*ret_result = (struct sup_msg){ .data = text, .len = sizeof(text) };
	return strcmp(o->id, "fails") ? 0 : -EXDEV;
}

/* The task supervisor may be killed with the run in it. */
static bool is_right(const char *id, int ret, const struct mab_run *run)
{
	if (ret)
		return ret == -ENOTCONN ||
			(ret == -EBUSY && !strcmp(id, "waits"));
	if (run->end == MAB_RUN_CRASHED)
		return true;
	if (!strcmp(id, "waits"))
		return run->end == MAB_RUN_TIMED_OUT;
	if (!strcmp(id, "fails"))
		return run->end == MAB_RUN_FAILED && run->error == -EXDEV;
	return run->end == MAB_RUN_DONE && !strcmp(run->result.data, "done");
}

static int orchestrates(void *nth)
{
	static const char *const ids[] = { "done", "fails", "waits" };
	unsigned int i = (uintptr_t)nth;
	struct mab_run run;
	const char *id;
	int ret;

	while (!atomic_load(&survival.stop)) {
		id = ids[i++ % N_OF(ids)];
		ret = mab_orchestrate(id, &run, SUP_FOREVER);
		if (wrong(!is_right(id, ret, &run)))
			return 1;
		if (!ret)
			atomic_fetch_add(&survival.rounds, 1);
	}
	return 0;
}

static void each_end_is_heard(void **state)
{
	static const struct sup_child_spec children[] = {
		SURVIVAL_TASKS, SURVIVAL_SERVICE(mab_core_start),
	};
	struct victims v = {
		.run = orchestrates, .n = 6,
		.services = { "mab_core", "fnd_tasks" }, .n_services = 2,
	};

	(void)state;
	survival_start(children, N_OF(children));
	assert_int_equal(mab_orchestration_register(LASTING("done",
			 succeeds)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("fails",
			 succeeds)), 0);
	assert_int_equal(mab_orchestration_register(ORCHESTRATION("waits",
			 waits, .timeout_ms = 5)), 0);
	begin_victims(&v);
	kill_often(&v, SLOWLY(300));
	end_victims(&v);
	await_no_jobs();
	AWAIT(!status_now().running);
	assert_int_equal(clear_orchestrations(), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(each_end_is_heard),
	};

	take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
