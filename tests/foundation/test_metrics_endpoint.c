/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /metrics: what it says, to whom, and where it listens. */
#include "endpoint.h"

#include <signal.h>

#include "fail_memory.h"
#include "foundation/metrics_accept.h"
#include "foundation/metrics_http.h"

static _Atomic bool is_taken, has_no_memory;

int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (!atomic_load(&is_taken))
		return __real_bind(fd, addr, len);
	errno = EADDRINUSE;
	return -1;
}

int __real_fnd_metric_write(enum fnd_metric_text format, char **ret_text,
			    size_t *ret_len);
int __wrap_fnd_metric_write(enum fnd_metric_text format, char **ret_text,
			    size_t *ret_len);

int __wrap_fnd_metric_write(enum fnd_metric_text format, char **ret_text,
			    size_t *ret_len)
{
	return atomic_load(&has_no_memory) ? -ENOMEM :
		__real_fnd_metric_write(format, ret_text, ret_len);
}

static int set_up_endpoint(void **state)
{
	return set_up(state) || start_endpoint(0, 0);
}

#define ENDPOINT_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_endpoint, tear_down)

/* With rounds of the monitors when a test asks for them. */
static int set_up_services(void **state)
{
	static const struct fnd_service_monitor_options services = {
		.size = sizeof(services), .interval_ms = 3600000,
	};
	const struct fnd_foundation_options o = {
		.size = sizeof(o), .metrics = options_of(0, 0),
		.service_monitor = &services,
	};

	sup_set_log_level(-1);
	fnd_telemetry_reset();
	return set_up(state) || fnd_foundation_start(&o, &foundation);
}

#define SERVICES_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_services, tear_down)

static void requests_are_answered(void **state)
{
	char *r;

	(void)state;
	r = ask(GET);
	assert_true(is_whole(r, 200));
	assert_true(has(r, "\r\nContent-Type: text/plain; version=0.0.4; "
			"charset=utf-8\r\n"));
	assert_true(has(r, "\r\nConnection: close\r\n"));
	assert_false(has(r, "# EOF"));
	free(r);
	r = ask(REQUEST("HEAD /metrics"));
	assert_true(has(r, "\r\nContent-Type: text/plain; version=0.0.4"));
	assert_string_equal(body_of(r), "");
	free(r);
	r = ask("POST /metrics HTTP/1.1\r\nHost: t\r\n"
		"Content-Length: 3\r\n\r\nabc");
	assert_true(is_whole(r, 405));
	assert_true(has(r, "\r\nAllow: GET, HEAD\r\n"));
	free(r);
	assert_true(answers("GET /metrics?x=y HTTP/1.1\r\n\r\n", 200));
	assert_true(answers("GET /metrics HTTP/1.0\r\n\r\n", 200));
	assert_true(answers(REQUEST("GET /"), 404));
	assert_true(answers(REQUEST("GET /metrics/x"), 404));
	assert_int_equal(counted("foundation.metrics.requests", "200"), 4);
	assert_int_equal(counted("foundation.metrics.requests", "404"), 2);
	assert_int_equal(counted("foundation.metrics.requests", "405"), 1);
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const bad[] = {
		"GET\r\n\r\n", "GET /metrics HTTP/9.9\r\n\r\n",
		"\x01\x02\xff\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nno header\r\n\r\n",
	};
	char *big = malloc(1 << 20), *r;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		int fd = dial();

		assert_true(say(fd, bad[i]));
		shutdown(fd, SHUT_WR);
		r = hear(fd);
		assert_non_null(r);
		assert_false(has(r, "process_open_fds"));
		free(r);
		close(fd);
	}
	/* More than a connection may have; the end is sent in vain. */
	assert_non_null(big);
	memset(big, 'x', (1 << 20) - 1);
	big[(1 << 20) - 1] = '\0';
	memcpy(big, "GET /metrics HTTP/1.1\r\nX: ", 26);
	r = try_ask(big);
	assert_false(r && has(r, "process_open_fds"));
	free(r);
	free(big);
	assert_true(answers(GET, 200));
}

static enum fnd_metric_text wanted(const char *one, const char *other)
{
	struct fnd__accept a = { .open = 0 };

	fnd__accept_header(&a, one);
	fnd__accept_header(&a, other);
	return fnd__accept_text(&a);
}

