/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts of the PerformanceMonitor are raised once, and cleared; what is known
 * is exported as others can read it.
 */
#include "performance.h"

#include <jansson.h>
#include <math.h>

#define RAISED "foundation.mabeam.performance.alert_raised"
#define CLEARED "foundation.mabeam.performance.alert_cleared"

static int set_up_alert(void **state)
{
	fnd_telemetry_reset();
	return set_up_performance(state) ||
		mab_agent_register(AGENT(.id = "a"));
}

#define ALERT_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_alert, tear_down_performance)

static void assert_alert(enum mab_alert_kind kind, double value, double bound)
{
	struct mab_alert *alerts;
	size_t n;

	assert_int_equal(mab_performance_alerts(&alerts, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(alerts[0].id, "a");
	assert_int_equal(alerts[0].kind, kind);
	assert_true(alerts[0].value == value);
	assert_true(alerts[0].bound == bound);
	assert_true(alerts[0].raised_ns > 0);
	free(alerts);
}

/* Upstream has it as often as it was seen. */
static void it_is_raised_once_and_cleared(void **state)
{
	(void)state;
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.9), 0);
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.95), 0);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.99), 0);
	assert_alert(MAB_HIGH_CPU_USAGE, 0.95, 0.9);
	assert_int_equal(n_told(RAISED, "a"), 1);
	assert_int_equal(n_told(CLEARED, "a"), 0);
	/* What says nothing of the CPU changes nothing. */
	assert_int_equal(push("a", MAB_ERROR_RATE, 0), 0);
	assert_int_equal(n_alerts(), 1);
	/* At the bound it is well. */
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.9), 0);
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(n_told(CLEARED, "a"), 1);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.91), 0);
	assert_int_equal(n_told(RAISED, "a"), 2);
}

static void check_10_monitoring(void **state)
{
	const struct mab_threshold cpu = { MAB_HIGH_CPU_USAGE, 0.8 };
	const double history[] = { 0.3, 0.5, 0.7 }, averages[] = {
		0.2, 0.6, 0.4,
	};
	struct mab_statistics s;
	struct mab_figures *f;
	size_t i, n;

	(void)state;
	assert_int_equal(mab_performance_thresholds(&cpu, 1), 0);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.95), 0);
	assert_alert(MAB_HIGH_CPU_USAGE, 0.95, 0.8);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.3), 0);
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "b")), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "c")), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(push("b", MAB_CPU_USAGE, history[i]), 0);
		assert_int_equal(push("c", MAB_CPU_USAGE, averages[i]), 0);
	}
	assert_int_equal(mab_performance_history("b", 0, &f, &n), 0);
	assert_int_equal(n, 3);
	for (i = 0; i < 3; i++)
		assert_true(f[i].values[MAB_CPU_USAGE] == history[2 - i]);
	free(f);
	assert_int_equal(mab_performance_statistics("c", MAB_CPU_USAGE, &s), 0);
	assert_true(fabs(s.mean - 0.4) < 1e-9);
	assert_true(s.max == 0.6 && s.min == 0.2);
}

