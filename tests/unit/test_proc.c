/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real children: every test waits on a pidfd or a pipe, never on time. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "exit/exit.h"
#include "exit/proc.h"

static char dir[] = "/tmp/sup-proc-XXXXXX", out[64];

static struct sup_process_spec sh(const char *const argv[4])
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
		.output = out,
	};
}

#define SH(script) sh((const char *const[4]){ "sh", "-c", script, NULL })

static int spawn(const struct sup_process_spec *spec, struct sup__proc *ret_p)
{
	struct sup__proc_start start = { .spec = spec };

	*ret_p = (struct sup__proc)SUP__PROC_INIT;
	return sup__proc_spawn(&start, ret_p);
}

static void wait_end(const struct sup__proc *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };

	assert_int_equal(poll(&fd, 1, 20000), 1);
}

static struct sup_reason end_of(struct sup__proc *p)
{
	struct sup_reason reason;

	wait_end(p);
	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	assert_int_equal(sup__proc_reap(p, &reason, NULL), -ECHILD);
	sup__proc_close(p);
	sup__proc_close(p);
	return reason;
}

static char *contents(void)
{
	static char text[4096];
	FILE *f = fopen(out, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	unlink(out);
	return text;
}

static struct sup_reason run(struct sup_process_spec spec)
{
	struct sup__proc p;

	assert_int_equal(spawn(&spec, &p), 0);
	return end_of(&p);
}

static void ends_have_their_reason(void **state)
{
	struct sup_reason r;

	(void)state;
	r = run(SH("exit 0"));
	assert_int_equal(r.kind, SUP_REASON_NORMAL);
	r = run(SH("exit 3"));
	assert_int_equal(r.kind, SUP_REASON_EXIT);
	assert_int_equal(r.code, 3);
	r = run(SH("ulimit -c 0; kill -SEGV $$"));
	assert_int_equal(r.kind, SUP_REASON_SIGNAL);
	assert_int_equal(r.signo, SIGSEGV);
	assert_false(r.core);
}

static void living_child_is_not_reaped(void **state)
{
	struct sup_process_spec spec = SH("read x");
	struct sup_reason r;
	struct rusage usage;
	struct sup__proc p;

	(void)state;
	spec.argv = (const char *const[]){ "sleep", "1000", NULL };
	assert_int_equal(spawn(&spec, &p), 0);
	assert_int_equal(sup__proc_reap(&p, &r, NULL), -EAGAIN);
	assert_int_equal(sup__proc_signal(&p, SIGKILL), 0);
	wait_end(&p);
	assert_int_equal(sup__proc_peek(&p, &r, &usage), 0);
	assert_int_equal(r.signo, SIGKILL);
	assert_true(usage.ru_maxrss > 0);
	assert_int_equal(sup__proc_peek(&p, &r, NULL), 0);
	r = end_of(&p);
	assert_int_equal(r.signo, SIGKILL);
	assert_int_equal(sup__proc_signal(&p, SIGKILL), -ESRCH);
}

static void failures_name_step_and_leave_nothing(void **state)
{
	struct sup_process_spec spec;
	struct sup__proc p;
	char path[80];
	int fd;

	(void)state;
	spec = SH("true");
	spec.argv = (const char *const[]){ "no-such-program", NULL };
	assert_int_equal(spawn(&spec, &p), -ENOENT);
	assert_string_equal(sup_error(), "argv[0]: no such program "
			    "\"no-such-program\" in PATH");
	end_of(&p);
	spec = SH("true");
	spec.cwd = "/no/such/dir";
	assert_int_equal(spawn(&spec, &p), -ENOENT);
	assert_non_null(strstr(sup_error(), "cwd \"/no/such/dir\""));
	end_of(&p);
	spec = SH("true");
	spec.output = "/no/such/dir/file";
	assert_int_equal(spawn(&spec, &p), -ENOENT);
	assert_non_null(strstr(sup_error(), "output \"/no/such/dir/file\""));
	end_of(&p);
	snprintf(path, sizeof(path), "%s/script", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0755);
	assert_int_equal(write(fd, "#!/no/such/sh\n", 14), 14);
	close(fd);
	spec.output = out;
	spec.argv = (const char *const[]){ path, NULL };
	assert_int_equal(spawn(&spec, &p), -ENOENT);
	assert_non_null(strstr(sup_error(), "interpreter"));
	end_of(&p);
	chmod(path, 0644);
	assert_int_equal(spawn(&spec, &p), -EACCES);
	end_of(&p);
	unlink(path);
	spec.argv = (const char *const[]){ "", NULL };
	assert_int_equal(spawn(&spec, &p), -EINVAL);
	assert_int_equal(p.pid, 0);
}

/* PATH goes on after what may not be run, as execvp(3) does. */
static void path_is_searched_to_the_end(void **state)
{
	struct sup_process_spec spec = SH("true");
	char *old = strdup(getenv("PATH")), path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/a/sh", dir);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	snprintf(path, sizeof(path), "/no/dir:%s/a:%s", dir, old);
	setenv("PATH", path, 1);
	assert_int_equal(run(spec).kind, SUP_REASON_NORMAL);
	setenv("PATH", old, 1);
	free(old);
	snprintf(path, sizeof(path), "%s/a/sh", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/a", dir);
	rmdir(path);
}

static void child_starts_clean(void **state)
{
	struct sup_process_spec spec = SH("cat /proc/self/status; "
					  "ls -l /proc/self/fd; pwd");
	sigset_t mask, old;
	char *text;
	int fd;

	(void)state;
	/* Not close-on-exec, on purpose. */
	fd = open("/dev/null", O_RDONLY);
	dup2(fd, 77);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, &old);
	spec.cwd = "/usr";
	assert_int_equal(run(spec).kind, SUP_REASON_NORMAL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	close(77);
	close(fd);
	text = contents();
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
	assert_non_null(strstr(text, "SigIgn:\t0000000000000000"));
	assert_null(strstr(text, " 77 -> "));
	assert_non_null(strstr(text, " 0 -> /dev/null"));
	assert_non_null(strstr(text, "\n/usr\n"));
}

static void output_is_appended_to(void **state)
{
	struct stat st;

	(void)state;
	umask(022);
	run(SH("echo one; echo two >&2"));
	run(SH("echo three"));
	assert_int_equal(stat(out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_string_equal(contents(), "one\ntwo\nthree\n");
}

static void fifo_without_reader_is_an_error(void **state)
{
	struct sup_process_spec spec = SH("true");
	struct sup__proc p;
	char path[80];

	(void)state;
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	spec.output = path;
	assert_int_equal(spawn(&spec, &p), -ENXIO);
	end_of(&p);
	unlink(path);
}

static void it_leads_its_own_session(void **state)
{
	struct sup_process_spec spec = SH("read x");
	struct sup__proc p;

	(void)state;
	spec.argv = (const char *const[]){ "sleep", "1000", NULL };
	assert_int_equal(spawn(&spec, &p), 0);
	assert_int_equal(getsid(p.pid), p.pid);
	assert_int_equal(getpgid(p.pid), p.pid);
	sup__proc_signal(&p, SIGKILL);
	end_of(&p);
}

static int watch_result, born_result;
static bool kill_watched;
static pid_t watched, born_pid;

static int fake_watch(struct sup__exit_source *src, struct sup__proc *p)
{
	(void)src;
	assert_int_equal(born_pid, p->pid);
	watched = p->pid;
	if (kill_watched)
		sup__proc_signal(p, SIGKILL);
	return watch_result;
}

static int note_born(const struct sup__proc *p, void *arg)
{
	(void)arg;
	born_pid = p->pid;
	return born_result;
}

static void note_unborn(void *arg)
{
	(void)arg;
	assert_int_not_equal(born_pid, 0);
	born_pid = 0;
}

static const struct sup__exit_ops fake_ops = { .watch = fake_watch };
static struct sup__exit_source fake_source = { .ops = &fake_ops };

static void child_is_born_then_watched_then_runs(void **state)
{
	struct sup_process_spec spec = SH("exit 4");
	struct sup__proc_start start = {
		.spec = &spec, .src = &fake_source, .born = note_born,
		.unborn = note_unborn,
	};
	struct sup__proc p = SUP__PROC_INIT;

	(void)state;
	assert_int_equal(sup__proc_spawn(&start, &p), 0);
	assert_int_equal(watched, p.pid);
	assert_int_equal(end_of(&p).code, 4);
	unlink(out);
	/* Nobody will be told of it, so it must not run at all. */
	spec = SH("echo ran");
	watch_result = -ENOMEM;
	p = (struct sup__proc)SUP__PROC_INIT;
	assert_int_equal(sup__proc_spawn(&start, &p), -ENOMEM);
	assert_int_equal(p.pid, 0);
	assert_int_equal(p.pidfd, -1);
	assert_int_equal(kill(watched, 0), -1);
	assert_int_equal(access(out, F_OK), -1);
	assert_int_equal(born_pid, 0);
	watch_result = 0;
	/* The same if whom it was born to has no place for it. */
	born_result = -ENOSPC;
	watched = 0;
	assert_int_equal(sup__proc_spawn(&start, &p), -ENOSPC);
	assert_int_equal(p.pid, 0);
	assert_int_equal(born_pid, 0);
	assert_int_equal(watched, 0);
	assert_int_equal(access(out, F_OK), -1);
	born_result = 0;
}

/* Killed while it waits for leave, before it is given or just then. */
static void child_that_never_ran_is_told_apart(void **state)
{
	struct sup_process_spec spec = SH("echo ran");
	struct sup__proc_start start = {
		.spec = &spec, .src = &fake_source, .born = note_born,
	};
	struct sup__proc p;
	int i;

	(void)state;
	kill_watched = true;
	for (i = 0; i < 50; i++) {
		p = (struct sup__proc)SUP__PROC_INIT;
		assert_int_equal(sup__proc_spawn(&start, &p), -ECHILD);
		assert_string_equal(sup_error(),
				    "\"sh\" ended before it could run");
		assert_int_equal(p.pid, watched);
		assert_int_equal(end_of(&p).signo, SIGKILL);
	}
	kill_watched = false;
	assert_int_equal(access(out, F_OK), -1);
}

static void closed_standard_descriptors_do_no_harm(void **state)
{
	int saved[3], i;
	struct sup_reason r;

	(void)state;
	for (i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	r = run(SH("echo fine"));
	for (i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	assert_int_equal(r.kind, SUP_REASON_NORMAL);
	assert_string_equal(contents(), "fine\n");
}

static void want_of_memory_starts_nothing(void **state)
{
	struct sup_process_spec spec = SH("true");
	struct sup__proc p;
	unsigned int n = 0;
	int ret;

	(void)state;
	spec.readiness = SUP_READY_NOTIFY;
	do {
		sup__alloc_fail_nth(++n);
		ret = spawn(&spec, &p);
		assert_int_equal(ret, sup__alloc_has_failed() ? -ENOMEM : 0);
		assert_int_equal(!p.pid, !!ret);
	} while (ret);
	sup__alloc_fail_nth(0);
	end_of(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_have_their_reason),
		cmocka_unit_test(living_child_is_not_reaped),
		cmocka_unit_test(failures_name_step_and_leave_nothing),
		cmocka_unit_test(path_is_searched_to_the_end),
		cmocka_unit_test(child_starts_clean),
		cmocka_unit_test(output_is_appended_to),
		cmocka_unit_test(fifo_without_reader_is_an_error),
		cmocka_unit_test(it_leads_its_own_session),
		cmocka_unit_test(child_is_born_then_watched_then_runs),
		cmocka_unit_test(child_that_never_ran_is_told_apart),
		cmocka_unit_test(closed_standard_descriptors_do_no_harm),
		cmocka_unit_test(want_of_memory_starts_nothing),
	};
	int ret;

	if (!mkdtemp(dir))
		return 1;
	snprintf(out, sizeof(out), "%s/out", dir);
	ret = RUN_TESTS(tests);
	unlink(out);
	rmdir(dir);
	return ret;
}