/* The first two are what Prometheus 2 and 3 send. */
static void accept_says_which_text(void **state)
{
	static const char *const open[] = {
		"application/openmetrics-text;version=1.0.0,application/"
		"openmetrics-text;version=0.0.1;q=0.75,text/plain;"
		"version=0.0.4;q=0.5,*/*;q=0.1",
		"application/openmetrics-text;version=1.0.0;"
		"escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;"
		"escaping=allow-utf-8;q=0.4,*/*;q=0.1",
		"application/openmetrics-text",
		" Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.001 ",
		"text/html, application/openmetrics-text;q=1.000",
		"application/openmetrics-text, */*",
		"a;b=\"\\\",\", application/openmetrics-text",
	};
	static const char *const plain[] = {
		"", ",", ";", "=", "\"", "*/*", "text/plain", "text/html",
		"application/openmetrics-text;q=0",
		"application/openmetrics-text;q=0.000",
		"application/openmetrics-text;q=1.001",
		"application/openmetrics-text;q=2",
		"application/openmetrics-text;q=x",
		"application/openmetrics-text;q=",
		"application/openmetrics-text;q=0,5",
		"application/openmetrics-text;q=0.5, text/plain;q=0.6",
		"application/openmetrics-text;q=0.5, text/*",
		"application/openmetrics-text;version=2.0.0",
		"application/openmetrics-text;version=",
		"application/openmetrics-textual", "application/openmetrics",
		"x\"application/openmetrics-text",
		"a;b=\", application/openmetrics-text",
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(open); i++)
		assert_int_equal(wanted(open[i], ""), FND_METRIC_OPENMETRICS);
	for (i = 0; i < N_OF(plain); i++)
		assert_int_equal(wanted(plain[i], ""), FND_METRIC_PROMETHEUS);
	assert_int_equal(wanted("application/openmetrics-text;q=0.2",
				"text/plain;q=0.3"), FND_METRIC_PROMETHEUS);
	assert_int_equal(wanted("text/plain;q=0.3",
				"application/openmetrics-text;q=0.4"),
			 FND_METRIC_OPENMETRICS);
}

#define OPEN "Accept: application/openmetrics-text;version=1.0.0\r\n"
#define GET_OPEN "GET /metrics HTTP/1.1\r\nHost: t\r\n" OPEN "\r\n"

static void who_asks_for_openmetrics_gets_it(void **state)
{
	char *r = ask(GET_OPEN);
	size_t len = strlen(r);

	(void)state;
	assert_true(is_whole(r, 200));
	assert_true(has(r, "\r\nContent-Type: application/openmetrics-text; "
			"version=1.0.0; charset=utf-8\r\n"));
	assert_string_equal(r + len - 6, "# EOF\n");
	free(r);
	r = ask("GET /metrics HTTP/1.1\r\nHost: t\r\n"
		"Accept: text/plain;q=0.1\r\n" OPEN "\r\n");
	assert_true(has(r, "# EOF\n"));
	free(r);
}

static int crashes(void *arg)
{
	(void)arg;
	return 3;
}

/* A process that is killed, and a thread that crashes. */
static void end_two(void)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	static const struct sup_process_spec process = {
		.size = sizeof(process), .argv = argv,
	};
	static const struct sup_thread_spec thread = {
		.size = sizeof(thread), .run = crashes,
	};
	const struct sup_child_spec children[] = {
		{
			.size = sizeof(children[0]), .id = "sleeper",
			.start = sup_process_start, .arg = &process,
			.restart = SUP_TEMPORARY,
		}, {
			.size = sizeof(children[0]), .id = "crasher",
			.start = sup_thread_start, .arg = &thread,
			.restart = SUP_TEMPORARY,
		},
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "two",
	};
	struct sup_pid sup, pids[2];
	pid_t os_pid;

	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	assert_int_equal(sup_start_child(sup, &children[0], &pids[0]), 0);
	assert_int_equal(sup_start_child(sup, &children[1], &pids[1]), 0);
	assert_int_equal(sup_os_pid(pids[0], &os_pid, NULL), 0);
	assert_int_equal(kill(os_pid, SIGKILL), 0);
	AWAIT(counted("foundation.supervisor.signal", "KILL"));
	AWAIT(counted("foundation.supervisor.child_terminated", "crasher"));
}

#define TERMINATED "foundation_supervisor_child_terminated_total"

/* Issue: of /proc, and of what is known of ends. */
static void figures_of_tasks_processes_and_ends(void **state)
{
	static const char *const lines[] = {
		"\nprocess_cpu_seconds_total ",
		"\nprocess_resident_memory_bytes ",
		"\nprocess_open_fds ", "\nprocess_threads ",
		"\ntask_up{task=\"metrics_endpoint\"} 1.0\n",
		"\ntask_restarts_total{task=\"metrics_endpoint\"} 0.0\n",
		"\ntask_uptime_seconds{task=\"locks\"} ",
		"\ntask_cpu_seconds_total{task=\"metrics_endpoint\"} ",
		"\n" TERMINATED "{child=\"crasher\",reason=\"exit\","
		"supervisor=\"two\"} 1\n",
		"\n" TERMINATED "{child=\"sleeper\",reason=\"signal\","
		"supervisor=\"two\"} 1\n",
		"\nfoundation_supervisor_signal_total{core=\"no\","
		"sent_by=\"unknown\",signal=\"KILL\"} 1\n",
		"\nfoundation_supervisor_exit_to_report_count ",
	};
	size_t i;
	char *r;

	(void)state;
	end_two();
	r = ask(GET);
	assert_true(is_whole(r, 200));
	for (i = 0; i < N_OF(lines); i++)
		if (!has(r, lines[i]))
			fail_msg("not there: %s", lines[i]);
	free(r);
}

