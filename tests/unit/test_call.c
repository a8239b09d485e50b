/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls against servers that die: never a wrong reason, never a hang. The
 * number of deaths can be given as an argument.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <sup/sup.h>

#include "base/futex.h"

#define LONG sup_deadline_ms(60000)
#define CALLERS 4

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static long deaths = 1000;
#else
static long deaths = 5000;
#endif

static struct sup_options pidfd = {
	.size = sizeof(pidfd), .source = SUP_SOURCE_PIDFD,
};

enum {
	ECHO,
	DIE,		/* stops with the term it is called with */
	IGNORED,
};

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int on_call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct sup_reason reason = { .kind = SUP_REASON_SHUTDOWN };
	struct sup_msg reply;

	(void)state;
	switch (req->tag) {
	case ECHO:
		sup_msg_take(req, &reply);
		return sup_reply(from, &reply);
	case DIE:
		reason.term = *(int64_t *)req->data;
		sup_server_stop_with(&reason);
		return SUP_STOP;
	}
	return SUP_CONTINUE;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = on_call,
};

/* The server of the day, and the term it will end with. */
struct target {
	_Atomic uint64_t pid;
	_Atomic int64_t term;
	_Atomic bool stop;
	_Atomic long ended, echoed, wrong;
};

static struct sup_pid start_server(void)
{
	struct sup_server_spec spec = { .size = sizeof(spec), .ops = &ops };
	struct sup_pid pid;

	if (sup_server_start(&spec, &pid))
		abort();
	return pid;
}

/* Each server's term is its own, so a reason cannot be another's. */
static void call_once(struct target *t, unsigned int n)
{
	int64_t value = n;
	struct sup_msg req = {
		.tag = n % 3 ? ECHO : IGNORED,
		.data = &value, .len = sizeof(value),
	};
	struct sup_pid pid = { atomic_load(&t->pid) };
	struct sup_msg reply = { .tag = 0 };
	struct sup_reason reason;
	int ret;

	ret = sup_call(pid, &req, &reply, &reason, LONG);
	if (!ret) {
		if (*(int64_t *)reply.data != value)
			atomic_fetch_add(&t->wrong, 1);
		sup_msg_free(&reply);
		atomic_fetch_add(&t->echoed, 1);
		return;
	}
	atomic_fetch_add(&t->ended, 1);
	if (ret != -EPIPE || reason.kind != SUP_REASON_SHUTDOWN ||
	    (uint64_t)reason.term != pid.v)
		atomic_fetch_add(&t->wrong, 1);
	/* Once more, now that it is dead for certain; then the next one. */
	req.tag = ECHO;
	ret = sup_call(pid, &req, NULL, &reason, LONG);
	if (ret != -EPIPE || (uint64_t)reason.term != pid.v)
		atomic_fetch_add(&t->wrong, 1);
	while (atomic_load(&t->pid) == pid.v && !atomic_load(&t->stop))
		sched_yield();
}

static void *call_for_ever(void *arg)
{
	struct target *t = arg;
	unsigned int n;

	for (n = 0; !atomic_load(&t->stop); n++)
		call_once(t, n);
	return NULL;
}

static void kill_server(struct sup_pid pid)
{
	int64_t term = pid.v;
	struct sup_reason why = {
		.kind = SUP_REASON_SHUTDOWN, .term = term,
	};
	struct sup_msg die = {
		.tag = DIE, .data = &term, .len = sizeof(term),
	};

	/* One way and the other. */
	if (pid.v & 1)
		sup_exit(pid, &why);
	else
		sup_call(pid, &die, NULL, NULL, LONG);
}

static void GS_25_callers_get_the_true_reason(void **state)
{
	struct target t = { .wrong = 0 };
	pthread_t threads[CALLERS];
	struct sup_pid pid, before;
	struct sup_reason reason;
	long i;

	(void)state;
	assert_int_equal(sup_open(&pidfd), 0);
	pid = start_server();
	atomic_store(&t.pid, pid.v);
	for (i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						call_for_ever, &t), 0);
	for (i = 0; i < deaths; i++) {
		before = pid;
		pid = start_server();
		kill_server(before);
		atomic_store(&t.pid, pid.v);
		assert_int_equal(sup_wait(before, &reason, LONG), 0);
		assert_int_equal(reason.term, before.v);
	}
	atomic_store(&t.stop, true);
	kill_server(pid);
	for (i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(sup_close(), 0);
	printf("%ld deaths: %ld calls answered, %ld told of the end\n", deaths,
	       atomic_load(&t.echoed), atomic_load(&t.ended));
	assert_int_equal(atomic_load(&t.wrong), 0);
	assert_true(atomic_load(&t.ended) >= CALLERS);
}

