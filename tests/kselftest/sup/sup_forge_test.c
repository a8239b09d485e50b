// SPDX-License-Identifier: GPL-2.0
/* Lies: of who sent a signal, and of who sent a record. */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "sup_test.h"
#include "sup_attack.h"

FIXTURE(forge) {
	struct sup s;
	struct group g;
};

FIXTURE_SETUP(forge)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
}

FIXTURE_TEARDOWN(forge)
{
	sup_close(&self->s);
}

/* kill(2), but the signal says that it comes from init. */
static int kill_as_init(pid_t pid, int sig, int code)
{
	siginfo_t info = { .si_signo = sig, .si_code = code };

	info.si_pid = 1;
	info.si_uid = 0;
	return syscall(SYS_rt_sigqueueinfo, pid, sig, &info) ? -errno : 0;
}

TEST_F(forge, sender_is_who_sent_it_not_who_it_says)
{
	struct record r;
	pid_t pid;

	pid = spawn_waiting();
	ASSERT_EQ(0, kill_as_init(pid, SIGTERM, SI_QUEUE));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	ASSERT_TRUE(r.flags & SUP_RECORD_FLAG_SENDER);
	EXPECT_EQ(getpid(), r.sender_pid);
	EXPECT_EQ(getuid(), r.sender_uid);
}

/* A code of the kernel's hides who sent it, and names nobody else. */
TEST_F(forge, sender_that_hides_is_nobody)
{
	static const int codes[] = { SI_TIMER, SI_MESGQ, SI_ASYNCIO, SI_SIGIO };
	struct record r;
	pid_t pid;
	int i;

	pid = spawn_waiting();
	EXPECT_EQ(-EPERM, kill_as_init(pid, SIGTERM, SI_USER));
	EXPECT_EQ(-EPERM, kill_as_init(pid, SIGTERM, SI_KERNEL));
	EXPECT_EQ(-EPERM, kill_as_init(pid, SIGTERM, SI_TKILL));
	kill(pid, SIGKILL);
	for (i = 0; i < 4; i++) {
		pid = spawn_waiting();
		ASSERT_EQ(0, kill_as_init(pid, SIGTERM, codes[i]));
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(SIGTERM, r.signal);
		EXPECT_EQ(r.flags & SUP_RECORD_FLAG_SENDER ? getpid() : 0,
			  r.sender_pid);
	}
}

static uint32_t portid_of(int fd)
{
	struct sockaddr_nl addr = {};
	socklen_t len = sizeof(addr);

	return getsockname(fd, (struct sockaddr *)&addr, &len) ? 0 :
							addr.nl_pid;
}

/* A record of an exit that was not, to the owner's socket. */
static int send_record(struct sup *s, void *arg)
{
	struct sockaddr_nl to = {
		.nl_family = AF_NETLINK,
		.nl_pid = *(uint32_t *)arg,
	};
	struct request r;

	request_init(&r, s, SUP_CMD_RECORD_NTF, false);
	put_data(&r, SUP_A_BATCH_RECORD, NULL, 0);
	request_end(&r);
	return sendto(s->fd, r.buf, r.len, 0, (struct sockaddr *)&to,
		      sizeof(to)) < 0 ? -errno : 0;
}

TEST_F(forge, record_from_another_user_does_not_come)
{
	uint32_t portid = portid_of(self->s.fd);

	if (geteuid())
		SKIP(return, "needs root");
	EXPECT_EQ(-EPERM, as_user(ALICE, send_record, &portid));
}

/* The port id of who may send is not the kernel's, so a reader can tell. */
TEST_F(forge, record_from_an_administrator_has_his_port_id)
{
	uint32_t portid = portid_of(self->s.fd);
	struct sockaddr_nl from = {};
	socklen_t len = sizeof(from);
	char buf[4096];
	struct sup s;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, send_record(&s, &portid));
	ASSERT_LT(0, recvfrom(self->s.fd, buf, sizeof(buf), 0,
			      (struct sockaddr *)&from, &len));
	EXPECT_EQ(portid_of(s.fd), from.nl_pid);
	waitpid(spawn(exit_with, NULL), NULL, 0);
	len = sizeof(from);
	ASSERT_LT(0, recvfrom(self->s.fd, buf, sizeof(buf), 0,
			      (struct sockaddr *)&from, &len));
	EXPECT_EQ(0, from.nl_pid);
	sup_close(&s);
}

TEST_HARNESS_MAIN
