/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orchestrations: each run has an end, and who asked for it hears of that. */
#include "orchestrations.h"

#include "fail_memory.h"

#define CORE "mab_core"

static void assert_run(const char *id, enum mab_run_end end, int error)
{
	struct mab_run run;

	assert_int_equal(mab_orchestrate(id, &run, LONG), 0);
	assert_string_equal(run.id, id);
	assert_int_equal(run.end, end);
	assert_int_equal(run.error, error);
	assert_true(run.time > 0 && run.duration_ns > 0);
	assert_null(run.result.data);
}

/* The names of its agents, in a row, and what arg says. */
static int lists_agents(const struct mab_orchestration *o,
			struct sup_msg *ret_result)
{
	char text[64] = "";
	size_t i;

	for (i = 0; i < o->n_agents; i++)
		strcat(strcat(text, o->agents[i]), " ");
	set_text(ret_result, strcat(text, o->arg));
	return o->agents[o->n_agents] ? 1 : 0;
}

static int adds(const struct mab_orchestration *o, struct sup_msg *result)
{
	char text[80];

	snprintf(text, sizeof(text), "%s: %s", o->id,
		 (const char *)result->data);
	set_text(result, text);
	return 0;
}

static void a_result_comes_back(void **state)
{
	struct mab_run run;

	(void)state;
	assert_int_equal(mab_orchestration_register(LASTING("o",
			 lists_agents, .agents = CAN("a", "b"),
			 .arg = "and me")), 0);
	assert_int_equal(mab_orchestrate("o", &run, SUP_FOREVER), 0);
	assert_int_equal(run.end, MAB_RUN_DONE);
	assert_string_equal(run.result.data, "a b and me");
	assert_int_equal(run.result.tag, 7);
	sup_msg_free(&run.result);
	assert_int_equal(mab_orchestration_unregister("o"), 0);
	assert_int_equal(mab_orchestration_register(LASTING("o",
			 lists_agents, .adapt = adds, .arg = "me")), 0);
	assert_int_equal(mab_orchestrate("o", &run, LONG), 0);
	assert_int_equal(run.end, MAB_RUN_DONE);
	assert_string_equal(run.result.data, "o: me");
	sup_msg_free(&run.result);
}

static int fails(const struct mab_orchestration *o, struct sup_msg *ret_result)
{
	(void)o;
	set_text(ret_result, "nobody gets it");
	return -EXDEV;
}

static int is_ended(const struct mab_orchestration *o,
		    struct sup_msg *ret_result)
{
	(void)o;
	(void)ret_result;
	sup_exit_self(&SUP_SHUTDOWN);
}

static int is_killed(const struct mab_orchestration *o,
		     struct sup_msg *ret_result)
{
	(void)o;
	(void)ret_result;
	sup_kill(sup_self(), LONG);
	sup_checkpoint();
	return 0;
}

static int aborts(const struct mab_orchestration *o,
		  struct sup_msg *ret_result)
{
	(void)o;
	(void)ret_result;
	abort();
}

static void each_end_is_told_apart(void **state)
{
	struct mab_run run;

	(void)state;
	assert_int_equal(mab_orchestration_register(LASTING("fails",
			 fails)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("half",
			 says_done, .adapt = fails)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("ended",
			 is_ended)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("killed",
			 is_killed)), 0);
	assert_run("fails", MAB_RUN_FAILED, -EXDEV);
	assert_run("half", MAB_RUN_NOT_ADAPTED, -EXDEV);
	assert_run("ended", MAB_RUN_CRASHED, 0);
	assert_int_equal(mab_orchestrate("killed", &run, LONG), 0);
	assert_int_equal(run.end, MAB_RUN_CRASHED);
	assert_int_equal(run.reason.kind, SUP_REASON_KILLED);
	assert_int_equal(mab_orchestrate("nobody", &run, LONG), -ENOENT);
	assert_int_equal(status_now().running, 0);
}

