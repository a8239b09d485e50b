/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, exit signals, and trapping them. */
#include "tasks.h"

#include <signal.h>

#include "base/alloc.h"

/* Receives for ever, after it has done what arg says. */
struct part {
	bool traps;
	struct sup_pid links;
	bool mirror;		/* ends with the reason of what it traps */
	_Atomic uint64_t ready;	/* its pid */
};

static int play(void *arg)
{
	struct part *p = arg;
	struct sup_info info;

	if (p->traps)
		EXPECT(!sup_trap_exits(true, NULL));
	if (p->links.v)
		EXPECT(!sup_link(p->links));
	atomic_store(&p->ready, sup_self().v);
	while (!sup_receive(&info, LONG)) {
		if (info.kind == SUP_INFO_EXIT && p->mirror) {
			info.reason.term = 100;
			sup_exit_self(&info.reason);
		}
		sup_msg_free(&info.msg);
	}
	return 1;
}

static struct sup_pid start_part(struct part *p)
{
	struct sup_pid pid = start(play, p);

	while (!atomic_load(&p->ready) && sup_is_alive(pid))
		sup_wait(pid, NULL, sup_deadline_ms(1));
	return pid;
}

/* A2: exit(P, Reason) of another, which does not trap. */
static void LINK_exit_of_another_not_trapping(void **state)
{
	struct sup_reason r, why = shutdown_of(4);
	struct part p = { .traps = false };
	struct sup_pid pid;

	(void)state;
	pid = start_part(&p);
	assert_int_equal(sup_exit(pid, &SUP_NORMAL), 0);
	assert_int_equal(sup_wait(pid, NULL, sup_deadline_ms(5)), -ETIMEDOUT);
	assert_int_equal(sup_exit(pid, &why), 0);
	r = end_of(pid);
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r.term, 4);
}

/* The first three messages are those that were sent, in their order. */
static int traps_three(void *arg)
{
	_Atomic uint64_t *ready = arg;
	struct sup_info info;
	bool was = true;

	EXPECT(!sup_trap_exits(true, &was) && !was);
	atomic_store(ready, sup_self().v);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.reason.kind == SUP_REASON_NORMAL && !info.pid.v);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.reason.term == 4);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.reason.kind == SUP_REASON_EXIT && info.reason.code == 9);
	EXPECT(!sup_trap_exits(false, &was) && was);
	atomic_store(ready, 0);
	sup_receive(&info, LONG);
	return __LINE__;
}

static void LINK_exit_of_another_trapping(void **state)
{
	struct sup_reason exit9 = { .kind = SUP_REASON_EXIT, .code = 9 };
	struct sup_reason r, why = shutdown_of(4);
	_Atomic uint64_t ready = 0;
	struct sup_pid pid = start(traps_three, &ready);

	(void)state;
	while (!atomic_load(&ready))
		sup_wait(pid, NULL, sup_deadline_ms(1));
	assert_int_equal(sup_exit(pid, &SUP_NORMAL), 0);
	assert_int_equal(sup_exit(pid, &why), 0);
	assert_int_equal(sup_exit(pid, &exit9), 0);
	while (atomic_load(&ready))
		sup_wait(pid, NULL, sup_deadline_ms(1));
	/* What counts is what it does when the signal comes. */
	assert_int_equal(sup_exit(pid, &why), 0);
	r = end_of(pid);
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r.term, 4);
	assert_int_equal(sup_exit(pid, &why), -ESRCH);
}

static int exits_itself(void *arg)
{
	sup_exit(sup_self(), arg);
	return __LINE__;
}

static int exits_itself_trapping(void *arg)
{
	struct sup_info info;

	EXPECT(!sup_trap_exits(true, NULL));
	EXPECT(!sup_exit(sup_self(), arg));
	EXPECT(!sup_receive(&info, SUP_TRY) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.pid.v == sup_self().v);
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	return 0;
}

static void LINK_exit_of_itself(void **state)
{
	struct sup_reason normal = SUP_NORMAL, why = shutdown_of(8);
	struct sup_reason r;

	(void)state;
	assert_int_equal(end_of(start(exits_itself, &normal)).kind,
			 SUP_REASON_NORMAL);
	r = end_of(start(exits_itself, &why));
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r.term, 8);
	run_with(exits_itself_trapping, &normal);
	run_with(exits_itself_trapping, &why);
}

