// SPDX-License-Identifier: GPL-2.0
/*
 * Setuid programs: as members, as what is to be attached, and as those who
 * are given a socket for their output, and requests to write there.
 */
#include <linux/netlink.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sup_test.h"
#include "sup_attack.h"

/* What the attacker, who is another process and user, tells us. */
struct told {
	uint64_t id, retained, roots;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t setuid, plain, victim;
	int ret[16], n;
};

FIXTURE(setuid) {
	struct sup s;
	struct told *t;
	char program[128], dir[64];
	int in[2], out[2], go[2], up[2];
};

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = creat(to, 0700), ret = 0;
	char buf[4096];
	ssize_t n;

	if (in < 0 || out < 0)
		return -errno;
	while (!ret && (n = read(in, buf, sizeof(buf))))
		ret = n < 0 || write(out, buf, n) != n ? -EIO : 0;
	close(in);
	close(out);
	return ret;
}

/* On a file system that only this test sees, and that goes with it. */
static int install(char *dir, char *program)
{
	char self[2048] = {}, from[4096];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	*strrchr(self, '/') = 0;
	sprintf(from, "%s/sup_setuid", self);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(dir) || mount("sup", dir, "tmpfs", 0, "mode=755"))
		return -errno;
	sprintf(program, "%s/sup_setuid", dir);
	return copy_file(from, program) ?:
	       chmod(program, 04755) ? -errno : 0;
}

FIXTURE_SETUP(setuid)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	sprintf(self->dir, "/tmp/sup_setuid.XXXXXX");
	ASSERT_EQ(0, install(self->dir, self->program));
	self->t = shared_page();
	ASSERT_EQ(0, pipe(self->in));
	ASSERT_EQ(0, pipe(self->out));
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(setuid)
{
	struct group g;

	if (self->t && self->t->retained &&
	    !group_adopt(&self->s, self->t->retained, NULL, 0, &g))
		group_del(&self->s, g.id, true);
	sup_close(&self->s);
	umount2(self->dir, MNT_DETACH);
	rmdir(self->dir);
}

#define setuid_data _test_data_setuid

/* Becomes the program; in and out are its input and output. */
static void exec_setuid(struct setuid_data *self, const char *what, int in,
			int out)
{
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1)
		_exit(98);
	close(self->in[1]);
	execl(self->program, self->program, what, NULL);
	_exit(99);
}

/* Starts it as a child; its first byte has come when this returns. */
static pid_t start(struct setuid_data *self, const char *what)
{
	pid_t pid = fork();

	if (!pid)
		exec_setuid(self, what, self->in[0], self->out[1]);
	return told(self->out[0]) ? pid : -1;
}

/* Nobody but the attacker is to keep the program's input from ending. */
static void wait_without_input(void *arg)
{
	struct setuid_data *self = arg;

	close(self->in[1]);
	wait_for_signal(NULL);
}

/* One of each request, with what it needs to do harm. */
static void prepare(struct request *r, struct sup *s, struct told *t, int n)
{
	static const uint8_t cmds[] = {
		SUP_CMD_GROUP_NEW, SUP_CMD_GROUP_ADOPT, SUP_CMD_GROUP_ADOPT,
		SUP_CMD_MEMBER_ADD, SUP_CMD_MEMBER_ADD, SUP_CMD_GROUP_KILL,
		SUP_CMD_RECORD_ACK, SUP_CMD_RECORD_GET, SUP_CMD_GROUP_DEL,
		SUP_CMD_SPAWN_SET, SUP_CMD_GROUP_HAND_OVER, SUP_CMD_OBSERVE,
	};

	request_init(r, s, cmds[n], false);
	switch (n) {
	case 0:
		put_u32(r, SUP_A_GROUP_FLAGS, CHILDREN);
		break;
	case 1:
		put_data(r, SUP_A_GROUP_TOKEN, t->token, SUP_TOKEN_SIZE);
		__attribute__((fallthrough));
		/* ... and by the power that root has. */
	case 2:
		put_u64(r, SUP_A_GROUP_ID, t->retained);
		break;
	case 3:
		put_u64(r, SUP_A_MEMBER_GROUP, t->id);
		put_data(r, SUP_A_MEMBER_SELF, NULL, 0);
		break;
	case 4:
		put_u64(r, SUP_A_MEMBER_GROUP, t->id);
		put_u32(r, SUP_A_MEMBER_PID, t->victim);
		put_u64(r, SUP_A_MEMBER_START_TICKS, start_ticks(t->victim));
		break;
	case 5:
		put_u64(r, SUP_A_GROUP_ID, t->id);
		put_u32(r, SUP_A_GROUP_SIGNAL, SIGKILL);
		break;
	case 6:
		put_u64(r, SUP_A_BATCH_SEQ, 1);
		__attribute__((fallthrough));
	case 7:
		put_u64(r, SUP_A_BATCH_GROUP, t->id);
		break;
	case 8:
		put_u64(r, SUP_A_GROUP_ID, t->id);
		put_data(r, SUP_A_GROUP_RELEASE, NULL, 0);
		break;
	case 9:
		put_u64(r, SUP_A_MEMBER_GROUP, t->id);
		put_u32(r, SUP_A_MEMBER_KIND, PROCESS);
		break;
	case 10:
		put_u64(r, SUP_A_GROUP_ID, t->id);
		break;
	case 11:
		/* Of root: to see all is a right of its. */
		put_u64(r, SUP_A_GROUP_ID, t->roots);
		put_u32(r, SUP_A_GROUP_EVENTS, 0);
		break;
	}
	request_end(r);
}

