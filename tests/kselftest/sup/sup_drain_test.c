// SPDX-License-Identifier: GPL-2.0
/* The parameter drain: no new groups, and an end of those that there are. */
#include "sup_test.h"

#define NOBODY 65534

FIXTURE(drain) {
	struct sup s;
	struct group g;
	pid_t *shared;
	int go[2], up[2];
};

FIXTURE_SETUP(drain)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->shared = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, param_set("drain", "off"));
}

FIXTURE_TEARDOWN(drain)
{
	param_set("drain", "off");
	sup_close(&self->s);
}

static bool word_is(const char *word)
{
	char line[16] = "";
	FILE *f = fopen("/sys/module/sup/parameters/drain", "r");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	line[strcspn(line, "\n")] = 0;
	return !strcmp(line, word);
}

static bool is_unused(void *arg)
{
	int refs = -1;
	FILE *f = fopen("/sys/module/sup/refcnt", "r");

	if (!f)
		return false;
	if (fscanf(f, "%d", &refs) != 1)
		refs = -1;
	fclose(f);
	return !refs;
}

/* The module could be unloaded. */
static bool module_gets_free(void)
{
	return eventually(is_unused, NULL);
}

TEST_F(drain, refuse)
{
	struct record r;
	struct group g;

	EXPECT_TRUE(word_is("off"));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, param_set("drain", "refuse"));
	EXPECT_TRUE(word_is("refuse"));
	EXPECT_EQ(-ESHUTDOWN, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_STREQ("the module is being drained", self->s.extack);
	/* What there is goes on. */
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)4L),
				    &r));
	EXPECT_EQ(4, r.code);
	EXPECT_EQ(0, group_get(&self->s, self->g.id, &g));
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 0, &self->g));
	ASSERT_EQ(0, group_adopt(&self->s, self->g.id, self->g.token, 0, &g));
	ASSERT_EQ(0, param_set("drain", "off"));
	EXPECT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
}

TEST_F(drain, release)
{
	struct member m;
	struct record r;
	struct group g;
	pid_t pid, later;
	int status;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_waiting();
	ASSERT_EQ(0, param_set("drain", "release"));
	EXPECT_TRUE(word_is("release"));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_ENDED, &r));
	EXPECT_EQ(SUP_CMD_INFORM_NTF, r.cmd);
	EXPECT_EQ(self->g.id, r.group);
	EXPECT_EQ(-ENOENT, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(-ENOENT, group_kill(&self->s, self->g.id, SIGKILL, 0, 0,
				      &g));
	EXPECT_EQ(-ENOENT, member_get(&self->s, self->g.id, pid, PROCESS, &m));
	EXPECT_STREQ("no such group", self->s.extack);
	EXPECT_TRUE(alive(pid));
	later = spawn_waiting();
	EXPECT_TRUE(module_gets_free());
	EXPECT_EQ(-ESHUTDOWN, group_new(&self->s, 0, 0, 0, &g));
	/* Members no more: another group can have them. */
	ASSERT_EQ(0, param_set("drain", "off"));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(0, member_add_pid(&self->s, g.id, pid, start_ticks(pid),
				    PROCESS, 0, &m));
	EXPECT_EQ(0, member_add_pid(&self->s, g.id, later, start_ticks(later),
				    PROCESS, 0, &m));
	kill(pid, SIGTERM);
	kill(later, SIGTERM);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	ASSERT_EQ(later, waitpid(later, NULL, 0));
}

/* A child with a group of its own, and a child in that. */
static void own_subgroup(void *arg)
{
	struct group g;
	struct sup s;
	int *n = arg;

	if (sup_open(&s) ||
	    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g))
		_exit(1);
	n[1] = spawn_waiting();
	__atomic_store_n(&n[0], getpid(), __ATOMIC_RELEASE);
	wait_for_signal(NULL);
}

static bool is_set(void *arg)
{
	return __atomic_load_n((pid_t *)arg, __ATOMIC_ACQUIRE);
}

static void bomb(void *arg)
{
	fork_bomb(arg, 400);
}

static bool has_40(void *arg)
{
	return __atomic_load_n((int *)arg, __ATOMIC_ACQUIRE) >= 40;
}

