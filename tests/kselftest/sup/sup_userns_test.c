// SPDX-License-Identifier: GPL-2.0
/* User namespaces: who is root in one of his own is nobody outside. */
#include "sup_test.h"
#include "sup_attack.h"

struct told {
	uint64_t id;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t victim, member;
};

FIXTURE(userns) {
	struct sup s;
	struct told *t;
	int go[2], up[2];
};

/* Those inside may have groups, so that it is not this that stops them. */
FIXTURE_SETUP(userns)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->t = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, param_set("unprivileged", "2"));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(userns)
{
	struct group g;

	if (geteuid())
		return;
	param_set("unprivileged", "1");
	if (self->t->id && !group_adopt(&self->s, self->t->id, NULL, 0, &g))
		group_del(&self->s, g.id, true);
	if (self->t->victim)
		kill(self->t->victim, SIGKILL);
	sup_close(&self->s);
}

#define userns_data _test_data_userns

/* Root, with all capabilities, of a namespace that has just this user. */
static int be_root_inside(struct sup *s)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %d 1", getuid());
	if (unshare(CLONE_NEWUSER))
		return -77;
	if (write_file("/proc/self/uid_map", map) || geteuid() ||
	    prctl(PR_SET_DUMPABLE, 1))
		return -78;
	return sup_open(s) ? -79 : 0;
}

static void wait_without_socket(void *arg)
{
	sup_close(arg);
	wait_for_signal(NULL);
}

/* A group of root's that waits for adoption, and a process of root's. */
static int leave_group(struct userns_data *self)
{
	struct group g;
	struct sup s;

	self->t->victim = spawn(wait_without_socket, &self->s);
	if (sup_open(&s) ||
	    group_new(&s, 0, SUP_POLICY_RETAIN, 60000, &g))
		return -1;
	self->t->id = g.id;
	memcpy(self->t->token, g.token, sizeof(g.token));
	sup_close(&s);
	return reaches_state(&self->s, g.id, SUP_GROUP_STATE_RETAINED) ? 0 :
									 -1;
}

static int attack(struct sup *outside, void *arg)
{
	struct group g, own, all[64];
	struct told *t = arg;
	struct member m[2];
	int i, n, ret;
	struct sup s;

	ret = be_root_inside(&s);
	if (ret)
		return ret;
	if (group_adopt(&s, t->id, NULL, 0, &g) != -EPERM)
		return -1;
	if (group_get(&s, t->id, &g) != -EPERM ||
	    member_dump(&s, t->id, 0, m, 2) != -EPERM)
		return -2;
	if (group_kill(&s, t->id, SIGKILL, 0, 0, &g) != -EPERM ||
	    group_del(&s, t->id, true) != -EPERM)
		return -3;
	if (group_new(&s, 0, 0, 0, &own))
		return -4;
	if (member_add_pid(&s, own.id, t->victim, start_ticks(t->victim),
			   PROCESS, 0, m) != -EPERM)
		return -5;
	/* It sees those of its user, and no other's. */
	n = group_dump(&s, all, 64);
	for (i = 0; i < n && i < 64; i++)
		if (all[i].owner_uid != 0)
			return -6;
	if (n < 1)
		return -8;
	/* Nor by the socket that it had before. */
	if (group_new(outside, 0, 0, 0, &g) != -EPERM)
		return -7;
	return -100;
}

TEST_F(userns, root_inside_has_no_power_outside)
{
	int ret;

	ASSERT_EQ(0, leave_group(self));
	ret = as_user(ALICE, attack, self->t);
	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-100, ret);
	EXPECT_TRUE(alive(self->t->victim));
}

static int new_inside(struct sup *s, void *arg)
{
	struct sup inside;
	struct group g;

	return be_root_inside(&inside) ?: group_new(&inside, 0, 0, 0, &g);
}

static int new_outside(struct sup *s, void *arg)
{
	struct group g;

	return group_new(s, 0, 0, 0, &g);
}

TEST_F(userns, parameter_unprivileged)
{
	const struct {
		const char *value;
		int outside, inside;
	} cases[] = {
		{ "0", -EPERM, -EPERM },
		{ "1", 0, -EPERM },
		{ "2", 0, 0 },
	};
	int i, ret;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, param_set("unprivileged", cases[i].value));
		EXPECT_EQ(cases[i].outside, as_user(ALICE, new_outside, NULL));
		ret = as_user(ALICE, new_inside, NULL);
		if (ret == -77)
			SKIP(return, "no user namespaces for users here");
		EXPECT_EQ(cases[i].inside, ret);
	}
}