#define REQUESTS 12

/* Has the program write each of them, and reads what the kernel says. */
static void feed(struct setuid_data *self, struct sup *s)
{
	struct told *t = self->t;
	struct request r;

	for (t->n = 0; t->n < REQUESTS; t->n++) {
		prepare(&r, s, t, t->n);
		if (write(self->in[1], r.buf, r.len) != r.len)
			_exit(97);
		t->ret[t->n] = answer(s, &r);
	}
}

/* A group that waits for adoption, made by a process that has ended. */
static int leave_retained(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct group g;
	int ret;

	ret = group_new(s, 0, SUP_POLICY_RETAIN, 60000, &g);
	t->retained = g.id;
	memcpy(t->token, g.token, sizeof(t->token));
	return ret;
}

/* An owner with a member, an exit that is not acknowledged, and a victim. */
static int attacker_begin(struct setuid_data *self, struct sup *s)
{
	struct told *t = self->t;
	struct record r;
	struct group g;

	if (become(ALICE) || sup_open(s) || group_new(s, CHILDREN, 0, 0, &g))
		return -1;
	t->id = g.id;
	if (record_exit_of(s, spawn(exit_with, NULL), &r))
		return -1;
	t->plain = spawn(wait_without_input, self);
	return 0;
}

static bool nothing_was_done(struct setuid_data *self)
{
	struct told *t = self->t;
	struct group g;

	return !group_get(&self->s, t->id, &g) && g.processes >= 1 &&
	       g.state == SUP_GROUP_STATE_OWNED && g.acked == 0 &&
	       g.threads == 0 && alive(t->plain) && alive(t->victim) &&
	       !group_get(&self->s, t->retained, &g) &&
	       g.state == SUP_GROUP_STATE_RETAINED;
}

TEST_F(setuid, requests_written_by_a_child_of_the_attacker)
{
	struct told *t = self->t;
	pid_t attacker;
	struct group g;
	struct sup s;
	int i;

	ASSERT_EQ(0, as_user(ALICE, leave_retained, t));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	t->roots = g.id;
	t->victim = spawn(wait_without_input, self);
	attacker = fork();
	if (!attacker) {
		if (attacker_begin(self, &s))
			_exit(1);
		if (!fork())
			exec_setuid(self, "copy", self->in[0], s.fd);
		feed(self, &s);
		tell(self->up[1]);
		told(self->go[0]);
		_exit(0);
	}
	ASSERT_TRUE(told(self->up[0]));
	for (i = 0; i < REQUESTS; i++)
		EXPECT_EQ(-EPERM, t->ret[i]) TH_LOG("request %d", i);
	EXPECT_TRUE(nothing_was_done(self));
	tell(self->go[1]);
	kill(t->victim, SIGKILL);
}

