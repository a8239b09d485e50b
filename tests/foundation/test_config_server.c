/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ConfigServer: reading, changing, subscribing, going back. */
#include "fail_memory.h"
#include "config.h"

#define DEBUG "dev.debug_mode"
#define RATE "ai.planning.sampling_rate"

static int next_news(struct fnd_config_news *news)
{
	struct sup_info info;
	int ret;

	ret = sup_receive(&info, LONG);
	if (ret)
		return ret;
	if (info.kind != SUP_INFO_MSG || info.msg.tag != FND_CONFIG_NEWS ||
	    info.msg.len != sizeof(*news))
		ret = -EPROTO;
	else
		memcpy(news, info.msg.data, sizeof(*news));
	sup_msg_free(&info.msg);
	return ret;
}

static bool none_waits(void)
{
	struct sup_info info;

	return sup_receive(&info, SUP_TRY) == -ETIMEDOUT;
}

static int sees_updates_and_resets(void *arg)
{
	struct fnd_config_news news;

	(void)arg;
	EXPECT(!fnd_config_subscribe());
	EXPECT(!SET(DEBUG, FND_BOOLEAN(true)));
	EXPECT(fnd_config_boolean(DEBUG, false));
	EXPECT(!next_news(&news));
	EXPECT(!strcmp(news.path, DEBUG) && news.cause == FND_CONFIG_UPDATE);
	EXPECT(news.value.kind == FND_CONFIG_BOOLEAN && news.value.boolean);
	EXPECT(news.version == 1 && news.time > 0);
	EXPECT(SET("ai.provider", FND_STRING("other")) == -EPERM);
	EXPECT(SET(RATE, FND_REAL(2.0)) == -ERANGE);
	EXPECT(!fnd_config_reset(LONG));
	EXPECT(!fnd_config_boolean(DEBUG, true));
	EXPECT(!next_news(&news));
	EXPECT(!strcmp(news.path, DEBUG) && news.cause == FND_CONFIG_RESET);
	EXPECT(!news.value.boolean && news.version == 2);
	EXPECT(none_waits());
	return 0;
}

static void check_3_configuration(void **state)
{
	struct fnd_config_value v;

	(void)state;
	run_with(sees_updates_and_resets, NULL);
	assert_int_equal(fnd_config_get("no.such", &v, NULL, 0), -ENOENT);
	assert_string_equal(sup_error(), "no.such: there is no such setting");
}

/* What is wrong, and with what, stands in the sentence. */
static void bad_values_are_named(void **state)
{
	static char much[FND_CONFIG_STRING_MAX + 2];
	const struct {
		struct fnd_config_setting setting;
		int error;
		const char *sentence;
	} bad[] = {
		{ { "x", FND_BOOLEAN(true) }, -ENOENT,
		  "x: there is no such setting" },
		{ { NULL, FND_BOOLEAN(true) }, -ENOENT,
		  "path: there is no such setting" },
		{ { "ai.provider", FND_STRING("other") }, -EPERM,
		  "ai.provider: it is not updatable" },
		{ { RATE, FND_REAL(1.5) }, -ERANGE,
		  RATE ": 1.5 is more than 1" },
		{ { RATE, FND_REAL(-0.25) }, -ERANGE,
		  RATE ": -0.25 is less than 0" },
		{ { RATE, FND_REAL(0.0 / 0.0) }, -ERANGE,
		  RATE ": it is no finite number" },
		{ { RATE, FND_INTEGER(1) }, -EINVAL,
		  RATE ": it is a real number, not an integer" },
		{ { RATE, { FND_CONFIG_NONE, { false } } }, -EINVAL,
		  RATE ": it is a real number, not of no kind" },
		{ { "capture.batch_size", FND_INTEGER(0) }, -ERANGE,
		  "capture.batch_size: 0 is less than 1" },
		{ { "capture.batch_size", FND_INTEGER(1001) }, -ERANGE,
		  "capture.batch_size: 1001 is more than 1000" },
		{ { "dev.level", FND_STRING("x") }, -EINVAL,
		  "dev.level: \"x\" is none of its choices" },
		{ { "dev.name", FND_STRING(NULL) }, -EINVAL,
		  "dev.name: it is NULL" },
		{ { "dev.name", FND_STRING("\xff") }, -EILSEQ,
		  "dev.name: it is not UTF-8" },
		{ { "dev.name", FND_STRING(much) }, -EMSGSIZE,
		  "dev.name: \"xxxxxxxxxxxxxxxx...\" has more than 1023 bytes" },
	};
	size_t i;

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	for (i = 0; i < N_OF(bad); i++) {
		assert_int_equal(fnd_config_check(&bad[i].setting),
				 bad[i].error);
		assert_string_equal(sup_error(), bad[i].sentence);
		assert_int_equal(fnd_config_update(&bad[i].setting, LONG),
				 bad[i].error);
		assert_string_equal(sup_error(), bad[i].sentence);
	}
	assert_int_equal(version(), 0);
	/* Just on the bound, and of just that length. */
	much[FND_CONFIG_STRING_MAX] = '\0';
	assert_int_equal(SET("dev.name", FND_STRING(much)), 0);
	assert_string_equal(string_of("dev.name"), much);
	assert_int_equal(SET("capture.batch_size", FND_INTEGER(1000)), 0);
	assert_int_equal(SET(RATE, FND_REAL(1)), 0);
}

