/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Significant children: when their ends end the supervisor, too. */
#include "checks.h"

static struct sup_pid supervisor(enum sup_strategy strategy, int intensity,
				 enum sup_auto_shutdown auto_shutdown,
				 struct fake *const *f)
{
	struct sup_pid pid;

	assert_int_equal(world_try_supervisor(strategy, intensity, 3600,
					      auto_shutdown, f, &pid), 0);
	return pid;
}

enum how { TERMINATE, KILL, CRASH, NORMAL };

static void end(struct sup_pid sup, struct fake *f, enum how how)
{
	if (how == TERMINATE)
		assert_int_equal(sup_terminate_child(sup, f->id), 0);
	else
		crash(f, how == KILL ? killed : how == CRASH ? abnormal :
		      normal);
}

static void SUP_27_child_specs_map(void **state)
{
	struct fake f = { .id = "f" };
	struct sup_child_spec spec;
	int shutdown_as, restart, type, significant, ret;
	bool bad;

	(void)state;
	for (shutdown_as = 0; shutdown_as < 3; shutdown_as++)
		for (restart = 0; restart < 3; restart++)
			for (type = 0; type < 2; type++)
				for (significant = 0; significant < 2;
				     significant++) {
					f.restart = restart;
					f.type = type;
					f.significant = significant;
					spec = world_spec(&f);
					bad = significant &&
					      (!shutdown_as || !restart);
					ret = sup_check_childspecs(&spec, 1,
								shutdown_as);
					assert_int_equal(ret, bad ? -EINVAL :
							 0);
				}
	assert_int_equal(sup_check_childspecs(NULL, 0, 0), 0);
	assert_int_equal(sup_check_childspecs(NULL, 1, 0), -EINVAL);
	assert_int_equal(sup_check_childspecs(NULL, 0, 3), -EINVAL);

	world_close();
}

static void check_not_significant(enum sup_restart restart)
{
	struct sup_pid sup, pid;
	struct fake c, other;
	int as, how;

	for (as = 0; as < 3; as++)
		for (how = TERMINATE; how <= NORMAL; how++) {
			c = (struct fake){ .id = "c", .restart = restart };
			other = (struct fake){ .id = "other" };
			sup = supervisor(SUP_ONE_FOR_ONE, 5, as,
					 FAKES(&other));
			assert_int_equal(start_child(sup, &c, &pid), 0);
			end(sup, &c, how);
			assert_false(world_has_ended(sup, NULL));
			assert_int_equal(c.starts,
					 restart == SUP_TRANSIENT &&
					 (how == KILL || how == CRASH) ? 2 : 1);
			world_stop(sup);
		}
}

static void SUP_58_nonsignificant_temporary(void **state)
{
	(void)state;
	check_not_significant(SUP_TEMPORARY);

	world_close();
}

static void SUP_59_nonsignificant_transient(void **state)
{
	(void)state;
	check_not_significant(SUP_TRANSIENT);

	world_close();
}

static void check_any(enum sup_restart restart, enum how how, bool ends)
{
	struct fake c = { .id = "c", .restart = restart, .significant = true };
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_pid sup;

	sup = supervisor(SUP_ONE_FOR_ONE, 5, SUP_AUTO_SHUTDOWN_ANY,
			 FAKES(&a, &c, &b));
	world_trace();
	world_events();
	end(sup, &c, how);
	assert_int_equal(world_has_ended(sup, NULL), ends);
	if (!ends) {
		world_stop(sup);
		return;
	}
	check_ended(sup, shutdown);
	assert_non_null(strstr(world_trace(), " -b -a"));
	assert_non_null(strstr(world_events(), "auto_shutdown:c"));
	assert_int_equal(c.frees, 1);
}

/* Two significant ones: the last counts. */
static void check_all(enum sup_restart restart)
{
	struct fake c = { .id = "c", .restart = restart, .significant = true };
	struct fake d = { .id = "d", .restart = restart, .significant = true };
	struct fake a = { .id = "a" };
	struct sup_pid sup;

	sup = supervisor(SUP_ONE_FOR_ONE, 5, SUP_AUTO_SHUTDOWN_ALL,
			 FAKES(&a, &c, &d));
	crash(&d, normal);
	assert_false(world_has_ended(sup, NULL));
	crash(&c, normal);
	check_ended(sup, shutdown);
	check_ended(a.pid, shutdown);
}

static void SUP_60_significant_temporary(void **state)
{
	(void)state;
	check_any(SUP_TEMPORARY, TERMINATE, false);
	check_any(SUP_TEMPORARY, KILL, true);
	check_any(SUP_TEMPORARY, CRASH, true);
	check_any(SUP_TEMPORARY, NORMAL, true);
	check_all(SUP_TEMPORARY);

	world_close();
}

