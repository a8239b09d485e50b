/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ServiceRegistry: who is there, and who is waited for. */
#include "foundation.h"

#include "fail_memory.h"
#include "foundation/service.h"
#include "services.h"

static size_t waiting(void)
{
	struct fnd_service_stats s;

	fnd_service_stats(&s);
	return s.waiting;
}

static void await_waiting(size_t n)
{
	int64_t limit = LONG;

	while (waiting() != n)
		assert_true(sup_deadline_ms(0) < limit);
}

static void check_2_a_wait_ends_at_its_deadline(void **state)
{
	int64_t deadline = sup_deadline_ms(100);
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_service_wait(N, "never", &pid, deadline),
			 -ETIMEDOUT);
	assert_true(sup_deadline_ms(0) >= deadline);
	assert_int_equal(fnd_service_wait(N, "never", &pid, SUP_TRY),
			 -EAGAIN);
	assert_int_equal(waiting(), 0);
}

struct wanted {
	struct fnd_namespace ns;
	const char *name;
	struct sup_pid pid;
};

static int waits(void *arg)
{
	const struct wanted *w = arg;
	struct sup_pid pid;

	EXPECT(!fnd_service_wait(w->ns, w->name, &pid, LONG));
	EXPECT(pid.v == w->pid.v);
	return 0;
}

static void who_waits_is_told_by_who_registers(void **state)
{
	struct sup_pid pid = start(stays, NULL), waiters[10], other, found;
	struct wanted w = { N, "s", pid }, m = { M, "s", pid };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(waiters); i++)
		waiters[i] = start(waits, &w);
	other = start(waits, &m);
	await_waiting(N_OF(waiters) + 1);
	assert_int_equal(serve(N, "t", pid, NULL), 0);
	assert_int_equal(waiting(), N_OF(waiters) + 1);
	assert_int_equal(serve(N, "s", pid, NULL), 0);
	assert_int_equal(waiting(), 1);
	for (i = 0; i < N_OF(waiters); i++)
		assert_int_equal(end_of(waiters[i]).kind, SUP_REASON_NORMAL);
	assert_int_equal(serve(M, "s", pid, NULL), 0);
	assert_int_equal(end_of(other).kind, SUP_REASON_NORMAL);
	assert_int_equal(fnd_service_wait(N, "s", &found, SUP_TRY), 0);
	assert_int_equal(found.v, pid.v);
	assert_int_equal(fnd_service_wait(N, "s", NULL, LONG), 0);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
	assert_int_equal(fnd_service_cleanup(M, NULL, LONG), 0);
}

