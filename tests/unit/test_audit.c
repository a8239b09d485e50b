/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit over a source whose members the test makes up. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/audit.h>
#include <sup/children.h>
#include <sup/event.h>
#include <sup/monitor.h>
#include <sup/process.h>
#include <sup/runtime.h>
#include <sup/server.h>
#include <sup/supervisor.h>
#include <sup/task.h>

#include "base/thread.h"
#include "core/runtime.h"
#include "core/spare.h"
#include "exit/members.h"
#include "exit/proc.h"
#include "lib/fake_exit.h"

#define DEADLINE sup_deadline_ms(30000)

static int open_runtime(void **state)
{
	(void)state;
	fake_exit_reset();
	sup__runtime_set_source(&fake_exit_ops);
	return sup_open(NULL);
}

static int open_telling_threads(void **state)
{
	(void)state;
	fake_exit_reset();
	fake_exit_set_tells_threads();
	sup__runtime_set_source(&fake_exit_ops);
	return sup_open(NULL);
}

static int close_runtime(void **state)
{
	(void)state;
	return sup_close();
}

static struct sup_stray strays[8];
static int n_strays;

static int keep(const struct sup_stray *stray, void *arg)
{
	(void)arg;
	assert_true(n_strays < 8);
	strays[n_strays++] = *stray;
	return 0;
}

static void audit(void)
{
	n_strays = 0;
	assert_int_equal(sup_audit(keep, NULL, DEADLINE), 0);
}

static void add_thread(uint64_t id, pid_t tid)
{
	fake_exit_add_member(&(struct sup__member){
		.id = id, .pid = getpid(), .tid = tid, .start_ns = 10 * id,
		.comm = "a-thread" });
}

static void add_process(uint64_t id, uint64_t lineage, pid_t pid)
{
	fake_exit_add_member(&(struct sup__member){
		.id = id, .lineage = lineage, .pid = pid, .comm = "a-process",
		.start_ns = 10 * id });
}

/* A thread task that says its number and waits to be killed. */
static _Atomic pid_t task_tid;

static int say_tid(void *arg)
{
	struct sup_info info;

	(void)arg;
	atomic_store(&task_tid, sup__gettid());
	return sup_receive(&info, SUP_FOREVER);
}

static void strange_thread_is_found(void **state)
{
	struct sup_thread_spec spec = { .size = sizeof(spec),
					.run = say_tid };
	struct sup_pid pid;

	(void)state;
	atomic_store(&task_tid, 0);
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	while (!atomic_load(&task_tid))
		;
	add_thread(1, getpid());
	add_thread(2, task_tid);
	audit();
	assert_int_equal(n_strays, 0);
	add_thread(3, 4000000);
	audit();
	assert_int_equal(n_strays, 1);
	assert_int_equal(strays[0].pid, getpid());
	assert_int_equal(strays[0].tid, 4000000);
	assert_int_equal(strays[0].lineage, 0);
	assert_int_equal(strays[0].start_ns, 30);
	assert_string_equal(strays[0].comm, "a-thread");
	assert_false(strays[0].adopted);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	assert_int_equal(sup_wait(pid, NULL, DEADLINE), 0);
}

static int on_init(void *arg, void **ret_state)
{
	(void)arg;
	*ret_state = NULL;
	return 0;
}

/* A supervisor whose only child has been restarted once. */
static struct sup_pid start_and_restart(void)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = on_init,
	};
	static const struct sup_server_spec server = {
		.size = sizeof(server), .ops = &ops,
	};
	const struct sup_child_spec spec = {
		.size = sizeof(spec), .id = "child",
		.start = sup_server_start, .arg = &server,
	};
	const struct sup_supervisor_spec sup_spec = {
		.size = sizeof(sup_spec), .children = &spec, .n_children = 1,
	};
	struct sup_child before, child;
	int64_t limit = DEADLINE;
	struct sup_pid sup;

	assert_int_equal(sup_supervisor_start(&sup_spec, &sup), 0);
	assert_int_equal(sup_which_child(sup, "child", &before), 0);
	assert_int_equal(sup_kill(before.pid, SUP_TRY), 0);
	do {
		assert_int_equal(sup_which_child(sup, "child", &child), 0);
		assert_true(sup_deadline_ms(0) < limit);
	} while (!child.pid.v || child.pid.v == before.pid.v);
	return sup;
}