/* Alice's process in a namespace of its own is hers, as kill(2) sees it. */
static int own_member_inside(struct sup *s, void *arg)
{
	struct userns_data *self = arg;
	struct group g, k;
	struct record r;
	struct sup in;
	pid_t pid;
	int ret;

	if (group_new(s, CHILDREN, 0, 0, &g))
		return -1;
	pid = fork();
	if (!pid) {
		ret = be_root_inside(&in);
		tell(self->up[1]);
		if (ret)
			_exit(77);
		wait_for_signal(NULL);
	}
	told(self->up[0]);
	if (group_kill(s, g.id, SIGKILL, 0, 0, &k) || k.refused)
		return -2;
	if (record_exit_of(s, pid, &r))
		return -3;
	return r.code == 77 ? -77 : r.signal == SIGKILL ? -100 : -4;
}

TEST_F(userns, member_inside_stays_in_the_owners_power)
{
	int ret = as_user(ALICE, own_member_inside, self);

	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-100, ret);
}

#define MAPPED 100000

/* In a namespace that its parent maps to a user that nobody here is. */
static void be_mapped_inside(struct userns_data *self)
{
	int ret = unshare(CLONE_NEWUSER);

	tell(self->up[1]);
	if (ret || !told(self->go[0]) || setresgid(0, 0, 0) ||
	    setresuid(0, 0, 0))
		_exit(77);
	tell(self->up[1]);
	wait_for_signal(NULL);
}

static int map_to(pid_t pid, const char *which)
{
	char path[64], map[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	snprintf(map, sizeof(map), "0 %d 1", MAPPED);
	return write_file(path, map);
}

/* The power over a user namespace is that over those in it. */
TEST_F(userns, sender_is_told_of_a_user_who_is_only_inside)
{
	struct record r;
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	pid = fork();
	if (!pid)
		be_mapped_inside(self);
	ASSERT_TRUE(told(self->up[0]));
	if (map_to(pid, "uid_map") || map_to(pid, "gid_map")) {
		kill(pid, SIGKILL);
		SKIP(return, "no user namespaces here");
	}
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, kill(pid, SIGTERM));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_WITHHELD);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_SENDER);
	EXPECT_EQ(getpid(), r.sender_pid);
}

/* So is the init of a pid namespace in it, whatever it does with signals. */
static int own_init_inside(struct sup *s, void *arg)
{
	struct userns_data *self = arg;
	struct group g, k;
	struct record r;
	struct sup in;
	pid_t pid;
	int ret;

	if (group_new(s, CHILDREN, 0, 0, &g))
		return -1;
	pid = fork();
	if (!pid) {
		ret = be_root_inside(&in) ?: unshare(CLONE_NEWPID);
		if (!ret && fork())
			wait_for_signal(NULL);
		tell(self->up[1]);
		if (ret)
			_exit(77);
		wait_for_signal(NULL);
	}
	told(self->up[0]);
	ret = group_kill(s, g.id, SIGKILL, 0, 0, &k);
	if (!ret && (k.signalled != 2 || k.refused))
		return -2;
	if (record_exit_of(s, pid, &r))
		return -3;
	if (r.code == 77)
		return -77;
	return ret || record_wait(s, SUP_RECORD_KIND_GROUP_EMPTY, &r) ? -4 :
									-100;
}

TEST_F(userns, init_inside_is_killed)
{
	int ret = as_user(ALICE, own_init_inside, self);

	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-100, ret);
}

/* Names of users outside mean nothing inside: the overflow uid is told. */
static int own_inside(struct sup *s, void *arg)
{
	struct userns_data *self = arg;
	struct record r;
	struct group g;
	struct sup in;
	int ret;

	ret = be_root_inside(&in);
	if (ret) {
		tell(self->up[1]);
		return ret;
	}
	if (group_new(&in, CHILDREN, 0, 0, &g))
		return -1;
	self->t->member = spawn_waiting();
	tell(self->up[1]);
	if (record_wait(&in, SUP_RECORD_KIND_EXIT, &r))
		return -2;
	if (!(r.flags & SUP_RECORD_FLAG_SENDER) || r.sender_uid != 65534)
		return -3;
	/* Its own uid has a name. */
	self->t->member = spawn_waiting();
	kill(self->t->member, SIGTERM);
	if (record_exit_of(&in, self->t->member, &r) || r.sender_uid != 0 ||
	    r.sender_pid != getpid())
		return -4;
	return -100;
}

