/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Supervised threads and servers. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <syslog.h>

#include "bench.h"

enum { GET, CRASH, ASK_SUPERVISOR };

static struct sup_pid the_sup;
static _Atomic int held_back;		/* a thread waits, or is under way */
static _Atomic int result;

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

/* A bug that no compiler may see through. */
static volatile int *volatile nowhere = (int *)4096;

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	struct sup_msg reply = { .tag = 42 };

	(void)state;
	if (msg->tag == CRASH)
		*nowhere = 1;
	return sup_reply(from, &reply);
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = call,
};

static struct sup_server_spec server(const char *name)
{
	return (struct sup_server_spec){
		.size = sizeof(struct sup_server_spec), .name = name,
		.reg = true, .ops = &ops, .containment = SUP_CONTAIN,
	};
}

static struct sup_child_spec child(const char *id,
				   const struct sup_server_spec *s)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = id,
		.start = sup_server_start, .arg = s,
	};
}

static int ask(struct sup_pid pid, uint64_t tag, struct sup_reason *ret_why)
{
	struct sup_msg msg = { .tag = tag }, reply;
	int ret;

	ret = sup_call(pid, &msg, &reply, ret_why, LIMIT);
	if (!ret)
		assert_int_equal(reply.tag, 42);
	return ret;
}

static void crash_of_a_thread_is_contained(void **state)
{
	struct sup_server_spec s[2] = { server("one"), server("two") };
	struct sup_child_spec c[2] = { child("one", &s[0]),
				       child("two", &s[1]) };
	struct sup_reason why;
	struct sup_event ev;
	struct sup_pid two;

	/* cmocka's handlers of signals came after ours: the other way round. */
	assert_int_equal(bench_close(state), 0);
	assert_int_equal(bench_open(state), 0);
	sup_set_log_level(-1);
	bench_supervisor(SUP_ONE_FOR_ONE, 3, c, 2);
	two = sup_whereis("two");
	assert_int_equal(ask(sup_whereis("one"), CRASH, &why), -EPIPE);
	assert_int_equal(why.kind, SUP_REASON_SIGNAL);
	assert_int_equal(why.signo, SIGSEGV);
	assert_int_equal(ask(two, GET, NULL), 0);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "one", 1);
	assert_int_equal(ev.reason.signo, SIGSEGV);
	assert_int_equal(ev.os_pid, getpid());
	assert_int_not_equal(ev.os_tid, 0);
	bench_event(SUP_EVENT_STARTED, "one", 2);
	assert_int_equal(ask(sup_whereis("one"), GET, NULL), 0);
	assert_int_equal(sup_whereis("two").v, two.v);
	sup_set_log_level(LOG_WARNING);
}

static int return_1(void *arg)
{
	(void)arg;
	return 1;
}

