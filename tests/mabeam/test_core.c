/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variables: versions, types, limits, permissions, rules, and history. */
#include "variables.h"

#include "fail_memory.h"

static void assert_value(const char *name, uint64_t version, const char *value,
			 const char *by)
{
	struct mab_variable *v;

	assert_int_equal(mab_variable_get(name, NULL, &v), 0);
	assert_string_equal(v->name, name);
	assert_string_equal(v->value, value);
	assert_string_equal(v->by, by);
	assert_int_equal(v->version, version);
	assert_true(v->created > 0 && v->updated >= v->created);
	free(v);
}

static void versions_count_up(void **state)
{
	struct mab_variable_change *h;
	uint64_t version;
	size_t n;

	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "[1]")), 0);
	assert_value("v", 1, "[1]", "");
	assert_int_equal(mab_variable_update("v", UPDATE("{\"a\": 2}",
					     .by = "me"), &version), 0);
	assert_int_equal(version, 2);
	/* Each update is a version, of the same value, too. */
	assert_int_equal(SET("v", "{\"a\": 2}", .priority = 7), 0);
	assert_value("v", 3, "{\"a\": 2}", "");
	assert_int_equal(mab_variable_history("v", NULL, 0, &h, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(h[0].version, 3);
	assert_int_equal(h[0].priority, 7);
	assert_int_equal(h[1].version, 2);
	assert_string_equal(h[1].by, "me");
	assert_string_equal(h[2].value, "[1]");
	free(h);
	assert_int_equal(mab_variable_history("v", NULL, 2, &h, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(h[1].version, 2);
	free(h);
	assert_int_equal(stats_of("v").version, 3);
	assert_int_equal(stats_of("v").history, 3);
}

static void what_is_not_there_is_said(void **state)
{
	char name[MAB_NAME_MAX + 2];
	struct mab_variable_stats stats;
	struct mab_variable *v;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(mab_variable_get("v", NULL, &v), -ENOENT);
	assert_int_equal(SET("v", "1"), -ENOENT);
	assert_int_equal(mab_variable_delete("v", NULL), -ENOENT);
	assert_int_equal(mab_variable_stats("v", &stats), -ENOENT);
	assert_int_equal(SET(NULL, "1"), -EINVAL);
	assert_int_equal(SET(name, "1"), -ENAMETOOLONG);
	assert_int_equal(mab_variable_register(VARIABLE(name, "1")),
			 -ENAMETOOLONG);
	assert_int_equal(mab_variable_register(VARIABLE("v", "1")), 0);
	assert_int_equal(mab_variable_register(VARIABLE("v", "2")), -EEXIST);
	assert_value("v", 1, "1", "");
	assert_int_equal(mab_variable_subscribe("v", NULL), -EPERM);
	assert_int_equal(mab_variable_unsubscribe("v"), -EPERM);
	assert_int_equal(mab_variable_delete("v", NULL), 0);
	assert_int_equal(mab_variable_get("v", NULL, &v), -ENOENT);
	assert_int_equal(mab_variable_register(VARIABLE("v", "3")), 0);
	assert_value("v", 1, "3", "");
}

static void all_are_listed(void **state)
{
	const char **names;
	size_t n;

	(void)state;
	assert_int_equal(mab_variable_list(&names, &n), 0);
	assert_int_equal(n, 0);
	assert_null(names);
	assert_int_equal(mab_variable_register(VARIABLE("b", "1")), 0);
	assert_int_equal(mab_variable_register(VARIABLE("a", "1")), 0);
	assert_int_equal(mab_variable_list(&names, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "b");
	assert_string_equal(names[1], "a");
	free(names);
}

static void values_are_of_the_type(void **state)
{
	static const struct {
		enum mab_variable_type type;
		double min, max;
		const char *good, *bad;
		int error;
	} cases[] = {
		{ MAB_ANY, 0, 0, "null", "nul", -EINVAL },
		{ MAB_ANY, 0, 0, "[1, {\"a\": \"b\"}]", "", -EINVAL },
		{ MAB_ANY, 0, 0, "\"x\"", "{\"a\":1,\"a\":2}", -EINVAL },
		{ MAB_ANY, 0, 0, "1", "1 2", -EINVAL },
		{ MAB_BOOL, 0, 0, "true", "1", -EINVAL },
		{ MAB_INT, 0, 0, "-9223372036854775808", "1.5", -EINVAL },
		{ MAB_INT, 0, 0, "7", "9223372036854775808", -EINVAL },
		{ MAB_INT, -1, 10, "10", "11", -ERANGE },
		{ MAB_INT, -1, 10, "-1", "-2", -ERANGE },
		{ MAB_FLOAT, 0, 0.5, "0.5", "0.51", -ERANGE },
		{ MAB_FLOAT, 0, 2, "1", "true", -EINVAL },
		{ MAB_STRING, 0, 0, "\"\"", "null", -EINVAL },
		{ MAB_CHOICE, 0, 0, "\"red\"", "\"re\"", -EINVAL },
		{ MAB_CHOICE, 0, 0, "\"blue\"", "\"blue\\u0000\"", -EINVAL },
		{ MAB_CHOICE, 0, 0, "\"red\"", "0", -EINVAL },
	};
	struct mab_variable_spec spec = {
		.size = sizeof(spec), .name = "v",
		.choices = CAN("red", "blue"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		spec.type = cases[i].type;
		spec.min = cases[i].min;
		spec.max = cases[i].max;
		spec.value = cases[i].bad;
		assert_int_equal(mab_variable_register(&spec), cases[i].error);
		assert_true(sup_error()[0]);
		spec.value = cases[i].good;
		assert_int_equal(mab_variable_register(&spec), 0);
		assert_int_equal(SET("v", cases[i].bad), cases[i].error);
		assert_value("v", 1, cases[i].good, "");
		assert_int_equal(SET("v", cases[i].good), 0);
		assert_int_equal(mab_variable_delete("v", NULL), 0);
	}
}

static void specs_are_checked(void **state)
{
	const struct mab_variable_spec bad[] = {
		*VARIABLE("v", NULL), *VARIABLE("v", "1", .type = 77),
		*VARIABLE("v", "1", .rule = 77),
		*VARIABLE("v", "1", .rule = MAB_CUSTOM),
		*VARIABLE("v", "1", .min = 2, .max = 1),
		*VARIABLE("v", "\"a\"", .type = MAB_CHOICE),
		*VARIABLE("v", "1", .owner = ""),
		*VARIABLE("v", "1", .permissions.read.kind = 77),
		*VARIABLE("v", "1", .permissions.write = {
			MAB_ACCESS_AGENTS, NULL }),
		*VARIABLE("v", "1", .permissions.administer = {
			MAB_ACCESS_CAPABILITIES, CAN("") }),
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		assert_int_equal(mab_variable_register(&bad[i]), -EINVAL);
		assert_true(sup_error()[0]);
	}
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
						.history = 101)), -ERANGE);
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
						.subscribers = 1001)), -ERANGE);
}