/* What a program says of a text that is its input. */
static void is_read_well(const char *command, const char *text)
{
	FILE *program = popen(command, "w");

	assert_non_null(program);
	assert_true(fputs(text, program) >= 0);
	assert_int_equal(pclose(program), 0);
}

static void make_one_of_each_kind(void)
{
	const struct fnd_pair pair = { "shop", "a\"b\\c\nd\xc3\xa4\xff" };
	const struct fnd_metadata labels = { &pair, 1 };

	assert_int_equal(fnd_telemetry_count("shop.orders", 2, &labels), 0);
	assert_int_equal(fnd_telemetry_gauge("shop.stock", -0.5, &labels), 0);
	assert_int_equal(fnd_telemetry_histogram("shop.time", 2, &labels), 0);
	assert_int_equal(fnd_telemetry_duration("shop.sum", 2, &labels), 0);
}

/* Each reader finds fault with the other's text: so it looks at its own. */
static void others_can_read_it(void **state)
{
	static const char promtool[] = READERS "/promtool check metrics >&2";
	static const char parser[] = "PYTHONPATH=" READERS " python3 -c '"
		"import sys\n"
		"from prometheus_client.openmetrics import parser\n"
		"list(parser.text_fd_to_metric_families(sys.stdin))'";
	char *plain, *open;

	(void)state;
	if (access(READERS "/stamp", R_OK)) {
		print_message("skip: promtool could not be fetched\n");
		skip();
	}
	make_one_of_each_kind();
	end_two();
	plain = ask(GET);
	open = ask(GET_OPEN);
	assert_true(is_whole(plain, 200) && is_whole(open, 200));
	is_read_well(promtool, body_of(plain));
	is_read_well(parser, body_of(open));
	free(plain);
	free(open);
}

static void it_is_a_service_if_it_is_asked_for(void **state)
{
	struct fnd_application_health *h;
	struct fnd_application_status s;
	struct fnd_health_report r;
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_service_check(FND_PRODUCTION, "metrics_endpoint",
					   &r, LONG), 0);
	assert_int_equal(r.outcome, FND_HEALTH_OK);
	assert_int_equal(fnd_application_status(&s), 0);
	assert_int_equal(s.up, s.total);
	assert_int_equal(s.phases[FND_PHASE_APPLICATION].total, 0);
	assert_int_equal(fnd_application_health(&h, LONG), 0);
	assert_int_equal(h->total, s.total);
	assert_int_equal(h->overall, FND_HEALTHY);
	free(h);
	assert_int_equal(fnd_application_restart("metrics_endpoint", &pid,
						 LONG), 0);
	assert_int_equal(pid.v, sup_whereis(ENDPOINT).v);
	assert_true(answers(GET, 200));
}

static void else_it_is_not_there(void **state)
{
	struct fnd_application_status s;
	struct fnd_service *service;

	(void)state;
	assert_int_equal(sup_whereis(ENDPOINT).v, 0);
	assert_int_equal(try_dial(), -1);
	assert_int_equal(fnd_service_get(FND_PRODUCTION, "metrics_endpoint",
					 &service), -ENOENT);
	assert_int_equal(fnd_application_status(&s), 0);
	assert_int_equal(s.up, s.total);
}

static void killed_it_is_back_on_its_port(void **state)
{
	int i, fd;

	(void)state;
	for (i = 0; i < 5; i++) {
		char c;

		assert_true(answers(GET, 200));
		fd = dial();
		assert_true(say(fd, "GET /met"));
		restart_endpoint();
		/* Connections end with the task. */
		assert_true(recv(fd, &c, 1, 0) <= 0);
		close(fd);
	}
	assert_true(answers(GET, 200));
}

static bool is_stopped(void)
{
	struct sup_explanation e;

	assert_int_equal(sup_explain(foundation, "metrics_endpoint", &e), 0);
	return e.why == SUP_WHY_SPENT;
}