TEST_F(userns, sender_outside_is_the_overflow_uid_inside)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(-as_user(ALICE, own_inside, self));
	ASSERT_TRUE(told(self->up[0]));
	if (self->t->member)
		kill(self->t->member, SIGTERM);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (WEXITSTATUS(status) == 77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(100, WEXITSTATUS(status));
}

/* Root takes the group that was left, and its process as a member. */
static void take_group(struct __test_metadata *_metadata,
		       struct userns_data *self)
{
	struct member m;
	struct group g;

	ASSERT_EQ(0, leave_group(self));
	ASSERT_EQ(0, group_adopt(&self->s, self->t->id, NULL, 0, &g));
	ASSERT_EQ(0, member_add_pid(&self->s, g.id, self->t->victim,
				    start_ticks(self->t->victim), PROCESS, 0,
				    &m));
	memcpy(self->t->token, g.token, sizeof(g.token));
}

/* Root is the owner no more, and the token is what opens it. */
static void leave_group_again(struct __test_metadata *_metadata,
			      struct userns_data *self)
{
	sup_close(&self->s);
	ASSERT_EQ(0, sup_open(&self->s));
	ASSERT_TRUE(reaches_state(&self->s, self->t->id,
				  SUP_GROUP_STATE_RETAINED));
}

/* Who has the token has the group, and of root's members none. */
static int adopt_inside(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct group g;
	struct sup in;
	int ret;

	ret = be_root_inside(&in) ?:
	      group_adopt(&in, t->id, t->token, 0, &g);
	if (ret)
		return ret;
	return group_kill(&in, t->id, SIGKILL, 0, 0, &g) == -EPERM ? -100 :
								     -1;
}

TEST_F(userns, adopter_inside_has_its_own_rights)
{
	int ret;

	take_group(_metadata, self);
	leave_group_again(_metadata, self);
	ret = as_user(ALICE, adopt_inside, self->t);
	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-100, ret);
	EXPECT_TRUE(alive(self->t->victim));
}

/* Root outside, whose number is that of the adopter's own root. */
static int adopt_and_read(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct record r;
	struct group g;
	struct sup in;
	int ret;

	ret = be_root_inside(&in) ?:
	      group_adopt(&in, t->id, t->token, 0, &g);
	if (ret)
		return ret;
	if (record_wait(&in, SUP_RECORD_KIND_EXIT, &r))
		return -1;
	return r.flags & SUP_RECORD_FLAG_SENDER && r.sender_uid == 65534 ?
	       -100 : -2;
}

TEST_F(userns, adopter_inside_is_told_of_senders_as_it_sees_them)
{
	struct record r;
	int ret;

	take_group(_metadata, self);
	kill(self->t->victim, SIGTERM);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(0, r.sender_uid);
	self->t->victim = 0;
	leave_group_again(_metadata, self);
	ret = as_user(ALICE, adopt_and_read, self->t);
	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-100, ret);
}

static void adopt_in_child(struct userns_data *self, const struct group *left)
{
	struct group g;
	struct sup in;
	int ret;

	ret = be_root_inside(&in) ?:
	      group_adopt(&in, left->id, left->token, 0, &g);
	tell(self->up[1]);
	if (!ret)
		told(self->go[0]);
	_exit(-ret);
}

/* The same user, but another namespace: other rights. */
static int observe_outside(struct sup *s, void *arg)
{
	struct userns_data *self = arg;
	struct sup owner, observer;
	struct group g, now;
	int ret, status;
	pid_t pid;

	if (sup_open(&owner) || sup_open(&observer) ||
	    group_new(&owner, 0, SUP_POLICY_RETAIN, 60000, &g))
		return -1;
	self->t->id = g.id;
	if (observe(&observer, g.id, 1U << SUP_RECORD_KIND_FORK) ||
	    group_hand_over(&owner, g.id, 60000, &g) ||
	    group_get(&owner, g.id, &now) || now.observers != 1)
		return -2;
	pid = fork();
	if (!pid)
		adopt_in_child(self, &g);
	if (!told(self->up[0]))
		return -3;
	ret = group_get(&owner, g.id, &now);
	tell(self->go[1]);
	if (waitpid(pid, &status, 0) != pid || status)
		return WEXITSTATUS(status) == 77 ? -77 : -4;
	return !ret && !now.observers ? -100 : -5;
}

TEST_F(userns, adoption_inside_ends_what_is_observed_from_outside)
{
	int ret = as_user(ALICE, observe_outside, self);

	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-100, ret);
}

TEST_HARNESS_MAIN