static void SUP_61_significant_transient(void **state)
{
	(void)state;
	check_any(SUP_TRANSIENT, TERMINATE, false);
	check_any(SUP_TRANSIENT, KILL, false);
	check_any(SUP_TRANSIENT, CRASH, false);
	check_any(SUP_TRANSIENT, NORMAL, true);
	check_all(SUP_TRANSIENT);

	world_close();
}

static void significant_needs_auto_shutdown(void **state)
{
	struct fake c = { .id = "c", .restart = SUP_TEMPORARY,
			  .significant = true };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, NULL);
	assert_int_equal(start_child(sup, &c, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "auto_shutdown"));
	assert_int_equal(c.starts, 0);
	c.significant = false;
	assert_int_equal(start_child(sup, &c, &pid), 0);
	c.significant = true;	/* that it is there comes second */
	assert_int_equal(start_child(sup, &c, &pid), -EINVAL);

	world_close();
}

/* One that is restarting is not gone. */
static void a_restarting_one_keeps_the_supervisor(void **state)
{
	struct fake c = { .id = "c", .restart = SUP_TRANSIENT,
			  .significant = true, .script = "off" };
	struct fake d = { .id = "d", .restart = SUP_TRANSIENT,
			  .significant = true };
	struct sup_pid sup;

	(void)state;
	sup = supervisor(SUP_ONE_FOR_ONE, 5, SUP_AUTO_SHUTDOWN_ALL,
			 FAKES(&c, &d));
	world_end(c.pid, abnormal);
	world_end(d.pid, normal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c* d+");
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c* d-");
	assert_false(world_has_ended(sup, NULL));

	world_close();
}

static void check_bystander(enum sup_strategy strategy,
			    enum sup_auto_shutdown as, unsigned int starts1,
			    unsigned int starts3)
{
	struct fake c1 = { .id = "c1", .restart = SUP_TRANSIENT,
			   .significant = true };
	struct fake c2 = { .id = "c2", .restart = SUP_TRANSIENT };
	struct fake c3 = { .id = "c3", .restart = SUP_TRANSIENT,
			   .significant = true };
	struct sup_pid sup;

	sup = supervisor(strategy, 2, as, FAKES(&c1, &c2, &c3));
	crash(&c2, killed);
	assert_false(world_has_ended(sup, NULL));
	assert_string_equal(world_listing(sup), "c1+ c2+ c3+");
	assert_int_equal(c1.starts, starts1);
	assert_int_equal(c2.starts, 2);
	assert_int_equal(c3.starts, starts3);
	world_stop(sup);
}

static void SUP_63_significant_bystander(void **state)
{
	enum sup_auto_shutdown as;

	(void)state;
	for (as = SUP_AUTO_SHUTDOWN_ANY; as <= SUP_AUTO_SHUTDOWN_ALL; as++) {
		check_bystander(SUP_ONE_FOR_ONE, as, 1, 1);
		check_bystander(SUP_ONE_FOR_ALL, as, 2, 2);
		check_bystander(SUP_REST_FOR_ONE, as, 1, 2);
	}

	world_close();
}

static void check_escalation(bool significant)
{
	struct fake c = { .id = "c", .restart = SUP_TRANSIENT,
			  .significant = true };
	struct sup_child_spec inner = world_spec(&c);
	struct sup_supervisor_spec b = {
		.size = sizeof(b), .name = "b", .children = &inner,
		.n_children = 1, .auto_shutdown = SUP_AUTO_SHUTDOWN_ANY,
	};
	struct sup_child_spec outer = {
		.size = sizeof(outer), .id = "b", .arg = &b,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
		.restart = SUP_TRANSIENT, .significant = significant,
	};
	struct sup_supervisor_spec a = {
		.size = sizeof(a), .name = "a", .children = &outer,
		.n_children = 1, .auto_shutdown = SUP_AUTO_SHUTDOWN_ANY,
	};
	struct sup_pid pid;

	assert_int_equal(sup_supervisor_start(&a, &pid), 0);
	crash(&c, normal);
	assert_int_equal(world_has_ended(pid, NULL), significant);
	if (significant)
		check_ended(pid, shutdown);
	else
		assert_string_equal(world_listing(pid), "b-");
	if (!significant)
		world_stop(pid);
}

static void SUP_64_significant_escalation(void **state)
{
	(void)state;
	check_escalation(true);
	check_escalation(false);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_27_child_specs_map),
		CASE(SUP_58_nonsignificant_temporary),
		CASE(SUP_59_nonsignificant_transient),
		CASE(SUP_60_significant_temporary),
		CASE(SUP_61_significant_transient),
		CASE(significant_needs_auto_shutdown),
		CASE(a_restarting_one_keeps_the_supervisor),
		CASE(SUP_63_significant_bystander),
		CASE(SUP_64_significant_escalation),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
