/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions in processes of their own, whose program is this one. */
#include "functions.h"
#include "function_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <sup/registry.h>

#include "base/alloc.h"
#include "exit/program.h"

static int send_and_end(const void *arg, size_t len)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < len; i++)
		send_up(i, NULL, 0);
	return 0;
}

/* It is told, and goes on to say so to whoever holds the fifo. */
static int outlive(const void *arg, size_t len)
{
	const struct sup_msg more = { .tag = 1 };
	int fd = open(arg, O_WRONLY);
	struct sup_msg msg;

	(void)len;
	if (dprintf(fd, "ready\n") > 0 &&
	    sup_function_receive(&msg, SUP_FOREVER) == -EPIPE &&
	    sup_function_send(&more, SUP_FOREVER) == -EPIPE)
		dprintf(fd, "it has gone\n");
	return 0;
}

/* One that is not told holds the fifo as long as it lives. */
static int follow(const void *arg, size_t len)
{
	int fd = open(arg, O_WRONLY);
	struct sup_msg msg;

	(void)len;
	if (dprintf(fd, "ready\n") > 0)
		sup_function_receive(&msg, SUP_FOREVER);
	dprintf(fd, "it goes on\n");
	return 0;
}

/* A parent, until it is killed. */
static int be_parent(const void *arg, size_t len)
{
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.function = &(struct sup_function_spec){
			.size = sizeof(struct sup_function_spec),
			.function = len && *(char *)arg == '+' ? "outlive" :
								 "follow",
			.arg = (char *)arg + 1, .arg_len = len - 1,
			.to = "nobody",
		},
	};
	struct sup_pid pid;

	if (open_runtime(NULL) || sup_process_start(&spec, &pid))
		return 95;
	while (pause())
		;
	return 0;
}

static int wait_for_message(void *arg)
{
	struct sup_msg msg;

	(void)arg;
	return sup_function_receive(&msg, SUP_FOREVER) ? 1 : 2;
}

/* Its waits are safe points of the tasks that it has itself. */
static int end_a_receiver(const void *arg, size_t len)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = wait_for_message,
	};
	struct sup_reason reason;
	struct sup_pid pid;

	(void)arg;
	(void)len;
	if (open_runtime(NULL) || sup_thread_start(&spec, &pid) ||
	    sup_exit(pid, &SUP_SHUTDOWN) || sup_wait(pid, &reason, LIMIT))
		return 94;
	return reason.kind == SUP_REASON_SHUTDOWN ? sup_close() : 93;
}

static const struct sup_function functions[] = {
	{ "end a receiver", end_a_receiver, false },
	{ "serve", serve, false },
	{ "say nothing", say_nothing, false },
	{ "return length", return_length, false },
	{ "send and end", send_and_end, false },
	{ "outlive", outlive, true },
	{ "follow", follow, false },
	{ "be parent", be_parent, false },
};

static void messages_go_both_ways(void)
{
	struct sup_pid pid = start(FUNCTION("serve", .arg = "abc",
					    .arg_len = 4));
	static char big[SUP_FUNCTION_MAX];
	size_t i;

	expect_msg(pid, 1000, "abc", 4);
	for (i = 0; i < sizeof(big); i++)
		big[i] = i * 7;
	tell(pid, ECHO, NULL, 0);
	tell(pid, ECHO, "x", 1);
	tell(pid, ECHO, big, sizeof(big));
	expect_msg(pid, ECHO, NULL, 0);
	expect_msg(pid, ECHO, "x", 1);
	expect_msg(pid, ECHO, big, sizeof(big));
	end_it(pid);
}

static void it_gets_what_the_spec_says(void)
{
	static char big[SUP_FUNCTION_MAX];
	struct sup_pid pid;

	pid = start(FUNCTION("return length", .arg = "abcde", .arg_len = 5));
	expect_exit(pid, SUP_REASON_EXIT, 5);
	pid = start(FUNCTION("return length"));
	expect_exit(pid, SUP_REASON_NORMAL, 0);
	memset(big, 5, sizeof(big));
	pid = start(FUNCTION("serve", .arg = big, .arg_len = sizeof(big)));
	expect_msg(pid, 1000, big, sizeof(big));
	end_it(pid);
}

