/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child finds when it runs. */
#include "spawns.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/thread.h"

static void environment_is_set_and_unset(void **state)
{
	struct sup_process_spec spec = SH("echo \"$SUP_A,$SUP_B,$SUP_C\"");

	(void)state;
	setenv("SUP_A", "old", 1);
	setenv("SUP_B", "ours", 1);
	spec.env_unset = (const char *const[]){ "SUP_A", NULL };
	spec.env_set = (const char *const[]){ "SUP_C=new", NULL };
	run(&spec);
	assert_string_equal(contents(out), ",ours,new\n");
	spec = SH("/usr/bin/env");
	spec.argv = (const char *const[]){ "/usr/bin/env", NULL };
	spec.envp = (const char *const[]){ NULL };
	run(&spec);
	assert_string_equal(contents(out), "");
	unsetenv("SUP_A");
	unsetenv("SUP_B");
}

static void standard_files_are_three(void **state)
{
	struct sup_process_spec spec = SH("cat; echo bad >&2");

	(void)state;
	put(other, "from a file");
	spec.input = other;
	run(&spec);
	assert_string_equal(contents(out), "from a filebad\n");
	spec = SH("echo good; echo bad >&2");
	spec.errors = other;
	unlink(other);
	run(&spec);
	assert_string_equal(contents(out), "good\n");
	assert_string_equal(contents(other), "bad\n");
	/* Opened without waiting, but it waits for them. */
	spec.argv = (const char *const[]){ "perl", "-e", "use Fcntl; "
		"print((fcntl($_, F_GETFL, 0) & O_NONBLOCK) ? 1 : 0) "
		"for (STDIN, STDOUT, STDERR)", NULL };
	run(&spec);
	assert_string_equal(contents(out), "000");
	unlink(other);
}

/* Each lies where the other is to go, and one where its pair end lay. */
static void descriptors_change_places(void **state)
{
	struct sup_process_spec spec = SH(
		"cat <&5; cat <&6; cat <&3; ls /proc/self/fd");
	struct sup_fd fds[] = { { 5, 6 }, { 6, 5 }, { 200, 3 }, { 7, 40 } };
	char path[3][80], name[3] = { 'a', 'b', 'c' };
	const int at[3] = { 5, 6, 200 };
	char text[2] = "";
	int i, fd;

	(void)state;
	for (i = 0; i < 3; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/fd%d", dir, i);
		text[0] = name[i];
		put(path[i], text);
		fd = open(path[i], O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(dup3(fd, at[i] + 700, O_CLOEXEC),
				 at[i] + 700);
		close(fd);
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(dup3(at[i] + 700, at[i], O_CLOEXEC), at[i]);
		close(at[i] + 700);
	}
	fd = open("/dev/null", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, 7), 7);
	if (fd != 7)
		close(fd);
	spec.fds = fds;
	spec.n_fds = 4;
	run(&spec);
	/* ls has one of its own, the lowest that is free. */
	assert_string_equal(contents(out), "bac0\n1\n2\n3\n4\n40\n5\n6\n");
	for (i = 0; i < 3; i++) {
		close(at[i]);
		unlink(path[i]);
	}
	close(7);
}

static void descriptor_can_be_a_standard_one(void **state)
{
	struct sup_process_spec spec = SH("cat; echo x; echo bad >&2");
	struct sup_fd map[2];
	char text[16] = "";
	int in[2], err[2];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	map[0] = (struct sup_fd){ err[1], 2 };
	map[1] = (struct sup_fd){ in[0], 0 };
	spec.fds = map;
	spec.n_fds = 2;
	assert_int_equal(write(in[1], "piped,", 6), 6);
	close(in[1]);
	run(&spec);
	close(in[0]);
	close(err[1]);
	assert_string_equal(contents(out), "piped,x\n");
	assert_int_equal(read(err[0], text, sizeof(text)), 4);
	assert_string_equal(text, "bad\n");
	close(err[0]);
}

static void same_number_and_one_for_many(void **state)
{
	struct sup_process_spec spec = SH("cat <&9; cat <&8; ls "
					  "/proc/self/fd");
	struct sup_fd map[3];
	int fd;

	(void)state;
	put(other, "x");
	fd = open(other, O_RDONLY);
	assert_int_equal(dup3(fd, 9, O_CLOEXEC), 9);
	/* Nobody names this one, nor has said that it is not for others. */
	assert_int_equal(dup2(fd, 300), 300);
	close(fd);
	map[0] = (struct sup_fd){ 9, 9 };
	map[1] = (struct sup_fd){ 9, 11 };
	map[2] = (struct sup_fd){ 9, 8 };
	spec.fds = map;
	spec.n_fds = 3;
	run(&spec);
	/* One file of ours, so one place in it; ls has one of its own. */
	assert_string_equal(contents(out), "x0\n1\n11\n2\n3\n8\n9\n");
	close(9);
	close(300);
	unlink(other);
}

