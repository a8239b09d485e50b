/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/child.h"
#include "core/roster.h"

static int never(const void *arg, struct sup_pid *ret_pid)
{
	(void)arg;
	(void)ret_pid;
	return -ENOSYS;
}

static int never_with(const void *arg, const void *extra,
		      struct sup_pid *ret_pid)
{
	(void)extra;
	return never(arg, ret_pid);
}

static int freed;

static void count_free(void *arg)
{
	(void)arg;
	freed++;
}

static const struct sup_child_spec good = {
	.size = sizeof(good), .id = "c", .start = never,
};

static void check_refused(const struct sup_child_spec *spec, const char *word)
{
	struct sup_child_spec checked;

	assert_int_equal(sup__child_check(spec, true, &checked), -EINVAL);
	assert_non_null(strstr(sup_error(), word));
}

static void bad_specs_are_refused_by_name(void **state)
{
	char longest[SUP_NAME_MAX + 2];
	struct sup_child_spec s, checked;

	(void)state;
	assert_int_equal(sup__child_check(&good, true, &checked), 0);
	check_refused(NULL, "spec");
	s = good; s.size = 0; check_refused(&s, "size");
	s = good; s.id = NULL; check_refused(&s, "id");
	s = good; s.id = ""; check_refused(&s, "id");
	s = good; s.start = NULL; check_refused(&s, "start");
	s = good; s.restart = 3; check_refused(&s, "restart");
	s = good; s.restart = -1; check_refused(&s, "restart");
	s = good; s.type = 2; check_refused(&s, "type");
	s = good; s.shutdown_ms = -3; check_refused(&s, "shutdown_ms");
	s = good; s.significant = true; check_refused(&s, "significant");
	s = good; s.start_with = never_with; check_refused(&s, "start_with");
	s = good; s.backoff.jitter = 101; check_refused(&s, "jitter");
	s = good; s.backoff.factor = 99; check_refused(&s, "factor");
	s = good; s.backoff.min_ms = 2; s.backoff.max_ms = 1;
	check_refused(&s, "max_ms");
	s = good; s.budget.intensity = -2; check_refused(&s, "intensity");
	s.budget.intensity = SUP__INTENSITY_MAX + 1;
	check_refused(&s, "intensity");
	s = good; s.budget.period_s = 1; check_refused(&s, "intensity");
	s.budget.intensity = 1; s.budget.spent = 2;
	check_refused(&s, "spent");
	memset(longest, 'x', sizeof(longest));
	longest[SUP_NAME_MAX + 1] = '\0';
	s = good; s.id = longest; check_refused(&s, "id");
	longest[SUP_NAME_MAX] = '\0';
	assert_int_equal(sup__child_check(&s, true, &checked), 0);
}

/* As an older program has it, whose struct ended with type. */
static void older_specs_are_taken(void **state)
{
	struct sup_child_spec s = good, checked;

	(void)state;
	s.restart = SUP_TRANSIENT;
	s.significant = true;
	s.size = offsetof(struct sup_child_spec, start_with);
	assert_int_equal(sup__child_check(&s, true, &checked), 0);
	assert_int_equal(checked.size, sizeof(checked));
	assert_int_equal(checked.restart, SUP_TRANSIENT);
	assert_false(checked.significant);
	s.size = offsetof(struct sup_child_spec, arg);
	check_refused(&s, "size");
}

static void significant_children_need_auto_shutdown(void **state)
{
	struct sup_child_spec s = good, checked;

	(void)state;
	s.significant = true;
	s.restart = SUP_TEMPORARY;
	assert_int_equal(sup__child_check(&s, true, &checked), 0);
	assert_int_equal(sup__child_suits(&s, SUP_AUTO_SHUTDOWN_NEVER),
			 -EINVAL);
	assert_int_equal(sup__child_suits(&s, SUP_AUTO_SHUTDOWN_ANY), 0);
	assert_int_equal(sup__child_suits(&s, SUP_AUTO_SHUTDOWN_ALL), 0);
}