static void a_fault_is_the_end_of_a_run_alone(void **state)
{
	struct mab_run run;

	(void)state;
#ifdef __SANITIZE_THREAD__
	print_message("skip: abort() is that of the sanitizer\n");
	skip();
#endif
	assert_int_equal(mab_orchestration_register(LASTING("aborts",
			 aborts, .containment = SUP_CONTAIN)), 0);
	assert_int_equal(mab_orchestrate("aborts", &run, LONG), 0);
	assert_int_equal(run.end, MAB_RUN_CRASHED);
	assert_int_equal(run.reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(run.reason.signo, SIGABRT);
}

static void who_is_late_is_ended(void **state)
{
	struct mab_run run;

	(void)state;
	assert_int_equal(mab_orchestration_register(ORCHESTRATION("o", waits,
			 .timeout_ms = 30)), 0);
	assert_int_equal(mab_orchestrate("o", &run, SUP_FOREVER), 0);
	assert_int_equal(run.end, MAB_RUN_TIMED_OUT);
	assert_true(run.duration_ns >= 30000000);
	AWAIT(!status_now().running);
	/* The deadline of who asks, if that is earlier. */
	assert_int_equal(mab_orchestration_register(LASTING("p", waits)),
			 0);
	assert_int_equal(mab_orchestrate("p", &run, sup_deadline_ms(20)), 0);
	assert_int_equal(run.end, MAB_RUN_TIMED_OUT);
	AWAIT(!status_now().running);
	assert_int_equal(mab_orchestrate("p", &run, SUP_TRY), 0);
	assert_int_equal(run.end, MAB_RUN_TIMED_OUT);
	AWAIT(!status_now().running);
}

static _Atomic bool let_go;

/* Comes to no safe point. */
static int is_busy(const struct mab_orchestration *o,
		   struct sup_msg *ret_result)
{
	(void)o;
	(void)ret_result;
	while (!atomic_load(&let_go))
		;
	return 0;
}

static void who_does_not_end_is_overdue(void **state)
{
	struct mab_core_status status;
	struct mab_run run;

	(void)state;
	assert_int_equal(mab_orchestration_register(ORCHESTRATION("o", is_busy,
			 .timeout_ms = 100)), 0);
	/* Until it is in time to begin, at least. */
	do {
		assert_int_equal(mab_orchestrate("o", &run, SUP_FOREVER), 0);
		assert_int_equal(run.end, MAB_RUN_TIMED_OUT);
		status = status_now();
	} while (!status.overdue);
	assert_int_equal(status.running, 1);
	assert_int_not_equal(status.health, FND_HEALTHY);
	assert_int_equal(mab_orchestrate("o", &run, SUP_FOREVER), -EBUSY);
	atomic_store(&let_go, true);
	AWAIT(!status_now().running);
	assert_int_equal(status_now().overdue, 0);
	assert_int_equal(mab_orchestrate("o", &run, SUP_TRY), 0);
}

#define TOGETHER 12

static _Atomic int begun;

/* It is over when all have begun. */
static int meets(const struct mab_orchestration *o, struct sup_msg *ret_result)
{
	atomic_fetch_add(&begun, 1);
	while (atomic_load(&begun) < TOGETHER)
		sup_checkpoint();
	set_text(ret_result, o->id);
	return strcmp(o->id, "3") ? 0 : -EXDEV;
}

static void all_run_at_the_same_time(void **state)
{
	struct mab_run *runs;
	char id[24];
	size_t i, n;

	(void)state;
	assert_int_equal(mab_orchestrate_all(&runs, &n, LONG), 0);
	assert_int_equal(n, 0);
	assert_null(runs);
	for (i = 0; i < TOGETHER; i++) {
		snprintf(id, sizeof(id), "%zu", i);
		assert_int_equal(mab_orchestration_register(ORCHESTRATION(id,
				 meets, .timeout_ms = 30000)), 0);
	}
	assert_int_equal(mab_orchestrate_all(&runs, &n, SUP_FOREVER), 0);
	assert_int_equal(n, TOGETHER);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%zu", i);
		assert_string_equal(runs[i].id, id);
		assert_int_equal(runs[i].end, i == 3 ? MAB_RUN_FAILED :
				 MAB_RUN_DONE);
		if (i == 3)
			assert_int_equal(runs[i].error, -EXDEV);
		else
			assert_string_equal(runs[i].result.data, id);
	}
	mab_runs_free(runs, n);
}