static void it_is_a_process_like_others(void)
{
	const struct sup_fd fd = { 1, 3 };
	struct sup_process_spec spec = FUNCTION("serve");
	struct facts facts;
	struct sup_info info;
	struct sup_pid pid;
	pid_t os;

	spec.fds = &fd;
	spec.n_fds = 1;
	spec.env_set = (const char *const[]){ "X=1", NULL };
	pid = start(spec);
	expect_msg(pid, 1000, NULL, 0);
	tell(pid, FACTS, NULL, 0);
	info = receive();
	assert_int_equal(info.msg.len, sizeof(facts));
	memcpy(&facts, info.msg.data, sizeof(facts));
	sup_msg_free(&info.msg);
	assert_int_equal(sup_os_pid(pid, &os, NULL), 0);
	assert_int_equal(facts.pid, os);
	assert_int_equal(facts.parent, getpid());
	assert_false(facts.has_variable);
	assert_false(facts.is_shared);
	/* 0, 1, 2, that of the spec, its own; ".", "..", that of the look. */
	assert_int_equal(facts.n_fds, 4 + 1 + 3);
	assert_string_equal(facts.comm, "serve\n");
	end_it(pid);
}

/* Each name is that of the receiver of the moment. */
static void to_names_who_receives(void)
{
	struct sup_pid pid;

	assert_int_equal(sup_register("receiver", sup_self()), 0);
	pid = start(FUNCTION("serve", .to = "receiver"));
	expect_msg(pid, 1000, NULL, 0);
	assert_int_equal(sup_unregister("receiver"), 0);
	sup_set_log_level(LOG_ERR);
	tell(pid, FLOOD, &(unsigned int){ 10 }, sizeof(unsigned int));
	tell(pid, LEAVE, "\5", 1);
	expect_exit(pid, SUP_REASON_EXIT, 5);
	sup_set_log_level(LOG_WARNING);
}

/* One that is slow loses nothing: the function waits for it. */
static void full_mailbox_makes_it_wait(void)
{
	unsigned int i, n = 20000;
	struct sup_pid pid = start(FUNCTION("serve"));

	expect_msg(pid, 1000, NULL, 0);
	tell(pid, FLOOD, &n, sizeof(n));
	for (i = 0; i < n; i++)
		expect_msg(pid, i, NULL, 0);
	expect_msg(pid, FLOODED, NULL, 0);
	end_it(pid);
}

static void who_waits_for_a_message_can_be_ended(void)
{
	struct sup_pid pid = start(FUNCTION("end a receiver"));

	expect_exit(pid, SUP_REASON_NORMAL, 0);
}

#define N_MANY 6
#define N_EACH 1000

/* All are stalled now and again, and each keeps its order. */
static void many_send_to_one(void)
{
	struct sup_pid pids[N_MANY];
	unsigned int next[N_MANY] = { 0 }, n = N_EACH, i, left = N_MANY;
	struct sup_info info;

	for (i = 0; i < N_MANY; i++) {
		pids[i] = start(FUNCTION("serve"));
		expect_msg(pids[i], 1000, NULL, 0);
	}
	for (i = 0; i < N_MANY; i++)
		tell(pids[i], FLOOD, &n, sizeof(n));
	while (left) {
		info = receive();
		for (i = 0; info.pid.v != pids[i].v; )
			assert_true(++i < N_MANY);
		if (next[i] < N_EACH) {
			assert_int_equal(info.msg.tag, next[i]++);
		} else {
			assert_int_equal(info.msg.tag, FLOODED);
			left--;
		}
	}
	for (i = 0; i < N_MANY; i++)
		end_it(pids[i]);
}

static int read_nothing(void *arg)
{
	(void)arg;
	while (pause())
		sup_checkpoint();
	return 0;
}

static _Atomic bool no_more_watches;
static _Atomic unsigned int n_looked_away;

int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);

int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_DEL)
		atomic_fetch_add(&n_looked_away, 1);
	if (op != EPOLL_CTL_ADD || !atomic_load(&no_more_watches))
		return __real_epoll_ctl(epfd, op, fd, event);
	errno = ENOSPC;
	return -1;
}

/*
 * One that has no room left; who sends to it, the only one there was, is
 * stalled: nothing else makes the runtime look away from one that lives.
 */
static struct sup_pid full_reader(struct sup_pid sender)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "reader", .reg = true,
		.run = read_nothing, .mailbox = 4,
	};
	unsigned int before = atomic_load(&n_looked_away);
	struct sup_pid reader;

	assert_int_equal(sup_thread_start(&spec, &reader), 0);
	tell(sender, FLOOD, &(unsigned int){ 2000 }, sizeof(unsigned int));
	while (atomic_load(&n_looked_away) == before)
		sched_yield();
	return reader;
}

