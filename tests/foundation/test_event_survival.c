/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an EventStore has answered is there, whatever comes then. */
#include "crash.h"
#include "events.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MAX_ACKED 200000

/* Whose files are limited: this process, or the store that is one. */
static int limit_files(rlim_t bytes, struct rlimit *ret_before)
{
	struct rlimit limit;
	pid_t pid = 0;

	if (in_process && sup_os_pid(sup_whereis(PROCESS), &pid, NULL))
		return -1;
	if (prlimit(pid, RLIMIT_FSIZE, NULL, ret_before))
		return -1;
	limit = (struct rlimit){ bytes, ret_before->rlim_max };
	return prlimit(pid, RLIMIT_FSIZE, &limit, NULL);
}

/* In a process of its own, with files of a limited size. */
static int fill_disk(void)
{
	static const char data[10000];
	const struct fnd_event e = {
		.type = "x", .data = { data, sizeof(data) },
	};
	struct rlimit all, few;
	struct fnd_event *events;
	size_t n, stored = 0;
	int ret;

	signal(SIGXFSZ, SIG_IGN);
	EXPECT(!sup_open(&pidfd));
	start_store(&in_file);
	EXPECT(!limit_files(300000, &all));
	while (!(ret = fnd_event_store(&e, NULL, LONG)))
		stored++;
	EXPECT(ret == -EIO || ret == -EFBIG || ret == -ENOSPC);
	EXPECT(stored);
	EXPECT(!limit_files(all.rlim_cur, &few));
	EXPECT(!fnd_event_store(&e, NULL, LONG));
	EXPECT(!fnd_event_query(NULL, &events, &n, LONG));
	EXPECT(n == stored + 1);
	free(events);
	EXPECT(!sup_close());
	return 0;
}

static void a_full_disk_loses_nothing(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	remove_files();
	pid = fork();
	if (!pid)
		_exit(fill_disk() % 251);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Who stores until it is told that the store has ended, or the test. */
struct load {
	_Atomic bool over;
	_Atomic uint64_t acked;
	uint64_t ids[MAX_ACKED + 3];
};

static int store_and_note(int nth, void *arg)
{
	const struct fnd_event e = { .type = "x" };
	struct load *l = arg;
	uint64_t id;
	int ret;

	(void)nth;
	while (!atomic_load(&l->over) && atomic_load(&l->acked) < MAX_ACKED) {
		ret = fnd_event_store(&e, &id, LONG);
		if (ret && ret != -EPIPE && ret != -ENOTCONN) {
			print_message("not stored: %s\n", sup_error());
			return __LINE__;
		}
		if (!ret)
			l->ids[atomic_fetch_add(&l->acked, 1)] = id;
	}
	return 0;
}

/*
 * Each of its lives has stored something. Of a store that is a process now that
 * is killed, now the task that stands for it.
 */
static int kill_often(void *arg)
{
	const int kills = in_process ? SLOWLY(200) : SLOWLY(1000);
	struct load *l = arg;
	struct sup_pid pid;
	uint64_t before;
	int i = 0;

	/* One that is a process takes long to restart: fewer of its front. */
	crash_at_random(in_process ? 128 : 64);
	while (i < kills || (!crashes_of(SERVICE) &&
			    atomic_load(&l->acked) < MAX_ACKED)) {
		before = atomic_load(&l->acked);
		while (atomic_load(&l->acked) == before && before < MAX_ACKED)
			sched_yield();
		pid = sup_whereis(in_process && i % 4 ? PROCESS : SERVICE);
		if (sup_kill(pid, LONG))
			continue;
		sup_wait(pid, NULL, LONG);
		i++;
	}
	crash_no_more();
	atomic_store(&l->over, true);
	EXPECT(crashes_of(SERVICE));
	return 0;
}

static int kill_or_store(int nth, void *arg)
{
	return nth ? store_and_note(nth, arg) : kill_often(arg);
}

static void killed_often_under_load(void **state)
{
	struct load *l = calloc(1, sizeof(*l));
	struct fnd_event *e;
	uint64_t i;

	(void)state;
	start_store(&in_file);
	assert_int_equal(crowd(4, kill_or_store, l), 4);
	while (!sup_whereis(SERVICE).v)
		sup_checkpoint();
	assert_true(atomic_load(&l->acked) > 0);
	for (i = 0; i < atomic_load(&l->acked); i++) {
		assert_int_equal(fnd_event_get(l->ids[i], &e, LONG), 0);
		free(e);
	}
	free(l);
}

/* The other process of what follows: it stores, and writes ids that it has. */
static int store_for_ever(int fd)
{
	const struct fnd_event e = { .type = "x" };
	uint64_t id;

	if (sup_open(&pidfd))
		return 1;
	start_store(&in_file);
	while (!fnd_event_store(&e, &id, LONG))
		if (write(fd, &id, sizeof(id)) != sizeof(id))
			return 2;
	return 3;
}

/* What the other process says that it has stored goes to ids, from n on. */
static size_t store_until_killed(uint64_t *ids, size_t n)
{
	int fds[2], status, some = rand() % 64;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		_exit(store_for_ever(fds[1]));
	close(fds[1]);
	/* From before the first commit to some later. */
	while (some-- && read(fds[0], &ids[n], sizeof(*ids)) == sizeof(*ids))
		n++;
	kill(pid, SIGKILL);
	while (read(fds[0], &ids[n], sizeof(*ids)) == sizeof(*ids))
		n++;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, SIGKILL);
	return n;
}

static void kill_9_at_any_moment(void **state)
{
	const int rounds = SLOWLY(200);
	/* A pipe holds 8192. */
	uint64_t *ids = calloc((size_t)rounds * 8300, sizeof(*ids));
	struct fnd_event *e;
	size_t n = 0, i;
	int round;

	(void)state;
	srand(1);
	for (round = 0; round < rounds; round++)
		n = store_until_killed(ids, n);
	assert_int_not_equal(n, 0);
	assert_int_equal(sup_open(&pidfd), 0);
	start_store(&in_file);
	for (i = 0; i < n; i++) {
		assert_int_equal(fnd_event_get(ids[i], &e, LONG), 0);
		free(e);
	}
	assert_int_equal(sup_close(), 0);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kill_9_at_any_moment),
		cmocka_unit_test(a_full_disk_loses_nothing),
		FILE_CASE(killed_often_under_load),
	};

	return RUN_EVENT_TESTS(tests);
}