TEST_F(setuid, requests_written_by_the_owner_after_its_exec)
{
	struct told *t = self->t;
	pid_t attacker;
	struct group g;
	struct sup s;
	int i;

	ASSERT_EQ(0, as_user(ALICE, leave_retained, t));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	t->roots = g.id;
	t->victim = spawn(wait_without_input, self);
	attacker = fork();
	if (!attacker) {
		if (attacker_begin(self, &s))
			_exit(1);
		/* This process is the owner, and will be root. */
		if (fork())
			exec_setuid(self, "copy", self->in[0], s.fd);
		feed(self, &s);
		close(s.fd);
		/* With its input ends the owner, and with it this member. */
		tell(self->up[1]);
		_exit(0);
	}
	close(self->in[1]);
	self->in[1] = -1;
	ASSERT_TRUE(told(self->up[0]));
	for (i = 0; i < REQUESTS; i++)
		EXPECT_EQ(-EPERM, t->ret[i]) TH_LOG("request %d", i);
	EXPECT_TRUE(alive(t->victim));
	ASSERT_EQ(attacker, waitpid(attacker, NULL, 0));
	kill(t->victim, SIGKILL);
}

#define GROUPS 250

/* Counts the groups in an answer that comes by a pipe, until its end. */
static int count_groups(int fd, int *ret_foreign)
{
	static char buf[1 << 18];
	const struct nlmsghdr *nlh = (void *)buf;
	size_t have = 0;
	struct group g;
	int n = 0;
	ssize_t got;

	*ret_foreign = 0;
	for (;;) {
		while (have < (char *)nlh - buf + sizeof(*nlh) ||
		       have < (char *)nlh - buf + nlh->nlmsg_len) {
			got = read(fd, buf + have, sizeof(buf) - have);
			if (got <= 0)
				return -1;
			have += got;
		}
		if (nlh->nlmsg_type == NLMSG_DONE)
			return n;
		memset(&g, 0, sizeof(g));
		parse_group(0, (char *)nlh + NLMSG_LENGTH(4),
			    nlh->nlmsg_len - NLMSG_LENGTH(4), &g);
		*ret_foreign += g.owner_uid != ALICE;
		n++;
		nlh = (void *)((char *)nlh + NLMSG_ALIGN(nlh->nlmsg_len));
	}
}

/* A dump that the attacker begins goes on in whoever reads, as root here. */
static int dump_by_setuid(struct setuid_data *self)
{
	struct request r;
	int i, foreign;
	struct group g;
	struct sup s;
	pid_t pid;

	if (become(ALICE) || sup_open(&s))
		return 1;
	for (i = 0; i < GROUPS; i++)
		if (group_new(&s, 0, 0, 0, &g))
			return 2;
	tell(self->up[1]);
	told(self->go[0]);
	request_init(&r, &s, SUP_CMD_GROUP_GET, true);
	request_end(&r);
	if (send(s.fd, r.buf, r.len, 0) != r.len)
		return 3;
	pid = fork();
	if (!pid)
		exec_setuid(self, "copy", s.fd, self->out[1]);
	i = count_groups(self->out[0], &foreign);
	kill(pid, SIGKILL);
	/* Root on Alice's socket has what both have: what came before. */
	return i > 0 && i < GROUPS && !foreign ? 0 : 4;
}

