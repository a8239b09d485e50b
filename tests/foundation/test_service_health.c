/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ServiceRegistry: which services are well. */
#include "foundation.h"

#include <sched.h>
#include <signal.h>

#include "foundation/service.h"
#include "foundation/services.h"
#include "services.h"

static int tells(void *arg, struct sup_msg *ret_result)
{
	ret_result->tag = *(uint64_t *)arg;
	return 0;
}

static int returns(void *arg, struct sup_msg *ret_result)
{
	(void)ret_result;
	return *(int *)arg;
}

static int ends_itself(void *arg, struct sup_msg *ret_result)
{
	(void)ret_result;
	sup_exit_self(arg);
}

static void check_2_nine_outcomes(void **state)
{
	static uint64_t value = 7;
	static int some = 3, error = -EIO;
	static struct sup_reason reason = {
		.kind = SUP_REASON_SHUTDOWN, .term = 9,
	};
	static const struct {
		struct fnd_service_spec spec;
		enum fnd_health_outcome outcome;
	} cases[] = {
		{ { .health = is_well }, FND_HEALTH_OK },
		{ { .health = tells, .health_arg = &value },
		  FND_HEALTH_VALUE },
		{ { .health = NULL }, FND_HEALTH_ALIVE },
		{ { .health = returns, .health_arg = &some },
		  FND_HEALTH_DEGRADED },
		{ { .health = returns, .health_arg = &error },
		  FND_HEALTH_FAILED },
		{ { .health = is_late, .timeout_ms = 20 },
		  FND_HEALTH_TIMEOUT },
		{ { .health = ends_itself, .health_arg = &reason },
		  FND_HEALTH_CRASHED },
	};
	struct sup_pid pid = start(stays, NULL);
	struct fnd_health_report r[N_OF(cases)];
	struct fnd_service_spec spec;
	char name[] = "0";
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		spec = cases[i].spec;
		spec.size = sizeof(spec);
		name[0] = '0' + i;
		assert_int_equal(serve(N, name, pid, &spec), 0);
		r[i] = check(N, name);
		assert_int_equal(r[i].outcome, cases[i].outcome);
		assert_int_equal(r[i].pid.v, pid.v);
	}
	assert_int_equal(r[1].value, value);
	assert_int_equal(r[3].code, some);
	assert_int_equal(r[4].code, error);
	assert_true(r[5].took_ns >= 20 * INT64_C(1000000));
	assert_int_equal(r[6].reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r[6].reason.term, 9);
	kill_and_wait(pid);
	r[0] = check(N, "0");
	assert_int_equal(r[0].outcome, FND_HEALTH_DOWN);
	assert_int_equal(r[0].pid.v, pid.v);
	assert_int_equal(fnd_service_check(N, "never", &r[0], LONG), -ENOENT);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
	assert_int_equal(fnd_service_check(N, "0", &r[0], LONG), -ENOENT);
}

static volatile uintptr_t bad_address = 0x10;

static int __attribute__((noinline, no_sanitize("thread")))
faults(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	*(volatile int *)bad_address = 1;
	return 0;
}

/* cmocka has handlers of its own round fixtures: all of it is here. */
static void check_2_a_fault_of_the_function_is_an_outcome(void **state)
{
	struct fnd_health_report r;

	assert_int_equal(set_up_foundation(state), 0);
	assert_int_equal(serve(N, "s", start(stays, NULL), SPEC(
				.health = faults,
				.containment = SUP_CONTAIN)), 0);
	r = check(N, "s");
	assert_int_equal(r.outcome, FND_HEALTH_ERROR);
	assert_int_equal(r.reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(r.reason.signo, SIGSEGV);
	assert_int_equal(fnd_service_unregister(N, "s"), 0);
	assert_int_equal(tear_down(state), 0);
}

/* A function that comes to no safe point until it is let go. */
static _Atomic int calls;
static _Atomic bool let_go;

static int spins(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	atomic_fetch_add(&calls, 1);
	while (!atomic_load(&let_go))
		sched_yield();
	return 0;
}

static void a_function_that_is_late_is_not_called_again(void **state)
{
	struct sup_pid pid = start(stays, NULL);
	struct fnd_health_report r;
	int64_t limit = LONG;
	int i;

	(void)state;
	atomic_store(&calls, 0);
	atomic_store(&let_go, false);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = spins,
						 .timeout_ms = 20)), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(check(N, "s").outcome, FND_HEALTH_TIMEOUT);
	/* Others are asked meanwhile, and it may be another task by now. */
	assert_int_equal(serve(N, "t", pid, SPEC(.health = is_well)), 0);
	assert_int_equal(check(N, "t").outcome, FND_HEALTH_OK);
	assert_int_equal(atomic_load(&calls), 1);
	atomic_store(&let_go, true);
	do
		r = check(N, "s");
	while (r.outcome == FND_HEALTH_TIMEOUT && sup_deadline_ms(0) < limit);
	assert_int_equal(r.outcome, FND_HEALTH_OK);
	/* More than that if the machine is slow: 20 ms pass soon. */
	assert_true(atomic_load(&calls) >= 2);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

