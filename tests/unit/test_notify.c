/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "exit/notify.h"

static char name[SUP__NOTIFY_NAME_MAX];
static int fd;

static int open_socket(void **state)
{
	(void)state;
	return sup__notify_open(name, &fd);
}

static int close_socket(void **state)
{
	(void)state;
	return close(fd);
}

static void send_with(const char *text, size_t len, void *control,
		      size_t control_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t addr_len = offsetof(struct sockaddr_un, sun_path) +
			     strlen(name);
	struct iovec iov = { (void *)text, len };
	struct msghdr msg = {
		.msg_name = &addr, .msg_namelen = addr_len,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = control_len,
	};
	int sock = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(addr.sun_path + 1, name + 1, strlen(name) - 1);
	assert_int_equal(sendmsg(sock, &msg, 0), len);
	close(sock);
}

static void send_text(const char *text)
{
	send_with(text, strlen(text), NULL, 0);
}

static void ready_is_a_line_of_its_own(void **state)
{
	char status[8] = "";

	(void)state;
	assert_int_equal(name[0], '@');
	assert_false(sup__notify_read(fd, getpid(), status, sizeof(status)));
	send_text("XREADY=1\nREADY=12\nREADY=0");
	assert_false(sup__notify_read(fd, getpid(), status, sizeof(status)));
	send_text("MAINPID=1\nREADY=1\n");
	assert_true(sup__notify_read(fd, getpid(), status, sizeof(status)));
	assert_false(sup__notify_read(fd, getpid(), status, sizeof(status)));
}

static void last_status_is_kept(void **state)
{
	char status[8] = "";

	(void)state;
	send_text("STATUS=one");
	send_text("STATUS=longer than that\nREADY=1");
	assert_true(sup__notify_read(fd, getpid(), status, sizeof(status)));
	assert_string_equal(status, "longer ");
}

static void hostile_datagrams_do_no_harm(void **state)
{
	char big[6000], status[8] = "";

	(void)state;
	memset(big, 'x', sizeof(big));
	send_with(big, sizeof(big), NULL, 0);
	send_with("", 0, NULL, 0);
	send_with("\0\0READY=1", 9, NULL, 0);
	assert_false(sup__notify_read(fd, getpid(), status, sizeof(status)));
}

static int open_fds(void)
{
	int i, n = 0;

	for (i = 0; i < 256; i++)
		n += !lseek(i, 0, SEEK_CUR) || dup2(i, i) == i;
	return n;
}

static void descriptors_are_not_accepted(void **state)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, status[8];
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	int before, zero = 0;

	(void)state;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &zero, sizeof(zero));
	before = open_fds();
	send_with("READY=1", 7, control, sizeof(control));
	assert_true(sup__notify_read(fd, getpid(), status, sizeof(status)));
	assert_int_equal(open_fds(), before);
}

static int logged;

static void count_log(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
	logged++;
}

/* A sender in a session of its own, or in that of its parent; it lives on. */
static pid_t start_sender(bool own_session, pid_t *ret_leader)
{
	pid_t pid, sender = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		setsid();
		if (own_session || !fork()) {
			send_text("READY=1");
			sender = getpid();
			if (write(fds[1], &sender, sizeof(sender)) < 0)
				_exit(1);
		}
		pause();
	}
	assert_int_equal(read(fds[0], &sender, sizeof(sender)),
			 sizeof(sender));
	close(fds[0]);
	close(fds[1]);
	*ret_leader = pid;
	return sender;
}

static void stop_session(pid_t leader)
{
	kill(-leader, SIGKILL);
	assert_int_equal(waitpid(leader, NULL, 0), leader);
}

static void strangers_are_ignored(void **state)
{
	char status[8];
	pid_t leader;

	(void)state;
	sup_set_log_sink(count_log, NULL);
	start_sender(true, &leader);
	assert_false(sup__notify_read(fd, getpid(), status, sizeof(status)));
	assert_int_equal(logged, 1);
	stop_session(leader);
	start_sender(true, &leader);
	assert_true(sup__notify_read(fd, leader, status, sizeof(status)));
	stop_session(leader);
	sup_set_log_sink(NULL, NULL);
}

static void process_of_the_session_counts(void **state)
{
	char status[8];
	pid_t leader;

	(void)state;
	assert_true(start_sender(false, &leader) != leader);
	assert_true(sup__notify_read(fd, leader, status, sizeof(status)));
	stop_session(leader);
}

static void one_that_has_ended_counts_for_its_user(void **state)
{
	char status[8];
	pid_t leader;

	(void)state;
	start_sender(true, &leader);
	stop_session(leader);
	assert_true(sup__notify_read(fd, getpid(), status, sizeof(status)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_socket, close_socket)
		T(ready_is_a_line_of_its_own),
		T(last_status_is_kept),
		T(hostile_datagrams_do_no_harm),
		T(descriptors_are_not_accepted),
		T(strangers_are_ignored),
		T(process_of_the_session_counts),
		T(one_that_has_ended_counts_for_its_user),
	};

	return RUN_TESTS(tests);
}
