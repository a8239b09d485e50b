/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that has a lock is killed by SIGKILL, 200 times, at any moment,
 * and another one takes its place: tokens only grow, from task to task and from
 * life to life, so that what the lock guards can refuse who has been killed, or
 * comes late. That is so however fast a life has drawn them.
 */
#include "foundation.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "foundation/token.h"

#define TASKS 3

/* To whom what is guarded is: it is written with the lock, in its order. */
static int out;

static int writes_tokens(int nth, void *arg)
{
	uint64_t token;

	(void)nth;
	(void)arg;
	for (;;) {
		EXPECT(!fnd_lock_acquire("l", LONG, &token));
		EXPECT(write(out, &token, sizeof(token)) == sizeof(token));
		EXPECT(!fnd_lock_release("l", token));
	}
}

static int lives(void)
{
	struct sup_pid pid;

	if (sup_open(&pidfd) || fnd_locks_start(NULL, &pid))
		return 1;
	return crowd(TASKS, writes_tokens, NULL);
}

/* The last life has drawn as many as it could, for nothing else. */
static int draws_many(void)
{
	uint64_t token = 0;
	int i;

	fnd__tokens_begin();
	for (i = 0; i < 10000000; i++)
		token = fnd__draw_token();
	EXPECT(write(out, &token, sizeof(token)) == sizeof(token));
	for (;;)
		pause();
}

static pid_t begin(int (*life)(void), int *ret_fd)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		out = fds[1];
		_exit(life());
	}
	assert_true(pid > 0);
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

/* Reads all that it has written before it is killed, after some of it. */
static uint64_t live_and_be_killed(int (*life)(void), uint64_t last, int some)
{
	uint64_t token, n = 0;
	int fd, status;
	pid_t pid;

	pid = begin(life, &fd);
	for (; read(fd, &token, sizeof(token)) == sizeof(token); n++) {
		if (!some--)
			kill(pid, SIGKILL);
		assert_true(token > last);
		last = token;
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(n);
	return last;
}

static void tokens_grow_from_life_to_life(void **state)
{
	uint64_t last = 0;
	int i;

	(void)state;
	srand(1);
	for (i = 0; i < SLOWLY(200); i++)
		last = live_and_be_killed(lives, last, rand() % 64);
}

static void however_fast_they_were_drawn(void **state)
{
	uint64_t last;

	(void)state;
	last = live_and_be_killed(draws_many, 0, 0);
	live_and_be_killed(lives, last, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_grow_from_life_to_life),
		cmocka_unit_test(however_fast_they_were_drawn),
	};

	sup_set_log_level(-1);
	return RUN_TESTS(tests);
}