static void end_of_its_receiver_ends_a_stall(void)
{
	struct sup_pid pid = start(FUNCTION("serve", .to = "reader")), reader;

	sup_set_log_level(LOG_ERR);
	reader = full_reader(pid);
	assert_int_equal(sup_exit(reader, &SUP_SHUTDOWN), 0);
	expect_exit(reader, SUP_REASON_SHUTDOWN, 0);
	/* It goes on, and nobody hears it. */
	tell(pid, LEAVE, "\6", 1);
	expect_exit(pid, SUP_REASON_EXIT, 6);
	sup_set_log_level(LOG_WARNING);
}

static void its_own_end_ends_a_stall(void)
{
	struct sup_pid pid = start(FUNCTION("serve", .to = "reader")), reader;

	sup_set_log_level(LOG_ERR);
	reader = full_reader(pid);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	expect_exit(pid, SUP_REASON_KILLED, 0);
	assert_int_equal(sup_exit(reader, &SUP_SHUTDOWN), 0);
	expect_exit(reader, SUP_REASON_SHUTDOWN, 0);
	sup_set_log_level(LOG_WARNING);
}

/* One that nobody would hear any more does not live on. */
static void one_that_cannot_be_heard_again_is_killed(void)
{
	struct sup_pid pid = start(FUNCTION("serve", .to = "reader")), reader;

	sup_set_log_level(LOG_CRIT);
	reader = full_reader(pid);
	atomic_store(&no_more_watches, true);
	assert_int_equal(sup_kill(reader, SUP_FOREVER), 0);
	assert_int_equal(end_of(pid).signo, SIGKILL);
	assert_int_equal(end_of(reader).kind, SUP_REASON_KILLED);
	atomic_store(&no_more_watches, false);
	sup_set_log_level(LOG_WARNING);
}

/* All that has come of one that has ended: messages 0, 1, ... How many. */
static uint64_t gather(struct sup_pid pid)
{
	bool ended = false;
	struct sup_info info;
	uint64_t n = 0;

	while (!sup_receive(&info, ended ? SUP_TRY : LIMIT)) {
		assert_int_equal(info.pid.v, pid.v);
		if (info.kind == SUP_INFO_EXIT)
			ended = true;
		else
			assert_int_equal(info.msg.tag, n++);
	}
	assert_true(ended);
	return n;
}

/* What is still in the socket is delivered; what finds no room is not. */
static void last_messages_are_delivered(void)
{
	struct sup_pid pid;

	pid = start(FUNCTION("send and end", .arg = "12345", .arg_len = 5));
	end_of(pid);
	assert_int_equal(gather(pid), 5);
	sup_set_log_level(LOG_ERR);
	pid = start(FUNCTION("send and end", .arg = (char[100]){ 1 },
			     .arg_len = 100));
	end_of(pid);
	assert_int_equal(gather(pid), MAILBOX);
	sup_set_log_level(LOG_WARNING);
}

static int freed;

static void count_free(void *data)
{
	(void)data;
	freed++;
}

/* On success it is freed, for its bytes are elsewhere; else it is ours. */
static void message_moves(void)
{
	struct sup_pid pid = start(FUNCTION("serve"));
	struct sup_msg msg = {
		.tag = ECHO, .data = "moved", .len = 5, .free = count_free,
	};

	freed = 0;
	expect_msg(pid, 1000, NULL, 0);
	assert_int_equal(sup_send(pid, &msg, LIMIT), 0);
	assert_int_equal(freed, 1);
	expect_msg(pid, ECHO, "moved", 5);
	assert_int_equal(sup_cast(pid, &msg, LIMIT), -EINVAL);
	end_it(pid);
	assert_int_equal(sup_send(pid, &msg, LIMIT), -ESRCH);
	assert_int_equal(freed, 1);
}

static void first_message_makes_it_ready(void)
{
	struct sup_process_spec spec = FUNCTION("serve");
	struct sup_pid pid;

	spec.readiness = SUP_READY_MESSAGE;
	pid = start(spec);
	/* By then it has come. */
	expect_msg(pid, 1000, NULL, 0);
	end_it(pid);
	spec = FUNCTION("return length", .arg = "1", .arg_len = 1);
	spec.readiness = SUP_READY_MESSAGE;
	expect_refusal(spec, -ECHILD, "ended before it sent a message: exit "
		       "status 1");
}

static char fifo_dir[] = "/tmp/sup-function-XXXXXX", fifo[64];

static void make_fifo(void)
{
	strcpy(fifo_dir + sizeof(fifo_dir) - 7, "XXXXXX");
	assert_non_null(mkdtemp(fifo_dir));
	snprintf(fifo, sizeof(fifo), "%c%s/fifo", '+', fifo_dir);
	assert_int_equal(mkfifo(fifo + 1, 0600), 0);
}