static pid_t find_spare(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	pid_t tid = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (sup__spare_has(atoi(entry->d_name)))
			tid = atoi(entry->d_name);
	closedir(dir);
	assert_int_not_equal(tid, 0);
	return tid;
}

static void await_gone(pid_t tid)
{
	int64_t limit = DEADLINE;

	while (!tgkill(getpid(), tid, 0))
		assert_true(sup_deadline_ms(0) < limit);
}

static void spare_is_known_until_its_end_is_told(void **state)
{
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_THREAD, .pid = getpid(),
	};
	struct sup_pid sup = start_and_restart();
	const struct sup_events_spec spec = { .size = sizeof(spec) };
	struct sup_events *events;
	struct sup_event told;

	(void)state;
	ev.tid = find_spare();
	add_thread(1, ev.tid);
	audit();
	assert_int_equal(n_strays, 0);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, DEADLINE),
			 0);
	audit();
	assert_int_equal(n_strays, 0);
	assert_int_equal(sup_events_open(&spec, &events), 0);
	/* Of who had its id before. */
	ev.exit_ns = 1;
	fake_exit_push(&ev);
	fake_exit_wait_told();
	audit();
	assert_int_equal(n_strays, 0);
	await_gone(ev.tid);
	ev.exit_ns = sup_deadline_ms(0);
	fake_exit_push(&ev);
	fake_exit_wait_told();
	audit();
	assert_int_equal(n_strays, 1);
	/* Of these ends the first was nobody's. */
	assert_int_equal(sup_events_next(events, &told, SUP_TRY), 0);
	assert_int_equal(told.kind, SUP_EVENT_TASK_EXIT);
	assert_int_equal(sup_events_next(events, &told, SUP_TRY), -ETIMEDOUT);
	sup_events_close(events);
}

static struct sup_process_spec sleeping(void)
{
	static const char *const argv[] = { "sleep", "1000", NULL };

	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
	};
}

static pid_t os_pid(struct sup_pid pid)
{
	pid_t os, tid;

	assert_int_equal(sup_os_pid(pid, &os, &tid), 0);
	return os;
}

/* Lineage 1000 is the first the fake source gives. */
static void lineage_of_a_task_is_its_own(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;
	pid_t os;

	(void)state;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	os = os_pid(pid);
	/* A child of the program, one of an owner before, one of a task. */
	fake_exit_set_leftover(800);
	add_process(700, 700, 4000001);
	add_process(800, 800, 4000002);
	add_process(1000, 1000, os);
	add_process(1001, 1000, 4000003);
	add_process(1002, 700, 4000004);
	audit();
	assert_int_equal(n_strays, 3);
	assert_int_equal(strays[0].pid, 4000001);
	assert_true(strays[0].lineage_first);
	assert_false(strays[0].adopted);
	assert_int_equal(strays[1].pid, 4000002);
	assert_true(strays[1].adopted);
	assert_int_equal(strays[2].pid, 4000004);
	assert_int_equal(strays[2].lineage, 700);
	assert_false(strays[2].lineage_first);
	/* While what it has left is being cleared it is no stray. */
	fake_exit_set_leftover(0);
	fake_exit_reset_members();
	add_process(1001, 1000, 4000003);
	kill(os, SIGKILL);
	fake_exit_push_end(os);
	audit();
	assert_int_equal(n_strays, 0);
	fake_exit_push_lineage(1000);
	assert_int_equal(sup_wait(pid, NULL, DEADLINE), 0);
	audit();
	assert_int_equal(n_strays, 1);
	assert_int_equal(strays[0].pid, 4000003);
}

static void what_has_ended_meanwhile_is_none(void **state)
{
	(void)state;
	add_thread(1, 4000000);
	add_process(2, 2, 4000001);
	fake_exit_members_end();
	audit();
	assert_int_equal(n_strays, 0);
}