static unsigned int failures_of(const char *name)
{
	struct fnd_service *s;
	unsigned int n;

	assert_int_equal(fnd_service_get(N, name, &s), 0);
	n = s->failures;
	free(s);
	return n;
}

/* A next life is not blamed for a function that the one before has stuck in. */
static void one_that_is_late_is_of_its_life(void **state)
{
	struct sup_pid pid = start(stays, NULL);
	int64_t limit = LONG;

	(void)state;
	atomic_store(&let_go, false);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = spins,
						 .timeout_ms = 20)), 0);
	assert_int_equal(check(N, "s").outcome, FND_HEALTH_TIMEOUT);
	assert_int_equal(failures_of("s"), 1);
	kill_and_wait(pid);
	pid = start(stays, NULL);
	assert_int_equal(serve(N, "s", pid, SPEC(.health = is_well)), 0);
	assert_int_equal(check(N, "s").outcome, FND_HEALTH_TIMEOUT);
	assert_int_equal(failures_of("s"), 0);
	atomic_store(&let_go, true);
	while (check(N, "s").outcome == FND_HEALTH_TIMEOUT)
		assert_true(sup_deadline_ms(0) < limit);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

#define ASKERS 8

/* The pings are answered when what was sent before has been seen. */
static int asks_at_once(void *arg)
{
	struct fnd_health_report r[ASKERS];
	struct fnd__service_id id;
	struct sup_request request;
	struct sup_msg none;
	struct sup_info info;
	int i;

	(void)arg;
	EXPECT(!fnd__service_id(N, "s", &id));
	for (i = 0; i < ASKERS; i++)
		EXPECT(!fnd__service_check_send(&id, true, &request));
	EXPECT(!fnd__ping(FND__SERVICES, &none));
	atomic_store(&let_go, true);
	for (i = 0; i < ASKERS; i++) {
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(info.kind == SUP_INFO_RESPONSE && !info.error);
		memcpy(&r[i], info.msg.data, sizeof(r[i]));
		sup_msg_free(&info.msg);
		EXPECT(r[i].outcome == FND_HEALTH_OK);
		EXPECT(r[i].at_ns == r[0].at_ns);
	}
	return 0;
}

static void who_asks_meanwhile_gets_the_same_answer(void **state)
{
	struct fnd_service *s;

	(void)state;
	atomic_store(&calls, 0);
	atomic_store(&let_go, false);
	assert_int_equal(serve(N, "s", start(stays, NULL),
			       SPEC(.health = spins)), 0);
	run_with(asks_at_once, NULL);
	assert_int_equal(atomic_load(&calls), 1);
	s = get(N, "s");
	assert_int_equal(s->checks, 1);
	free(s);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

static void failures_in_a_row_are_counted(void **state)
{
	static int code;
	struct sup_pid pid = start(stays, NULL);
	static const int codes[] = { -1, -2, 1, -3, -4, -5, 0, -6 };
	static const unsigned int rows[] = { 1, 2, 0, 1, 2, 3, 0, 1 };
	struct fnd_service *s;
	size_t i;

	(void)state;
	assert_int_equal(serve(N, "s", pid, SPEC(.health = returns,
						 .health_arg = &code)), 0);
	for (i = 0; i < N_OF(codes); i++) {
		code = codes[i];
		check(N, "s");
		s = get(N, "s");
		assert_int_equal(s->failures, rows[i]);
		assert_int_equal(s->last.code, codes[i]);
		free(s);
	}
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(check_2_nine_outcomes),
		cmocka_unit_test(check_2_a_fault_of_the_function_is_an_outcome),
		SERVICE_CASE(a_function_that_is_late_is_not_called_again),
		SERVICE_CASE(one_that_is_late_is_of_its_life),
		SERVICE_CASE(who_asks_meanwhile_gets_the_same_answer),
		SERVICE_CASE(failures_in_a_row_are_counted),
	};

	return RUN_TESTS(tests);
}