/* What comes until nobody has it open any more. */
static const char *read_fifo(int fd)
{
	static char text[64];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n;

	do {
		assert_int_equal(poll(&pfd, 1, LIMIT_MS), 1);
		n = read(fd, text + len, sizeof(text) - 1 - len);
		assert_true(n >= 0);
		len += n;
	} while (n);
	text[len] = '\0';
	return text;
}

/* Its parent is killed, by which it gets nothing but an end of file. */
static const char *orphan_says(char how)
{
	struct pollfd pfd = { .events = POLLIN };
	struct sup_pid pid;
	const char *said;
	char ready[6];

	make_fifo();
	fifo[0] = how;
	pfd.fd = open(fifo + 1, O_RDONLY | O_NONBLOCK);
	assert_true(pfd.fd >= 0);
	pid = start(FUNCTION("be parent", .arg = fifo,
			     .arg_len = strlen(fifo) + 1, .to = "nobody"));
	assert_int_equal(poll(&pfd, 1, LIMIT_MS), 1);
	assert_int_equal(read(pfd.fd, ready, 6), 6);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	end_of(pid);
	said = read_fifo(pfd.fd);
	close(pfd.fd);
	unlink(fifo + 1);
	rmdir(fifo_dir);
	return said;
}

static void end_of_the_parent_is_noticed(void **state)
{
	(void)state;
	assert_string_equal(orphan_says('-'), "");
	assert_string_equal(orphan_says('+'), "it has gone\n");
}

/* By that name there is another program, or none, when it is started. */
static void program_is_held_by_a_descriptor(void **state)
{
	char from[4096], dir[] = "/tmp/sup-function-XXXXXX", path[64];
	char line[8200];
	ssize_t n;
	int fd;

	(void)state;
	n = readlink("/proc/self/exe", from, sizeof(from) - 1);
	assert_true(n > 0);
	from[n] = '\0';
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/program", dir);
	snprintf(line, sizeof(line), "cp '%s' '%s'", from, path);
	assert_int_equal(system(line), 0);
	fd = open(path, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	sup__program_set(fd);
	assert_int_equal(open_runtime(NULL), 0);
	assert_int_equal(unlink(path), 0);
	in_task(messages_go_both_ways);
	assert_int_equal(symlink("/bin/false", path), 0);
	in_task(messages_go_both_ways);
	assert_int_equal(sup_close(), 0);
	sup__program_set(-1);
	close(fd);
	unlink(path);
	rmdir(dir);
}

static void want_of_memory_starts_nothing(void)
{
	struct sup_process_spec spec = FUNCTION("return length", .arg = "1",
						.arg_len = 1, .to = "x");
	struct sup_pid pid;
	unsigned int n = 0;
	int ret;

	do {
		sup__alloc_fail_nth(++n);
		ret = sup_process_start(&spec, &pid);
		if (ret)
			assert_int_equal(ret, -ENOMEM);
	} while (sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	assert_true(n > 8);
	assert_int_equal(ret, 0);
	expect_exit(pid, SUP_REASON_EXIT, 1);
}

IN_TASK(messages_go_both_ways)
IN_TASK(it_gets_what_the_spec_says)
IN_TASK(it_is_a_process_like_others)
IN_TASK(to_names_who_receives)
IN_TASK(full_mailbox_makes_it_wait)
IN_TASK(who_waits_for_a_message_can_be_ended)
IN_TASK(many_send_to_one)
IN_TASK(end_of_its_receiver_ends_a_stall)
IN_TASK(its_own_end_ends_a_stall)
IN_TASK(one_that_cannot_be_heard_again_is_killed)
IN_TASK(last_messages_are_delivered)
IN_TASK(message_moves)
IN_TASK(first_message_makes_it_ready)
IN_TASK(want_of_memory_starts_nothing)

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) \
	{ #f, f##_in_task, open_runtime, close_runtime, NULL }
		T(messages_go_both_ways),
		T(it_gets_what_the_spec_says),
		T(it_is_a_process_like_others),
		T(to_names_who_receives),
		T(full_mailbox_makes_it_wait),
		T(who_waits_for_a_message_can_be_ended),
		T(many_send_to_one),
		T(end_of_its_receiver_ends_a_stall),
		T(its_own_end_ends_a_stall),
		T(one_that_cannot_be_heard_again_is_killed),
		T(last_messages_are_delivered),
		T(message_moves),
		T(first_message_makes_it_ready),
		T(want_of_memory_starts_nothing),
		cmocka_unit_test_setup_teardown(end_of_the_parent_is_noticed,
						open_runtime, close_runtime),
		cmocka_unit_test(program_is_held_by_a_descriptor),
	};

	if (sup_functions(functions, N_OF(functions)))
		return 111;
	return RUN_TESTS(tests);
}