static int orchestrates(void *id)
{
	struct mab_run run;

	EXPECT(!mab_orchestrate(id, &run, SUP_FOREVER));
	return 0;
}

/* Nobody else would end it, or note that it has. */
static void a_run_ends_with_who_asked(void **state)
{
	uint64_t before = status_now().ended;
	_Atomic int waiting = 0;
	struct mab_run *runs;
	struct sup_pid pid;
	size_t n;

	(void)state;
	assert_int_equal(mab_orchestration_register(ORCHESTRATION("o", waits,
			 .timeout_ms = 3600000, .arg = &waiting)), 0);
	pid = start(orchestrates, "o");
	AWAIT(atomic_load(&waiting) == 1);
	assert_int_equal(status_now().running, 1);
	kill_and_wait(pid);
	AWAIT(!status_now().running);
	AWAIT(status_now().ended == before + 1);
	assert_int_equal(mab_orchestration_history(&runs, &n), 0);
	assert_string_equal(runs[0].id, "o");
	assert_int_equal(runs[0].end, MAB_RUN_CRASHED);
	assert_int_equal(runs[0].reason.kind, SUP_REASON_SHUTDOWN);
	free(runs);
}

/* Its end comes all the same, and the next Core ends who is late. */
static void runs_outlive_the_service(void **state)
{
	_Atomic int waiting = 0;
	struct sup_pid pid;

	(void)state;
	assert_int_equal(mab_orchestration_register(ORCHESTRATION("o", waits,
			 .timeout_ms = 200, .arg = &waiting)), 0);
	do {
		pid = start(orchestrates, "o");
		AWAIT(atomic_load(&waiting) || !sup_is_alive(pid));
	} while (!atomic_load(&waiting));
	foundation = mabeam;
	restart_by_kill(CORE);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	AWAIT(!status_now().running);
}

static void ends_are_kept(void **state)
{
	struct mab_core_status before = status_now(), after;
	struct mab_run *runs;
	size_t i, n;

	(void)state;
	assert_int_equal(mab_orchestration_register(LASTING("bad",
			 fails)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("good",
			 is_busy)), 0);
	atomic_store(&let_go, true);
	for (i = 0; i < 30; i++)
		assert_run("bad", MAB_RUN_FAILED, -EXDEV);
	for (i = 0; i < 70; i++)
		assert_run("good", MAB_RUN_DONE, 0);
	assert_int_equal(mab_orchestration_history(&runs, &n), 0);
	assert_int_equal(n, MAB_ORCHESTRATION_HISTORY);
	for (i = 0; i < n; i++)
		assert_string_equal(runs[i].id, i < 70 ? "good" : "bad");
	free(runs);
	after = status_now();
	assert_int_equal(after.ended - before.ended, 100);
	assert_int_equal(after.failed - before.failed, 30);
	assert_true(after.success == 0.7);
	assert_int_equal(after.health, FND_DEGRADED);
	assert_true(after.average_ns > 0);
	for (i = 0; i < 51; i++)
		assert_run("bad", MAB_RUN_FAILED, -EXDEV);
	assert_int_equal(status_now().health, FND_UNHEALTHY);
	for (i = 0; i < 100; i++)
		assert_run("good", MAB_RUN_DONE, 0);
	assert_int_equal(status_now().health, FND_HEALTHY);
}