static void start_with(const struct mab_core_options *options)
{
	static struct sup_child_spec child;
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
	};

	child = (struct sup_child_spec){
		.size = sizeof(child), .id = "core", .start = mab_core_start,
		.arg = options,
	};
	assert_int_equal(sup_supervisor_start(&spec, &foundation), 0);
}

static int is_one_too_many(void *arg)
{
	(void)arg;
	EXPECT(mab_variable_subscribe("a", NULL) == -EUSERS);
	return 0;
}

static int subscribes(void *arg)
{
	(void)arg;
	EXPECT(!mab_variable_subscribe("a", NULL));
	return 0;
}

static int tear_down_limits(void **state)
{
	return clear_variables() || tear_down(state);
}

static void limits_hold(void **state)
{
	static const struct mab_core_options options = {
		.size = sizeof(options), .max_variables = 2, .max_value = 4,
		.max_history = 3, .max_subscribers = 1,
	};
	struct listener a = { .name = "a", .last = 99 };
	struct mab_variable_change *h;
	size_t n;
	int i;

	(void)state;
	start_with(&options);
	assert_int_equal(mab_variable_register(VARIABLE("a", "12345")),
			 -EMSGSIZE);
	assert_int_equal(mab_variable_register(VARIABLE("a", "1234")), 0);
	assert_int_equal(mab_variable_register(VARIABLE("b", "1")), 0);
	assert_int_equal(mab_variable_register(VARIABLE("c", "1")), -ENOSPC);
	assert_int_equal(SET("a", "12345"), -EMSGSIZE);
	for (i = 0; i < 5; i++)
		assert_int_equal(SET("a", "0"), 0);
	assert_int_equal(mab_variable_history("a", NULL, 0, &h, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(h[0].version, 6);
	assert_int_equal(h[2].version, 4);
	free(h);
	begin_listener(&a);
	assert_int_equal(stats_of("a").subscribers, 1);
	/* Another one has no room, until the first has ended. */
	run_with(is_one_too_many, NULL);
	kill_and_wait(a.pid);
	assert_int_equal(stats_of("a").subscribers, 0);
	run_with(subscribes, NULL);
	assert_int_equal(mab_variable_delete("b", NULL), 0);
	assert_int_equal(mab_variable_register(VARIABLE("c", "1")), 0);
}

static void limits_are_within_limits(void **state)
{
	struct mab_core_options options = {
		.size = sizeof(options), .max_value = MAB_VALUE_MAX + 1,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(mab_core_start(&options, &pid), -EINVAL);
	options.max_value = 0;
	assert_int_equal(mab_core_start(&options, &pid), 0);
	assert_int_equal(mab_core_start(&options, &pid), -EEXIST);
}

/* One that the agents a, b may read, c, which can x and y, write. */
static const struct mab_permissions permissions = {
	.read = { MAB_ACCESS_AGENTS, CAN("a", "b") },
	.write = { MAB_ACCESS_CAPABILITIES, CAN("x", "y") },
};

static int read_by(const char *by)
{
	struct mab_variable *v;
	int ret;

	ret = mab_variable_get("v", by, &v);
	if (!ret)
		free(v);
	return ret;
}

static void who_may_is_asked(void **state)
{
	struct mab_permissions others = permissions;

	(void)state;
	others.administer = (struct mab_access){ MAB_ACCESS_PUBLIC, NULL };
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
			 .owner = "owner", .permissions = permissions)), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "c",
			 .capabilities = CAN("x", "z", "y"))), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "d",
			 .capabilities = CAN("x"))), 0);
	assert_int_equal(read_by("a"), 0);
	assert_int_equal(read_by("c"), -EACCES);
	assert_int_equal(read_by(NULL), -EACCES);
	assert_int_equal(read_by("owner"), 0);
	assert_int_equal(SET("v", "2", .by = "a"), -EACCES);
	assert_int_equal(SET("v", "2", .by = "d"), -EACCES);
	assert_int_equal(SET("v", "2"), -EACCES);
	assert_int_equal(SET("v", "2", .by = "c"), 0);
	assert_int_equal(SET("v", "3", .by = "owner"), 0);
	assert_int_equal(stats_of("v").version, 3);
	assert_int_equal(mab_variable_delete("v", "c"), -EACCES);
	assert_int_equal(mab_variable_permit("v", NULL, &others), -EACCES);
	assert_int_equal(mab_variable_permit("v", "owner", &others), 0);
	assert_int_equal(mab_variable_delete("v", "c"), 0);
}