/* OTP's defaults. SUP-13. */
static void defaults_are_filled_in(void **state)
{
	struct sup_child_spec s = good;
	struct sup__child *c;

	(void)state;
	c = sup__child_new(&s);
	assert_non_null(c);
	assert_ptr_not_equal(c->spec.id, s.id);
	assert_string_equal(c->spec.id, "c");
	assert_int_equal(c->spec.restart, SUP_PERMANENT);
	assert_int_equal(c->spec.type, SUP_WORKER);
	assert_int_equal(c->spec.shutdown_ms, 5000);
	sup__child_free(c);
	s.type = SUP_SUPERVISOR;
	c = sup__child_new(&s);
	assert_int_equal(c->spec.shutdown_ms, SUP_SHUTDOWN_INFINITY);
	sup__child_free(c);
	s.shutdown_ms = SUP_SHUTDOWN_KILL;
	c = sup__child_new(&s);
	assert_int_equal(c->spec.shutdown_ms, SUP_SHUTDOWN_KILL);
	sup__child_free(c);
}

static void arg_is_freed_by_its_owner_alone(void **state)
{
	struct sup_child_spec s = good;
	struct sup__child *c;

	(void)state;
	freed = 0;
	s.free_arg = count_free;
	c = sup__child_new(&s);
	sup__child_free(c);
	assert_int_equal(freed, 0);
	c = sup__child_new(&s);
	c->owns_arg = true;
	sup__child_free(c);
	assert_int_equal(freed, 1);
	sup__child_free(NULL);
}

/*
 * The whole table, written down a second time: a row per state, a column per
 * event, the first letter of the next state or '-'.
 */
static void the_table_is_this_and_no_more(void **state)
{
	/* start up decline fail retry wait exit stop down cancel */
	static const char *const expect[] = {
		[SUP_CHILD_STOPPED] = "s----R---o",
		[SUP_CHILD_STARTING] = "-rooR-----",
		[SUP_CHILD_RUNNING] = "------oS--",
		[SUP_CHILD_RESTARTING] = "s----R---o",
		[SUP_CHILD_STOPPING] = "--------o-",
	};
	static const char letters[] = {
		[SUP_CHILD_STOPPED] = 'o', [SUP_CHILD_STARTING] = 's',
		[SUP_CHILD_RUNNING] = 'r', [SUP_CHILD_RESTARTING] = 'R',
		[SUP_CHILD_STOPPING] = 'S',
	};
	struct sup__child_news news = { .now = 1, .pid = { 5 } };
	struct sup__child c = { .id = "c" };
	int s, e, ret;

	(void)state;
	for (s = SUP_CHILD_STOPPED; s <= SUP_CHILD_STOPPING; s++)
		for (e = 0; e < SUP__CHILD_EVENTS; e++) {
			c.state = s;
			ret = sup__child_move(&c, e, &news);
			if (expect[s][e] == '-') {
				assert_int_equal(ret, -EPROTO);
				assert_int_equal(c.state, s);
				assert_non_null(strstr(sup_error(),
						sup__child_event_name(e)));
			} else {
				assert_int_equal(ret, 0);
				assert_int_equal(letters[c.state],
						 expect[s][e]);
			}
		}
}

static void a_life_is_noted(void **state)
{
	struct sup__child_news news = {
		.now = 17, .pid = { 5 }, .os_pid = 100, .os_tid = 101,
	};
	struct sup__child *c = sup__child_new(&good);

	(void)state;
	sup__child_move(c, SUP__CHILD_START, &news);
	sup__child_move(c, SUP__CHILD_UP, &news);
	assert_int_equal(c->pid.v, 5);
	assert_int_equal(c->os_pid, 100);
	assert_int_equal(c->os_tid, 101);
	assert_int_equal(c->started_ns, 17);
	assert_int_equal(c->restarts, 0);
	assert_false(c->has_ended);
	news.reason = (struct sup_reason){ .kind = SUP_REASON_SIGNAL,
					   .signo = 9 };
	sup__child_move(c, SUP__CHILD_EXIT, &news);
	assert_int_equal(c->pid.v, 0);
	assert_int_equal(c->last_pid.v, 5);
	assert_true(c->has_ended);
	assert_int_equal(c->last_reason.signo, 9);
	news.restart = true;
	sup__child_move(c, SUP__CHILD_START, &news);
	assert_int_equal(c->restarts, 1);
	news.retry = 33;
	sup__child_move(c, SUP__CHILD_FAIL_RETRY, &news);
	assert_int_equal(c->retry, 33);
	assert_true(c->retry_unsent);
	sup__child_move(c, SUP__CHILD_CANCEL, &news);
	assert_int_equal(c->retry, 0);
	assert_false(c->retry_unsent);
	sup__child_free(c);
}

static struct sup__child *new_child(unsigned int i)
{
	struct sup_child_spec s = good;
	char id[16];

	snprintf(id, sizeof(id), "c%u", i);
	s.id = id;
	return sup__child_new(&s);
}

