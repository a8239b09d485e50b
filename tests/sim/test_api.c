/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What supervisors answer. */
#include <time.h>

#include "checks.h"

static void SUP_23_child_adm(void **state)
{
	struct sup_pid sup, pid = { 99 }, gone;
	const struct sup_child_spec bad = { .size = sizeof(bad) };
	struct sup_child_counts counts;
	struct fake c1 = { .id = "c1" };
	struct sup_child child;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1));
	check_counts(sup, 1, 1, 0, 1);
	assert_int_equal(sup_start_child(sup, &bad, &pid), -EINVAL);
	assert_int_equal(start_child(sup, &c1, &pid), -EEXIST);
	assert_int_equal(pid.v, c1.pid.v);
	assert_int_equal(sup_terminate_child(sup, "no"), -ENOENT);

	assert_int_equal(sup_terminate_child(sup, "c1"), 0);
	check_ended(c1.pid, shutdown);
	assert_string_equal(world_listing(sup), "c1-");
	check_counts(sup, 1, 0, 0, 1);
	assert_int_equal(sup_terminate_child(sup, "c1"), 0);
	assert_int_equal(start_child(sup, &c1, &pid), -EEXIST);
	assert_int_equal(pid.v, 0);

	assert_int_equal(sup_restart_child(sup, "c1", &pid), 0);
	assert_int_equal(pid.v, c1.pid.v);
	check_counts(sup, 1, 1, 0, 1);
	assert_int_equal(sup_restart_child(sup, "c1", &pid), -EBUSY);
	assert_int_equal(sup_restart_child(sup, "no", &pid), -ENOENT);
	assert_int_equal(sup_delete_child(sup, "c1"), -EBUSY);
	assert_int_equal(sup_delete_child(sup, "no"), -ENOENT);

	assert_int_equal(sup_terminate_child(sup, "c1"), 0);
	assert_int_equal(c1.frees, 0);
	assert_int_equal(sup_delete_child(sup, "c1"), 0);
	assert_int_equal(c1.frees, 1);
	assert_int_equal(sup_restart_child(sup, "c1", &pid), -ENOENT);
	assert_string_equal(world_listing(sup), "");
	check_counts(sup, 0, 0, 0, 0);
	assert_int_equal(start_child(sup, &c1, &pid), 0);
	check_counts(sup, 1, 1, 0, 1);

	assert_int_equal(sup_terminate_child(sup, NULL), -ENOENT);
	assert_int_equal(sup_terminate_child_pid(sup, c1.pid), -ENOENT);
	assert_true(sup_is_alive(c1.pid));
	gone = sup;
	world_stop(sup);
	assert_int_equal(sup_count_children(gone, &counts), -ESRCH);
	assert_int_equal(start_child(gone, &c1, &pid), -ESRCH);
	assert_int_equal(sup_start_child(gone, &bad, &pid), -ESRCH);
	assert_int_equal(sup_terminate_child(gone, "c1"), -ESRCH);
	assert_int_equal(sup_terminate_child(gone, NULL), -ESRCH);
	assert_int_equal(sup_which_child(gone, NULL, &child), -ESRCH);
	assert_int_equal(sup_count_children(SUP_PID_NONE, &counts), -ESRCH);

	world_close();
}

static void SUP_26_specs_of_all_kinds(void **state)
{
	static const int64_t shutdowns[] = {
		SUP_SHUTDOWN_DEFAULT, 1, 1000, SUP_SHUTDOWN_INFINITY,
		SUP_SHUTDOWN_KILL,
	};
	struct sup_pid sup, pid;
	struct fake f;
	int restart, type;
	size_t i;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	for (restart = 0; restart < 3; restart++)
		for (type = 0; type < 2; type++)
			for (i = 0; i < N_OF(shutdowns); i++) {
				f = (struct fake){
					.id = "f", .restart = restart,
					.type = type,
					.shutdown_ms = shutdowns[i],
				};
				assert_int_equal(start_child(sup, &f, &pid),
						 0);
				sup_terminate_child(sup, "f");
				sup_delete_child(sup, "f");
				assert_int_equal(f.frees, 1);
			}
	f = (struct fake){ .id = "f", .restart = 3 };
	assert_int_equal(start_child(sup, &f, &pid), -EINVAL);
	f = (struct fake){ .id = "f", .type = 2 };
	assert_int_equal(start_child(sup, &f, &pid), -EINVAL);
	f = (struct fake){ .id = "f", .shutdown_ms = -3 };
	assert_int_equal(start_child(sup, &f, &pid), -EINVAL);
	check_counts(sup, 0, 0, 0, 0);

	world_close();
}

