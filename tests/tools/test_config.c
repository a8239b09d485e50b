/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees that are right, and what is said about those that are not. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/test_config.XXXXXX";

static int load(const char *text, struct config_child **ret_root,
		char **ret_text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0 && fclose(f) == 0, 1);
	return config_load(path, ret_root, ret_text);
}

static void a_whole_tree(void **state)
{
	static const char text[] =
		"name: shop\n"
		"strategy: rest_for_one\n"
		"intensity: 0\n"
		"period: 1min\n"
		"children:\n"
		"  - id: db\n"
		"    argv: [sh, -c, 'exit 0']\n"
		"    env: [A=1, B=]\n"
		"    cwd: /\n"
		"    output: /tmp/db.log\n"
		"    ready: notify\n"
		"    ready_timeout: 500ms\n"
		"    stop_signal: SIGINT\n"
		"    restart: transient\n"
		"    shutdown: infinity\n"
		"  - id: web\n"
		"    strategy: one_for_all\n"
		"    children:\n"
		"      - id: echo\n"
		"        service: echo\n"
		"        port: 7001\n"
		"        contain: yes\n"
		"        shutdown: kill\n"
		"      - {id: count, service: counter, port: 65535}\n";
	struct config_child *root, *db, *web;
	char *said;

	(void)state;
	assert_int_equal(load(text, &root, &said), 0);
	assert_string_equal(said, "");
	free(said);
	assert_string_equal(root->id, "shop");
	assert_int_equal(root->strategy, SUP_REST_FOR_ONE);
	assert_int_equal(*root->intensity, 0);
	assert_int_equal(root->period_s, 60);
	assert_int_equal(root->n_children, 2);
	db = &root->children[0];
	assert_int_equal(db->n_argv, 3);
	assert_string_equal(db->argv[2], "exit 0");
	assert_int_equal(db->n_env, 2);
	assert_int_equal(db->ready, SUP_READY_NOTIFY);
	assert_int_equal(db->ready_timeout_ms, 500);
	assert_int_equal(db->stop_signo, SIGINT);
	assert_int_equal(db->restart, SUP_TRANSIENT);
	assert_int_equal(db->shutdown_ms, SUP_SHUTDOWN_INFINITY);
	web = &root->children[1];
	assert_null(web->intensity);
	assert_int_equal(web->period_s, 5);
	assert_int_equal(web->n_children, 2);
	assert_int_equal(web->children[0].service, CONFIG_SERVICE_ECHO);
	assert_int_equal(web->children[0].contain, SUP_CONTAIN);
	assert_int_equal(web->children[0].shutdown_ms, SUP_SHUTDOWN_KILL);
	assert_int_equal(*web->children[1].port, 65535);
	assert_int_equal(web->children[1].contain, SUP_CONTAIN_NEVER);
	config_free(root);
}

/* The text of a tree, and what follows the name of the file. */
struct bad {
	const char *text;
	const char *said;
};

#define TREE "name: t\nchildren:\n  - id: a\n"