/* It does what it is asked to on behalf of whom it is told. */
static int acts(void *state, struct sup_from from, const struct mab_message *m)
{
	const char *by = m->len ? m->body : NULL;
	char text[16];
	int ret = -ENOSYS;

	(void)state;
	if (!strcmp(m->method, "read"))
		ret = read_by(by);
	if (!strcmp(m->method, "write"))
		ret = SET("v", "2", .by = by);
	snprintf(text, sizeof(text), "%d", ret);
	return mab_reply(from, text, strlen(text));
}

static const struct mab_agent_ops acting_ops = {
	.size = sizeof(acting_ops), .init = simple_init, .request = acts,
};

static int ask_to(const char *id, const char *method, const char *by)
{
	struct sup_msg reply;
	int ret;

	assert_int_equal(mab_agent_ask(id, SAY(method, by), &reply, NULL,
				       LONG), 0);
	ret = atoi(reply.data);
	sup_msg_free(&reply);
	return ret;
}

static void an_agent_is_itself(void **state)
{
	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
			 .owner = "owner", .permissions = permissions)), 0);
	start_agent(AGENT_OF(&acting_ops, .id = "a"));
	start_agent(AGENT_OF(&acting_ops, .id = "c",
			     .capabilities = CAN("x", "y")));
	assert_int_equal(ask_to("a", "read", ""), 0);
	assert_int_equal(ask_to("a", "read", "a"), 0);
	assert_int_equal(ask_to("a", "read", "owner"), -EPERM);
	assert_int_equal(ask_to("a", "write", ""), -EACCES);
	assert_int_equal(ask_to("a", "write", "c"), -EPERM);
	assert_int_equal(ask_to("c", "read", ""), -EACCES);
	assert_int_equal(ask_to("c", "write", ""), 0);
	assert_int_equal(stats_of("v").version, 2);
}