static int ends_with(void *arg)
{
	struct sup_reason *reason = arg;
	struct sup_info info;

	/* At the first message, so that others can link with it before. */
	EXPECT(!sup_receive(&info, LONG));
	sup_exit_self(reason);
}

static const struct sup_msg go = { .tag = 1 };

static void LINK_reasons_over_a_link(void **state)
{
	struct sup_reason reasons[] = {
		SUP_NORMAL, shutdown_of(0), shutdown_of(3),
		{ .kind = SUP_REASON_EXIT, .code = 7 },
		{ .kind = SUP_REASON_KILLED },
	};
	struct sup_reason r;
	struct part plain, traps;
	struct sup_pid pid, a, b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		pid = start(ends_with, &reasons[i]);
		plain = (struct part){ .links = pid };
		traps = (struct part){ .links = pid, .traps = true,
				       .mirror = true };
		a = start_part(&plain);
		b = start_part(&traps);
		assert_int_equal(sup_send(pid, &go, LONG), 0);
		r = end_of(b);
		assert_int_equal(r.kind, reasons[i].kind);
		assert_int_equal(r.code, reasons[i].code);
		assert_int_equal(r.term, 100);
		if (!i) {
			assert_true(sup_is_alive(a));
			kill_and_wait(a);
			continue;
		}
		r = end_of(a);
		assert_int_equal(r.kind, reasons[i].kind);
		assert_int_equal(r.code, reasons[i].code);
		assert_int_equal(r.term, reasons[i].term);
	}
}

