/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pidfd source with real children. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "exit/exit.h"
#include "exit/pgroup.h"
#include "exit/proc.h"

#define N_BURST 200

static struct sup__exit_source *src;

static int open_source(void **state)
{
	struct sup_options opts = { .size = sizeof(opts) };

	(void)state;
	return sup__exit_pidfd.open(&opts, &src);
}

static int close_source(void **state)
{
	(void)state;
	src->ops->close(src);
	return 0;
}

static void spawn_argv(const char *const *argv, struct sup__proc *ret_p)
{
	struct sup_process_spec spec = { .size = sizeof(spec), .argv = argv };
	struct sup__proc_start start = { .spec = &spec, .src = src };

	*ret_p = (struct sup__proc)SUP__PROC_INIT;
	assert_int_equal(sup__proc_spawn(&start, ret_p), 0);
}

static void spawn_sh(const char *script, struct sup__proc *ret_p)
{
	spawn_argv((const char *const[]){ "sh", "-c", script, NULL }, ret_p);
}

static struct sup__exit_event events[N_BURST + 1];
static int n_events;

static void keep(const struct sup__exit_event *ev, void *arg)
{
	assert_ptr_equal(arg, &n_events);
	assert_true(n_events <= N_BURST);
	events[n_events++] = *ev;
}

static void dispatch(void)
{
	assert_int_equal(src->ops->dispatch(src, keep, &n_events), 0);
}

static void wait_events(int n)
{
	struct pollfd fd = { .fd = src->ops->fd(src), .events = POLLIN };

	n_events = 0;
	while (n_events < n) {
		assert_int_equal(poll(&fd, 1, 20000), 1);
		dispatch();
	}
	assert_int_equal(n_events, n);
}

static void reap(struct sup__proc *p)
{
	struct sup_reason reason;

	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	sup__proc_close(p);
}

static void it_says_what_it_is(void **state)
{
	unsigned char token[SUP_TOKEN_SIZE];
	struct sup__proc p = SUP__PROC_INIT;
	uint64_t group;

	(void)state;
	assert_int_equal(src->info.source, SUP_SOURCE_PIDFD);
	assert_string_equal(src->info.name, "pidfd");
	assert_true(src->info.lacks & SUP_LACKS_DESCENDANTS);
	assert_int_equal(src->ops->token(src, &group, token), -EOPNOTSUPP);
	assert_int_equal(src->ops->orphans(src, NULL, NULL), -EOPNOTSUPP);
	assert_int_equal(src->ops->find(src, 1, &p), -EOPNOTSUPP);
}

static void ends_are_told_once(void **state)
{
	struct sup__proc p;

	(void)state;
	n_events = 0;
	dispatch();
	assert_int_equal(n_events, 0);
	spawn_sh("exit 6", &p);
	wait_events(1);
	assert_int_equal(events[0].kind, SUP__EXIT_PROCESS);
	assert_int_equal(events[0].pid, p.pid);
	assert_int_equal(events[0].reason.kind, SUP_REASON_EXIT);
	assert_int_equal(events[0].reason.code, 6);
	assert_false(events[0].reaped);
	assert_true(events[0].exit_ns > 0);
	assert_true(events[0].max_rss > 0);
	assert_false(src->ops->lineage_alive(src, &p, 0));
	n_events = 0;
	dispatch();
	assert_int_equal(n_events, 0);
	reap(&p);
}

static void reaped_by_another_is_lost(void **state)
{
	struct sup__proc p;
	int status;

	(void)state;
	spawn_sh("exit 6", &p);
	assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
	wait_events(1);
	assert_int_equal(events[0].pid, p.pid);
	assert_int_equal(events[0].reason.kind, SUP_REASON_LOST);
	assert_true(events[0].reaped);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), -ESRCH);
	sup__proc_close(&p);
}

static bool alive_at_end;

/* What core/process.c does with the end of a process. */
static void clear_group(const struct sup__exit_event *ev, void *arg)
{
	struct sup__proc *p = arg;

	events[n_events++] = *ev;
	if (ev->kind != SUP__EXIT_PROCESS)
		return;
	assert_int_equal(src->ops->kill(src, p, 0, SIGKILL, true), 0);
	alive_at_end = src->ops->lineage_alive(src, p, 0);
}

static int is_one(pid_t pid, int pidfd, void *arg)
{
	(void)pid;
	(void)arg;
	close(pidfd);
	return 1;
}

