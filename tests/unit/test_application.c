/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Applications: the order of starts and stops, and one deadline for all. */
#include "tasks.h"

#include <string.h>

#include "base/clock.h"

static bool no_seat;

struct sup__seat *__wrap_sup__seat_self(void);
struct sup__seat *__real_sup__seat_self(void);

struct sup__seat *__wrap_sup__seat_self(void)
{
	return no_seat ? NULL : __real_sup__seat_self();
}

static char log_text[128];

static void note(const char *what, const char *name)
{
	strncat(log_text, what, sizeof(log_text) - strlen(log_text) - 1);
	strncat(log_text, name, sizeof(log_text) - strlen(log_text) - 1);
}

struct app {
	const char *name;
	int result;
	bool deaf;		/* its top does not end when it is told to */
	struct sup_pid top;
	_Atomic bool ready;
};

static int top(void *arg)
{
	struct app *a = arg;
	struct sup_info info;

	EXPECT(!a->deaf || !sup_trap_exits(true, NULL));
	atomic_store(&a->ready, true);
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

static int on_start(void *arg, struct sup_pid *ret_top)
{
	struct app *a = arg;

	note("+", a->name);
	if (a->result)
		return a->result;
	atomic_store(&a->ready, false);
	*ret_top = a->top = start(top, a);
	while (!atomic_load(&a->ready))
		sup_wait(a->top, NULL, sup_deadline_ms(1));
	return 0;
}

static void on_prep_stop(void *arg, struct sup_pid pid)
{
	struct app *a = arg;

	assert_int_equal(pid.v, a->top.v);
	note("?", a->name);
}

static void on_stop(void *arg)
{
	struct app *a = arg;

	assert_false(sup_is_alive(a->top));
	note("-", a->name);
}

static struct sup_application_spec spec_of(struct app *a,
					   const char *const *needs)
{
	return (struct sup_application_spec){
		.size = sizeof(struct sup_application_spec), .name = a->name,
		.needs = needs, .start = on_start, .prep_stop = on_prep_stop,
		.stop = on_stop, .arg = a,
	};
}

static const char *const needs_a[] = { "a", NULL };
static const char *const needs_b[] = { "b", NULL };
static const char *const needs_c[] = { "c", NULL };

static void APP_needs_come_first(void **state)
{
	struct app a = { .name = "a" }, b = { .name = "b" };
	struct sup_application_spec sa = spec_of(&a, NULL);
	struct sup_application_spec sb = spec_of(&b, needs_a);
	struct sup_pid pid;

	(void)state;
	log_text[0] = '\0';
	assert_int_equal(sup_application_start(&sb), -ENOENT);
	assert_non_null(strstr(sup_error(), "\"a\""));
	assert_int_equal(sup_application_start(&sa), 0);
	assert_int_equal(sup_application_start(&sa), -EEXIST);
	assert_int_equal(sup_application_start(&sb), 0);
	assert_int_equal(sup_application_top("b", &pid), 0);
	assert_int_equal(pid.v, b.top.v);
	assert_int_equal(sup_application_stop("a", LONG), -EBUSY);
	assert_int_equal(sup_application_stop("b", LONG), 0);
	assert_int_equal(sup_application_stop("b", LONG), -ENOENT);
	assert_int_equal(sup_application_top("b", &pid), -ENOENT);
	/* One whose top has ended by itself is stopped all the same. */
	kill_and_wait(a.top);
	assert_int_equal(sup_application_stop("a", LONG), 0);
	assert_string_equal(log_text, "+a+b?b-b?a-a");
	sa.start = NULL;
	assert_int_equal(sup_application_start(&sa), -EINVAL);
}

static void APP_without_memory_to_wait_it_runs_on(void **state)
{
	struct app a = { .name = "a" };
	struct sup_application_spec sa = spec_of(&a, NULL);
	struct sup_pid pid;

	(void)state;
	log_text[0] = '\0';
	assert_int_equal(sup_application_start(&sa), 0);
	no_seat = true;
	assert_int_equal(sup_application_stop("a", LONG), -ENOMEM);
	assert_int_equal(sup_application_stop_all(LONG), -ENOMEM);
	no_seat = false;
	assert_int_equal(sup_application_top("a", &pid), 0);
	assert_true(sup_is_alive(pid));
	assert_int_equal(sup_application_stop("a", LONG), 0);
	assert_string_equal(log_text, "+a?a-a");
}

static int no_task(void *arg, struct sup_pid *ret_top)
{
	(void)arg;
	(void)ret_top;
	return 0;
}

static void APP_start_all_is_all_or_nothing(void **state)
{
	struct app a = { .name = "a" }, b = { .name = "b" };
	struct app c = { .name = "c" };
	struct sup_application_spec specs[] = {
		spec_of(&c, needs_b), spec_of(&b, needs_a), spec_of(&a, NULL),
	};
	struct sup_pid pid;

	(void)state;
	log_text[0] = '\0';
	assert_int_equal(sup_application_start_all(specs, 3, LONG), 0);
	assert_int_equal(sup_application_start_all(specs, 3, LONG), 0);
	assert_string_equal(log_text, "+a+b+c");
	assert_int_equal(sup_application_stop_all(LONG), 0);
	assert_string_equal(log_text, "+a+b+c?c-c?b-b?a-a");
	/* The last fails: the others are stopped again. */
	log_text[0] = '\0';
	c.result = -EIO;
	assert_int_equal(sup_application_start_all(specs, 3, LONG), -EIO);
	assert_string_equal(log_text, "+a+b+c?b-b?a-a");
	assert_int_equal(sup_application_top("a", &pid), -ENOENT);
	specs[0].start = no_task;
	assert_int_equal(sup_application_start_all(specs, 3, LONG), -EPROTO);
	/* A circle: what is outside of it does not stay. */
	log_text[0] = '\0';
	specs[1].needs = needs_c;
	assert_int_equal(sup_application_start_all(specs, 3, LONG), -ENOENT);
	assert_string_equal(log_text, "+a?a-a");
}

static void APP_one_deadline_for_all(void **state)
{
	struct app a = { .name = "a", .deaf = true };
	struct app b = { .name = "b", .deaf = true };
	struct sup_application_spec sa = spec_of(&a, NULL);
	struct sup_application_spec sb = spec_of(&b, needs_a);
	int64_t deadline;

	(void)state;
	log_text[0] = '\0';
	assert_int_equal(sup_application_start(&sa), 0);
	assert_int_equal(sup_application_start(&sb), 0);
	deadline = sup_deadline_ms(20);
	assert_int_equal(sup_application_stop_all(deadline), -ETIMEDOUT);
	assert_true(sup__now_ns() >= deadline);
	assert_int_equal(end_of(a.top).kind, SUP_REASON_KILLED);
	assert_int_equal(end_of(b.top).kind, SUP_REASON_KILLED);
	assert_string_equal(log_text, "+a+b?b-b?a-a");
}

static void APP_close_stops_them(void **state)
{
	struct app a = { .name = "a" }, b = { .name = "b" };
	struct sup_application_spec sa = spec_of(&a, NULL);
	struct sup_application_spec sb = spec_of(&b, needs_a);

	(void)state;
	log_text[0] = '\0';
	assert_int_equal(sup_application_start(&sa), 0);
	assert_int_equal(sup_application_start(&sb), 0);
	assert_int_equal(sup_close(), 0);
	assert_string_equal(log_text, "+a+b?b-b?a-a");
}

static int in_a_task(void *arg)
{
	struct app a = { .name = "a" };
	struct sup_application_spec sa = spec_of(&a, NULL);

	(void)arg;
	EXPECT(sup_application_start(&sa) == -EPERM);
	EXPECT(sup_application_stop("a", LONG) == -EPERM);
	EXPECT(sup_application_stop_all(LONG) == -EPERM);
	return 0;
}

static void APP_not_in_a_task(void **state)
{
	(void)state;
	run_with(in_a_task, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(APP_needs_come_first),
		CASE(APP_without_memory_to_wait_it_runs_on),
		CASE(APP_start_all_is_all_or_nothing),
		CASE(APP_one_deadline_for_all),
		CASE(APP_close_stops_them),
		CASE(APP_not_in_a_task),
	};

	return RUN_TESTS(tests);
}