/* A loop of crashes ends its supervisor, whose parent tries as often. */
static void spent_intensity_escalates_to_the_program(void **state)
{
	struct sup_thread_spec t = { .size = sizeof(t), .name = "loop",
				     .run = return_1 };
	struct sup_child_spec leaf = { .size = sizeof(leaf), .id = "loop",
				       .start = sup_thread_start, .arg = &t };
	struct sup_supervisor_spec inner = {
		.size = sizeof(inner), .name = "inner", .intensity = 2,
		.period_s = 3600, .children = &leaf, .n_children = 1,
	};
	struct sup_child_spec mid = {
		.size = sizeof(mid), .id = "inner", .arg = &inner,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, &mid, 1);
	struct sup_reason reason;

	(void)state;
	assert_int_equal(sup_wait(sup, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(reason.term, 0);
	/* Twice a life of the inner one: one start and two restarts. */
	assert_int_equal(bench_count(SUP_EVENT_STARTED, "loop"), 6);
	assert_int_equal(bench_count(SUP_EVENT_GIVE_UP, "loop"), 2);
	assert_int_equal(bench_count(SUP_EVENT_GIVE_UP, "inner"), 1);
	assert_int_equal(bench_count(SUP_EVENT_STARTED, "inner"), 2);
}

/* Takes the name of what it watches as soon as it hears of its end. */
static int watch(void *arg)
{
	struct sup_pid *target = arg;
	struct sup_info info;
	struct sup_ref ref;
	int ret;

	ret = sup_monitor(*target, &ref);
	if (ret)
		return 1;
	atomic_store(&held_back, 0);
	do {
		ret = sup_receive(&info, LIMIT);
		if (ret)
			return 2;
	} while (info.kind != SUP_INFO_DOWN);
	if (info.ref.v != ref.v || info.pid.v != target->v)
		return 3;
	if (sup_whereis("watched").v)
		return 4;
	if (sup_register("watched", sup_self()))
		return 5;
	return info.reason.kind == SUP_REASON_SHUTDOWN ? 0 : 6;
}

static void name_is_free_before_a_monitor_hears(void **state)
{
	struct sup_server_spec s = server("watched");
	struct sup_thread_spec t = { .size = sizeof(t), .run = watch };
	struct sup_reason reason;
	struct sup_pid target, watcher;
	struct sup_child_spec c = child("watched", &s);
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, &c, 1);

	(void)state;
	target = sup_whereis("watched");
	t.arg = &target;
	atomic_store(&held_back, 1);
	assert_int_equal(sup_thread_start(&t, &watcher), 0);
	while (atomic_load(&held_back))
		;
	assert_int_equal(sup_terminate_child(sup, "watched"), 0);
	assert_int_equal(sup_wait(watcher, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

/* SUP-80, with the local registry: names lead to whoever lives now. */
static void SUP_80_names_after_kills(void **state)
{
	struct sup_server_spec s = server("worker");
	struct sup_child_spec leaf = child("worker", &s);
	struct sup_supervisor_spec inner = {
		.size = sizeof(inner), .name = "inner", .reg = true,
		.strategy = SUP_ONE_FOR_ALL, .intensity = 3, .period_s = 60,
		.children = &leaf, .n_children = 1,
	};
	struct sup_child_spec mid = {
		.size = sizeof(mid), .id = "inner", .arg = &inner,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ALL, 3, &mid, 1);
	struct sup_pid worker = sup_whereis("worker"), pid;
	struct sup_pid second = sup_whereis("inner");
	struct sup_reason reason;

	(void)state;
	assert_int_equal(sup_kill(second, LIMIT), 0);
	bench_event(SUP_EVENT_STARTED, "inner", 2);
	assert_int_not_equal(sup_whereis("inner").v, second.v);
	assert_int_not_equal(sup_whereis("worker").v, worker.v);
	assert_int_equal(sup_wait(worker, &reason, LIMIT), 0);
	worker = sup_whereis("worker");
	assert_int_equal(sup_kill(worker, LIMIT), 0);
	bench_event(SUP_EVENT_STARTED, "worker", 3);
	assert_int_not_equal(sup_whereis("worker").v, worker.v);
	second = sup_whereis("inner");
	assert_int_equal(sup_terminate_child(second, "worker"), 0);
	assert_int_equal(sup_whereis("worker").v, 0);
	assert_int_equal(sup_restart_child(second, "worker", &pid), 0);
	assert_int_equal(sup_whereis("worker").v, pid.v);
	bench_stop(sup);
	assert_int_equal(sup_whereis("inner").v, 0);
	assert_int_equal(sup_whereis("worker").v, 0);
}

/* A server whose init calls the supervisor that waits for it. */
static int ask_supervisor(void *arg, void **ret_state)
{
	struct sup_pid pid;

	(void)arg;
	atomic_store(&result, sup_restart_child(the_sup, "other", &pid));
	*ret_state = NULL;
	return 0;
}

static void init_that_calls_its_supervisor(void **state)
{
	static const struct sup_server_ops bad = {
		.size = sizeof(bad), .init = ask_supervisor,
	};
	struct sup_server_spec s = { .size = sizeof(s), .ops = &bad };
	struct sup_child_spec c = child("c", &s);
	struct sup_pid pid;

	(void)state;
	the_sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, NULL, 0);
	assert_int_equal(sup_start_child(the_sup, &c, &pid), 0);
	assert_int_equal(atomic_load(&result), -EDEADLK);
}

/* The same from terminate, while the supervisor waits for the end. */
static void end_asking(void *arg, const struct sup_reason *reason)
{
	struct sup_child_counts counts;

	(void)arg;
	(void)reason;
	atomic_store(&result, sup_count_children(the_sup, &counts));
}

static void terminate_that_calls_its_supervisor(void **state)
{
	static const struct sup_server_ops bad = {
		.size = sizeof(bad), .init = init, .terminate = end_asking,
	};
	struct sup_server_spec s = { .size = sizeof(s), .ops = &bad };
	struct sup_child_spec c = child("c", &s);

	(void)state;
	atomic_store(&result, 0);
	the_sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, &c, 1);
	assert_int_equal(sup_terminate_child(the_sup, "c"), 0);
	assert_int_equal(atomic_load(&result), -EDEADLK);
}

static int wait_in_init(void *arg, void **ret_state)
{
	(void)arg;
	*ret_state = NULL;
	atomic_store(&held_back, 2);
	while (atomic_load(&held_back))
		;
	return 0;
}

static const struct sup_server_ops slow_ops = {
	.size = sizeof(slow_ops), .init = wait_in_init,
};

static void *start_slow(void *arg)
{
	struct sup_server_spec s = { .size = sizeof(s), .ops = &slow_ops };
	struct sup_child_spec c = child("slow", &s);
	struct sup_pid pid;

	(void)arg;
	atomic_store(&result, sup_start_child(the_sup, &c, &pid));
	/* The spec is borrowed as long as the child is there. */
	sup_terminate_child(the_sup, "slow");
	sup_delete_child(the_sup, "slow");
	return NULL;
}

static void picture_of_a_busy_supervisor(void **state)
{
	struct sup_server_spec s = server("quick");
	struct sup_child_spec c = child("quick", &s);
	pthread_t thread;

	(void)state;
	the_sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, &c, 1);
	atomic_store(&held_back, 1);
	assert_int_equal(pthread_create(&thread, NULL, start_slow, NULL), 0);
	while (atomic_load(&held_back) != 2)
		;
	assert_int_equal(bench_child(the_sup, "slow").state,
			 SUP_CHILD_STARTING);
	assert_int_equal(bench_child(the_sup, "quick").state,
			 SUP_CHILD_RUNNING);
	atomic_store(&held_back, 0);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&result), 0);
}