static void each_figure_has_its_bound(void **state)
{
	static const struct {
		enum mab_figure figure;
		enum mab_alert_kind kind;
		double well, bad, bound;
	} of[] = {
		{ MAB_CPU_USAGE, MAB_HIGH_CPU_USAGE, 0.9, 0.91, 0.9 },
		{ MAB_MEMORY_USAGE, MAB_HIGH_MEMORY_USAGE, 2147483648.0,
		  2147483649.0, 2147483648.0 },
		{ MAB_ERROR_RATE, MAB_HIGH_ERROR_RATE, 0.1, 0.11, 0.1 },
		{ MAB_THROUGHPUT, MAB_LOW_THROUGHPUT, 1, 0.99, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(of); i++) {
		assert_int_equal(push("a", of[i].figure, of[i].well), 0);
		assert_int_equal(n_alerts(), 0);
		assert_int_equal(push("a", of[i].figure, of[i].bad), 0);
		assert_alert(of[i].kind, of[i].bad, of[i].bound);
		assert_int_equal(push("a", of[i].figure, of[i].well), 0);
	}
	/* Without a bound of its own. */
	assert_int_equal(push("a", MAB_MAILBOX_LENGTH, 1e300), 0);
	assert_int_equal(n_alerts(), 0);
}

/* Upstream puts one map in the place of the other. */
static void thresholds_are_merged(void **state)
{
	const struct mab_threshold memory = { MAB_HIGH_MEMORY_USAGE, 1000 };
	const struct mab_threshold two[] = {
		{ MAB_LONG_MAILBOX, 5 }, { MAB_HIGH_CPU_USAGE, INFINITY },
	};
	const struct mab_threshold bad[] = {
		{ MAB_HIGH_MEMORY_USAGE, 1 }, { MAB_HIGH_CPU_USAGE, NAN },
	};
	const struct mab_threshold none = { MAB_ALERTS, 1 };

	(void)state;
	assert_int_equal(mab_performance_thresholds(&memory, 1), 0);
	assert_int_equal(push("a", MAB_THROUGHPUT, 1), 0);
	assert_int_equal(push("a", MAB_CPU_USAGE, 0.9), 0);
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(push("a", MAB_MEMORY_USAGE, 1001), 0);
	assert_alert(MAB_HIGH_MEMORY_USAGE, 1001, 1000);
	assert_int_equal(push("a", MAB_MEMORY_USAGE, 1000), 0);
	assert_int_equal(mab_performance_thresholds(two, 2), 0);
	assert_int_equal(push("a", MAB_CPU_USAGE, 50), 0);
	assert_int_equal(push("a", MAB_MAILBOX_LENGTH, 6), 0);
	assert_alert(MAB_LONG_MAILBOX, 6, 5);
	/* All or none. */
	assert_int_equal(mab_performance_thresholds(bad, 2), -EINVAL);
	assert_int_equal(mab_performance_thresholds(&none, 1), -EINVAL);
	assert_int_equal(push("a", MAB_MEMORY_USAGE, 1000), 0);
	assert_int_equal(n_alerts(), 1);
	assert_int_equal(mab_performance_thresholds(NULL, 0), 0);
	assert_int_equal(push("a", MAB_MAILBOX_LENGTH, 6), 0);
	assert_int_equal(n_alerts(), 0);
}

/* Who has nothing to do is not slow. */
static _Atomic bool is_held, is_let_go;

static int notify(void *state, const struct mab_message *m)
{
	(void)state;
	(void)m;
	atomic_store(&is_held, true);
	while (!atomic_load(&is_let_go))
		sup_checkpoint();
	return SUP_CONTINUE;
}

static void who_is_idle_is_well(void **state)
{
	static const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = simple_init, .notify = notify,
		.request = simple_request,
	};
	const struct mab_threshold no_cpu = { MAB_HIGH_CPU_USAGE, INFINITY };
	struct sup_msg reply;

	(void)state;
	assert_int_equal(mab_performance_thresholds(&no_cpu, 1), 0);
	atomic_store(&is_held, false);
	atomic_store(&is_let_go, false);
	start_agent(AGENT_OF(&ops, .id = "slow"));
	look();
	look();
	assert_true(value_of("slow", MAB_THROUGHPUT) == 0);
	assert_int_equal(n_told(RAISED, "slow"), 0);
	assert_int_equal(mab_agent_notify("slow", SAY("hold", ""), LONG), 0);
	AWAIT(atomic_load(&is_held));
	assert_int_equal(mab_agent_notify("slow", SAY("x", ""), LONG), 0);
	/* In this look's time it has been told something. */
	look();
	look();
	assert_true(value_of("slow", MAB_THROUGHPUT) == 0);
	assert_int_equal(n_told(RAISED, "slow"), 1);
	atomic_store(&is_let_go, true);
	assert_int_equal(mab_agent_ask("slow", SAY("echo", "x"), &reply, NULL,
				       LONG), 0);
	sup_msg_free(&reply);
	look();
	assert_int_equal(n_told(CLEARED, "slow"), 1);
}

static void who_ends_has_no_alerts(void **state)
{
	struct mab_performance_status s;

	(void)state;
	assert_int_equal(mab_agent_start("a", NULL), 0);
	look();
	assert_int_equal(push("a", MAB_ERROR_RATE, 1), 0);
	assert_int_equal(push("a", MAB_MEMORY_USAGE, 1e12), 0);
	look();
	assert_int_equal(n_alerts(), 2);
	assert_int_equal(mab_agent_stop("a"), 0);
	look();
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(n_told(CLEARED, "a"), 2);
	/* One that does not run at all may be told of; until it has gone. */
	assert_int_equal(push("a", MAB_ERROR_RATE, 1), 0);
	look();
	assert_int_equal(n_alerts(), 1);
	assert_int_equal(mab_agent_deregister("a"), 0);
	look();
	assert_int_equal(n_alerts(), 0);
	assert_int_equal(n_told(CLEARED, "a"), 3);
	mab_performance_status(&s);
	assert_int_equal(s.ended, 1);
}

static void who_ends_unseen_has_no_alerts(void **state)
{
	(void)state;
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(push("a", MAB_ERROR_RATE, 1), 0);
	assert_int_equal(n_alerts(), 1);
	assert_int_equal(mab_agent_stop("a"), 0);
	look();
	assert_int_equal(n_alerts(), 0);
}

/* Names that a line cannot have as they are. */
#define ODD "b, \"c\"\r\nd"

static void push_some(void)
{
	struct mab_figures f = {
		.time_ns = 1000000001, .has = MAB_FIGURE_BIT(MAB_CPU_USAGE) |
			MAB_FIGURE_BIT(MAB_MEMORY_USAGE),
		.values = { [MAB_CPU_USAGE] = 0.1, [MAB_MEMORY_USAGE] = 4096 },
	};

	assert_int_equal(mab_agent_register(AGENT(.id = ODD)), 0);
	assert_int_equal(mab_performance_push(ODD, &f), 0);
	f.time_ns++;
	f.values[MAB_CPU_USAGE] = 0.97;
	assert_int_equal(mab_performance_push(ODD, &f), 0);
	assert_int_equal(push("a", MAB_ERROR_RATE, 1.0 / 3), 0);
}

