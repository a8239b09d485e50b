/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit/pgroup.h"

#define N 3

static pid_t leader, members[N];

/* A group of a leader and N others, all with an awkward name. */
static int make_group(void **state)
{
	int fds[2], i;

	(void)state;
	if (pipe(fds))
		return -1;
	leader = fork();
	if (!leader) {
		setpgid(0, 0);
		prctl(PR_SET_NAME, ") R 1 1 1 (");
		for (i = 0; i < N; i++) {
			members[i] = fork();
			if (!members[i])
				pause();
		}
		if (write(fds[1], members, sizeof(members)) < 0)
			_exit(1);
		pause();
	}
	i = read(fds[0], members, sizeof(members)) != sizeof(members);
	close(fds[0]);
	close(fds[1]);
	return -i;
}

static int end_group(void **state)
{
	(void)state;
	kill(-leader, SIGKILL);
	return waitpid(leader, NULL, 0) == leader ? 0 : -1;
}

struct found {
	pid_t pids[N];
	int pidfds[N], n, stop_at;
};

static int keep(pid_t pid, int pidfd, void *arg)
{
	struct found *found = arg;

	assert_true(found->n < N);
	found->pids[found->n] = pid;
	found->pidfds[found->n++] = pidfd;
	return found->n == found->stop_at ? 77 : 0;
}

static void close_found(struct found *found)
{
	while (found->n)
		close(found->pidfds[--found->n]);
}

static void living_ones_but_the_leader(void **state)
{
	struct found found = { .n = 0 };
	int i, j, seen;

	(void)state;
	assert_int_equal(sup__pgroup_members(leader, keep, &found), 0);
	assert_int_equal(found.n, N);
	for (i = 0; i < N; i++) {
		for (j = 0, seen = 0; j < N; j++)
			seen += found.pids[j] == members[i];
		assert_int_equal(seen, 1);
	}
	close_found(&found);
}

static void zombies_are_not_alive(void **state)
{
	struct found found = { .n = 0 };
	struct pollfd fd = { .events = POLLIN };
	pid_t pid;

	(void)state;
	assert_int_equal(sup__pgroup_members(leader, keep, &found), 0);
	fd.fd = found.pidfds[1];
	pid = found.pids[1];
	kill(pid, SIGKILL);
	/* Its parent, the leader, never reaps it. */
	assert_int_equal(poll(&fd, 1, 20000), 1);
	close_found(&found);
	assert_int_equal(sup__pgroup_members(leader, keep, &found), 0);
	assert_int_equal(found.n, N - 1);
	assert_true(found.pids[0] != pid && found.pids[1] != pid);
	close_found(&found);
}

static void callback_can_stop_it(void **state)
{
	struct found found = { .stop_at = 2 };

	(void)state;
	assert_int_equal(sup__pgroup_members(leader, keep, &found), 77);
	assert_int_equal(found.n, 2);
	close_found(&found);
}

static void other_groups_are_left_alone(void **state)
{
	struct found found = { .n = 0 };

	(void)state;
	assert_int_equal(sup__pgroup_members(members[0], keep, &found), 0);
	assert_int_equal(found.n, 0);
}

static void descendants_are_told_by_their_parents(void **state)
{
	(void)state;
	assert_true(sup__pgroup_descends(members[0], leader));
	assert_true(sup__pgroup_descends(members[0], getpid()));
	assert_true(sup__pgroup_descends(leader, getpid()));
	assert_false(sup__pgroup_descends(leader, members[0]));
	assert_false(sup__pgroup_descends(leader, leader));
	assert_false(sup__pgroup_descends(1, leader));
	assert_false(sup__pgroup_descends(0x3fffffff, leader));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, make_group, end_group)
		T(living_ones_but_the_leader),
		T(zombies_are_not_alive),
		T(callback_can_stop_it),
		T(other_groups_are_left_alone),
		T(descendants_are_told_by_their_parents),
	};

	return RUN_TESTS(tests);
}