static const struct bad of_the_schema[] = {
	{ "", ":1:1: empty: a mapping with \"name\" and \"children\" "
	  "expected\n" },
	{ "- a\n", ":1:1: this is not a mapping with the keys name, strategy, "
	  "intensity, period, hold, auto_shutdown, children\n" },
	{ "name: t\n", ":1:1: the key \"children\" is missing\n" },
	{ "nam: t\nchildren: []\n", ":1:1: unknown key \"nam\"; allowed here: "
	  "name, strategy, intensity, period, hold, auto_shutdown, "
	  "children\n" },
	{ "name: t\nchildren:\n  - argv: [sh]\n",
	  ":3:5: the key \"id\" is missing\n" },
	{ TREE "    argv: [sh]\n    colour: red\n",
	  ":5:5: unknown key \"colour\"; allowed here: id, argv, env, cwd, "
	  "output, capture, ready, ready_fd, ready_timeout, watchdog, "
	  "stop_signal, service, port, contain, restart, significant, "
	  "shutdown, depends_on, backoff, backoff_max, backoff_factor, backoff_jitter, "
	  "backoff_stable, budget, budget_period, budget_spent, flapping, "
	  "flapping_period, flapping_stable, strategy, intensity, period, "
	  "hold, auto_shutdown, children\n" },
	{ TREE "    argv: [sh]\n    argv: [sh]\n",
	  ":5:5: the key \"argv\" stands twice\n" },
	{ TREE "    argv: [sh]\n    restart: allways\n",
	  ":5:14: \"restart\": \"allways\" is not one of permanent, "
	  "transient, temporary\n" },
	{ TREE "    service: echo\n    port: 7x\n",
	  ":5:11: \"port\": \"7x\" is not a whole number from 0 to 65535\n" },
	{ TREE "    service: echo\n    port: 65536\n",
	  ":5:11: \"port\": \"65536\" is not a whole number from 0 to "
	  "65535\n" },
	{ "name: t\nintensity: 0x10\nchildren: []\n",
	  ":2:12: \"intensity\": \"0x10\" is not a whole number from 0 to "
	  "4294967295\n" },
	{ TREE "    service: echo\n    port: 7\n    contain: maybe\n",
	  ":6:14: \"contain\": \"maybe\" is not one of no, yes\n" },
	{ TREE "    argv: sh\n", ":4:11: \"argv\": \"sh\" is not a list\n" },
	{ TREE "    argv:\n      - sh\n      - {a: b}\n",
	  ":6:9: this is not a string\n" },
	{ "name: t\nchildren: 3\n",
	  ":2:11: \"children\": \"3\" is not a list\n" },
	{ "name: t\nstrategy: all\nchildren: []\n",
	  ":2:11: \"strategy\": \"all\" is not one of one_for_one, "
	  "one_for_all, rest_for_one\n" },
	{ "name: &n t\nchildren: [*n]\n", ":2:11: aliases are not allowed\n" },
	{ "name: t\nchildren:\n\t- id: a\n",
	  ":3:1: not YAML: found character that cannot start any token, while "
	  "scanning for the next token\n" },
	{ "name: t\nchildren: [\n", ":3:1: not YAML: did not find expected "
	  "node content, while parsing a flow node\n" },
};