static void rest_of_group_is_waited_for(void **state)
{
	struct pollfd fd = { .fd = src->ops->fd(src), .events = POLLIN };
	const char *script = "trap '' TERM; sleep 1000 & sleep 1000 & exit 0";
	struct sup__proc p;

	(void)state;
	spawn_sh(script, &p);
	n_events = 0;
	alive_at_end = false;
	while (!n_events || (alive_at_end && n_events < 2)) {
		assert_int_equal(poll(&fd, 1, 20000), 1);
		src->ops->dispatch(src, clear_group, &p);
	}
	assert_int_equal(events[0].kind, SUP__EXIT_PROCESS);
	if (alive_at_end) {
		assert_int_equal(events[1].kind, SUP__EXIT_LINEAGE);
		assert_int_equal(events[1].pid, p.pid);
	}
	assert_int_equal(sup__pgroup_members(p.pid, is_one, NULL), 0);
	reap(&p);
}

static void keep_and_ask(const struct sup__exit_event *ev, void *arg)
{
	events[n_events++] = *ev;
	if (ev->kind == SUP__EXIT_PROCESS)
		alive_at_end = src->ops->lineage_alive(src, arg, 0);
}

/* The rest is not killed at the end, but later: then its end is told. */
static void group_that_lives_on_is_watched(void **state)
{
	struct pollfd fd = { .fd = src->ops->fd(src), .events = POLLIN };
	struct sup__proc p;

	(void)state;
	spawn_sh("sleep 1000 & sleep 1000 & exit 0", &p);
	n_events = 0;
	while (!n_events) {
		assert_int_equal(poll(&fd, 1, 20000), 1);
		src->ops->dispatch(src, keep_and_ask, &p);
	}
	assert_true(alive_at_end);
	src->ops->dispatch(src, keep_and_ask, &p);
	assert_int_equal(n_events, 1);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGTERM, true), 0);
	while (n_events < 2) {
		assert_int_equal(poll(&fd, 1, 20000), 1);
		src->ops->dispatch(src, keep_and_ask, &p);
	}
	assert_int_equal(events[1].kind, SUP__EXIT_LINEAGE);
	assert_int_equal(events[1].pid, p.pid);
	reap(&p);
}

static void whole_group_or_one(void **state)
{
	struct sup__proc p;

	(void)state;
	spawn_argv((const char *const[]){ "sleep", "1000", NULL }, &p);
	assert_int_equal(src->ops->kill(src, &p, 0, 0, false), 0);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGTERM, true), 0);
	wait_events(1);
	assert_int_equal(events[0].reason.signo, SIGTERM);
	reap(&p);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGTERM, false), -ESRCH);
}

static void burst_loses_nothing(void **state)
{
	static struct sup__proc procs[N_BURST];
	int i, j, found;

	(void)state;
	for (i = 0; i < N_BURST; i++)
		spawn_argv((const char *const[]){ "true", NULL }, &procs[i]);
	wait_events(N_BURST);
	for (i = 0; i < N_BURST; i++) {
		for (j = 0, found = 0; j < N_BURST; j++)
			found += events[j].pid == procs[i].pid;
		assert_int_equal(found, 1);
		reap(&procs[i]);
	}
}

static void want_of_memory_watches_nothing(void **state)
{
	struct sup__exit_source *other;
	struct sup_options opts = { .size = sizeof(opts) };
	struct sup__proc p = SUP__PROC_INIT;

	(void)state;
	sup__alloc_fail_nth(1);
	assert_int_equal(sup__exit_pidfd.open(&opts, &other), -ENOMEM);
	sup__alloc_fail_nth(1);
	assert_int_equal(src->ops->watch(src, &p), -ENOMEM);
	assert_int_equal(src->ops->watch(src, &p), -EBADF);
}

/* Closing while children live leaves them, and no descriptor, behind. */
static void close_while_watching(void **state)
{
	struct sup__proc p;

	(void)state;
	spawn_argv((const char *const[]){ "sleep", "1000", NULL }, &p);
	close_source(NULL);
	assert_int_equal(sup__proc_signal(&p, SIGKILL), 0);
	assert_int_equal(waitpid(p.pid, NULL, 0), p.pid);
	sup__proc_close(&p);
	assert_int_equal(open_source(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_source, close_source)
		T(it_says_what_it_is),
		T(ends_are_told_once),
		T(reaped_by_another_is_lost),
		T(rest_of_group_is_waited_for),
		T(group_that_lives_on_is_watched),
		T(whole_group_or_one),
		T(burst_loses_nothing),
		T(want_of_memory_watches_nothing),
		T(close_while_watching),
	};

	return RUN_TESTS(tests);
}
