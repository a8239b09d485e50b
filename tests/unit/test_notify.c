/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit/exit.h"
#include "exit/notify.h"
#include "exit/proc.h"

static char name[SUP__NOTIFY_NAME_MAX];
static int fd;

static struct sup__notify said;

/* All that has come, as from the process pid of the user uid. */
static bool ready_from(pid_t pid, uid_t uid, struct sup__exit_source *src)
{
	struct sup__proc p = SUP__PROC_INIT;
	bool ready = false;

	p.pid = pid;
	p.uid = uid;
	while (sup__notify_next(fd, &p, src, 0, &said))
		ready |= said.ready;
	return ready;
}

static bool is_ready(pid_t pid)
{
	return ready_from(pid, geteuid(), NULL);
}

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
	(void)state;
	assert_int_equal(name[0], '@');
	assert_false(is_ready(getpid()));
	send_text("XREADY=1\nREADY=12\nREADY=0");
	assert_false(is_ready(getpid()));
	send_text("MAINPID=1\nREADY=1\n");
	assert_true(is_ready(getpid()));
	assert_false(is_ready(getpid()));
}

static struct sup__notify next(void)
{
	struct sup__proc p = SUP__PROC_INIT;
	struct sup__notify n;

	p.pid = getpid();
	assert_true(sup__notify_next(fd, &p, NULL, 0, &n));
	return n;
}

static void each_datagram_is_for_itself(void **state)
{
	(void)state;
	send_text("STATUS=one \033[1m\nSTOPPING=1");
	send_text("EXTEND_TIMEOUT_USEC=1500\nREADY=1");
	send_text("WATCHDOG=1\nWATCHDOG_USEC=20");
	send_text("WATCHDOG=trigger");
	send_text("WATCHDOG=2");
	said = next();
	assert_true(said.has_status);
	assert_string_equal(said.status, "one ?[1m");
	assert_true(said.stopping);
	assert_false(said.ready);
	assert_int_equal(said.extend_ns, 0);
	said = next();
	assert_false(said.has_status);
	assert_false(said.stopping);
	assert_true(said.ready);
	assert_int_equal(said.extend_ns, 1500000);
	assert_false(said.alive);
	said = next();
	assert_true(said.alive);
	assert_false(said.trouble);
	assert_int_equal(said.watchdog_ns, 20000);
	said = next();
	assert_false(said.alive);
	assert_true(said.trouble);
	said = next();
	assert_false(said.alive);
	assert_false(said.trouble);
}

static void times_that_are_none_are_nothing(void **state)
{
	static const char *const texts[] = {
		"EXTEND_TIMEOUT_USEC=", "EXTEND_TIMEOUT_USEC=-1",
		"EXTEND_TIMEOUT_USEC= 1", "EXTEND_TIMEOUT_USEC=1s",
		"EXTEND_TIMEOUT_USEC=9223372036854775807",
		"EXTEND_TIMEOUT_USEC=99999999999999999999",
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(texts); i++) {
		send_text(texts[i]);
		assert_int_equal(next().extend_ns, 0);
	}
}

static void long_status_is_cut(void **state)
{
	char text[300] = "STATUS=";

	(void)state;
	memset(text + 7, 's', sizeof(text) - 8);
	send_text(text);
	said = next();
	assert_int_equal(strlen(said.status), sizeof(said.status) - 1);
}

static void hostile_datagrams_do_no_harm(void **state)
{
	char big[6000];

	(void)state;
	memset(big, 'x', sizeof(big));
	send_with(big, sizeof(big), NULL, 0);
	send_with("", 0, NULL, 0);
	send_with("\0\0READY=1", 9, NULL, 0);
	assert_false(is_ready(getpid()));
}

