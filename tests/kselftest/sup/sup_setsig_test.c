// SPDX-License-Identifier: GPL-2.0
/*
 * Owners whose socket sends signals. Each record that comes makes the kernel
 * send one, out of our own wake-up; whom it may hit is for the kernel to say,
 * by the rights of who has set it.
 */
#include "sup_test.h"
#include "sup_attack.h"

#define MEMBERS 20

FIXTURE(setsig) {
	struct sup s;
	struct group g;
	int up[2];
};

FIXTURE_SETUP(setsig)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, pipe(self->up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(setsig)
{
	sup_close(&self->s);
}

/* A process, or with a minus a process group, has the signal at each record. */
static int arm(struct sup *s, pid_t whom, int sig)
{
	if (fcntl(s->fd, F_SETOWN, whom) || fcntl(s->fd, F_SETSIG, sig) ||
	    fcntl(s->fd, F_SETFL, O_ASYNC))
		return -errno;
	return 0;
}

/* As Alice, at root's process. */
static int shoot(struct sup *s, void *arg)
{
	struct record r;
	struct group g;
	int i;

	if (arm(s, *(pid_t *)arg, SIGKILL))
		return -200;
	if (group_new(s, CHILDREN, 0, 0, &g))
		return -201;
	for (i = 0; i < MEMBERS; i++)
		if (record_exit_of(s, spawn(exit_with, NULL), &r) ||
		    record_ack(s, g.id, r.seq))
			return -202;
	return 0;
}

TEST_F(setsig, process_of_another_user_is_not_hit)
{
	pid_t victim;

	if (geteuid())
		SKIP(return, "needs root");
	victim = spawn_waiting();
	EXPECT_EQ(0, as_user(ALICE, shoot, &victim));
	EXPECT_TRUE(alive(victim));
	kill(victim, SIGKILL);
}

/* The end of one member ends the next, all within our own wake-ups. */
TEST_F(setsig, members_fall_one_by_one_and_all_are_told)
{
	pid_t pids[MEMBERS];
	struct record r;
	int i;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < MEMBERS; i++)
		pids[i] = spawn_waiting();
	for (i = 0; i < MEMBERS - 1; i++) {
		ASSERT_EQ(0, arm(&self->s, pids[i + 1], SIGKILL));
		if (!i)
			kill(pids[0], SIGTERM);
		ASSERT_EQ(0, record_exit_of(&self->s, pids[i], &r));
		EXPECT_EQ(i ? SIGKILL : SIGTERM, r.signal);
		/* It is the kernel's; the owner has not sent it. */
		EXPECT_EQ(!i, !!(r.flags & SUP_RECORD_FLAG_SENDER));
		/* The answer wakes us as well, if the record came too soon. */
		ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	}
}

/* One exit kills a process group of members; each of these is told. */
TEST_F(setsig, all_members_at_once)
{
	pid_t pids[MEMBERS];
	struct record r;
	int i, exits = 0;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
	for (i = 0; i < MEMBERS; i++) {
		pids[i] = spawn_waiting();
		ASSERT_EQ(0, setpgid(pids[i], pids[0]));
	}
	ASSERT_EQ(0, arm(&self->s, -pids[0], SIGKILL));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	while (exits < MEMBERS) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(SIGKILL, r.signal);
		exits++;
	}
}

/* The owner shoots itself: its group goes as at any death of an owner. */
TEST_F(setsig, owner_itself)
{
	pid_t *member = shared_page(), owner;
	int status;

	owner = fork();
	if (!owner) {
		sup_close(&self->s);
		if (sup_open(&self->s) ||
		    group_new(&self->s, CHILDREN, 0, 0, &self->g) ||
		    arm(&self->s, getpid(), SIGKILL))
			_exit(1);
		*member = spawn_waiting();
		spawn(exit_with, NULL);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(owner, waitpid(owner, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_TRUE(wait_gone(*member));
}

/* A stop is no end; who is stopped holds nobody up. */
TEST_F(setsig, owner_that_stops_itself)
{
	struct record r;
	struct group g;
	int status, i;
	pid_t owner;

	owner = fork();
	if (!owner) {
		sup_close(&self->s);
		if (sup_open(&self->s) ||
		    group_new(&self->s, CHILDREN, 0, 0, &self->g) ||
		    arm(&self->s, getpid(), SIGSTOP))
			_exit(1);
		spawn(exit_with, NULL);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(owner, waitpid(owner, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	for (i = 0; i < MEMBERS; i++)
		ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL),
					    &r));
	kill(owner, SIGKILL);
}

TEST_HARNESS_MAIN