static void check_order(const struct sup__roster *r, const char *expect)
{
	char got[256] = "", *end = got;
	const struct sup__child *c;
	size_t n = 0;

	for (c = r->first; c; c = c->next, n++)
		end += sprintf(end, "%s ", c->id);
	assert_string_equal(got, expect);
	assert_int_equal(r->n, n);
	for (c = r->last; c; c = c->prev)
		n--;
	assert_int_equal(n, 0);
}

static void a_roster_keeps_order(void **state)
{
	struct sup__child *c[4];
	struct sup__roster r;
	unsigned int i;

	(void)state;
	sup__roster_init(&r);
	for (i = 0; i < 4; i++)
		sup__roster_add(&r, c[i] = new_child(i));
	check_order(&r, "c0 c1 c2 c3 ");
	sup__roster_del(&r, c[1]);
	check_order(&r, "c0 c2 c3 ");
	sup__roster_del(&r, c[3]);
	sup__roster_del(&r, c[0]);
	check_order(&r, "c2 ");
	sup__roster_add(&r, c[0]);
	check_order(&r, "c2 c0 ");
	sup__roster_del(&r, c[2]);
	sup__roster_del(&r, c[0]);
	check_order(&r, "");
	for (i = 0; i < 4; i++)
		sup__child_free(c[i]);
	sup__roster_fini(&r);
	sup__roster_fini(&r);
}

static void run(struct sup__roster *r, struct sup__child *c, uint64_t pid)
{
	struct sup__child_news news = { .pid = { pid } };

	assert_int_equal(sup__roster_move(r, c, SUP__CHILD_START, &news), 0);
	assert_int_equal(sup__roster_move(r, c, SUP__CHILD_UP, &news), 0);
}

/* Many, with and without memory for larger tables. */
static void check_lookups(unsigned int fail_from)
{
	enum { N = 1000 };
	struct sup__child_news news = { 0 };
	struct sup__child *c, *next;
	struct sup__roster r;
	unsigned int i;
	char id[16];

	sup__roster_init(&r);
	for (i = 0; i < N; i++) {
		c = new_child(i);
		assert_non_null(c);
		sup__alloc_fail_nth(i >= fail_from);
		sup__roster_add(&r, c);
		sup__alloc_fail_nth(0);
		run(&r, c, 1000 + i);
	}
	for (i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		c = sup__roster_by_id(&r, id);
		assert_non_null(c);
		assert_string_equal(c->id, id);
		assert_ptr_equal(sup__roster_by_pid(&r, (struct sup_pid){
						    1000 + i }), c);
	}
	assert_null(sup__roster_by_id(&r, "c1000"));
	assert_null(sup__roster_by_pid(&r, (struct sup_pid){ 999 }));
	for (c = r.first; c; c = next) {
		next = c->next;
		i = (unsigned int)c->pid.v;
		sup__roster_move(&r, c, SUP__CHILD_EXIT, &news);
		assert_null(sup__roster_by_pid(&r, (struct sup_pid){ i }));
		sup__roster_del(&r, c);
		assert_null(sup__roster_by_id(&r, c->id));
		sup__child_free(c);
	}
	sup__roster_fini(&r);
}

static void a_roster_finds_by_id_and_pid(void **state)
{
	(void)state;
	check_lookups(100000);
}

static void a_roster_that_cannot_grow_still_finds(void **state)
{
	(void)state;
	check_lookups(0);
	check_lookups(20);
}

static void names_of_states_and_events(void **state)
{
	int i;

	(void)state;
	for (i = 0; i <= SUP_CHILD_STOPPING; i++)
		assert_string_not_equal(sup_child_state_name(i), "unknown");
	assert_string_equal(sup_child_state_name(i), "unknown");
	for (i = 0; i < SUP__CHILD_EVENTS; i++)
		assert_string_not_equal(sup__child_event_name(i), "unknown");
	assert_string_equal(sup__child_event_name(i), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_specs_are_refused_by_name),
		cmocka_unit_test(older_specs_are_taken),
		cmocka_unit_test(significant_children_need_auto_shutdown),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(arg_is_freed_by_its_owner_alone),
		cmocka_unit_test(the_table_is_this_and_no_more),
		cmocka_unit_test(a_life_is_noted),
		cmocka_unit_test(a_roster_keeps_order),
		cmocka_unit_test(a_roster_finds_by_id_and_pid),
		cmocka_unit_test(a_roster_that_cannot_grow_still_finds),
		cmocka_unit_test(names_of_states_and_events),
	};

	return RUN_TESTS(tests);
}