/* Others go on meanwhile; the ServiceMonitor has it started again. */
static void a_port_that_another_has_taken(void **state)
{
	struct fnd_service_round round;

	(void)state;
	assert_int_equal(fnd_service_monitor_get(&round, LONG), 0);
	atomic_store(&is_taken, true);
	kill_and_wait(sup_whereis(ENDPOINT));
	AWAIT(is_stopped());
	assert_true(sup_is_alive(foundation));
	assert_int_equal(fnd_service_monitor_run(&round, LONG), 0);
	assert_int_equal(round.not_restarted, 1);
	atomic_store(&is_taken, false);
	assert_int_equal(fnd_service_monitor_run(&round, LONG), 0);
	assert_int_equal(round.restarted, 1);
	assert_true(answers(GET, 200));
}

static void there_is_one_of_it(void **state)
{
	const struct fnd_foundation_options f = {
		.size = sizeof(f), .metrics = &endpoint_options,
	};
	struct sup_pid pid = SUP_PID_NONE;

	(void)state;
	assert_int_equal(fnd_metrics_start(options_of(0, 0), &pid), -EEXIST);
	assert_int_equal(pid.v, sup_whereis(ENDPOINT).v);
	assert_int_equal(fnd_foundation_start(&f, &pid), -EEXIST);
	assert_true(answers(GET, 200));
}

static int refused(const char *address, uint16_t port, const char *why)
{
	const struct fnd_metrics_options o = {
		.size = sizeof(o), .address = address, .port = port,
	};
	struct sup_pid pid;
	int ret = fnd_metrics_start(&o, &pid);

	assert_string_equal(sup_error(), why);
	return ret;
}

static void bad_options(void **state)
{
	struct fnd_metrics_options o = *options_of(1025, 0);
	struct sup_pid pid;
	char text[64];

	(void)state;
	assert_int_equal(fnd_metrics_start(NULL, &pid), -EINVAL);
	assert_int_equal(fnd_metrics_start(&o, &pid), -EINVAL);
	o.connections = 1;
	o.timeout_ms = -1;
	assert_int_equal(fnd_metrics_start(&o, &pid), -EINVAL);
	o.timeout_ms = 1;
	o.size = sizeof(o) + 1;
	assert_int_equal(fnd_metrics_start(&o, &pid), -EINVAL);
	assert_int_equal(refused(NULL, 0, "port: it is 0"), -EINVAL);
	assert_int_equal(refused("localhost", 1, "address: \"localhost\" is "
				 "none in digits"), -EINVAL);
	/* TEST-NET-1 is nobody's. */
	assert_int_equal(refused("192.0.2.1", PORT, "192.0.2.1:9464: Cannot "
				 "assign requested address"), -EADDRNOTAVAIL);
	atomic_store(&is_taken, true);
	assert_int_equal(refused("::1", PORT, "[::1]:9464: Address already "
				 "in use"), -EADDRINUSE);
	snprintf(text, sizeof(text), "%s:9464: Address already in use",
		 own_address());
	assert_int_equal(refused(own_address(), PORT, text), -EADDRINUSE);
	atomic_store(&is_taken, false);
	assert_int_equal(sup_whereis(ENDPOINT).v, 0);
}

/* By itself: what another listens on is not taken away. */
static void two_do_not_share_a_port(void **state)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = own_ip(),
	};
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sup_pid pid;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr,
			      sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(fnd_metrics_start(options_of(0, 0), &pid),
			 -EADDRINUSE);
	close(fd);
	assert_int_equal(fnd_metrics_start(options_of(0, 0), &pid), 0);
	assert_true(answers(GET, 200));
}

static void without_memory_or_descriptors(void **state)
{
	struct fnd__http *h;

	(void)state;
	fail_nth(1);
	assert_int_equal(fnd__http_open(1, 1, &h), -ENOMEM);
	assert_true(fail_no_more());
	atomic_store(&has_no_memory, true);
	assert_true(answers(GET, 503));
	atomic_store(&has_no_memory, false);
	assert_true(answers(GET, 200));
	/* It tries again after a while. */
	atomic_store(&accepting.failures, 3);
	assert_true(answers(GET, 200));
	assert_int_equal(atomic_load(&accepting.failures), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENDPOINT_CASE(requests_are_answered),
		ENDPOINT_CASE(what_is_no_request_is_refused),
		cmocka_unit_test(accept_says_which_text),
		ENDPOINT_CASE(who_asks_for_openmetrics_gets_it),
		SERVICES_CASE(figures_of_tasks_processes_and_ends),
		SERVICES_CASE(others_can_read_it),
		SERVICES_CASE(it_is_a_service_if_it_is_asked_for),
		SERVICE_CASE(else_it_is_not_there),
		SERVICES_CASE(killed_it_is_back_on_its_port),
		SERVICES_CASE(a_port_that_another_has_taken),
		ENDPOINT_CASE(there_is_one_of_it),
		CASE(bad_options),
		CASE(two_do_not_share_a_port),
		ENDPOINT_CASE(without_memory_or_descriptors),
	};

	return RUN_TESTS(tests);
}