static double real_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_real(value));
	return json_real_value(value);
}

static json_t *read_json(size_t limit)
{
	json_error_t error;
	json_t *root;
	char *text;
	size_t len;

	assert_int_equal(mab_performance_export(MAB_JSON, limit, &text, &len),
			 0);
	assert_int_equal(strlen(text), len);
	root = json_loadb(text, len, 0, &error);
	assert_non_null(root);
	free(text);
	return root;
}

static void json_is_read_back(void **state)
{
	json_t *root, *agents, *list, *one;

	(void)state;
	push_some();
	root = read_json(0);
	agents = json_object_get(root, "agents");
	assert_int_equal(json_object_size(agents), 2);
	list = json_object_get(agents, ODD);
	assert_int_equal(json_array_size(list), 2);
	one = json_array_get(list, 0);
	assert_int_equal(json_integer_value(json_object_get(one, "time_ns")),
			 1000000002);
	assert_string_equal(json_string_value(json_object_get(one, "source")),
			    "pushed");
	assert_true(real_of(one, "cpu_usage") == 0.97);
	assert_true(real_of(one, "memory_usage") == 4096);
	assert_null(json_object_get(one, "error_rate"));
	one = json_array_get(json_object_get(agents, "a"), 0);
	assert_true(real_of(one, "error_rate") == 1.0 / 3);
	list = json_object_get(root, "alerts");
	assert_int_equal(json_array_size(list), 2);
	one = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(one, "agent")),
			    ODD);
	assert_string_equal(json_string_value(json_object_get(one, "alert")),
			    "high_cpu_usage");
	assert_true(real_of(one, "value") == 0.97);
	assert_true(real_of(one, "bound") == 0.9);
	json_decref(root);
	root = read_json(1);
	list = json_object_get(json_object_get(root, "agents"), ODD);
	assert_int_equal(json_array_size(list), 1);
	json_decref(root);
}

/* One field of RFC 4180 in place; what is behind it: ',', '\r', or '\0'. */
static char next_field(char **at, char **ret_field)
{
	char *from = *at, *to = *at, last;

	*ret_field = to;
	if (*from == '"') {
		for (from++; *from != '"' || *++from == '"'; from++)
			*to++ = *from;
	} else {
		while (*from && *from != ',' && *from != '\r')
			*to++ = *from++;
	}
	last = *from;
	*to = '\0';
	*at = from + 1 + (last == '\r');
	return last;
}

static size_t read_line(char **at, char *fields[8])
{
	size_t n = 0;
	char last;

	do {
		assert_true(n < 8);
		last = next_field(at, &fields[n++]);
	} while (last == ',');
	assert_int_equal(last, '\r');
	return n;
}

static void assert_line(char **at, const char *id, const char *figures[5])
{
	char *fields[8];
	int i;

	assert_int_equal(read_line(at, fields), 8);
	assert_string_equal(fields[0], id);
	assert_string_equal(fields[2], "pushed");
	for (i = 0; i < 5; i++) {
		if (!*figures[i])
			assert_string_equal(fields[3 + i], "");
		else
			assert_true(strtod(fields[3 + i], NULL) ==
				    strtod(figures[i], NULL));
	}
}

static void csv_is_read_back(void **state)
{
	const char *names[] = {
		"agent", "time_ns", "source", "cpu_usage", "memory_usage",
		"throughput", "mailbox_length", "error_rate",
	};
	char *text, *at, *fields[8], third[32];
	size_t i, len;

	(void)state;
	push_some();
	snprintf(third, sizeof(third), "%.17g", 1.0 / 3);
	assert_int_equal(mab_performance_export(MAB_CSV, 0, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	at = text;
	assert_int_equal(read_line(&at, fields), 8);
	for (i = 0; i < 8; i++)
		assert_string_equal(fields[i], names[i]);
	assert_line(&at, "a", (const char *[]){ "", "", "", "", third });
	assert_line(&at, ODD, (const char *[]){ "0.97", "4096", "", "", "" });
	assert_line(&at, ODD, (const char *[]){ "0.1", "4096", "", "", "" });
	assert_ptr_equal(at, text + len);
	free(text);
	assert_int_equal(mab_performance_export(2, 0, &text, &len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALERT_CASE(it_is_raised_once_and_cleared),
		ALERT_CASE(each_figure_has_its_bound),
		ALERT_CASE(thresholds_are_merged),
		ALERT_CASE(who_is_idle_is_well),
		ALERT_CASE(who_ends_has_no_alerts),
		ALERT_CASE(who_ends_unseen_has_no_alerts),
		ALERT_CASE(check_10_monitoring),
		ALERT_CASE(json_is_read_back),
		ALERT_CASE(csv_is_read_back),
	};

	return RUN_TESTS(tests);
}
