/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The init of a supervisor, lists of its children, and specs of any age. */
#include "checks.h"

#include "base/error.h"

/* What an init is to do, and how often it has. */
struct plan {
	int ret;
	const char *error;
	struct sup_supervisor_spec spec;
	unsigned int calls;
};

static int init(void *arg, struct sup_supervisor_spec *spec)
{
	struct plan *plan = arg;

	plan->calls++;
	if (plan->spec.size) {
		plan->spec.size = spec->size;
		plan->spec.name = spec->name;
		*spec = plan->spec;
	}
	return plan->error ? sup__error(plan->ret, "%s", plan->error) :
	       plan->ret;
}

static int start(struct plan *plan, struct sup_pid *ret_pid)
{
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top",
		.init = init, .init_arg = plan,
	};

	return sup_supervisor_start(&spec, ret_pid);
}

static void SUP_02_start_ignore_init(void **state)
{
	struct plan plan = { .ret = SUP_IGNORE };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(start(&plan, &pid), SUP_IGNORE);
	assert_int_equal(plan.calls, 1);
	assert_int_equal(world_alive(), 0);

	world_close();
}

static void SUP_08_start_error_return(void **state)
{
	struct plan plan = { .ret = 7 };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(start(&plan, &pid), -EPROTO);
	assert_string_equal(sup_error(), "supervisor \"top\": init returned 7");
	assert_int_equal(world_alive(), 0);

	world_close();
}

static void SUP_09_start_fail(void **state)
{
	struct plan plan = { .ret = -EIO };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(start(&plan, &pid), -EIO);
	assert_string_equal(sup_error(), "supervisor \"top\": init: "
			    "Input/output error");
	plan.error = "no file";
	assert_int_equal(start(&plan, &pid), -EIO);
	assert_string_equal(sup_error(), "supervisor \"top\": no file");
	plan = (struct plan){ .spec = { .size = 1, .strategy = 9 } };
	assert_int_equal(start(&plan, &pid), -EINVAL);
	assert_int_equal(world_alive(), 0);

	world_close();
}

/* It is asked anew at each start, so a restart may have other children. */
static void init_says_whom_to_supervise(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_child_spec children = world_spec(&a);
	struct plan plan = {
		.spec = {
			.size = 1, .strategy = SUP_REST_FOR_ONE,
			.intensity = 3, .children = &children, .n_children = 1,
		},
	};
	struct sup_supervisor_spec inner = {
		.size = sizeof(inner), .name = "inner",
		.init = init, .init_arg = &plan,
	};
	struct sup_child_spec outer = {
		.size = sizeof(outer), .id = "inner", .arg = &inner,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &outer, .n_children = 1,
	};
	struct sup_child child;
	struct sup_pid sup;

	(void)state;
	assert_int_equal(sup_supervisor_start(&top, &sup), 0);
	assert_int_equal(sup_which_child(sup, "inner", &child), 0);
	assert_string_equal(world_listing(child.pid), "a+");
	children = world_spec(&b);
	world_end(child.pid, abnormal);
	world_run();
	assert_int_equal(plan.calls, 2);
	assert_int_equal(sup_which_child(sup, "inner", &child), 0);
	assert_string_equal(world_listing(child.pid), "b+");
	assert_int_equal(a.frees, 1);

	world_close();
}

static void SUP_13_full_specs_are_read_back(void **state)
{
	struct fake a = { .id = "a" };
	struct fake b = { .id = "b", .shutdown_ms = SUP_SHUTDOWN_KILL };
	struct fake c = { .id = "c", .type = SUP_SUPERVISOR };
	struct sup_child child;
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, FAKES(&a, &b, &c));
	assert_int_equal(sup_which_child(sup, "a", &child), 0);
	assert_string_equal(child.id, "a");
	assert_int_equal(child.pid.v, a.pid.v);
	assert_int_equal(child.spec.restart, SUP_PERMANENT);
	assert_int_equal(child.spec.shutdown_ms, 5000);
	assert_int_equal(child.spec.type, SUP_WORKER);
	assert_ptr_equal(child.spec.arg, &a);
	assert_null(child.spec.id);
	assert_int_equal(sup_which_child(sup, "b", &child), 0);
	assert_int_equal(child.spec.shutdown_ms, SUP_SHUTDOWN_KILL);
	assert_int_equal(sup_which_child_pid(sup, c.pid, &child), 0);
	assert_string_equal(child.id, "c");
	assert_int_equal(child.spec.shutdown_ms, SUP_SHUTDOWN_INFINITY);
	assert_int_equal(child.spec.type, SUP_SUPERVISOR);
	assert_int_equal(sup_which_child(sup, "d", &child), -ENOENT);
	assert_int_equal(sup_which_child(sup, NULL, &child), -ENOENT);
	assert_int_equal(sup_which_child_pid(sup, sup, &child), -ENOENT);
	world_stop(sup);
	check_ended(sup, shutdown);
	assert_int_equal(sup_which_child(sup, "a", &child), -ESRCH);

	world_close();
}

