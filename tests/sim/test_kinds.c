/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of restart: what an end of each leads to, and what is reported. */
#include "checks.h"

/* What one end of the only child leads to: its listing and its counts. */
static void check_kind(enum sup_restart restart, struct sup_reason reason,
		       const char *listing)
{
	struct fake c = { .id = "c1", .restart = restart };
	struct sup_pid sup, first;
	size_t specs = !!listing[0];
	bool up = strchr(listing, '+');

	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c));
	first = c.pid;
	crash(&c, reason);
	assert_string_equal(world_listing(sup), listing);
	check_counts(sup, specs, up, 0, specs);
	assert_int_equal(c.pid.v != first.v, up);
	world_stop(sup);
	assert_int_equal(c.frees, 1);
}

static void SUP_31_permanent_normal(void **state)
{
	(void)state;
	check_kind(SUP_PERMANENT, normal, "c1+");

	world_close();
}

static void SUP_32_transient_normal(void **state)
{
	(void)state;
	check_kind(SUP_TRANSIENT, normal, "c1-");

	world_close();
}

static void SUP_33_temporary_normal(void **state)
{
	(void)state;
	check_kind(SUP_TEMPORARY, normal, "");

	world_close();
}

static void SUP_34_permanent_shutdown(void **state)
{
	(void)state;
	check_kind(SUP_PERMANENT, shutdown, "c1+");
	check_kind(SUP_PERMANENT, shutdown7, "c1+");

	world_close();
}

static void SUP_35_transient_shutdown(void **state)
{
	struct fake c = { .id = "c1", .restart = SUP_TRANSIENT };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c));
	crash(&c, shutdown);
	assert_string_equal(world_listing(sup), "c1-");
	assert_int_equal(sup_restart_child(sup, "c1", &pid), 0);
	assert_string_equal(world_listing(sup), "c1+");
	crash(&c, shutdown7);
	assert_string_equal(world_listing(sup), "c1-");

	world_close();
}

static void SUP_36_temporary_shutdown(void **state)
{
	struct fake c = { .id = "c1", .restart = SUP_TEMPORARY };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c));
	crash(&c, shutdown);
	assert_string_equal(world_listing(sup), "");
	assert_int_equal(start_child(sup, &c, &pid), 0);
	crash(&c, shutdown7);
	assert_string_equal(world_listing(sup), "");

	world_close();
}

static void check_abnormal(enum sup_restart restart, const char *listing)
{
	static const struct sup_reason noproc = {
		.kind = SUP_REASON_NOPROC,
	}, lost = { .kind = SUP_REASON_LOST };

	check_kind(restart, abnormal, listing);
	check_kind(restart, segv, listing);
	check_kind(restart, killed, listing);
	check_kind(restart, noproc, listing);
	check_kind(restart, lost, listing);
}

static void SUP_37_permanent_abnormal(void **state)
{
	(void)state;
	check_abnormal(SUP_PERMANENT, "c1+");

	world_close();
}

static void SUP_38_transient_abnormal(void **state)
{
	(void)state;
	check_abnormal(SUP_TRANSIENT, "c1+");

	world_close();
}

static void SUP_39_temporary_abnormal(void **state)
{
	(void)state;
	check_abnormal(SUP_TEMPORARY, "");

	world_close();
}

static void SUP_40_temporary_bystander(void **state)
{
	static const enum sup_strategy strategies[] = {
		SUP_ONE_FOR_ALL, SUP_REST_FOR_ONE,
	};
	struct fake c1, c2;
	struct sup_pid sup;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(strategies); i++) {
		c1 = (struct fake){ .id = "c1" };
		c2 = (struct fake){ .id = "c2", .restart = SUP_TEMPORARY };
		sup = world_supervisor(strategies[i], 2, 300,
				       FAKES(&c1, &c2));
		crash(&c1, normal);
		assert_string_equal(world_listing(sup), "c1+");
		check_ended(c2.pid, shutdown);
		assert_int_equal(c2.frees, 1);
		world_stop(sup);
	}

	world_close();
}

static void SUP_41_reports(void **state)
{
	struct fake p = { .id = "p" };
	struct fake t = { .id = "t", .restart = SUP_TRANSIENT };
	struct sup_pid sup, pid;
	struct sup_event ev;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&p));
	assert_int_equal(start_child(sup, &t, &pid), 0);
	assert_string_equal(world_events(), "started:p started:t");
	pid = p.pid;
	crash(&p, segv);
	assert_string_equal(world_events(), "child_terminated:p started:p");
	ev = world_event(SUP_EVENT_CHILD_TERMINATED);
	assert_int_equal(ev.pid.v, pid.v);
	assert_int_equal(ev.reason.signo, 11);
	assert_int_equal(ev.os_tid, (pid_t)pid.v);
	assert_int_equal(ev.supervisor.v, sup.v);
	assert_string_equal(ev.supervisor_name, "top");
	ev = world_event(SUP_EVENT_STARTED);
	assert_int_equal(ev.pid.v, p.pid.v);
	assert_int_equal(ev.restarts, 1);
	assert_int_equal(ev.budget_used, 1);
	assert_int_equal(ev.intensity, 2);
	crash(&t, normal);
	assert_string_equal(world_events(), "child_terminated:t");

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_31_permanent_normal),
		CASE(SUP_32_transient_normal),
		CASE(SUP_33_temporary_normal),
		CASE(SUP_34_permanent_shutdown),
		CASE(SUP_35_transient_shutdown),
		CASE(SUP_36_temporary_shutdown),
		CASE(SUP_37_permanent_abnormal),
		CASE(SUP_38_transient_abnormal),
		CASE(SUP_39_temporary_abnormal),
		CASE(SUP_40_temporary_bystander),
		CASE(SUP_41_reports),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
