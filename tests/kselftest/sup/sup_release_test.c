// SPDX-License-Identifier: GPL-2.0
/* What a subgroup releases stays in the group above. */
#include "sup_test.h"

/* Of the member that makes the subgroup, what it tells. */
struct made {
	struct group g;
	uint32_t fatal;
	int ret;
	pid_t kid, other, late;
};

FIXTURE(release) {
	struct sup s;
	struct group g;
	struct made *made;
	int up[2], go[2], kids_up[2], kids_go[2];
	pid_t maker;
};

FIXTURE_SETUP(release)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->made = shared_page();
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->kids_up));
	ASSERT_EQ(0, pipe(self->kids_go));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
}

FIXTURE_TEARDOWN(release)
{
	sup_close(&self->s);
}

#define release_data _test_data_release

/* Forks when it is told, if it is. */
static pid_t start_kid(struct release_data *self, struct sup *s)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	close(s->fd);
	if (!told(self->kids_go[0]))
		_exit(1);
	pid = fork();
	if (!pid)
		wait_for_signal(NULL);
	self->made->late = pid;
	tell(self->kids_up[1]);
	wait_for_signal(NULL);
	return 0;
}

/* A member with a group of its own, which it releases when told. */
static void be_maker(struct release_data *self)
{
	struct made *made = self->made;
	struct sup s;

	if (sup_open(&s) || group_new_telling(&s, CHILDREN, 0, made->fatal, 0,
					      &made->g))
		_exit(1);
	made->kid = start_kid(self, &s);
	made->other = start_kid(self, &s);
	tell(self->up[1]);
	if (!told(self->go[0]))
		_exit(1);
	made->ret = group_del(&s, made->g.id, true);
	sup_close(&s);
	tell(self->up[1]);
	if (told(self->go[0]))
		_exit(7);
}

static int make(struct release_data *self)
{
	self->maker = fork();
	if (!self->maker)
		be_maker(self);
	return told(self->up[0]) ? 0 : -1;
}

/* By the maker, who ends after that. */
static int release(struct release_data *self)
{
	int status;

	tell(self->go[1]);
	if (!told(self->up[0]) || self->made->ret)
		return -1;
	tell(self->go[1]);
	return waitpid(self->maker, &status, 0) == self->maker &&
	       WEXITSTATUS(status) == 7 ? 0 : -1;
}

static int killed(struct release_data *self)
{
	struct group k;
	int ret;

	ret = group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k);
	return ret ?: (int)k.signalled;
}

TEST_F(release, who_is_released_is_killed_with_those_above)
{
	struct made *made = self->made;
	struct group g;
	struct record r;

	ASSERT_EQ(0, make(self));
	ASSERT_EQ(0, release(self));
	/* One of them has a child after that. */
	tell(self->kids_go[1]);
	ASSERT_TRUE(told(self->kids_up[0]));
	EXPECT_TRUE(alive(made->kid));
	EXPECT_TRUE(alive(made->other));
	EXPECT_TRUE(alive(made->late));
	ASSERT_EQ(0, group_get(&self->s, made->g.id, &g));
	EXPECT_EQ(SUP_GROUP_STATE_CLOSING, g.state);
	EXPECT_EQ(3, g.processes);
	EXPECT_EQ(0, g.owner_pid);
	/* They still count: its own end is all that is told. */
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(self->maker, r.pid);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_EQ(3, killed(self));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_LINEAGE_EMPTY, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_GROUP_EMPTY, r.kind);
	EXPECT_TRUE(eventually(nobody_is_left, NULL));
	EXPECT_TRUE(group_ends(&self->s, made->g.id));
}

TEST_F(release, nobody_can_have_what_was_released)
{
	struct made *made = self->made;
	struct group g;
	struct member m;
	struct sup s;

	ASSERT_EQ(0, make(self));
	ASSERT_EQ(0, release(self));
	ASSERT_EQ(0, sup_open(&s));
	EXPECT_EQ(-EBUSY, group_adopt(&s, made->g.id, made->g.token, 0, &g));
	EXPECT_STREQ("group does not wait for adoption", s.extack);
	EXPECT_EQ(-EPERM, group_kill(&s, made->g.id, SIGKILL, 0, 0, &g));
	ASSERT_EQ(0, group_new(&s, 0, 0, 0, &g));
	EXPECT_EQ(-EEXIST, member_add_pid(&s, g.id, made->kid,
					  start_ticks(made->kid), PROCESS, 0,
					  &m));
	EXPECT_EQ(2, killed(self));
	sup_close(&s);
}

TEST_F(release, it_ends_with_the_last_of_them)
{
	struct made *made = self->made;
	struct record r;

	ASSERT_EQ(0, make(self));
	ASSERT_EQ(0, release(self));
	kill(made->kid, SIGKILL);
	kill(made->other, SIGKILL);
	EXPECT_TRUE(group_ends(&self->s, made->g.id));
	EXPECT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
}

TEST_F(release, who_is_above_releases_them)
{
	struct made *made = self->made;
	struct member m;
	struct group g;

	ASSERT_EQ(0, make(self));
	ASSERT_EQ(0, release(self));
	ASSERT_EQ(0, group_del(&self->s, self->g.id, true));
	EXPECT_EQ(-ENOENT, group_get(&self->s, made->g.id, &g));
	EXPECT_TRUE(alive(made->kid));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(0, member_add_pid(&self->s, g.id, made->kid,
				    start_ticks(made->kid), PROCESS, 0, &m));
	kill(made->kid, SIGKILL);
	kill(made->other, SIGKILL);
	EXPECT_TRUE(eventually(nobody_is_left, NULL));
}

/* By the maker, who owns one that has nobody above any more. */
TEST_F(release, without_a_group_above_they_are_free)
{
	struct made *made = self->made;
	struct group g;

	ASSERT_EQ(0, make(self));
	ASSERT_EQ(0, group_del(&self->s, self->g.id, true));
	ASSERT_EQ(0, release(self));
	EXPECT_EQ(-ENOENT, group_get(&self->s, made->g.id, &g));
	EXPECT_TRUE(alive(made->kid));
	kill(made->kid, SIGKILL);
	kill(made->other, SIGKILL);
	EXPECT_TRUE(eventually(nobody_is_left, NULL));
}

TEST_F(release, its_fatal_set_is_over)
{
	struct made *made = self->made;

	made->fatal = 1 << SUP_RECORD_KIND_EXIT;
	ASSERT_EQ(0, make(self));
	ASSERT_EQ(0, release(self));
	kill(made->kid, SIGKILL);
	ASSERT_EQ(made->kid, waitpid(made->kid, NULL, 0));
	/* A birth would be killed, if that had been fatal. */
	tell(self->kids_go[1]);
	ASSERT_TRUE(told(self->kids_up[0]));
	EXPECT_TRUE(alive(made->other));
	EXPECT_TRUE(alive(made->late));
	EXPECT_EQ(2, killed(self));
}

TEST_HARNESS_MAIN