static const struct bad of_the_check[] = {
	{ "name: a b\nchildren: []\n", ":1:7: \"name\": \"a b\" is not 1 to 63 "
	  "letters, digits and ._:@-\n" },
	{ "name: t\nchildren:\n  - id: a/b\n    argv: [sh]\n",
	  ":3:9: \"id\": \"a/b\" is not 1 to 63 letters, digits and "
	  "._:@-\n" },
	{ TREE "    argv: [sh]\n  - id: b\n    argv: [sh]\n  - id: a\n"
	  "    argv: [sh]\n", ":7:9: the id \"a\" stands twice in \"t\"\n" },
	{ TREE, ":3:5: child \"a\": exactly one of \"argv\", \"service\", "
	  "\"children\" expected\n" },
	{ TREE "    argv: [sh]\n    service: echo\n    port: 1\n",
	  ":3:5: child \"a\": exactly one of \"argv\", \"service\", "
	  "\"children\" expected\n" },
	{ TREE "    argv: [no-such-program, x]\n",
	  ":4:11: child \"a\": there is no program \"no-such-program\" in "
	  "PATH\n" },
	{ TREE "    argv: [/no/such/program]\n",
	  ":4:11: child \"a\": there is no program \"/no/such/program\"\n" },
	{ TREE "    argv: [/etc/passwd]\n",
	  ":4:11: child \"a\": \"/etc/passwd\" cannot be run: Permission "
	  "denied\n" },
	{ TREE "    argv: []\n",
	  ":4:11: child \"a\": \"argv\" names no program\n" },
	{ TREE "    argv: [sh]\n    cwd: /no/such\n",
	  ":5:10: \"cwd\": \"/no/such\": No such file or directory\n" },
	{ TREE "    argv: [sh]\n    output: /no/such/log\n",
	  ":5:13: \"output\": \"/no/such\": No such file or directory\n" },
	{ TREE "    argv: [sh]\n    env: [A=1, B]\n",
	  ":5:16: \"env\": \"B\" is not NAME=value\n" },
	{ TREE "    argv: [sh]\n    env: [A=1, AA=1, A=2]\n",
	  ":5:22: \"env\": \"A=2\" sets a name that is set above\n" },
	{ TREE "    argv: [sh, \"a\\0b\"]\n",
	  ":4:16: a NUL byte, where a text would end\n" },
	{ TREE "    argv: [sh]\n    \"cwd\\0\": /\n",
	  ":5:5: a NUL byte, where a text would end\n" },
	{ TREE "    argv: [sh]\n---\nname: u\n",
	  ":5:1: a second document, which nobody would read\n" },
	{ TREE "    argv: [sh]\n...\n]\n",
	  ":6:1: not YAML: did not find expected <document start>\n" },
	{ TREE "    argv: [sh]\n    stop_signal: SIGNOTHING\n",
	  ":5:18: \"stop_signal\": \"SIGNOTHING\" is no signal; one such as "
	  "TERM, INT, QUIT expected\n" },
	{ TREE "    argv: [sh]\n    shutdown: 5\n",
	  ":5:15: \"shutdown\": \"5\" is not a time such as 5s or 500ms, "
	  "infinity or kill\n" },
	{ TREE "    argv: [sh]\n    shutdown: 0s\n",
	  ":5:15: \"shutdown\": \"0s\" is not a time such as 5s or 500ms, "
	  "infinity or kill\n" },
	{ TREE "    argv: [sh]\n    output: /tmp/x\n    capture: output\n",
	  ":6:14: \"capture\": \"output\" says where that goes; \"errors\" "
	  "can be captured beside it\n" },
	{ TREE "    argv: [sh]\n    ready: notify\n    ready_fd: 4\n",
	  ":6:5: child \"a\": \"ready_fd\" goes with \"ready: fd\" only\n" },
	{ TREE "    argv: [sh]\n    ready: fd\n    ready_fd: 1024\n",
	  ":6:15: \"ready_fd\": 1024 is not a descriptor from 3 to 1023\n" },
	{ TREE "    argv: [sh]\n    ready: fd\n    ready_fd: 2\n",
	  ":6:15: \"ready_fd\": 2 is not a descriptor from 3 to 1023\n" },
	{ TREE "    argv: [sh]\n    watchdog: 0s\n",
	  ":5:15: \"watchdog\": \"0s\" is not a time such as 5s or "
	  "500ms\n" },
	{ TREE "    argv: [sh]\n    ready_timeout: soon\n",
	  ":5:20: \"ready_timeout\": \"soon\" is not a time such as 5s or "
	  "500ms\n" },
	{ "name: t\nperiod: 500ms\nchildren: []\n",
	  ":2:9: \"period\": \"500ms\" is not a time of whole seconds such as "
	  "5s\n" },
	{ "name: t\nintensity: 100001\nchildren: []\n",
	  ":2:12: \"intensity\": 100001 is more than 100000\n" },
	{ TREE "    argv: [sh]\n    port: 7\n",
	  ":5:5: child \"a\": \"port\" is for services only\n" },
	{ TREE "    service: echo\n    port: 7\n    cwd: /\n",
	  ":6:5: child \"a\": \"cwd\" is for programs (argv) only\n" },
	{ TREE "    argv: [sh]\n    strategy: one_for_all\n",
	  ":5:5: child \"a\": \"strategy\" is for supervisors (children) "
	  "only\n" },
	{ TREE "    service: echo\n",
	  ":3:5: child \"a\": a service needs a \"port\" from 1 to 65535\n" },
	{ TREE "    service: echo\n    port: 0\n",
	  ":5:11: child \"a\": a service needs a \"port\" from 1 to 65535\n" },
	{ TREE "    children:\n      - {id: x, service: echo, port: 7}\n"
	  "  - {id: y, service: counter, port: 7}\n",
	  ":6:37: child \"y\": port 7 is taken by another child\n" },
};

#define TWO TREE "    argv: [sh]\n  - id: b\n    argv: [sh]\n"