static void all_or_none(void **state)
{
	struct fnd_config_setting s[] = {
		{ DEBUG, FND_BOOLEAN(true) }, { RATE, FND_REAL(0.125) },
		{ "dev.name", FND_STRING("me") }, { "any", FND_INTEGER(-1) },
	};

	(void)state;
	s[3].path = RATE;
	assert_int_equal(fnd_config_update_all(s, 4, LONG), -EINVAL);
	assert_string_equal(sup_error(), "settings[3]: " RATE ": it is a real "
			    "number, not an integer");
	s[3].value = (struct fnd_config_value)FND_REAL(0.25);
	assert_int_equal(fnd_config_update_all(s, 4, LONG), -EINVAL);
	assert_string_equal(sup_error(), RATE ": it is there twice");
	assert_false(fnd_config_boolean(DEBUG, false));
	assert_int_equal(version(), 0);
	assert_int_equal(fnd_config_update_all(s, 3, LONG), 0);
	assert_int_equal(version(), 1);
	assert_true(fnd_config_boolean(DEBUG, false));
	assert_true(fnd_config_real(RATE, 0) == 0.125);
	assert_string_equal(string_of("dev.name"), "me");
	/* The same once more is nothing new. */
	assert_int_equal(fnd_config_update_all(s, 3, LONG), 0);
	assert_int_equal(fnd_config_update_all(s, 0, LONG), 0);
	assert_int_equal(version(), 1);
}

static void reading(void **state)
{
	struct fnd_config_value v;
	char buf[5];

	(void)state;
	assert_int_equal(fnd_config_get("capture.batch_size", &v, NULL, 0), 0);
	assert_int_equal(v.kind, FND_CONFIG_INTEGER);
	assert_int_equal(v.integer, 100);
	assert_int_equal(fnd_config_get("dev.name", &v, buf, 5), 0);
	assert_string_equal(v.string, "none");
	assert_ptr_equal(v.string, buf);
	assert_int_equal(fnd_config_get("dev.name", &v, buf, 4), -EMSGSIZE);
	assert_int_equal(fnd_config_get("dev.name", &v, NULL, 9), -EMSGSIZE);
	assert_string_equal(sup_error(), "dev.name: it takes 5 bytes");
	assert_int_equal(fnd_config_get(NULL, &v, NULL, 0), -ENOENT);
	assert_int_equal(fnd_config_integer("capture.batch_size", 1), 100);
	assert_int_equal(fnd_config_integer("no", 1), 1);
	assert_int_equal(fnd_config_integer(DEBUG, 1), 1);
	assert_true(fnd_config_real(RATE, 3) == 0.5);
	assert_true(fnd_config_real(NULL, 3) == 3);
	assert_true(fnd_config_boolean("dev.name", true));
}

static void the_list_says_all(void **state)
{
	struct fnd_config_item *items;
	size_t n, i;

	(void)state;
	assert_int_equal(SET("dev.name", FND_STRING("you")), 0);
	assert_int_equal(SET(RATE, FND_REAL(1e-3)), 0);
	assert_int_equal(fnd_config_list(&items, &n), 0);
	assert_int_equal(n, N_OF(schema));
	for (i = 0; i < n; i++) {
		assert_string_equal(items[i].path, schema[i].path);
		assert_int_equal(items[i].value.kind, schema[i].value.kind);
		assert_int_equal(items[i].updatable, schema[i].updatable);
		assert_int_equal(items[i].max.kind, schema[i].max.kind);
	}
	assert_true(items[1].value.real == 1e-3 && items[1].initial.real == .5);
	assert_true(items[1].max.real == 1);
	assert_string_equal(items[4].value.string, "you");
	assert_string_equal(items[4].initial.string, "none");
	free(items);
}