static int already_there(const void *arg, struct sup_pid *ret_pid)
{
	*ret_pid = *(const struct sup_pid *)arg;
	return -EEXIST;
}

static void SUP_29_already_started_elsewhere(void **state)
{
	struct sup_pid sup, pid = { 99 }, stranger = { 1234 };
	struct sup_child_spec spec = {
		.size = sizeof(spec), .id = "c", .start = already_there,
		.arg = &stranger,
	};

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	assert_int_equal(sup_start_child(sup, &spec, &pid), -EEXIST);
	assert_int_equal(pid.v, stranger.v);
	check_counts(sup, 0, 0, 0, 0);

	world_close();
}

enum how { TERMINATE, KILL, NORMAL, ABNORMAL };

static void check_specs_kept(enum sup_strategy strategy,
			     enum sup_restart restart, enum how how)
{
	struct fake c = { .id = "c", .restart = restart };
	struct sup_pid sup, pid;
	bool ended;

	sup = world_supervisor(strategy, 3, 3600, FAKES(&c));
	if (how == TERMINATE)
		assert_int_equal(sup_terminate_child(sup, "c"), 0);
	else
		crash(&c, how == KILL ? killed : how == NORMAL ? normal :
		      abnormal);
	if (restart == SUP_TEMPORARY) {
		assert_int_equal(c.frees, 1);
		assert_int_equal(start_child(sup, &c, &pid), 0);
		world_stop(sup);
		return;
	}
	assert_int_equal(c.frees, 0);
	ended = how == TERMINATE || (how == NORMAL && restart == SUP_TRANSIENT);
	assert_int_equal(start_child(sup, &c, &pid), -EEXIST);
	assert_int_equal(pid.v, ended ? 0 : c.pid.v);
	assert_int_equal(sup_restart_child(sup, "c", &pid),
			 ended ? 0 : -EBUSY);
	world_stop(sup);
}

static void SUP_77_78_temporary_children_leave_nothing(void **state)
{
	int strategy, restart, how;

	(void)state;
	for (strategy = 0; strategy < 3; strategy++)
		for (restart = 0; restart < 3; restart++)
			for (how = TERMINATE; how <= ABNORMAL; how++) {
				world_close();
				world_open(1);
				check_specs_kept(strategy, restart, how);
			}

	world_close();
}

/* OTP's supervisor dies of a stray call or cast, and its subtree with it. */
static void stray_messages_are_survived(void **state)
{
	struct sup_msg msg = { .tag = 1, .data = "x", .len = 1 }, reply;
	struct fake c = { .id = "c" };
	struct sup_pid sup;
	int ask;

	(void)state;
	sup_set_log_level(-1);
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c));
	ask = world_ask(sup, &msg);
	assert_int_equal(sup_cast(sup, &msg, SUP_TRY), 0);
	world_post(sup, &msg);
	world_run();
	assert_int_equal(world_answer(ask, &reply), -ENOSYS);
	/* With a supervisor's tag, but not its content. */
	msg.tag = UINT64_C(0x7375705f73757001);
	ask = world_ask(sup, &msg);
	msg.tag = UINT64_C(0x7375705f73757003);
	assert_int_equal(sup_cast(sup, &msg, SUP_TRY), 0);
	world_run();
	assert_int_equal(world_answer(ask, &reply), -ENOSYS);
	assert_string_equal(world_listing(sup), "c+");

	world_close();
}

/* A child whose start calls its own supervisor: OTP waits for ever. */
static void call_back(struct fake *f)
{
	f->result = sup_terminate_child(*(struct sup_pid *)f->arg, "c");
}

static void a_start_that_calls_its_supervisor(void **state)
{
	struct fake c = { .id = "c", .in_start = call_back };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	c.arg = &sup;
	assert_int_equal(start_child(sup, &c, &pid), 0);
	assert_int_equal(c.result, -EDEADLK);

	world_close();
}

/* While one is started the tree can be looked at, and says so. */
static void look(struct fake *f)
{
	assert_string_equal(world_listing(*(struct sup_pid *)f->arg), "a+ c<");
	f->result = 1;
}