static const struct bad of_restarts[] = {
	{ TWO "    depends_on: [a, c]\n", ":7:21: child \"b\": \"depends_on\": "
	  "\"c\" is no child of the same supervisor\n" },
	{ TWO "    depends_on: [b]\n", ":7:18: child \"b\": \"depends_on\": "
	  "\"b\" is the child itself\n" },
	{ TWO "    depends_on: [a, a]\n", ":7:21: child \"b\": \"depends_on\": "
	  "\"a\" stands there twice\n" },
	{ TWO "    depends_on: [c]\n  - id: c\n    argv: [sh]\n"
	  "    restart: temporary\n", ":7:18: child \"b\": \"depends_on\": "
	  "\"c\" is temporary, and goes when it ends\n" },
	{ TWO "    depends_on: [c]\n  - id: c\n    argv: [sh]\n"
	  "    depends_on: [a, b]\n", ":7:17: child \"b\": \"depends_on\" "
	  "leads in a circle\n" },
	{ TWO "    depends_on: a\n", ":7:17: \"depends_on\": \"a\" is not a "
	  "list\n" },
	{ TWO "    budget: 100001\n", ":7:13: \"budget\": 100001 is more than "
	  "100000\n" },
	{ TWO "    budget_period: 5s\n", ":7:5: child \"b\": "
	  "\"budget_period\" goes with \"budget\" only\n" },
	{ TWO "    budget: 1\n    budget_period: 1500ms\n",
	  ":8:20: \"budget_period\": \"1500ms\" is not a time of whole "
	  "seconds such as 5s\n" },
	{ TWO "    budget: 1\n    budget_spent: end\n",
	  ":8:19: \"budget_spent\": \"end\" is not one of as_all, stop\n" },
	{ TWO "    flapping: 0\n", ":7:15: \"flapping\": 0 is less than 1\n" },
	{ TWO "    flapping: 2\n    flapping_stable: long\n",
	  ":8:22: \"flapping_stable\": \"long\" is not a time such as 5s or "
	  "500ms\n" },
	{ TWO "    backoff: 5s\n    backoff_max: 1s\n",
	  ":8:18: child \"b\": \"backoff_max\" is less than \"backoff\"\n" },
	{ TWO "    backoff: 5s\n    backoff_factor: 99\n",
	  ":8:21: \"backoff_factor\": 99 is less than 100\n" },
	{ TWO "    backoff: 5s\n    backoff_jitter: 101\n",
	  ":8:21: \"backoff_jitter\": 101 is more than 100\n" },
	{ TWO "    backoff: 5s\n    backoff_stable: 5\n",
	  ":8:21: \"backoff_stable\": \"5\" is not a time such as 5s or "
	  "500ms\n" },
	{ TWO "    backoff_jitter: 5\n", ":7:5: child \"b\": "
	  "\"backoff_jitter\" goes with \"backoff\" only\n" },
	{ TWO "    backoff: 100000min\n", ":7:14: \"backoff\": "
	  "\"100000min\" is longer than 71000min\n" },
	{ TWO "    hold: 5s\n",
	  ":7:5: child \"b\": \"hold\" is for supervisors (children) only\n" },
	{ TWO "    auto_shutdown: never\n",
	  ":7:5: child \"b\": \"auto_shutdown\" is for supervisors (children) "
	  "only\n" },
	{ "name: t\nauto_shutdown: any\nchildren: []\n",
	  ":2:16: \"auto_shutdown\": \"any\" is not one of never, "
	  "any_significant, all_significant\n" },
	{ TWO "    significant: maybe\n",
	  ":7:18: \"significant\": \"maybe\" is not one of no, yes\n" },
	{ TWO "    significant: yes\n    restart: transient\n",
	  ":7:5: child \"b\": \"significant\" needs an \"auto_shutdown\" of "
	  "\"t\"\n" },
	{ "name: t\nauto_shutdown: any_significant\nchildren:\n"
	  "  - {id: a, argv: [sh], significant: yes}\n",
	  ":4:25: child \"a\": \"significant\" needs \"restart: transient\" "
	  "or \"temporary\"\n" },
	{ "name: t\nhold: 0s\nchildren: []\n",
	  ":2:7: \"hold\": \"0s\" is not a time such as 5s or 500ms\n" },
};

