/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module source and children: starts, kills, those it has no room for. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "exit/proc.h"
#include "lib/fake_module.h"

static struct sup__exit_source *src;

static int open_source(void **state)
{
	(void)state;
	return fake_module_open(0, 0, &src);
}

static int close_source(void **state)
{
	(void)state;
	fake_module_close(src);
	return 0;
}

static struct sup__exit_event kept[8];
static unsigned int n_kept;

static void keep(const struct sup__exit_event *ev, void *arg)
{
	(void)arg;
	assert_true(n_kept < 8);
	kept[n_kept++] = *ev;
}

static void dispatch_keeping(void)
{
	n_kept = 0;
	assert_int_equal(src->ops->dispatch(src, keep, NULL), 0);
}

/* A child that waits to be killed. */
static struct sup__proc fork_child(void)
{
	struct sup__proc p = SUP__PROC_INIT;
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(1);
	}
	assert_int_equal(sup__proc_open(pid, &p), 0);
	return p;
}

static void kill_child(const struct sup__proc *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };

	assert_int_equal(sup__proc_signal(p, SIGKILL), 0);
	assert_int_equal(poll(&fd, 1, 30000), 1);
}

static void reap_child(struct sup__proc *p)
{
	struct sup_reason reason;

	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	sup__proc_close(p);
}

static void doubt(struct sup__proc *p)
{
	dispatch_keeping();
	assert_int_equal(src->ops->doubt(src, p), 0);
}

static void start_asks_nothing(void **state)
{
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.argv = (const char *const[]){ "true", NULL },
	};
	struct sup__proc_start start = { .spec = &spec, .src = src };
	struct sup__proc p = SUP__PROC_INIT;
	struct pollfd fd = { .events = POLLIN };

	(void)state;
	dispatch_keeping();
	kernel.n_requests = kernel.n_read = 0;
	assert_int_equal(sup__proc_spawn(&start, &p), 0);
	assert_int_equal(kernel.n_requests, 0);
	fd.fd = p.pidfd;
	assert_int_equal(poll(&fd, 1, 30000), 1);
	kernel.special.seq = 1;
	kernel.special.pid = p.pid;
	kernel.special.member = 5;
	fake_module_deliver(1, 1);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].pid, p.pid);
	assert_int_equal(kernel.n_requests, 0);
	reap_child(&p);
}

/* It ended, is no member, and no record tells of it. */
static void child_without_a_record_is_told(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	doubt(&p);
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	kill_child(&p);
	fake_module_deliver(1, 2);
	dispatch_keeping();
	assert_int_equal(n_kept, 3);
	assert_int_equal(kept[2].kind, SUP__EXIT_PROCESS);
	assert_int_equal(kept[2].pid, p.pid);
	assert_true(kept[2].unrecorded);
	assert_int_equal(kept[2].reason.signo, SIGKILL);
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	reap_child(&p);
}

/* One that ended, whose record is among those that were not read yet. */
static void doubt_meets_the_record(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	doubt(&p);
	kill_child(&p);
	kernel.special.seq = kernel.last = 2;
	kernel.special.pid = p.pid;
	kernel.special.member = 5;
	dispatch_keeping();
	assert_int_equal(n_kept, 2);
	assert_int_equal(kept[1].pid, p.pid);
	assert_false(kept[1].unrecorded);
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	reap_child(&p);
}

/* Its record is not there yet, but will be. */
static void doubt_ends_with_a_member(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	doubt(&p);
	assert_int_equal(src->ops->doubt(src, &p), 0);
	kill_child(&p);
	kernel.member_pid = p.pid;
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	kernel.member_pid = 0;
	kernel.special.seq = 1;
	kernel.special.pid = p.pid;
	kernel.special.member = 5;
	fake_module_deliver(1, 1);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_false(kept[0].unrecorded);
	reap_child(&p);
}