static void a_picture_does_not_wait(void **state)
{
	struct fake a = { .id = "a" }, c = { .id = "c", .in_start = look };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&a));
	c.arg = &sup;
	assert_int_equal(start_child(sup, &c, &pid), 0);
	assert_int_equal(c.result, 1);

	world_close();
}

static void a_picture_shows_all_fields(void **state)
{
	struct fake w = { .id = "w", .script = "o",
			  .restart = SUP_TRANSIENT };
	struct sup_child_spec inner = world_spec(&w);
	struct sup_supervisor_spec mid = {
		.size = sizeof(mid), .strategy = SUP_REST_FOR_ONE,
		.intensity = 7, .period_s = 9, .children = &inner,
		.n_children = 1,
	};
	struct sup_child_spec outer = {
		.size = sizeof(outer), .id = "mid", .arg = &mid,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .name = "top", .children = &outer,
		.n_children = 1,
	};
	struct sup_node *nodes;
	struct sup_pid pid;
	size_t n;

	(void)state;
	assert_int_equal(sup_supervisor_start(&top, &pid), 0);
	world_advance(S);
	crash(&w, segv);
	assert_int_equal(sup_tree(pid, &nodes, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(nodes[0].id, "top");
	assert_int_equal(nodes[0].pid.v, pid.v);
	assert_int_equal(nodes[0].intensity, 1);
	assert_int_equal(nodes[0].period_s, 5);
	assert_int_equal(nodes[0].budget_used, 0);
	assert_string_equal(nodes[1].id, "mid");
	assert_int_equal(nodes[1].depth, 1);
	assert_int_equal(nodes[1].strategy, SUP_REST_FOR_ONE);
	assert_int_equal(nodes[1].intensity, 7);
	assert_int_equal(nodes[1].period_s, 9);
	assert_int_equal(nodes[1].budget_used, 1);
	assert_int_equal(nodes[1].type, SUP_SUPERVISOR);
	assert_int_equal(nodes[1].restarts, 0);
	assert_string_equal(nodes[2].id, "w");
	assert_int_equal(nodes[2].depth, 2);
	assert_int_equal(nodes[2].pid.v, w.pid.v);
	assert_int_equal(nodes[2].os_tid, (pid_t)w.pid.v);
	assert_int_equal(nodes[2].restart, SUP_TRANSIENT);
	assert_int_equal(nodes[2].restarts, 1);
	assert_true(nodes[2].has_ended);
	assert_int_equal(nodes[2].last_reason.signo, 11);
	assert_int_equal(nodes[2].started_ns, sup_deadline_ms(0));
	free(nodes);
	assert_int_equal(sup_tree(w.pid, &nodes, &n), -ESRCH);

	world_close();
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Starts and stops n children by calls; returns how long each half took. */
static void scale(unsigned int n, double *ret_start, double *ret_stop)
{
	struct fake f = { .restart = SUP_TEMPORARY };
	struct sup_child_spec spec;
	struct sup_pid sup, pid;
	double begin, middle;
	unsigned int i;
	char id[16];

	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	begin = seconds();
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%u", i);
		f.id = id;
		spec = world_spec(&f);
		assert_int_equal(sup_start_child(sup, &spec, &pid), 0);
	}
	f.id = "f";
	middle = seconds();
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(sup_terminate_child(sup, id), 0);
	}
	*ret_start = middle - begin;
	*ret_stop = seconds() - middle;
	assert_int_equal(f.frees, n);
	world_stop(sup);
}

static void SUP_86_many_children(void **state)
{
	double few_start, few_stop, many_start, many_stop;

	(void)state;
	scale(1000, &few_start, &few_stop);
	world_close();
	world_open(1);
	scale(100000, &many_start, &many_stop);
	print_message("# 1,000: %.4f s, %.4f s; 100,000: %.3f s, %.3f s\n",
		      few_start, few_stop, many_start, many_stop);
	assert_true(many_start / few_start < 1000);
	assert_true(many_stop / few_stop < 1000);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_23_child_adm),
		CASE(SUP_26_specs_of_all_kinds),
		CASE(SUP_29_already_started_elsewhere),
		CASE(SUP_77_78_temporary_children_leave_nothing),
		CASE(stray_messages_are_survived),
		CASE(a_start_that_calls_its_supervisor),
		CASE(a_picture_does_not_wait),
		CASE(a_picture_shows_all_fields),
		CASE(SUP_86_many_children),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