static void the_last_or_the_first_write_wins(void **state)
{
	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "1")), 0);
	assert_int_equal(SET("v", "2", .expected = 1), 0);
	assert_int_equal(SET("v", "3", .expected = 1), 0);
	assert_value("v", 3, "3", "");
	assert_int_equal(stats_of("v").conflicts, 1);
	assert_int_equal(mab_variable_delete("v", NULL), 0);
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
					.rule = MAB_FIRST_WRITE_WINS)), 0);
	assert_int_equal(SET("v", "2", .expected = 1), 0);
	assert_int_equal(SET("v", "3", .expected = 1), -ESTALE);
	assert_int_equal(SET("v", "3", .expected = 3), -ESTALE);
	assert_int_equal(SET("v", "3"), -ESTALE);
	assert_value("v", 2, "2", "");
	assert_int_equal(SET("v", "3", .expected = 2), 0);
	assert_int_equal(stats_of("v").conflicts, 2);
	assert_int_equal(stats_of("v").refused, 3);
}

static void priority_wins(void **state)
{
	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
					.rule = MAB_PRIORITY_BASED)), 0);
	assert_int_equal(SET("v", "2", .priority = 5), 0);
	assert_int_equal(SET("v", "3", .priority = 4), -ESTALE);
	assert_int_equal(SET("v", "3", .priority = 5), 0);
	assert_int_equal(SET("v", "4", .priority = -1, .expected = 2), -ESTALE);
	/* Who has seen it may. */
	assert_int_equal(SET("v", "4", .priority = -1, .expected = 3), 0);
	assert_int_equal(SET("v", "5"), 0);
	assert_value("v", 5, "5", "");
	assert_int_equal(stats_of("v").refused, 2);
}

struct resolver {
	int returns, calls;
	bool interferes;	/* somebody else writes meanwhile */
	uint64_t version, expected;
	char value[32], new_value[32];
};

static int resolve(const struct mab_conflict *c, char *merged, size_t size,
		   void *arg)
{
	struct resolver *r = arg;

	r->calls++;
	r->version = c->version;
	r->expected = c->expected;
	snprintf(r->value, sizeof(r->value), "%s", c->value);
	snprintf(r->new_value, sizeof(r->new_value), "%s", c->new_value);
	snprintf(merged, size, "%d", atoi(c->value) + atoi(c->new_value));
	if (r->interferes && r->calls == 1)
		SET("v", "100", .expected = c->version);
	return r->returns;
}

static void a_resolver_decides(void **state)
{
	struct resolver r = { .returns = MAB_TAKE };

	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
			 .rule = MAB_CUSTOM, .resolve = resolve,
			 .arg = &r)), 0);
	assert_int_equal(SET("v", "2", .expected = 1), 0);
	assert_int_equal(r.calls, 0);
	assert_int_equal(SET("v", "3", .expected = 1), 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.version, 2);
	assert_int_equal(r.expected, 1);
	assert_string_equal(r.value, "2");
	assert_string_equal(r.new_value, "3");
	assert_value("v", 3, "3", "");
	r.returns = -EXDEV;
	assert_int_equal(SET("v", "4"), -EXDEV);
	assert_value("v", 3, "3", "");
	assert_int_equal(stats_of("v").refused, 1);
	r.returns = MAB_MERGED;
	assert_int_equal(SET("v", "4"), 0);
	assert_value("v", 4, "7", "");
	r.returns = 77;
	assert_int_equal(SET("v", "4"), -EINVAL);
	/* What it was asked about is not there any more: it is asked again. */
	r = (struct resolver){ .returns = MAB_MERGED, .interferes = true };
	assert_int_equal(SET("v", "4", .expected = 2), 0);
	assert_int_equal(r.calls, 2);
	assert_int_equal(r.expected, 2);
	assert_string_equal(r.new_value, "4");
	assert_value("v", 6, "104", "");
}