static int refuse(const struct sup_stray *stray, void *arg)
{
	(void)stray;
	++*(int *)arg;
	return -EINTR;
}

static void callback_can_end_it(void **state)
{
	int n = 0;

	(void)state;
	add_thread(1, 4000000);
	add_thread(2, 4000001);
	assert_int_equal(sup_audit(refuse, &n, DEADLINE), -EINTR);
	assert_int_equal(n, 1);
}

static const struct sup__proc_start *intercepted;
static bool intercept;

int __real_sup__proc_spawn(const struct sup__proc_start *start,
			   struct sup__proc *ret_p);
int __wrap_sup__proc_spawn(const struct sup__proc_start *start,
			   struct sup__proc *ret_p);

static int audit_then_born(const struct sup__proc *p, void *arg)
{
	int ret;

	add_process(1000, 1000, p->pid);
	assert_int_equal(sup_audit(keep, NULL, SUP_TRY), -ETIMEDOUT);
	ret = intercepted->born(p, arg);
	audit();
	assert_int_equal(n_strays, 0);
	return ret;
}

int __wrap_sup__proc_spawn(const struct sup__proc_start *start,
			   struct sup__proc *ret_p)
{
	struct sup__proc_start mine = *start;

	intercepted = start;
	if (intercept)
		mine.born = audit_then_born;
	return __real_sup__proc_spawn(&mine, ret_p);
}

/* A member by birth, but in no table yet. */
static void start_under_way_is_waited_for(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;
	pid_t os;

	(void)state;
	intercept = true;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	intercept = false;
	os = os_pid(pid);
	kill(os, SIGKILL);
	fake_exit_push_lineage(fake_exit_push_end(os));
	assert_int_equal(sup_wait(pid, NULL, DEADLINE), 0);
}

static void closed_runtime_has_nobody(void **state)
{
	(void)state;
	assert_int_equal(sup_close(), 0);
	assert_int_equal(sup_audit(keep, NULL, DEADLINE), -ENOTCONN);
	assert_int_equal(sup_open(NULL), 0);
}

static void at_close_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(setenv("SUP_AUDIT", "1", 1), 0);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(unsetenv("SUP_AUDIT"), 0);
	assert_int_equal(sup_open(NULL), 0);
	/* Nobody asks: nothing is said. */
	add_thread(1, 4000000);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(sup_open(NULL), 0);
}

/* In a process of its own, this program started anew: it ends. */
static int close_with_strays(void)
{
	void *state = NULL;

	if (open_runtime(&state))
		return 2;
	add_thread(1, 4000000);
	add_process(2, 2, 4000001);
	sup_close();
	return 3;
}

static void strays_at_close_end_the_process(void **state)
{
	char *const argv[] = { "test_audit", "strays", NULL };
	char text[4096];
	size_t used = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		setenv("SUP_AUDIT", "1", 1);
		execv("/proc/self/exe", argv);
		_exit(5);
	}
	close(fds[1]);
	while (used < sizeof(text) - 1 &&
	       (n = read(fds[0], text + used, sizeof(text) - 1 - used)) > 0)
		used += n;
	text[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(text, "thread \"a-thread\" (4000000): nobody"));
	assert_non_null(strstr(text, "(4000001): nobody supervises it"));
	assert_non_null(strstr(text, "2 left over: the process ends"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_runtime, close_runtime)
		T(strange_thread_is_found),
		cmocka_unit_test_setup_teardown(
			spare_is_known_until_its_end_is_told,
			open_telling_threads, close_runtime),
		T(lineage_of_a_task_is_its_own),
		T(what_has_ended_meanwhile_is_none),
		T(callback_can_end_it),
		T(start_under_way_is_waited_for),
		T(closed_runtime_has_nobody),
		T(at_close_it_is_asked_for),
		cmocka_unit_test(strays_at_close_end_the_process),
	};

	(void)argv;
	if (argc > 1)
		return close_with_strays();
	return RUN_TESTS(tests);
}