/* Half a number is another number. */
static void long_datagram_is_ignored_whole(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "READY=1\n", 8);
	memcpy(text + 4074, "\nWATCHDOG_USEC=20000000", 23);
	send_with(text, 4095, NULL, 0);
	said = next();
	assert_true(said.ready);
	assert_false(said.too_long);
	assert_int_equal(said.watchdog_ns, 200000 * INT64_C(1000));
	send_with(text, 4096, NULL, 0);
	said = next();
	assert_true(said.too_long);
	assert_false(said.ready);
	assert_int_equal(said.watchdog_ns, 0);
	/* A stranger's is a stranger's before all. */
	send_with(text, sizeof(text), NULL, 0);
	assert_false(ready_from(1, geteuid(), NULL));
	assert_int_equal(said.stranger, getpid());
	assert_false(said.too_long);
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
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	int before, zero = 0;

	(void)state;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &zero, sizeof(zero));
	before = open_fds();
	send_with("READY=1", 7, control, sizeof(control));
	assert_true(is_ready(getpid()));
	assert_int_equal(open_fds(), before);
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
	pid_t leader, sender;

	(void)state;
	sender = start_sender(true, &leader);
	assert_false(is_ready(getpid()));
	assert_int_equal(said.stranger, sender);
	stop_session(leader);
	start_sender(true, &leader);
	assert_true(is_ready(leader));
	assert_int_equal(said.stranger, 0);
	stop_session(leader);
}

static void process_of_the_session_counts(void **state)
{
	pid_t leader;

	(void)state;
	assert_true(start_sender(false, &leader) != leader);
	assert_true(is_ready(leader));
	stop_session(leader);
}

static pid_t asked;

static bool says_so(struct sup__exit_source *src, const struct sup__proc *p,
		    uint64_t lineage, pid_t pid)
{
	(void)src;
	(void)lineage;
	asked = pid;
	return p->pid == getpid();
}

/* One in another session counts if the source says that it descends. */
static void descendant_counts(void **state)
{
	static const struct sup__exit_ops ops = { .descends = says_so };
	struct sup__exit_source src = { .ops = &ops };
	pid_t leader, sender;

	(void)state;
	sender = start_sender(true, &leader);
	assert_false(ready_from(getppid(), 0, &src));
	assert_int_equal(asked, sender);
	stop_session(leader);
	start_sender(true, &leader);
	assert_true(ready_from(getpid(), 0, &src));
	stop_session(leader);
}

static pid_t going;

static bool goes_meanwhile(struct sup__exit_source *src,
			   const struct sup__proc *p, uint64_t lineage,
			   pid_t pid)
{
	(void)src;
	(void)p;
	(void)lineage;
	assert_int_equal(pid, going);
	stop_session(going);
	return false;
}

/* It lives when it is looked at first, and not when its parents are. */
static void one_that_ends_meanwhile_has_ended(void **state)
{
	static const struct sup__exit_ops ops = { .descends = goes_meanwhile };
	struct sup__exit_source src = { .ops = &ops };

	(void)state;
	start_sender(true, &going);
	assert_true(ready_from(getpid(), geteuid(), &src));
}

static void one_that_has_ended_counts_for_its_user(void **state)
{
	pid_t leader;

	(void)state;
	start_sender(true, &leader);
	stop_session(leader);
	assert_true(is_ready(getpid()));
}

/* As one of another user, which we are not. */
static void ended_one_counts_for_the_user_of_the_process(void **state)
{
	const uid_t other = 65534;
	int i, status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("skip: needs root\n");
		skip();
	}
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			if (setresuid(other, other, other))
				_exit(1);
			send_text("READY=1");
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(ready_from(getpid(), i ? other : other - 1,
					    NULL), i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_socket, close_socket)
		T(ready_is_a_line_of_its_own),
		T(each_datagram_is_for_itself),
		T(times_that_are_none_are_nothing),
		T(long_status_is_cut),
		T(hostile_datagrams_do_no_harm),
		T(long_datagram_is_ignored_whole),
		T(descriptors_are_not_accepted),
		T(strangers_are_ignored),
		T(process_of_the_session_counts),
		T(descendant_counts),
		T(one_that_ends_meanwhile_has_ended),
		T(one_that_has_ended_counts_for_its_user),
		T(ended_one_counts_for_the_user_of_the_process),
	};

	return RUN_TESTS(tests);
}
