/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a ConfigServer has answered holds, whatever comes then: kills of its
 * task, and crashes in its callbacks, under load, and kills of the whole
 * process at any moment.
 */
#include "config.h"
#include "crash.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define WRITERS 3

static const char *const paths[WRITERS] = { "a", "b", "c" };

static const struct fnd_config_entry counters[] = {
	{ .path = "a", .value = FND_INTEGER(0), .updatable = true },
	{ .path = "b", .value = FND_INTEGER(0), .updatable = true },
	{ .path = "c", .value = FND_INTEGER(0), .updatable = true },
	{ .path = "text", .value = FND_STRING(""), .updatable = true },
};

static struct fnd_config_options options = {
	.size = sizeof(options), .schema = counters, .n = N_OF(counters),
	.file = file,
};

/* The other process: each writer counts its own, and tells what it has. */
struct ack {
	int64_t nth, value;
};

static int out;

static int count_for_ever(int nth, void *arg)
{
	struct ack ack = { nth, fnd_config_integer(paths[nth], -1) };

	(void)arg;
	/* First what it has found. */
	while (write(out, &ack, sizeof(ack)) == sizeof(ack)) {
		ack.value++;
		if (SET(paths[nth], FND_INTEGER(ack.value)))
			return 1;
	}
	return 2;
}

static int be_killed(int fd)
{
	out = fd;
	if (sup_open(&pidfd) || start_config(&options))
		return 1;
	return crowd(WRITERS, count_for_ever, NULL);
}