/* exit(P, kill) is not trapped, and those linked with P see killed. */
static void LINK_a_kill_is_never_trapped(void **state)
{
	struct part victim = { .traps = true };
	struct part plain = { .traps = false };
	struct part traps = { .traps = true, .mirror = true };
	struct sup_pid pid, a, b;

	(void)state;
	pid = start_part(&victim);
	plain.links = traps.links = pid;
	a = start_part(&plain);
	b = start_part(&traps);
	assert_int_equal(sup_kill(pid, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_int_equal(end_of(a).kind, SUP_REASON_KILLED);
	assert_int_equal(end_of(b).kind, SUP_REASON_KILLED);
}

static int links_the_dead(void *arg)
{
	struct sup_pid never = { UINT64_C(99) << 32 | 3 };
	struct sup_pid *dead = arg;
	struct sup_info info;

	EXPECT(sup_link(*dead) == -ESRCH);
	EXPECT(sup_link(never) == -ESRCH);
	EXPECT(!sup_trap_exits(true, NULL));
	EXPECT(!sup_link(*dead));
	EXPECT(!sup_receive(&info, SUP_TRY) && info.kind == SUP_INFO_EXIT);
	/* Better than OTP's noproc. */
	EXPECT(info.pid.v == dead->v && info.reason.code == 6);
	EXPECT(!sup_link(never));
	EXPECT(!sup_receive(&info, SUP_TRY) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.pid.v == never.v);
	EXPECT(info.reason.kind == SUP_REASON_NOPROC);
	EXPECT(!sup_unlink(*dead, true));
	return 0;
}

static int six(void *arg)
{
	(void)arg;
	return 6;
}

static void LINK_with_the_dead(void **state)
{
	struct sup_pid dead = start(six, NULL);

	(void)state;
	assert_int_equal(end_of(dead).code, 6);
	run_with(links_the_dead, &dead);
}

static int one_link_a_pair(void *arg)
{
	struct sup_reason why = shutdown_of(1);
	struct part p = { .links = sup_self() };
	struct sup_pid pid;
	struct sup_info info;

	(void)arg;
	EXPECT(!sup_trap_exits(true, NULL));
	EXPECT(!sup_link(sup_self()));
	pid = start_part(&p);
	EXPECT(!sup_link(pid) && !sup_link(pid));
	EXPECT(!sup_exit(pid, &why));
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.pid.v == pid.v && info.reason.term == 1);
	/* Nor is its parent, which this is, told a second time. */
	EXPECT(!sup_wait(pid, NULL, LONG));
	EXPECT(sup_receive(&info, sup_deadline_ms(5)) == -ETIMEDOUT);
	return 0;
}

static void LINK_one_for_each_pair(void **state)
{
	(void)state;
	run_with(one_link_a_pair, NULL);
}

static int unlinks(void *arg)
{
	struct sup_reason why = shutdown_of(1);
	struct part p = { .traps = false };
	struct sup_info info;
	struct sup_pid pid;

	(void)arg;
	/* It would end with it, were the link still there. */
	pid = start_part(&p);
	EXPECT(!sup_link(pid) && !sup_unlink(pid, false));
	EXPECT(!sup_unlink(pid, true));
	EXPECT(!sup_exit(pid, &why) && !sup_wait(pid, NULL, LONG));
	EXPECT(!sup_receive(&info, LONG) && info.pid.v == pid.v);
	/* Made by the one, taken away by the other. */
	p = (struct part){ .links = sup_self() };
	pid = start_part(&p);
	EXPECT(!sup_unlink(pid, false));
	EXPECT(!sup_exit(pid, &why) && !sup_wait(pid, NULL, LONG));
	EXPECT(!sup_receive(&info, LONG) && info.pid.v == pid.v);
	/* What has come already is only taken with flush. */
	EXPECT(!sup_trap_exits(true, NULL));
	for (int flush = 0; flush < 2; flush++) {
		p = (struct part){ .links = sup_self() };
		pid = start_part(&p);
		EXPECT(!sup_exit(sup_self(), &why));
		EXPECT(!sup_exit(pid, &why) && !sup_wait(pid, NULL, LONG));
		EXPECT(!sup_unlink(pid, flush));
		EXPECT(!sup_receive(&info, SUP_TRY));
		EXPECT(info.pid.v == sup_self().v);
		EXPECT(sup_receive(&info, SUP_TRY) == (flush ? -ETIMEDOUT : 0));
	}
	return 0;
}

static void LINK_unlink(void **state)
{
	struct sup_pid none = SUP_PID_NONE;
	bool was;

	(void)state;
	run_with(unlinks, NULL);
	assert_int_equal(sup_link(none), -EPERM);
	assert_int_equal(sup_unlink(none, true), -EPERM);
	assert_int_equal(sup_trap_exits(true, &was), -EPERM);
}

/* What a child gets when its parent ends, and when its parent says so. */
static int parent_of(void *arg)
{
	struct part *child = arg;
	struct sup_pid pid = start_part(child);

	EXPECT(pid.v && pid.v == atomic_load(&child->ready));
	return 3;
}

static int shuts_its_child(void *arg)
{
	struct part p = { .traps = true, .mirror = true };
	struct sup_reason why = shutdown_of(6), r;
	struct sup_pid pid = start_part(&p);
	unsigned int n;

	(void)arg;
	/* It needs no memory: each allocation would fail. */
	sup__alloc_fail_nth(1);
	n = sup_exit(pid, &why);
	EXPECT(!sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	EXPECT(!n);
	r = end_of(pid);
	EXPECT(r.kind == SUP_REASON_SHUTDOWN && r.term == 100);
	return 0;
}

static void LINK_what_a_parent_sends(void **state)
{
	struct part plain = { .traps = false };
	struct part traps = { .traps = true, .mirror = true };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(end_of(start(parent_of, &plain)).code, 3);
	pid.v = atomic_load(&plain.ready);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(end_of(start(parent_of, &traps)).code, 3);
	pid.v = atomic_load(&traps.ready);
	assert_int_equal(end_of(pid).term, 100);
	run_with(shuts_its_child, NULL);
}

static int sends_when_memory_is_short(void *arg)
{
	struct sup_pid *pid = arg;
	unsigned int n;
	int ret;

	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_exit(*pid, &SUP_SHUTDOWN);
		sup__alloc_fail_nth(0);
		if (!ret)
			break;
		EXPECT(ret == -ENOMEM);
	}
	EXPECT(n == 2);
	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_link(*pid);
		sup__alloc_fail_nth(0);
		if (!ret)
			break;
		EXPECT(ret == -ENOMEM);
	}
	EXPECT(n == 2);
	return 0;
}

static void LINK_allocations(void **state)
{
	struct part p = { .traps = true };
	struct sup_pid pid;

	(void)state;
	pid = start_part(&p);
	run_with(sends_when_memory_is_short, &pid);
	kill_and_wait(pid);
}

/* Processes: linked either way round. */
static struct sup_pid start_sleep(void)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	struct sup_process_spec spec = { .size = sizeof(spec), .argv = argv };
	struct sup_pid pid = SUP_PID_NONE;

	sup_process_start(&spec, &pid);
	return pid;
}