/* A name alone is no service. */
static void a_service_that_was_one_is_waited_for_again(void **state)
{
	struct sup_pid pid = start(stays, NULL), waiter;
	struct wanted w = { N, "s", SUP_PID_NONE };

	(void)state;
	assert_int_equal(serve(N, "s", pid, NULL), 0);
	kill_and_wait(pid);
	w.pid = start(stays, NULL);
	waiter = start(waits, &w);
	await_waiting(1);
	assert_int_equal(add(N, "s", w.pid), 0);
	assert_int_equal(fnd_service_whereis(N, "s").v, 0);
	assert_int_equal(waiting(), 1);
	assert_int_equal(serve(N, "s", w.pid, NULL), 0);
	assert_int_equal(end_of(waiter).kind, SUP_REASON_NORMAL);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

static void who_is_killed_waits_no_more(void **state)
{
	struct wanted w = { N, "never", SUP_PID_NONE };
	struct sup_pid waiter = start(waits, &w);

	(void)state;
	await_waiting(1);
	kill_and_wait(waiter);
	assert_int_equal(waiting(), 0);
}

static void what_is_known_of_a_service(void **state)
{
	static const char *const needs[] = { "db", "cache", NULL };
	struct sup_pid pid = start(stays, NULL), other = start(stays, NULL),
		       holder = SUP_PID_NONE;
	struct fnd_service *s;
	int64_t uptime;

	(void)state;
	assert_int_equal(serve(N, "s", pid, SPEC(
				.depends_on = needs, .supervisor = "top",
				.child = "s", .health = is_well,
				.metadata = META({ "k", "v" }))), 0);
	assert_int_equal(fnd_service_register(N, "s", other, NULL, &holder),
			 -EEXIST);
	assert_int_equal(holder.v, pid.v);
	assert_int_equal(fnd_service_whereis(N, "s").v, pid.v);
	assert_int_equal(fnd_process_whereis(N, "s").v, pid.v);
	assert_int_equal(count(N, META({ "k", "v" })), 1);
	s = get(N, "s");
	assert_string_equal(s->name, "s");
	assert_int_equal(s->ns.v, N.v);
	assert_int_equal(s->pid.v, pid.v);
	assert_int_equal(s->lives, 1);
	assert_string_equal(s->depends_on[0], "db");
	assert_string_equal(s->depends_on[1], "cache");
	assert_null(s->depends_on[2]);
	assert_string_equal(s->supervisor, "top");
	assert_string_equal(s->child, "s");
	assert_int_equal(s->last.at_ns, 0);
	uptime = s->uptime_ns;
	assert_true(uptime >= 0);
	free(s);
	/* Its uptime is that of the task, whatever is said of it anew. */
	assert_int_equal(check(N, "s").outcome, FND_HEALTH_OK);
	assert_int_equal(serve(N, "s", pid, NULL), 0);
	s = get(N, "s");
	assert_true(s->uptime_ns > uptime);
	assert_int_equal(s->lives, 1);
	assert_int_equal(s->checks, 1);
	assert_null(s->depends_on);
	assert_null(s->supervisor);
	free(s);
	kill_and_wait(pid);
	s = get(N, "s");
	assert_int_equal(s->pid.v, 0);
	assert_int_equal(s->uptime_ns, 0);
	free(s);
	assert_int_equal(fnd_service_whereis(N, "s").v, 0);
	assert_int_equal(serve(N, "s", other, NULL), 0);
	s = get(N, "s");
	assert_int_equal(s->lives, 2);
	assert_int_equal(s->last.at_ns, 0);
	free(s);
	assert_int_equal(fnd_service_unregister(N, "s"), 0);
	assert_int_equal(fnd_service_unregister(N, "s"), -ENOENT);
	assert_int_equal(fnd_service_get(N, "s", &s), -ENOENT);
	assert_int_equal(fnd_process_whereis(N, "s").v, 0);
}

static void bad_arguments(void **state)
{
	static const char *const itself[] = { "s", NULL }, *const none[] = {
		"", NULL };
	const char *many[FND_DEPENDS_MAX + 2];
	struct sup_pid pid = start(stays, NULL);
	char name[FND_NAME_MAX + 2];
	struct fnd_health_report r;
	struct fnd_service *s;
	size_t i;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < N_OF(many) - 1; i++)
		many[i] = "d";
	many[i] = NULL;
	assert_int_equal(serve(N, "", pid, NULL), -EINVAL);
	assert_int_equal(serve(N, NULL, pid, NULL), -EINVAL);
	assert_int_equal(serve(N, name, pid, NULL), -ENAMETOOLONG);
	assert_int_equal(serve(N, "s", SUP_PID_NONE, NULL), -ESRCH);
	assert_int_equal(serve(N, "s", pid, SPEC(.timeout_ms = -1)), -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.depends_on = itself)),
			 -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.depends_on = none)),
			 -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.depends_on = many)),
			 -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.child = "c")), -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.supervisor = "c")),
			 -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.supervisor = name,
						 .child = "c")),
			 -ENAMETOOLONG);
	assert_int_equal(serve(N, "s", pid, SPEC(.containment = 9)), -EINVAL);
	assert_int_equal(serve(N, "s", pid, SPEC(.metadata = META({ "", "" }))),
			 -EINVAL);
	assert_int_equal(serve(N, "s", pid, &(struct fnd_service_spec){
				.size = 4 }), -EINVAL);
	assert_int_equal(fnd_process_whereis(N, "s").v, 0);
	assert_int_equal(fnd_service_unregister(N, ""), -EINVAL);
	assert_int_equal(fnd_service_get(N, name, &s), -ENAMETOOLONG);
	assert_int_equal(fnd_service_check(N, "", &r, LONG), -EINVAL);
	assert_int_equal(fnd_service_wait(N, "", NULL, LONG), -EINVAL);
	assert_int_equal(fnd_service_whereis(N, "").v, 0);
	assert_int_equal(fnd_service_cleanup(FND_PRODUCTION, NULL, LONG),
			 -EPERM);
	assert_string_equal(fnd_health_outcome_name(FND_HEALTH_OUTCOMES),
			    "unknown");
	name[FND_NAME_MAX] = '\0';
	assert_int_equal(serve(N, name, pid, NULL), 0);
	assert_int_equal(fnd_service_whereis(N, name).v, pid.v);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