/*
 * A daemon may have none of the three: then what we make for the child, and for
 * us, lies there.
 */
static void closed_standard_files_are_nobodys(void **state)
{
	struct sup_process_spec spec = SH(
		"for i in 1 2; do test -e /proc/$$/fd/$i || echo no $i >&3;"
		"done; read x || echo end >&3");
	struct sup__proc_start start = { .spec = &spec };
	struct sup__proc p = SUP__PROC_INIT;
	int i, ret, kept[3];
	char text[80] = "";

	(void)state;
	spec.output = NULL;
	spec.readiness = SUP_READY_FD;
	spec.watchdog_ms = 100000;
	for (i = 0; i < 3; i++) {
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 900);
		close(i);
	}
	ret = sup__proc_spawn(&start, &p);
	if (!ret)
		finish_reading(&p, text, sizeof(text));
	for (i = 0; i < 3; i++) {
		assert_int_equal(dup2(kept[i], i), i);
		close(kept[i]);
	}
	assert_int_equal(ret, 0);
	assert_string_equal(text, "no 1\nno 2\nend\n");
}

static void umask_and_limits_are_its_own(void **state)
{
	const struct sup_rlimit limits[] = {
		{ RLIMIT_CORE, 0, 0 }, { RLIMIT_NOFILE, 77, 88 },
	};
	struct sup_process_spec spec = SH(
		"umask; ulimit -Sc; ulimit -Sn; ulimit -Hn");
	struct stat st;

	(void)state;
	umask(022);
	spec.set_umask = true;
	spec.umask = 0157;
	spec.rlimits = limits;
	spec.n_rlimits = 2;
	run(&spec);
	/* That of its output was ours, and its limits. */
	assert_int_equal(stat(out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_string_equal(contents(out), "0157\n0\n77\n88\n");
	/* 0 is a umask as well. */
	spec = SH("umask");
	spec.set_umask = true;
	run(&spec);
	assert_string_equal(contents(out), "0000\n");
	assert_int_equal(umask(022), 022);
}

static void user_is_another(void **state)
{
	struct sup_process_spec spec = SH(
		"id -u; id -g; id -G; grep CapEff /proc/self/status");

	(void)state;
	need_root();
	spec.user = "nobody";
	spec.cwd = "/";
	run(&spec);
	assert_string_equal(contents(out), "65534\n65534\n65534\n"
			    "CapEff:\t0000000000000000\n");
	spec.argv = SH("id -u; id -g; id -G").argv;
	spec.group = "12";
	spec.groups = (const char *const[]){ "daemon", "54321", NULL };
	run(&spec);
	assert_string_equal(contents(out), "65534\n12\n12 1 54321\n");
	/* One that has no entry is in its group alone. */
	spec.user = "54321";
	spec.groups = NULL;
	run(&spec);
	assert_string_equal(contents(out), "54321\n12\n12\n");
}

/* Of ours nothing is left but what execve(2) keeps whatever we do. */
static void signals_are_as_at_first(void **state)
{
	struct sup_process_spec spec = SH("");
	sigset_t set, before;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGRTMAX);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);
	spec.argv = (const char *const[]){
		"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", NULL,
	};
	run(&spec);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGRTMAX, SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_string_equal(contents(out), "SigBlk:\t0000000000000000\n"
			    "SigIgn:\t0000000000000000\n");
}

/* Our waits end to the nanosecond; it did not ask for that. */
static void timer_slack_is_that_of_before(void **state)
{
	struct sup_process_spec spec = SH("cat /proc/self/timerslack_ns");
	int before = prctl(PR_GET_TIMERSLACK);
	char expected[16];

	(void)state;
	assert_true(before > 1);
	snprintf(expected, sizeof(expected), "%d\n", before);
	assert_int_equal(sup__thread_exact_waits(), 0);
	run(&spec);
	assert_string_equal(contents(out), expected);
	assert_int_equal(prctl(PR_GET_TIMERSLACK), 1);
	/* One that somebody else has chosen is inherited. */
	assert_int_equal(prctl(PR_SET_TIMERSLACK, 777), 0);
	run(&spec);
	assert_string_equal(contents(out), "777\n");
	assert_int_equal(prctl(PR_SET_TIMERSLACK, before), 0);
}

static int tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_set_and_unset),
		cmocka_unit_test(standard_files_are_three),
		cmocka_unit_test(descriptors_change_places),
		cmocka_unit_test(descriptor_can_be_a_standard_one),
		cmocka_unit_test(same_number_and_one_for_many),
		cmocka_unit_test(closed_standard_files_are_nobodys),
		cmocka_unit_test(signals_are_as_at_first),
		cmocka_unit_test(umask_and_limits_are_its_own),
		cmocka_unit_test(user_is_another),
		cmocka_unit_test(timer_slack_is_that_of_before),
	};

	return RUN_TESTS(tests);
}

int main(void)
{
	return run_in_folder(tests);
}