TEST_F(drain, nothing_survives_a_kill)
{
	struct group g;
	int round, i;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (round = 0; round < 5; round++) {
		self->shared[0] = 0;
		ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
		for (i = 0; i < 3; i++)
			spawn(bomb, self->shared);
		ASSERT_TRUE(eventually(has_40, self->shared));
		ASSERT_EQ(0, param_set("drain", "kill"));
		EXPECT_TRUE(eventually(nobody_is_left, NULL));
		EXPECT_TRUE(group_ends(&self->s, g.id));
		EXPECT_TRUE(module_gets_free());
		ASSERT_EQ(0, param_set("drain", "off"));
	}
}

TEST_F(drain, kill)
{
	struct record r;
	struct group g;
	int status;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn(own_subgroup, self->shared);
	ASSERT_TRUE(eventually(is_set, self->shared));
	ASSERT_EQ(0, param_set("drain", "kill"));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_TRUE(wait_gone(self->shared[1]));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_ENDED, &r));
	EXPECT_TRUE(module_gets_free());
	EXPECT_EQ(0, group_dump(&self->s, &g, 1));
}

TEST_F(drain, threads_templates_and_observers)
{
	struct member m;
	struct record r;
	struct group g;
	struct sup o;

	ASSERT_EQ(0, sup_open(&o));
	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &self->g));
	ASSERT_EQ(0, member_add_self(&self->s, self->g.id, 0, &m));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 5));
	ASSERT_EQ(0, observe(&o, self->g.id, 0));
	ASSERT_EQ(0, param_set("drain", "release"));
	ASSERT_EQ(0, record_next(&o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_ENDED, r.kind);
	EXPECT_EQ(SUP_CMD_OBSERVE_NTF, r.cmd);
	EXPECT_TRUE(module_gets_free());
	ASSERT_EQ(0, param_set("drain", "off"));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(-ENOENT, spawn_clear(&self->s, g.id));
	waitpid(spawn(exit_with, NULL), NULL, 0);
	EXPECT_EQ(-ETIMEDOUT, record_next(&o, &r, 0));
	sup_close(&o);
}

TEST_F(drain, what_waits_for_adoption)
{
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_waiting();
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 60000, &self->g));
	ASSERT_EQ(0, param_set("drain", "release"));
	EXPECT_EQ(-ENOENT, group_adopt(&self->s, self->g.id, self->g.token, 0,
				       &g));
	EXPECT_TRUE(alive(pid));
	EXPECT_TRUE(module_gets_free());
	kill(pid, SIGKILL);
}

/* An owner that is nobody, with a member that becomes root. */
static void own_one_that_gains_rights(pid_t *shared, int up, int go)
{
	struct group g;
	struct sup s;
	pid_t pid;

	if (setresuid(NOBODY, NOBODY, 0) || sup_open(&s) ||
	    group_new(&s, CHILDREN, 0, 0, &g))
		_exit(1);
	pid = fork();
	if (!pid) {
		sup_close(&s);
		if (setresuid(0, 0, 0))
			_exit(1);
		tell(up);
		wait_for_signal(NULL);
	}
	/* Its own power over the child goes with the saved user. */
	if (setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
	memcpy(shared + 2, &g.id, sizeof(g.id));
	__atomic_store_n(shared, pid, __ATOMIC_RELEASE);
	told(go);
	_exit(0);
}

TEST_F(drain, who_gained_rights_holds_the_module_no_more)
{
	uint64_t id;
	struct group g;
	pid_t owner;

	owner = fork();
	if (!owner)
		own_one_that_gains_rights(self->shared, self->up[1],
					  self->go[0]);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_TRUE(eventually(is_set, self->shared));
	memcpy(&id, self->shared + 2, sizeof(id));
	tell(self->go[1]);
	ASSERT_EQ(owner, waitpid(owner, NULL, 0));
	ASSERT_TRUE(group_reaches(&self->s, id, SUP_GROUP_STATE_CLOSING));
	ASSERT_EQ(0, group_get(&self->s, id, &g));
	EXPECT_EQ(1, g.processes);
	EXPECT_FALSE(is_unused(NULL));
	ASSERT_EQ(0, param_set("drain", "release"));
	EXPECT_EQ(-ENOENT, group_get(&self->s, id, &g));
	EXPECT_TRUE(module_gets_free());
	EXPECT_TRUE(alive(*self->shared));
	kill(*self->shared, SIGKILL);
}

static void fork_some(void *arg)
{
	int i;

	for (i = 0; i < 20; i++)
		waitpid(spawn(exit_with, NULL), NULL, 0);
}

/* While others tell of births, and what they tell is being sent. */
TEST_F(drain, end_is_told_while_there_is_much_to_tell)
{
	uint32_t events = 1U << SUP_RECORD_KIND_FORK |
			  1U << SUP_RECORD_KIND_EXITING;
	struct record r;
	int i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, events, 0,
					       0, &self->g));
		spawn(fork_some, NULL);
		spawn(fork_some, NULL);
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_FORK, &r));
		ASSERT_EQ(0, param_set("drain", "release"));
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_ENDED, &r));
		EXPECT_EQ(self->g.id, r.group);
		ASSERT_EQ(0, param_set("drain", "off"));
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
}