static void a_list_is_in_order_of_names(void **state)
{
	struct sup_pid a = start(stays, NULL), b = start(stays, NULL);
	struct fnd_service *list = NULL;
	size_t n = 99;

	(void)state;
	assert_int_equal(fnd_service_list(N, &list, &n), 0);
	assert_int_equal(n, 0);
	assert_null(list);
	assert_int_equal(serve(N, "y", a, NULL), 0);
	assert_int_equal(serve(N, "x", b, NULL), 0);
	assert_int_equal(serve(N, "z", a, NULL), 0);
	assert_int_equal(serve(M, "w", a, NULL), 0);
	kill_and_wait(b);
	assert_int_equal(fnd_service_list(N, &list, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].name, "x");
	assert_string_equal(list[1].name, "y");
	assert_string_equal(list[2].name, "z");
	assert_int_equal(list[0].pid.v, 0);
	assert_int_equal(list[1].pid.v, a.v);
	free(list);
	assert_int_equal(fnd_service_cleanup(N, &n, LONG), 0);
	assert_int_equal(fnd_service_list(N, &list, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(fnd_service_cleanup(M, &n, LONG), 0);
}

static _Atomic uint64_t job;

static int says_who_it_is(void *arg, struct sup_msg *ret_result)
{
	atomic_store(&job, sup_self().v);
	return is_late(arg, ret_result);
}

static int is_left_in_the_lurch(void *arg)
{
	struct fnd_health_report r;

	(void)arg;
	EXPECT(fnd_service_check(N, "s", &r, LONG) == -EPIPE);
	return 0;
}

static int waits_in_vain(void *arg)
{
	(void)arg;
	EXPECT(fnd_service_wait(N, "t", NULL, LONG) == -EPIPE);
	return 0;
}

static void services_outlive_the_server(void **state)
{
	struct sup_pid pid = start(stays, NULL), asker, waiter;
	int64_t limit = LONG;

	(void)state;
	atomic_store(&job, 0);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = says_who_it_is)),
			 0);
	asker = start(is_left_in_the_lurch, NULL);
	waiter = start(waits_in_vain, NULL);
	await_waiting(1);
	while (!atomic_load(&job))
		assert_true(sup_deadline_ms(0) < limit);
	restart_by_kill(FND__SERVICES);
	assert_int_equal(end_of(asker).kind, SUP_REASON_NORMAL);
	assert_int_equal(end_of(waiter).kind, SUP_REASON_NORMAL);
	/* The function ends with who has called it. */
	end_of((struct sup_pid){ atomic_load(&job) });
	assert_int_equal(fnd_service_whereis(N, "s").v, pid.v);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = is_well)), 0);
	assert_int_equal(check(N, "s").outcome, FND_HEALTH_OK);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

static void without_its_servers(void **state)
{
	struct sup_pid pid = start(stays, NULL), server;
	struct fnd_health_report r;

	(void)state;
	assert_int_equal(serve(N, "s", pid, NULL), 0);
	assert_int_equal(fnd_service_wait(N, "s", NULL, LONG), 0);
	assert_int_equal(fnd_service_wait(N, "t", NULL, LONG), -ENOTCONN);
	assert_int_equal(fnd_service_check(N, "s", &r, LONG), -ENOTCONN);
	assert_int_equal(fnd_service_registry_start(NULL, &server), 0);
	assert_int_equal(fnd_service_registry_start(NULL, &server), -EEXIST);
	assert_int_equal(check(N, "s").outcome, FND_HEALTH_ALIVE);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = is_well)), 0);
	assert_int_equal(fnd_service_check(N, "s", &r, LONG), -ENOTCONN);
	assert_int_equal(fnd_service_unregister(N, "s"), 0);
}

static const char *const in_order[] = {
	"process_registry", "service_registry", "config_server", "event_store",
	"telemetry_service", "health_monitor", "service_monitor",
	"task_supervisor", "locks", "barriers", "elections",
	"connection_manager", "rate_limiter",
};