static void how_it_is_restarted(void **state)
{
	static const char text[] =
		"name: t\n"
		"hold: 10s\n"
		"auto_shutdown: all_significant\n"
		"children:\n"
		"  - id: web\n"
		"    argv: [sh]\n"
		"    depends_on: [db, cache]\n"
		"    backoff: 100ms\n"
		"    backoff_max: 1min\n"
		"    backoff_factor: 150\n"
		"    backoff_jitter: 0\n"
		"    backoff_stable: 2min\n"
		"    budget: 0\n"
		"    budget_period: 1min\n"
		"    budget_spent: stop\n"
		"    flapping: 3\n"
		"    flapping_period: 30s\n"
		"    flapping_stable: 1500ms\n"
		"  - {id: db, argv: [sh]}\n"
		"  - {id: cache, argv: [sh], depends_on: [db]}\n"
		"  - {id: job, argv: [sh], restart: temporary, significant: yes}\n";
	struct config_child *root, *web;
	char *said;

	(void)state;
	assert_int_equal(load(text, &root, &said), 0);
	assert_string_equal(said, "");
	free(said);
	assert_int_equal(root->hold_ms, 10000);
	assert_int_equal(root->auto_shutdown, SUP_AUTO_SHUTDOWN_ALL);
	assert_int_equal(root->children[3].significant, CONFIG_YES);
	web = &root->children[0];
	assert_int_equal(web->significant, CONFIG_NO);
	assert_int_equal(web->n_depends_on, 2);
	assert_string_equal(web->depends_on[1], "cache");
	assert_int_equal(web->backoff_ms, 100);
	assert_int_equal(web->backoff_max_ms, 60000);
	assert_int_equal(*web->backoff_factor, 150);
	assert_int_equal(*web->backoff_jitter, 0);
	assert_int_equal(web->backoff_stable_ms, 120000);
	assert_int_equal(*web->budget, 0);
	assert_int_equal(web->budget_period_ms, 60000);
	assert_int_equal(web->budget_spent, SUP_SPENT_STOP);
	assert_int_equal(*web->flapping, 3);
	assert_int_equal(web->flapping_period_ms, 30000);
	assert_int_equal(web->flapping_stable_ms, 1500);
	assert_null(root->children[1].budget);
	config_free(root);
}

static void check_bad(const struct bad *bad, size_t n)
{
	struct config_child *root;
	char *said;
	size_t i;

	for (i = 0; i < n; i++) {
		print_message("%s\n", bad[i].text);
		assert_int_equal(load(bad[i].text, &root, &said), -EINVAL);
		assert_memory_equal(said, path, strlen(path));
		assert_string_equal(said + strlen(path), bad[i].said);
		free(said);
	}
}

static void what_the_schema_refuses(void **state)
{
	(void)state;
	check_bad(of_the_schema,
		  sizeof(of_the_schema) / sizeof(of_the_schema[0]));
}

static void what_the_check_refuses(void **state)
{
	(void)state;
	check_bad(of_the_check,
		  sizeof(of_the_check) / sizeof(of_the_check[0]));
	check_bad(of_restarts, sizeof(of_restarts) / sizeof(of_restarts[0]));
}

static void every_error_is_told(void **state)
{
	static const char text[] = "name: t\nchildren:\n"
		"  - {id: a, argv: [no-such-program]}\n"
		"  - {id: b, argv: [sh], shutdown: 3}\n";
	struct config_child *root;
	char *said;

	(void)state;
	assert_int_equal(load(text, &root, &said), -EINVAL);
	assert_non_null(strstr(said, ":3:19: "));
	assert_non_null(strstr(said, ":4:35: "));
	free(said);
}

static void nested_too_deep(void **state)
{
	char text[8192] = "name: t\nchildren:\n", *said;
	size_t len = strlen(text);
	struct config_child *root;
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		len += (size_t)sprintf(text + len,
				       "%*s- id: s\n%*schildren:\n",
				       2 * i, "", 2 * i + 2, "");
	sprintf(text + len, "%*s[]\n", 2 * i + 2, "");
	assert_int_equal(load(text, &root, &said), -EINVAL);
	assert_non_null(strstr(said, "deeper than 16"));
	free(said);
}

static void no_file(void **state)
{
	struct config_child *root;
	char *said;

	(void)state;
	assert_int_equal(config_load("/no/such.yaml", &root, &said), -ENOENT);
	assert_string_equal(said, "/no/such.yaml: No such file or directory\n");
	free(said);
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_tree),
		cmocka_unit_test(how_it_is_restarted),
		cmocka_unit_test(what_the_schema_refuses),
		cmocka_unit_test(what_the_check_refuses),
		cmocka_unit_test(every_error_is_told),
		cmocka_unit_test(nested_too_deep),
		cmocka_unit_test(no_file),
	};

	return !!cmocka_run_group_tests(tests, set_up, tear_down);
}