/* An hour of patience with who does not end, and nobody who is patient. */
TEST_F(drain, timers_do_not_hold_what_has_ended)
{
	uint32_t stuck = 1U << SUP_RECORD_KIND_STUCK;
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, stuck, 0, 3600000,
				       &self->g));
	pid = spawn_waiting();
	kill(pid, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	EXPECT_TRUE(module_gets_free());
}

TEST_F(drain, wrong_words)
{
	static const char *const wrong[] = { "on", "kil", "kill it", "KILL",
					     "1", "off refuse", "\n" };
	int i;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	for (i = 0; i < 7; i++)
		EXPECT_EQ(-EINVAL, param_set("drain", wrong[i]));
	EXPECT_TRUE(word_is("off"));
	EXPECT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	/* As echo(1) writes it. */
	EXPECT_EQ(0, param_set("drain", "refuse\n"));
	EXPECT_TRUE(word_is("refuse"));
}

TEST_F(drain, only_root_may)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (setuid(NOBODY))
			_exit(255);
		if (param_set("drain", "kill") != -EACCES)
			_exit(1);
		_exit(open("/sys/module/sup/parameters/drain", O_RDONLY) >= 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(word_is("off"));
}

#define MAKERS 2

/* Each counts the groups that it made, and how often it was refused. */
struct makers {
	int n, made[MAKERS], refused[MAKERS];
	int more[MAKERS];	/* what is waited for, of either */
	int *count;
};

/* Makes groups as fast as it can. */
static void make_groups(void *arg)
{
	struct makers *m = arg;
	int i = __atomic_fetch_add(&m->n, 1, __ATOMIC_ACQ_REL), ret;
	struct group g;
	struct sup s;

	if (sup_open(&s))
		_exit(1);
	for (;;) {
		ret = group_new(&s, 0, 0, 0, &g);
		if (ret && ret != -ESHUTDOWN)
			_exit(1);
		__atomic_fetch_add(ret ? &m->refused[i] : &m->made[i], 1,
				   __ATOMIC_RELEASE);
	}
}

static bool all_counted(void *arg)
{
	struct makers *m = arg;
	int i, n = 0;

	for (i = 0; i < MAKERS; i++)
		n += __atomic_load_n(&m->count[i], __ATOMIC_ACQUIRE) >=
		     m->more[i];
	return n == MAKERS;
}

/* True once each maker has counted some more. */
static bool each_counts(struct makers *m, int *count, int more)
{
	int i;

	m->count = count;
	for (i = 0; i < MAKERS; i++)
		m->more[i] = __atomic_load_n(&count[i], __ATOMIC_ACQUIRE) +
			     more;
	return eventually(all_counted, m);
}

TEST_F(drain, nothing_is_made_past_it)
{
	struct makers *m = (struct makers *)self->shared;
	struct group g;
	int round, i;
	pid_t pid[MAKERS];

	for (i = 0; i < MAKERS; i++)
		pid[i] = spawn(make_groups, m);
	for (round = 0; round < 20; round++) {
		ASSERT_TRUE(each_counts(m, m->made, 3));
		ASSERT_EQ(0, param_set("drain", "release"));
		/* One that was being made is taken back by who made it. */
		ASSERT_TRUE(each_counts(m, m->refused, 2));
		EXPECT_EQ(0, group_dump(&self->s, &g, 1));
		ASSERT_EQ(0, param_set("drain", "off"));
	}
	for (i = 0; i < MAKERS; i++)
		kill(pid[i], SIGKILL);
}

TEST_HARNESS_MAIN