/* Everything that it said until it was killed: after some of it, or at once. */
static void count_until_killed(int64_t *acked)
{
	int fds[2], status, some = rand() % 16;
	int64_t before[WRITERS];
	bool found[WRITERS] = { false };
	struct ack ack;
	pid_t pid;

	memcpy(before, acked, sizeof(before));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		_exit(be_killed(fds[1]));
	close(fds[1]);
	for (; read(fds[0], &ack, sizeof(ack)) == sizeof(ack); some--) {
		if (some <= 0)
			kill(pid, SIGKILL);
		/* One that was not answered may be there, no more. */
		assert_in_range(ack.value - acked[ack.nth], found[ack.nth],
				1);
		found[ack.nth] = true;
		acked[ack.nth] = ack.value;
	}
	kill(pid, SIGKILL);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void kill_9_at_any_moment(void **state)
{
	int64_t acked[WRITERS] = { 0 };
	int i, rounds = SLOWLY(200);

	(void)state;
	srand(1);
	next_file();
	for (i = 0; i < rounds; i++)
		count_until_killed(acked);
	/* In each they have counted. */
	assert_true(acked[0] + acked[1] + acked[2] > rounds);
	assert_int_equal(sup_open(&pidfd), 0);
	assert_int_equal(start_config(&options), 0);
	for (i = 0; i < WRITERS; i++)
		assert_in_range(fnd_config_integer(paths[i], -1) - acked[i], 0,
				1);
	assert_int_equal(sup_close(), 0);
}

static struct {
	_Atomic bool over;
	_Atomic int64_t acked[WRITERS];
	_Atomic uint64_t all;
} load;

static bool has_gone(int ret)
{
	return ret == -EPIPE || ret == -ENOTCONN;
}

/* Of its own setting, which nobody else changes. */
static int count_and_check(int nth)
{
	int64_t n = 0, is;
	int ret;

	while (!atomic_load(&load.over)) {
		ret = SET(paths[nth], FND_INTEGER(n + 1));
		EXPECT(!ret || has_gone(ret));
		is = fnd_config_integer(paths[nth], -1);
		EXPECT(is == n + 1 || (ret && is == n));
		n = is;
		if (ret)
			continue;
		atomic_store(&load.acked[nth], n);
		atomic_fetch_add(&load.all, 1);
	}
	return 0;
}

/* It hears of them in order; the last one may come twice. At last of all. */
static int hears(void)
{
	int64_t last[WRITERS] = { 0 };
	struct fnd_config_news news;
	struct sup_info info;
	int64_t limit;
	int i;

	while (fnd_config_subscribe())
		sup_checkpoint();
	limit = LONG;
	while (!atomic_load(&load.over) ||
	       last[0] != fnd_config_integer(paths[0], -1) ||
	       last[1] != fnd_config_integer(paths[1], -1) ||
	       last[2] != fnd_config_integer(paths[2], -1)) {
		if (atomic_load(&load.over))
			EXPECT(sup_deadline_ms(0) < limit);
		else
			limit = LONG;
		if (sup_receive(&info, sup_deadline_ms(10)))
			continue;
		memcpy(&news, info.msg.data, sizeof(news));
		sup_msg_free(&info.msg);
		i = news.path[0] - 'a';
		if (i >= WRITERS)
			continue;	/* a text */
		EXPECT(news.value.integer >= last[i]);
		last[i] = news.value.integer;
	}
	return 0;
}

/* A string is never half of one and half of another. */
static int reads(void)
{
	char text[FND_CONFIG_STRING_MAX + 1];
	struct fnd_config_value v;
	size_t len;

	while (!atomic_load(&load.over)) {
		EXPECT(!fnd_config_get("text", &v, text, sizeof(text)));
		len = strlen(text);
		EXPECT(!len || len == (text[0] == 'x' ? 1000 : 20));
		EXPECT(strspn(text, text[0] == 'x' ? "x" : "y") == len);
		sup_checkpoint();
	}
	return 0;
}

static int writes_text(void)
{
	char x[1001], y[21];
	int ret;

	memset(x, 'x', 1000);
	memset(y, 'y', 20);
	x[1000] = y[20] = '\0';
	while (!atomic_load(&load.over)) {
		ret = SET("text", FND_STRING(x));
		EXPECT(!ret || has_gone(ret));
		ret = SET("text", FND_STRING(y));
		EXPECT(!ret || has_gone(ret));
	}
	return 0;
}

/* In each of its lives it has answered somebody. */
static int kill_often(void)
{
	const int kills = SLOWLY(1000);
	struct sup_pid pid;
	uint64_t before;
	int64_t limit;
	int i;

	crash_at_random(32);
	for (i = 0; i < kills; i++) {
		before = atomic_load(&load.all);
		limit = LONG;
		while (atomic_load(&load.all) == before) {
			EXPECT(sup_deadline_ms(0) < limit);
			sched_yield();
		}
		/* It may have crashed meanwhile, and be there again. */
		while (!(pid = sup_whereis(CONFIG)).v)
			sup_checkpoint();
		sup_kill(pid, LONG);
		sup_wait(pid, NULL, LONG);
	}
	crash_no_more();
	EXPECT(crashes_of(CONFIG));
	return 0;
}

static int run_load(int nth, void *arg)
{
	int ret;

	(void)arg;
	if (nth < WRITERS)
		return count_and_check(nth);
	switch (nth - WRITERS) {
	case 0:
		ret = kill_often();
		atomic_store(&load.over, true);
		return ret;
	case 1:
		return hears();
	case 2:
		return writes_text();
	default:
		return reads();
	}
}

static void killed_a_thousand_times_under_load(void **state)
{
	int i;

	(void)state;
	/* No file: the process keeps them; so more happens. */
	options.file = NULL;
	assert_int_equal(start_config(&options), 0);
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_int_equal(crowd(WRITERS + 4, run_load, NULL), WRITERS + 4);
	for (i = 0; i < WRITERS; i++)
		assert_true(fnd_config_integer(paths[i], -1) >=
			    atomic_load(&load.acked[i]));
	await_service(CONFIG);
	options.file = file;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kill_9_at_any_moment),
		CASE(killed_a_thousand_times_under_load),
	};

	return RUN_CONFIG_TESTS(tests);
}