static void going_back(void **state)
{
	struct fnd_config_change *c;
	size_t n;

	(void)state;
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(SET("any", FND_INTEGER(2)), 0);
	assert_int_equal(SET(DEBUG, FND_BOOLEAN(true)), 0);
	assert_int_equal(fnd_config_rollback(1, LONG), 0);
	assert_int_equal(fnd_config_integer("any", 0), 1);
	assert_false(fnd_config_boolean(DEBUG, true));
	assert_int_equal(fnd_config_rollback(3, LONG), 0);
	assert_int_equal(fnd_config_integer("any", 0), 2);
	assert_true(fnd_config_boolean(DEBUG, false));
	assert_int_equal(fnd_config_rollback(0, LONG), 0);
	assert_int_equal(fnd_config_integer("any", 1), 0);
	assert_int_equal(fnd_config_rollback(6, LONG), 0);
	assert_int_equal(fnd_config_rollback(7, LONG), -ENOENT);
	assert_string_equal(sup_error(), "version: 7 is not known, or no more");
	assert_int_equal(fnd_config_history(&c, &n), 0);
	/* 1, 2, 3; two by each of the three that went back. */
	assert_int_equal(n, 9);
	assert_int_equal(c[1].version, 2);
	assert_int_equal(c[1].cause, FND_CONFIG_UPDATE);
	assert_string_equal(c[1].path, "any");
	assert_int_equal(c[1].from.integer, 1);
	assert_int_equal(c[1].to.integer, 2);
	assert_int_equal(c[3].version, 4);
	assert_int_equal(c[4].version, 4);
	assert_int_equal(c[3].cause, FND_CONFIG_ROLLBACK);
	assert_true(c[0].time > 0 && c[8].time >= c[0].time);
	free(c);
}