static void stray_requests_are_survived(void **state)
{
	struct sup_msg msg = { .tag = 7, .data = "x", .len = 1 }, reply;
	struct sup_server_spec s = server("one");
	struct sup_child_spec c = child("one", &s);
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, &c, 1);
	struct sup_child_counts counts;

	(void)state;
	sup_set_log_level(-1);
	assert_int_equal(sup_call(sup, &msg, &reply, NULL, LIMIT), -ENOSYS);
	assert_int_equal(sup_cast(sup, &msg, LIMIT), 0);
	assert_int_equal(sup_send(sup, &msg, LIMIT), 0);
	assert_int_equal(sup_count_children(sup, &counts), 0);
	assert_int_equal(counts.active, 1);
	sup_set_log_level(LOG_WARNING);
	assert_int_equal(sup_count_children(sup_whereis("one"), &counts),
			 -EINVAL);
}

/* A name that somebody outside has: its holder is told, as by OTP. */
static void SUP_29_name_taken_by_a_stranger(void **state)
{
	struct sup_server_spec s = server("taken");
	struct sup_child_spec c = child("c", &s);
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, NULL, 0);
	struct sup_pid stranger, pid = { 0 };

	(void)state;
	assert_int_equal(sup_server_start(&s, &stranger), 0);
	assert_int_equal(sup_start_child(sup, &c, &pid), -EEXIST);
	assert_int_equal(pid.v, stranger.v);
}

#define BURST 2000

static _Atomic int gate;

static int wait_for_gate(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (sup_receive(&info, LIMIT) == 0 && info.kind != SUP_INFO_MSG)
		;
	atomic_fetch_add(&gate, 1);
	return 3;
}