struct watcher {
	_Atomic uint64_t target;
	_Atomic long downs, wrong;
};

static int watch_for_ever(void *arg)
{
	struct watcher *w = arg;
	struct sup_info info;
	struct sup_pid pid;
	struct sup_ref ref;

	for (;;) {
		pid.v = atomic_load(&w->target);
		if (sup_monitor(pid, &ref) || sup_receive(&info, LONG))
			return 1;
		if (info.kind != SUP_INFO_DOWN || info.ref.v != ref.v ||
		    info.reason.kind != SUP_REASON_SHUTDOWN ||
		    (uint64_t)info.reason.term != info.pid.v)
			atomic_fetch_add(&w->wrong, 1);
		atomic_fetch_add(&w->downs, 1);
		while (atomic_load(&w->target) == pid.v) {
			sup_checkpoint();
			sched_yield();
		}
	}
}

static void watchers_of_dying_servers_get_the_true_reason(void **state)
{
	struct watcher w = { .wrong = 0 };
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = watch_for_ever, .arg = &w,
	};
	struct sup_pid pid, before, watchers[2];
	size_t k;
	long i;

	(void)state;
	assert_int_equal(sup_open(&pidfd), 0);
	pid = start_server();
	atomic_store(&w.target, pid.v);
	for (k = 0; k < 2; k++)
		assert_int_equal(sup_thread_start(&spec, &watchers[k]), 0);
	for (i = 0; i < deaths / 4; i++) {
		before = pid;
		pid = start_server();
		kill_server(before);
		assert_int_equal(sup_wait(before, NULL, LONG), 0);
		atomic_store(&w.target, pid.v);
	}
	for (k = 0; k < 2; k++)
		sup_exit(watchers[k], &SUP_SHUTDOWN);
	kill_server(pid);
	assert_int_equal(sup_close(), 0);
	printf("%ld deaths: %ld DOWNs\n", deaths / 4, atomic_load(&w.downs));
	assert_int_equal(atomic_load(&w.wrong), 0);
	assert_true(atomic_load(&w.downs) > 0);
}

/* A server that stops its child while the child calls it. */
struct stopper {
	struct sup_pid self, child;
	_Atomic uint32_t calling;
	int call_result, wait_result, calls;
};

static int calls_its_parent(void *arg)
{
	struct stopper *s = arg;
	struct sup_msg get = { .tag = ECHO };

	atomic_store(&s->calling, 1);
	sup__futex_wake_all(&s->calling);
	s->call_result = sup_call(s->self, &get, NULL, NULL, LONG);
	return 0;
}

static int stopper_call(void *state, struct sup_from from,
			struct sup_msg *req)
{
	struct stopper *s = state;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = calls_its_parent, .arg = s,
	};

	s->calls++;
	s->self = sup_self();
	if (sup_thread_start(&spec, &s->child))
		return -EIO;
	while (!atomic_load(&s->calling))
		sup__futex_wait(&s->calling, 0, LONG);
	s->wait_result = sup_wait(s->child, NULL, LONG);
	return sup_reply(from, &(struct sup_msg){ .tag = req->tag });
}

static void who_is_waited_for_may_not_call_back(void **state)
{
	static const struct sup_server_ops stopper_ops = {
		.size = sizeof(stopper_ops), .init = init,
		.call = stopper_call,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &stopper_ops,
	};
	struct sup_msg go = { .tag = 1 };
	struct stopper s;
	struct sup_pid pid;
	int i;

	(void)state;
	assert_int_equal(sup_open(&pidfd), 0);
	spec.arg = &s;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	for (i = 0; i < 500; i++) {
		s = (struct stopper){ .call_result = 1, .wait_result = 1 };
		assert_int_equal(sup_call(pid, &go, NULL, NULL, LONG), 0);
		assert_int_equal(s.wait_result, 0);
		assert_int_equal(s.call_result, -EDEADLK);
		/* What was refused is not carried out later. */
		assert_int_equal(s.calls, 1);
	}
	assert_int_equal(sup_close(), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(GS_25_callers_get_the_true_reason),
		cmocka_unit_test(
			watchers_of_dying_servers_get_the_true_reason),
		cmocka_unit_test(who_is_waited_for_may_not_call_back),
	};

	if (argc > 1)
		deaths = atol(argv[1]);
	return RUN_TESTS(tests);
}