static void the_history_has_an_end(void **state)
{
	struct fnd_config_options o = in_file;
	struct fnd_config_stats stats;
	struct fnd_config_change *c;
	size_t n;
	int i;

	(void)state;
	o.history = 3;
	assert_int_equal(start_config(&o), 0);
	for (i = 1; i <= 5; i++)
		assert_int_equal(SET("any", FND_INTEGER(i)), 0);
	assert_int_equal(fnd_config_stats(&stats, LONG), 0);
	assert_int_equal(stats.version, 5);
	assert_int_equal(stats.oldest, 2);
	assert_int_equal(fnd_config_history(&c, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(c[0].version, 3);
	free(c);
	assert_int_equal(fnd_config_rollback(1, LONG), -ENOENT);
	assert_int_equal(fnd_config_rollback(2, LONG), 0);
	assert_int_equal(fnd_config_integer("any", 0), 2);
	stop_config();
	o.history = -1;
	assert_int_equal(start_config(&o), 0);
	assert_int_equal(fnd_config_rollback(5, LONG), -ENOENT);
	assert_int_equal(SET("any", FND_INTEGER(9)), 0);
	assert_int_equal(fnd_config_history(&c, &n), 0);
	assert_int_equal(n, 0);
	assert_null(c);
}

static void stats_are_true(void **state)
{
	struct fnd_config_stats s;

	(void)state;
	assert_int_equal(fnd_config_stats(&s, LONG), 0);
	assert_int_equal(s.version + s.updates + s.subscribers, 0);
	assert_int_equal(s.last_update, 0);
	assert_int_equal(s.settings, N_OF(schema));
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(fnd_config_stats(&s, LONG), 0);
	assert_int_equal(s.updates, 1);
	assert_true(s.last_update > 0 && s.uptime_ms >= 0);
	restart_by_kill(CONFIG);
	assert_int_equal(fnd_config_stats(&s, LONG), 0);
	assert_int_equal(s.updates, 0);
	assert_int_equal(s.version, 1);
}

static uint64_t counted(const char *name)
{
	struct fnd_figure *figures;
	uint64_t value;
	size_t n;

	assert_int_equal(fnd_metric_list(name, &figures, &n), 0);
	assert_int_equal(n, 1);
	value = figures->count;
	free(figures);
	return value;
}

static void changes_are_counted(void **state)
{
	uint64_t updates = counted("foundation.config_updates");
	uint64_t resets = counted("foundation.config_resets");

	(void)state;
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(SET("none", FND_INTEGER(1)), -ENOENT);
	restart_by_kill(CONFIG);
	assert_int_equal(SET("any", FND_INTEGER(2)), 0);
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_int_equal(counted("foundation.config_updates") - updates, 2);
	assert_int_equal(counted("foundation.config_resets") - resets, 1);
}

/* While the service is down, and after. */
static void what_was_last_good_is_served(void **state)
{
	struct fnd_config_item *items;
	struct fnd_config_change *c;
	size_t n;

	(void)state;
	assert_int_equal(SET("any", FND_INTEGER(7)), 0);
	assert_int_equal(SET("dev.name", FND_STRING("kept")), 0);
	restart_by_kill(CONFIG);
	assert_int_equal(fnd_config_integer("any", 0), 7);
	stop_config();
	assert_int_equal(fnd_config_integer("any", 0), 7);
	assert_string_equal(string_of("dev.name"), "kept");
	assert_int_equal(fnd_config_list(&items, &n), 0);
	assert_int_equal(items[6].value.integer, 7);
	free(items);
	assert_int_equal(fnd_config_history(&c, &n), 0);
	assert_int_equal(n, 2);
	free(c);
	assert_int_equal(SET("any", FND_INTEGER(8)), -ENOTCONN);
	assert_int_equal(fnd_config_reset(LONG), -ENOTCONN);
	assert_int_equal(fnd_config_integer("any", 0), 7);
	assert_int_equal(start_config(&in_file), 0);
	assert_int_equal(fnd_config_integer("any", 0), 7);
	assert_int_equal(version(), 2);
}

static int told_across_restarts(void *arg)
{
	struct fnd_config_news news;
	int i;

	(void)arg;
	EXPECT(!fnd_config_subscribe());
	EXPECT(!fnd_config_subscribe());
	for (i = 1; i <= 3; i++) {
		EXPECT(!SET("any", FND_INTEGER(i)));
		EXPECT(!next_news(&news));
		EXPECT(news.version == (uint64_t)i && news.value.integer == i);
		restart_by_kill(CONFIG);
	}
	/* What it has been told of is not told again but by a kill midway. */
	EXPECT(!SET("dev.name", FND_STRING("x")));
	EXPECT(!next_news(&news));
	EXPECT(news.value.kind == FND_CONFIG_STRING && !news.value.string);
	EXPECT(!strcmp(news.string, "x") && !strcmp(news.path, "dev.name"));
	EXPECT(none_waits());
	EXPECT(!fnd_config_unsubscribe());
	EXPECT(!fnd_config_unsubscribe());
	EXPECT(!SET("any", FND_INTEGER(9)));
	EXPECT(none_waits());
	return 0;
}

static void subscriptions_survive_a_restart(void **state)
{
	struct fnd_config_stats s;

	(void)state;
	run_with(told_across_restarts, NULL);
	assert_int_equal(fnd_config_subscribe(), -EPERM);
	assert_int_equal(fnd_config_unsubscribe(), -EPERM);
	assert_int_equal(fnd_config_stats(&s, LONG), 0);
	assert_int_equal(s.subscribers, 0);
}

static _Atomic int filled;

/* Its mailbox has room for two; then it is told of what is so by then. */
static int has_little_room(void *arg)
{
	struct fnd_config_news news;
	int64_t last = 0;

	(void)arg;
	EXPECT(!fnd_config_subscribe());
	atomic_store(&filled, 1);
	while (atomic_load(&filled) == 1)
		sup_checkpoint();
	do {
		EXPECT(!next_news(&news));
		EXPECT(news.value.integer > last);
		last = news.value.integer;
	} while (last != 50);
	return 0;
}

static void who_has_no_room_is_told_later(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = has_little_room, .mailbox = 2,
	};
	struct sup_pid pid;
	int i;

	(void)state;
	atomic_store(&filled, 0);
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	while (!atomic_load(&filled))
		assert_true(sup_is_alive(pid));
	for (i = 1; i <= 50; i++)
		assert_int_equal(SET("any", FND_INTEGER(i)), 0);
	atomic_store(&filled, 2);
	assert_int_equal(end_of(pid).code, 0);
}

static int subscribes_in_vain(void *arg)
{
	(void)arg;
	EXPECT(fnd_config_subscribe() == -ENOTCONN);
	EXPECT(!fnd_config_unsubscribe());
	return 0;
}

static void without_a_service(void **state)
{
	struct fnd_config_stats s;

	(void)state;
	run_with(subscribes_in_vain, NULL);
	assert_int_equal(fnd_config_stats(&s, LONG), -ENOTCONN);
	assert_int_equal(fnd_config_rollback(0, LONG), -ENOTCONN);
	assert_int_equal(fnd_config_reload(LONG), -ENOTCONN);
}

/* The first in the program. */
static void before_any_service(void **state)
{
	struct fnd_config_setting setting = { "any", FND_INTEGER(1) };
	struct fnd_config_change *c;
	struct fnd_config_item *i;
	struct fnd_config_value v;
	size_t n;

	(void)state;
	assert_int_equal(fnd_config_get("any", &v, NULL, 0), -ENOTCONN);
	assert_int_equal(fnd_config_check(&setting), -ENOTCONN);
	assert_int_equal(fnd_config_update(&setting, LONG), -ENOTCONN);
	assert_int_equal(fnd_config_list(&i, &n), -ENOTCONN);
	assert_int_equal(fnd_config_history(&c, &n), -ENOTCONN);
	assert_int_equal(fnd_config_integer("any", 3), 3);
}

static void no_settings_at_all(void **state)
{
	struct fnd_config_item *items;
	size_t n;

	(void)state;
	assert_int_equal(start_config(NULL), 0);
	assert_int_equal(fnd_config_list(&items, &n), 0);
	assert_int_equal(n, 0);
	assert_null(items);
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_int_equal(version(), 0);
	assert_int_equal(fnd_config_reload(LONG), -EINVAL);
	assert_string_equal(sup_error(), "file: there is none");
}

static void nonsense_is_refused(void **state)
{
	struct sup_msg req = { .data = "nonsense", .len = 8 }, reply;
	struct sup_pid pid = sup_whereis(CONFIG);

	(void)state;
	for (req.tag = 0; req.tag < 9; req.tag++) {
		for (req.len = 0; req.len <= 9; req.len++)
			if (!sup_call(pid, &req, &reply, NULL, LONG))
				sup_msg_free(&reply);
	}
	assert_int_equal(sup_whereis(CONFIG).v, pid.v);
	assert_int_equal(version(), 0);
}

static void without_memory_nothing_changes(void **state)
{
	struct fnd_config_change *c;
	struct fnd_config_item *items;
	bool failed = true;
	unsigned int nth;
	size_t n;
	int ret;

	(void)state;
	for (nth = 1; failed; nth++) {
		fail_nth(nth);
		ret = SET("any", FND_INTEGER(nth));
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		assert_int_equal(fnd_config_integer("any", 0),
				 ret ? nth - 1 : nth);
		if (ret)
			assert_int_equal(SET("any", FND_INTEGER(nth)), 0);
	}
	for (nth = 1, failed = true; failed; nth++) {
		fail_nth(nth);
		ret = fnd_config_list(&items, &n);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	free(items);
	for (nth = 1, failed = true; failed; nth++) {
		fail_nth(nth);
		ret = fnd_config_history(&c, &n);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(before_any_service),
		CONFIG_CASE(check_3_configuration),
		CONFIG_CASE(bad_values_are_named),
		CONFIG_CASE(all_or_none),
		CONFIG_CASE(reading),
		CONFIG_CASE(the_list_says_all),
		CONFIG_CASE(going_back),
		FILE_CASE(the_history_has_an_end),
		CONFIG_CASE(stats_are_true),
		CONFIG_CASE(changes_are_counted),
		CONFIG_CASE(what_was_last_good_is_served),
		CONFIG_CASE(subscriptions_survive_a_restart),
		CONFIG_CASE(who_has_no_room_is_told_later),
		FILE_CASE(without_a_service),
		FILE_CASE(no_settings_at_all),
		CONFIG_CASE(nonsense_is_refused),
		CONFIG_CASE(without_memory_nothing_changes),
	};

	return RUN_CONFIG_TESTS(tests);
}