static void children_are_listed_newest_first(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_child *rows = &(struct sup_child){ .state = 99 };
	struct sup_pid sup, pid;
	size_t n = 99;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, NULL);
	assert_int_equal(sup_which_children(sup, &rows, &n), 0);
	assert_null(rows);
	assert_int_equal(n, 0);
	assert_int_equal(start_child(sup, &a, &pid), 0);
	assert_int_equal(start_child(sup, &b, &pid), 0);
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_int_equal(sup_which_children(sup, &rows, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].id, "b");
	assert_int_equal(rows[0].pid.v, b.pid.v);
	assert_string_equal(rows[1].id, "a");
	assert_int_equal(rows[1].pid.v, 0);
	assert_int_equal(rows[1].state, SUP_CHILD_STOPPED);
	free(rows);

	world_close();
}

static int start_informing(const void *arg, struct sup_pid *ret_pid)
{
	struct fake *f = (struct fake *)arg;
	struct sup_child_spec spec = world_spec(f);

	sup_start_info(100 + f->starts);
	return spec.start(f, ret_pid);
}

static void SUP_25_extra_return(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_child_spec spec = world_spec(&c);
	struct sup_pid sup, pid, before;
	uint64_t info = 0;

	(void)state;
	spec.start = start_informing;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	assert_int_equal(sup_start_child(sup, &spec, &pid), 0);
	assert_int_equal(sup_started_info(&info), 0);
	assert_int_equal(info, 100);
	/* What is refused before the supervisor is asked has none, either. */
	assert_int_equal(sup_start_child(sup, NULL, &pid), -EINVAL);
	assert_int_equal(sup_started_info(&info), -ENODATA);
	assert_int_equal(sup_start_child(sup, &spec, &pid), -EEXIST);
	assert_int_equal(sup_started_info(&info), -ENODATA);
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	assert_int_equal(sup_started_info(&info), 0);
	assert_int_equal(info, 101);
	before = pid;
	crash(&c, abnormal);
	check_counts(sup, 1, 1, 0, 1);
	assert_int_not_equal(c.pid.v, before.v);
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_int_equal(sup_delete_child(sup, "c"), 0);

	world_close();
}

/* A program built when both structs were shorter. */
static void specs_of_older_programs(void **state)
{
	const size_t child_size = offsetof(struct sup_child_spec, start_with);
	const size_t size = offsetof(struct sup_supervisor_spec,
				     auto_shutdown);
	struct fake a = { .id = "a" }, b = { .id = "b" }, c = { .id = "c" };
	char children[2 * sizeof(struct sup_child_spec)];
	struct sup_child_spec one = world_spec(&a);
	struct sup_supervisor_spec spec = {
		.size = size, .children = (void *)children, .n_children = 2,
		.auto_shutdown = 77,
	};
	struct sup_pid sup, pid;

	(void)state;
	one.size = child_size;
	memcpy(children, &one, child_size);
	one.id = "b";
	one.arg = &b;
	memcpy(children + child_size, &one, child_size);
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	assert_string_equal(world_listing(sup), "a+ b+");
	one.id = "c";
	one.arg = &c;
	assert_int_equal(sup_start_child(sup, &one, &pid), 0);
	one.size = sizeof(one) - 1;
	memcpy(children + child_size, &one, child_size);
	assert_int_equal(sup_supervisor_start(&spec, &sup), -EINVAL);
	spec.size = size - 1;
	assert_int_equal(sup_supervisor_start(&spec, &sup), -EINVAL);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_02_start_ignore_init),
		CASE(SUP_08_start_error_return),
		CASE(SUP_09_start_fail),
		CASE(init_says_whom_to_supervise),
		CASE(SUP_13_full_specs_are_read_back),
		CASE(children_are_listed_newest_first),
		CASE(SUP_25_extra_return),
		CASE(specs_of_older_programs),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