/* Children that all end at once: each end is told, each with its cause. */
static void burst_of_2000_ends(void **state)
{
	static struct sup_pid pids[BURST];
	struct sup_thread_spec t = { .size = sizeof(t), .run = wait_for_gate,
				     .stack_size = 65536 };
	struct sup_child_spec c = {
		.size = sizeof(c), .start = sup_thread_start, .arg = &t,
		.restart = SUP_TEMPORARY,
	};
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, NULL, 0);
	struct sup_msg go = { .tag = 1 };
	struct sup_child_counts counts;
	struct sup_event ev;
	char id[16];
	int i;

	(void)state;
	for (i = 0; i < BURST; i++) {
		snprintf(id, sizeof(id), "%d", i);
		c.id = id;
		assert_int_equal(sup_start_child(sup, &c, &pids[i]), 0);
	}
	assert_int_equal(sup_count_children(sup, &counts), 0);
	assert_int_equal(counts.active, BURST);
	for (i = 0; i < BURST; i++)
		assert_int_equal(sup_send(pids[i], &go, LIMIT), 0);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, NULL, BURST);
	assert_int_equal(ev.reason.code, 3);
	for (i = 0; i < BURST; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(bench_count(SUP_EVENT_CHILD_TERMINATED, id),
				 1);
	}
	assert_int_equal(sup_count_children(sup, &counts), 0);
	assert_int_equal(counts.specs, 0);
}

/* Many callers at one supervisor: their answers are their own. */
static void *many_calls(void *arg)
{
	struct sup_server_spec s = { .size = sizeof(s), .ops = &ops };
	struct sup_child_spec c;
	struct sup_pid pid;
	long bad = 0;
	char id[16];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "%ld-%d", (long)(intptr_t)arg, i);
		c = child(id, &s);
		c.restart = SUP_TEMPORARY;
		bad += !!sup_start_child(the_sup, &c, &pid);
		bad += !!ask(pid, GET, NULL);
		bad += !!sup_terminate_child(the_sup, id);
		bad += sup_delete_child(the_sup, id) != -ENOENT;
	}
	return (void *)(intptr_t)bad;
}

static void many_callers(void **state)
{
	pthread_t threads[4];
	struct sup_child_counts counts;
	void *bad;
	size_t i;

	(void)state;
	the_sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, NULL, 0);
	for (i = 0; i < N_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_calls,
						(void *)(intptr_t)i), 0);
	for (i = 0; i < N_OF(threads); i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(sup_count_children(the_sup, &counts), 0);
	assert_int_equal(counts.specs, 0);
}

static struct sup_mutex mutex;

static int leave_raw(void *arg)
{
	int *fds = arg;

	if (sup_mutex_lock(&mutex, LIMIT) || sup_own_fd(fds[1]) ||
	    !sup_alloc(1000000))
		return 1;
	/* No safe point is passed after this. */
	atomic_store(&held_back, 0);
	syscall(SYS_exit, 0);
	return 2;
}

static void a_bare_exit_releases_what_the_task_owned(void **state)
{
	struct sup_reason reason;
	struct sup_pid pid;
	char c;
	int fds[2];
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = leave_raw, .arg = fds,
	};

	(void)state;
	sup_set_log_level(-1);
	assert_int_equal(pipe(fds), 0);
	atomic_store(&held_back, 1);
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	while (atomic_load(&held_back))
		sched_yield();
	/* Where the source does not tell of threads, a press finds out. */
	sup_kill(pid, LIMIT);
	assert_int_equal(sup_wait(pid, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_LOST);
	assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
	assert_int_equal(sup_mutex_lock(&mutex, SUP_TRY), -EOWNERDEAD);
	assert_int_equal(sup_mutex_unlock(&mutex), 0);
	sup_set_log_level(LOG_WARNING);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(crash_of_a_thread_is_contained),
		CASE(spent_intensity_escalates_to_the_program),
		CASE(name_is_free_before_a_monitor_hears),
		CASE(SUP_80_names_after_kills),
		CASE(init_that_calls_its_supervisor),
		CASE(terminate_that_calls_its_supervisor),
		CASE(picture_of_a_busy_supervisor),
		CASE(stray_requests_are_survived),
		CASE(SUP_29_name_taken_by_a_stranger),
		CASE(burst_of_2000_ends),
		CASE(many_callers),
		CASE(a_bare_exit_releases_what_the_task_owned),
	};

	bench_role(argc, argv);
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