static void what_is_wrong_is_said(void **state)
{
	const struct mab_orchestration_spec bad[] = {
		*LASTING(NULL, waits), *LASTING("", waits),
		*LASTING("o", NULL),
		*ORCHESTRATION("o", waits, .timeout_ms = -1),
		*LASTING("o", waits, .agents = CAN("")),
	};
	const char **ids;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		assert_int_equal(mab_orchestration_register(&bad[i]), -EINVAL);
		assert_true(sup_error()[0]);
	}
	assert_int_equal(mab_orchestration_register(LASTING("o",
			 says_done)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("a",
			 says_done)), 0);
	assert_int_equal(mab_orchestration_register(LASTING("o",
			 says_done)), -EEXIST);
	assert_int_equal(mab_orchestration_list(&ids, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ids[0], "o");
	free(ids);
	assert_int_equal(mab_orchestration_unregister("x"), -ENOENT);
}

static int set_up_alone(void **state)
{
	struct sup_pid pid;

	return set_up(state) || mab_core_start(NULL, &pid);
}

static int tear_down_alone(void **state)
{
	return clear_orchestrations() || tear_down(state);
}

static void without_a_task_supervisor_none_runs(void **state)
{
	struct mab_run run, *runs;
	size_t n;

	(void)state;
	assert_int_equal(mab_orchestration_register(LASTING("o",
			 says_done)), 0);
	assert_int_equal(mab_orchestrate("o", &run, LONG), -ENOTCONN);
	assert_int_equal(mab_orchestrate_all(&runs, &n, LONG), 0);
	assert_int_equal(n, 1);
	assert_int_equal(runs[0].end, MAB_RUN_NOT_STARTED);
	assert_int_equal(runs[0].error, -ENOTCONN);
	mab_runs_free(runs, n);
}

static void the_status_is_true(void **state)
{
	struct mab_core_status s;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	start_agent(AGENT(.id = "b"));
	kill_and_wait(start_agent(AGENT(.id = "c")));
	s = status_now();
	assert_true(s.runs);
	assert_true(s.uptime_ns > 0);
	assert_int_equal(s.agents[MAB_REGISTERED], 1);
	assert_int_equal(s.agents[MAB_RUNNING], 1);
	assert_int_equal(s.agents[MAB_CRASHED], 1);
	assert_int_equal(s.variables, 0);
	assert_int_equal(mab_variable_register(&(struct mab_variable_spec){
			 .size = sizeof(struct mab_variable_spec),
			 .name = "v", .value = "1" }), 0);
	assert_int_equal(mab_variable_update("v", &(struct mab_update){
			 .size = sizeof(struct mab_update), .value = "2" },
			 NULL), 0);
	assert_int_equal(status_now().variables, 1);
	assert_int_equal(status_now().updates - s.updates, 1);
	assert_int_equal(mab_variable_delete("v", NULL), 0);
	assert_int_equal(sup_terminate_child(mabeam, "core"), 0);
	s = status_now();
	assert_false(s.runs);
	assert_int_equal(s.uptime_ns, 0);
	assert_int_equal(s.health, FND_UNHEALTHY);
}

static void want_of_memory(void **state)
{
	bool failed = true;
	struct mab_run run;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = mab_orchestration_register(LASTING("o", says_done,
						 .agents = CAN("a")));
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	assert_true(n > 2);
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = mab_orchestrate("o", &run, LONG);
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		if (!ret) {
			assert_int_equal(run.end, MAB_RUN_DONE);
			sup_msg_free(&run.result);
		}
	}
	assert_true(n > 5);
	AWAIT(!status_now().running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_CASE(a_result_comes_back),
		RUN_CASE(each_end_is_told_apart),
		RUN_CASE(a_fault_is_the_end_of_a_run_alone),
		RUN_CASE(who_is_late_is_ended),
		RUN_CASE(who_does_not_end_is_overdue),
		RUN_CASE(all_run_at_the_same_time),
		RUN_CASE(a_run_ends_with_who_asked),
		RUN_CASE(runs_outlive_the_service),
		RUN_CASE(ends_are_kept),
		RUN_CASE(what_is_wrong_is_said),
		cmocka_unit_test_setup_teardown(
			without_a_task_supervisor_none_runs, set_up_alone,
			tear_down_alone),
		RUN_CASE(the_status_is_true),
		RUN_CASE(want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