TEST_F(setuid, dump_that_goes_on_as_root_shows_no_more)
{
	pid_t attacker;
	struct group g;
	int status;

	attacker = fork();
	if (!attacker)
		_exit(dump_by_setuid(self));
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	tell(self->go[1]);
	ASSERT_EQ(attacker, waitpid(attacker, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* Runs in the owner: a member that became root, with a child. */
static int member_becomes_root(struct setuid_data *self, struct sup *s)
{
	struct member m[4];
	struct group k;
	pid_t pid;
	int n;

	pid = start(self, "fork");
	if (pid < 0 || !told(self->out[0]))
		return -2;
	self->t->setuid = pid;
	/* The descendant is a member, too, of the same lineage. */
	n = member_dump(s, self->t->id, 0, m, 4);
	if (n != 3 || m[1].lineage != m[2].lineage)
		return -3;
	if (group_kill(s, self->t->id, SIGKILL, m[1].lineage, 0, &k) != -EPERM)
		return -4;
	/* The plain member is in the owner's power, the two others are not. */
	if (group_kill(s, self->t->id, SIGKILL, 0, 0, &k) ||
	    k.signalled != 1 || k.refused != 2)
		return -5;
	return alive(pid) ? 0 : -6;
}

TEST_F(setuid, member_that_becomes_root)
{
	struct told *t = self->t;
	pid_t attacker;
	struct record r;
	struct sup s;
	int ret = 0;

	attacker = fork();
	if (!attacker) {
		ret = attacker_begin(self, &s) ?: member_becomes_root(self, &s);
		if (ret)
			_exit(-ret);
		if (record_exit_of(&s, t->plain, &r))
			_exit(10);
		close(self->in[1]);
		/* Root ends by itself, and both ends are told. */
		if (record_wait(&s, SUP_RECORD_KIND_EXIT, &r) || r.code != 22)
			_exit(11);
		if (record_exit_of(&s, t->setuid, &r) || r.code != 21)
			_exit(12);
		_exit(record_wait(&s, SUP_RECORD_KIND_LINEAGE_EMPTY, &r) ? 13 :
									   0);
	}
	close(self->in[1]);
	self->in[1] = -1;
	ASSERT_EQ(attacker, waitpid(attacker, &ret, 0));
	EXPECT_EQ(0, WEXITSTATUS(ret));
}

TEST_F(setuid, sender_of_a_signal_to_a_member_that_became_root_is_withheld)
{
	struct told *t = self->t;
	pid_t attacker;
	struct record r;
	struct sup s;
	int ret;

	attacker = fork();
	if (!attacker) {
		if (attacker_begin(self, &s))
			_exit(1);
		t->setuid = start(self, "root");
		tell(self->up[1]);
		if (record_exit_of(&s, t->setuid, &r))
			_exit(2);
		_exit(r.signal != SIGTERM ||
		      r.flags & SUP_RECORD_FLAG_SENDER || r.sender_pid ? 3 : 0);
	}
	ASSERT_TRUE(told(self->up[0]));
	/* By us, who are root. */
	ASSERT_EQ(0, kill(t->setuid, SIGTERM));
	ASSERT_EQ(attacker, waitpid(attacker, &ret, 0));
	EXPECT_EQ(0, WEXITSTATUS(ret));
}

/* kill(2) is allowed here, tracing is not: the address stays its secret. */
TEST_F(setuid, fault_address_of_a_setuid_program_is_withheld)
{
	struct told *t = self->t;
	pid_t attacker;
	struct record r;
	struct sup s;
	int ret;

	attacker = fork();
	if (!attacker) {
		if (attacker_begin(self, &s))
			_exit(1);
		t->setuid = start(self, "crash");
		close(self->in[1]);
		tell(self->up[1]);
		if (record_exit_of(&s, t->setuid, &r) || r.signal != SIGSEGV)
			_exit(2);
		_exit(r.flags & SUP_RECORD_FLAG_FAULT || r.fault_addr ? 3 : 0);
	}
	ASSERT_TRUE(told(self->up[0]));
	close(self->in[1]);
	self->in[1] = -1;
	ASSERT_EQ(attacker, waitpid(attacker, &ret, 0));
	EXPECT_EQ(0, WEXITSTATUS(ret));
}

TEST_F(setuid, member_that_became_root_outlives_the_owner)
{
	struct told *t = self->t;
	pid_t attacker;
	struct sup s;

	attacker = fork();
	if (!attacker) {
		if (attacker_begin(self, &s))
			_exit(1);
		t->setuid = start(self, "fork");
		told(self->out[0]);
		_exit(0);
	}
	ASSERT_EQ(attacker, waitpid(attacker, NULL, 0));
	EXPECT_TRUE(wait_gone(t->plain));
	ASSERT_TRUE(reaches_state(&self->s, t->id, SUP_GROUP_STATE_CLOSING));
	EXPECT_TRUE(alive(t->setuid));
	EXPECT_TRUE(reaches_processes(&self->s, t->id, 2));
	close(self->in[1]);
	self->in[1] = -1;
	EXPECT_TRUE(reaches_state(&self->s, t->id, ENDED));
}

/* Runs as the user who has started it. */
static int claim(struct sup *s, void *arg)
{
	struct setuid_data *self = arg;
	struct member m;
	struct group g;
	int fd, ret;
	pid_t pid;

	pid = start(self, "wait");
	fd = pidfd_of(pid);
	if (fd < 0 || group_new(s, 0, 0, 0, &g))
		return -200;
	/* kill(2) is allowed: the real user is the same. */
	if (kill(pid, 0))
		return -201;
	ret = member_add_pidfd(s, g.id, fd, 0, &m);
	if (ret != member_add_pid(s, g.id, pid, start_ticks(pid), PROCESS, 0,
				  &m) ||
	    ret != member_add_pid(s, g.id, pid, start_ticks(pid), THREAD, 0,
				  &m))
		return -202;
	return ret;
}

TEST_F(setuid, running_setuid_program_is_not_attached)
{
	EXPECT_EQ(-EPERM, as_user(ALICE, claim, self));
}

TEST_HARNESS_MAIN