#define WRITERS 16
#define WRITES 50

static _Atomic bool drawn[WRITERS * WRITES + 2];

static int writes(int nth, void *arg)
{
	uint64_t version, last = 0;
	int i;

	(void)nth;
	(void)arg;
	for (i = 0; i < WRITES; i++) {
		EXPECT(!mab_variable_update("v", UPDATE("1"), &version));
		EXPECT(version > last && version < N_OF(drawn));
		EXPECT(!atomic_exchange(&drawn[version], true));
		last = version;
	}
	return 0;
}

static void sixteen_at_once_have_versions_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "0")), 0);
	assert_int_equal(crowd(WRITERS, writes, NULL), WRITERS);
	assert_int_equal(stats_of("v").version, WRITERS * WRITES + 1);
}

/* Each adds to what it has seen, until nobody was there before it. */
static int adds(int nth, void *arg)
{
	struct mab_variable *v;
	char text[32];
	int i, ret;

	(void)nth;
	(void)arg;
	for (i = 0; i < WRITES; i++)
		do {
			EXPECT(!mab_variable_get("v", NULL, &v));
			snprintf(text, sizeof(text), "%d", atoi(v->value) + 1);
			ret = SET("v", text, .expected = v->version);
			free(v);
			EXPECT(!ret || ret == -ESTALE);
		} while (ret);
	return 0;
}

static void no_addition_is_lost(void **state)
{
	struct mab_variable *v;

	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "0",
					.rule = MAB_FIRST_WRITE_WINS)), 0);
	assert_int_equal(crowd(8, adds, NULL), 8);
	assert_int_equal(mab_variable_get("v", NULL, &v), 0);
	assert_int_equal(atoi(v->value), 8 * WRITES);
	free(v);
}

static void want_of_memory(void **state)
{
	const struct mab_variable_spec *spec = VARIABLE("v", "[1, 2]",
			.permissions.read = { MAB_ACCESS_AGENTS, CAN("a") },
			.owner = "owner");
	bool failed = true;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = mab_variable_register(spec);
		failed = fail_no_more();
		assert_true(ret == (failed ? -ENOMEM : 0));
	}
	assert_true(n > 3);
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = SET("v", "{\"a\": [1]}", .by = "owner");
		failed = fail_no_more();
		assert_true(ret == (failed ? -ENOMEM : 0));
		assert_int_equal(stats_of("v").version, failed ? 1 : 2);
	}
	assert_true(n > 2);
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = read_by("a");
		failed = fail_no_more();
		assert_true(ret == (failed ? -ENOMEM : 0));
	}
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = mab_variable_delete("v", "owner");
		failed = fail_no_more();
		assert_true(ret == (failed ? -ENOMEM : 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CORE_CASE(versions_count_up),
		CORE_CASE(what_is_not_there_is_said),
		CORE_CASE(all_are_listed),
		CORE_CASE(values_are_of_the_type),
		CORE_CASE(specs_are_checked),
		cmocka_unit_test_setup_teardown(limits_hold, set_up,
						tear_down_limits),
		cmocka_unit_test_setup_teardown(limits_are_within_limits,
						set_up, tear_down_limits),
		CORE_CASE(who_may_is_asked),
		CORE_CASE(an_agent_is_itself),
		CORE_CASE(the_last_or_the_first_write_wins),
		CORE_CASE(priority_wins),
		CORE_CASE(a_resolver_decides),
		CORE_CASE(sixteen_at_once_have_versions_of_their_own),
		CORE_CASE(no_addition_is_lost),
		CORE_CASE(want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