static void LINK_with_a_process(void **state)
{
	struct part p = { .traps = false };
	struct sup_reason r;
	struct sup_pid a;

	(void)state;
	p.links = start_sleep();
	assert_int_not_equal(p.links.v, 0);
	a = start_part(&p);
	assert_int_equal(sup_process_signal(p.links, SIGUSR1), 0);
	r = end_of(a);
	assert_int_equal(r.kind, SUP_REASON_SIGNAL);
	assert_int_equal(r.signo, SIGUSR1);

	p = (struct part){ .links = start_sleep() };
	a = start_part(&p);
	assert_int_equal(sup_exit(a, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(a).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(end_of(p.links).kind, SUP_REASON_SHUTDOWN);
}

struct served {
	_Atomic int exits;
	_Atomic uint64_t from;
	struct sup_reason end;
	bool traps;
};

static int served_init(void *arg, void **ret_state)
{
	struct served *s = arg;

	*ret_state = s;
	return sup_trap_exits(s->traps, NULL);
}

static int served_info(void *state, struct sup_info *info)
{
	struct served *s = state;

	if (info->kind == SUP_INFO_EXIT) {
		atomic_store(&s->from, info->pid.v);
		atomic_fetch_add(&s->exits, 1);
	}
	return SUP_CONTINUE;
}

static int served_call(void *state, struct sup_from from, struct sup_msg *msg)
{
	(void)state;
	return sup_reply(from, msg);
}

static void served_terminate(void *state, const struct sup_reason *reason)
{
	((struct served *)state)->end = *reason;
}

static struct sup_pid start_served(struct served *s)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = served_init, .call = served_call,
		.info = served_info, .terminate = served_terminate,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = s,
	};
	struct sup_pid pid = SUP_PID_NONE;

	sup_server_start(&spec, &pid);
	return pid;
}

static int parent_of_served(void *arg)
{
	struct served *s = arg;
	struct sup_reason why = shutdown_of(21), r;
	struct sup_pid pid = start_served(s);

	EXPECT(pid.v);
	/* NORMAL of its parent ends it only if it traps, as in OTP. */
	EXPECT(!sup_exit(pid, s->traps ? &SUP_NORMAL : &why));
	EXPECT(!sup_wait(pid, &r, LONG));
	EXPECT(r.kind == s->end.kind && r.term == s->end.term);
	EXPECT(s->traps ? r.kind == SUP_REASON_NORMAL : r.term == 21);
	return 0;
}

static void LINK_servers(void **state)
{
	struct served plain = { .traps = false }, traps = { .traps = true };
	struct sup_reason why = shutdown_of(2);
	struct sup_pid a, b;

	(void)state;
	a = start_served(&plain);
	b = start_served(&traps);
	assert_int_equal(sup_exit(a, &SUP_NORMAL), 0);
	assert_int_equal(sup_exit(b, &SUP_NORMAL), 0);
	assert_int_equal(sup_exit(b, &why), 0);
	assert_int_equal(sup_call(a, &go, NULL, NULL, LONG), 0);
	assert_int_equal(sup_call(b, &go, NULL, NULL, LONG), 0);
	assert_int_equal(plain.exits, 0);
	assert_int_equal(traps.exits, 2);
	assert_int_equal(sup_exit(a, &why), 0);
	assert_int_equal(end_of(a).term, 2);
	assert_int_equal(plain.end.term, 2);
	assert_int_equal(sup_server_stop(b, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(traps.end.kind, SUP_REASON_NORMAL);

	plain = (struct served){ .traps = false };
	traps = (struct served){ .traps = true };
	run_with(parent_of_served, &plain);
	run_with(parent_of_served, &traps);
	assert_int_equal(traps.exits, 0);
	/* No server: it might not heed it. */
	a = start(play, &(struct part){ .traps = true });
	assert_int_equal(sup_server_stop(a, &SUP_NORMAL, NULL, LONG), -EINVAL);
	kill_and_wait(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(LINK_exit_of_another_not_trapping),
		CASE(LINK_exit_of_another_trapping),
		CASE(LINK_exit_of_itself),
		CASE(LINK_reasons_over_a_link),
		CASE(LINK_a_kill_is_never_trapped),
		CASE(LINK_with_the_dead),
		CASE(LINK_one_for_each_pair),
		CASE(LINK_unlink),
		CASE(LINK_what_a_parent_sends),
		CASE(LINK_allocations),
		CASE(LINK_with_a_process),
		CASE(LINK_servers),
	};

	return RUN_TESTS(tests);
}