/* A record of a descendant that once had the same number is none of it. */
static void doubt_outlives_a_namesake(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	doubt(&p);
	kernel.special.seq = 1;
	kernel.special.pid = p.pid;
	kernel.special.member = 6;
	fake_module_deliver(1, 1);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_true(kept[0].descendant);
	kill_child(&p);
	kernel.member_pid = p.pid;
	kernel.member_id = 6;
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_true(kept[0].unrecorded);
	reap_child(&p);
}

static void one_that_was_reaped_is_lost(void **state)
{
	struct sup__proc p = fork_child();
	struct sup_reason reason;

	(void)state;
	doubt(&p);
	kill_child(&p);
	assert_int_equal(sup__proc_reap(&p, &reason, NULL), 0);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].reason.kind, SUP_REASON_LOST);
	assert_true(kept[0].reaped);
	sup__proc_close(&p);
}

/* The administrator drains the module. */
static void without_a_group_pidfds_tell(void **state)
{
	struct sup__proc p = fork_child(), later = fork_child();

	(void)state;
	dispatch_keeping();
	kernel.batches[kernel.n_batches++] = (struct fake_batch){
		.ended = true,
	};
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].kind, SUP__EXIT_ENDED);
	kernel.n_requests = kernel.n_acks = 0;
	kernel.last = 9;
	assert_int_equal(src->ops->doubt(src, &p), 0);
	assert_int_equal(src->ops->watch(src, &later), 0);
	assert_int_equal(src->ops->kill(src, &p, 5, SIGTERM, true), 0);
	kill_child(&p);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].pid, p.pid);
	assert_false(src->ops->lineage_alive(src, &p, 5));
	kill_child(&later);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].pid, later.pid);
	assert_int_equal(kernel.n_requests + kernel.n_acks, 0);
	reap_child(&p);
	reap_child(&later);
}

static void kill_goes_to_the_lineage(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	kernel.killed_lineage = 0;
	assert_int_equal(src->ops->kill(src, &p, 6, SIGTERM, true), 0);
	assert_int_equal(kernel.killed_lineage, 6);
	assert_int_equal(kernel.killed_signo, SIGTERM);
	/* The same, if it has to be asked for first. */
	kernel.member_pid = p.pid;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), 0);
	assert_int_equal(kernel.killed_lineage, 5);
	assert_int_equal(kernel.killed_signo, SIGKILL);
	assert_true(src->ops->lineage_alive(src, &p, 6));
	/* One process: by its pidfd. */
	kernel.killed_lineage = 0;
	kernel.n_requests = 0;
	assert_int_equal(src->ops->kill(src, &p, 6, SIGKILL, false), 0);
	assert_int_equal(kernel.n_requests, 0);
	kill_child(&p);
	/* Reaped: the member with its number is another. */
	reap_child(&p);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), -ESRCH);
	assert_int_equal(kernel.killed_lineage, 0);
}

/* Nobody's lineage is meant by one that is no member, nor a descendant's. */
static void kill_without_a_lineage_goes_to_the_process(void **state)
{
	struct sup__proc p = fork_child();
	struct pollfd fd = { .fd = p.pidfd, .events = POLLIN };

	(void)state;
	kernel.killed_lineage = 0;
	kernel.member_pid = p.pid;
	kernel.member_id = 6;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGCONT, true), 0);
	kernel.member_pid = 0;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), 0);
	assert_int_equal(kernel.killed_lineage, 0);
	assert_int_equal(poll(&fd, 1, 30000), 1);
	reap_child(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_source, close_source)
		T(start_asks_nothing),
		T(child_without_a_record_is_told),
		T(doubt_meets_the_record),
		T(doubt_ends_with_a_member),
		T(doubt_outlives_a_namesake),
		T(one_that_was_reaped_is_lost),
		T(without_a_group_pidfds_tell),
		T(kill_goes_to_the_lineage),
		T(kill_without_a_lineage_goes_to_the_process),
	};

	return RUN_TESTS(tests);
}