static void all_services_of_the_tree_are_well(void **state)
{
	struct sup_child *children;
	struct sup_node *nodes;
	struct fnd_service *s;
	size_t i, n;

	(void)state;
	assert_int_equal(sup_tree(foundation, &nodes, &n), 0);
	assert_int_equal(nodes[0].intensity, 10);
	assert_int_equal(nodes[0].period_s, 60);
	free(nodes);
	assert_int_equal(sup_which_children(foundation, &children, &n), 0);
	assert_int_equal(n, N_OF(in_order));
	/* The newest comes first. */
	for (i = 0; i < n; i++)
		assert_string_equal(children[n - 1 - i].id, in_order[i]);
	free(children);
	for (i = 0; i < N_OF(in_order); i++) {
		assert_int_equal(check(FND_PRODUCTION, in_order[i]).outcome,
				 FND_HEALTH_OK);
		s = get(FND_PRODUCTION, in_order[i]);
		assert_string_equal(s->supervisor, "foundation");
		assert_string_equal(s->child, in_order[i]);
		free(s);
	}
	restart_by_kill("fnd_locks");
	assert_int_equal(fnd_service_wait(FND_PRODUCTION, "locks", NULL, LONG),
			 0);
	assert_int_equal(check(FND_PRODUCTION, "locks").outcome,
			 FND_HEALTH_OK);
}

static int fails(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return -EIO;
}

/* Of outcomes that nobody else has: monitors check others meanwhile. */
static void statistics(void **state)
{
	struct sup_pid pid = start(stays, NULL), other = start(stays, NULL);
	struct fnd_service_stats before, s;

	(void)state;
	fnd_service_stats(&before);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = fails)), 0);
	assert_int_equal(serve(N, "t", other, NULL), 0);
	kill_and_wait(other);
	check(N, "s");
	check(N, "s");
	check(N, "t");
	fnd_service_stats(&s);
	assert_int_equal(s.total - before.total, 2);
	assert_int_equal(s.up - before.up, 1);
	assert_int_equal(s.registrations - before.registrations, 2);
	assert_int_equal(s.outcomes[FND_HEALTH_FAILED] -
			 before.outcomes[FND_HEALTH_FAILED], 2);
	assert_int_equal(s.outcomes[FND_HEALTH_DOWN] -
			 before.outcomes[FND_HEALTH_DOWN], 1);
	assert_int_equal(s.waiting, 0);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
	fnd_service_stats(&s);
	assert_int_equal(s.total, before.total);
}

static void without_memory_nothing_is_half_done(void **state)
{
	static const char *const needs[] = { "db", NULL };
	struct sup_pid pid = start(stays, NULL);
	struct fnd_service *s;
	unsigned int n;
	bool failed;
	size_t found;
	int ret;

	(void)state;
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = serve(N, "s", pid, SPEC(.depends_on = needs));
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		assert_int_equal(fnd_service_whereis(N, "s").v,
				 ret ? 0 : pid.v);
		assert_int_equal(fnd_process_whereis(N, "s").v,
				 ret ? 0 : pid.v);
		if (!ret && failed)
			assert_int_equal(fnd_service_unregister(N, "s"), 0);
	}
	assert_true(n > 10);
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = fnd_service_list(N, &s, &found);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	assert_int_equal(found, 1);
	free(s);
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = fnd_service_unregister(N, "s");
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		assert_int_equal(fnd_service_whereis(N, "s").v,
				 ret ? pid.v : 0);
		assert_int_equal(serve(N, "s", pid, NULL), 0);
	}
	assert_int_equal(fnd_service_unregister(N, "s"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(check_2_a_wait_ends_at_its_deadline),
		SERVICE_CASE(who_waits_is_told_by_who_registers),
		SERVICE_CASE(a_service_that_was_one_is_waited_for_again),
		SERVICE_CASE(who_is_killed_waits_no_more),
		SERVICE_CASE(what_is_known_of_a_service),
		SERVICE_CASE(bad_arguments),
		SERVICE_CASE(a_list_is_in_order_of_names),
		SERVICE_CASE(services_outlive_the_server),
		CASE(without_its_servers),
		SERVICE_CASE(all_services_of_the_tree_are_well),
		SERVICE_CASE(statistics),
		CASE(without_memory_nothing_is_half_done),
	};

	return RUN_TESTS(tests);
}
