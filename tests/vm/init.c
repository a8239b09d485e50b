/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PID 1 of the test machine: sets it up, runs one command, judges that and
 * the kernel log, powers off. Serial ports, so that nothing is interleaved:
 *   ttyS0  terminal of the command, shown live
 *   ttyS1  verdict, one line each: "exit N", "dirty TEXT", "done"
 *   ttyS2  tar of /out, made after the command has ended
 *   ttyS3  the kernel's console
 *
 * /vm/argv, /vm/env: the command, strings that end in NUL. /vm/tty: it is
 * interactive. /vm/noisy-boot: what the kernel says before it is no matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SYSLOG_ACTION_CLEAR	5
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_WORDS	256
#define MAX_TEXT	65536
#define TAINT_ALLOWED	((1UL << 12) | (1UL << 13))	/* O and E */

static const struct {
	const char *type, *where, *options;
} mount_points[] = {
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "devtmpfs", "/dev", NULL },
	{ "devpts", "/dev/pts", NULL },
	{ "tmpfs", "/dev/shm", NULL },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "tmpfs", "/run", "mode=755" },
	{ "debugfs", "/sys/kernel/debug", NULL },
	{ "tracefs", "/sys/kernel/tracing", NULL },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
};

/* What a kernel says when something is wrong with it. */
static const char *const dirty_words[] = {
	"BUG:", "WARNING:", "Oops", "general protection", "Kernel panic",
	"Call Trace:", "refcount_t:", "possible circular locking",
	"possible recursive locking", "inconsistent lock state",
	"suspicious RCU usage", "rcu: INFO:", "detected stall",
	"blocked for more than", "unreferenced object", "corruption",
	"sleeping function called", "scheduling while atomic", "UBSAN:",
	"KASAN:", "KCSAN:", "page allocation failure", "Bad page state",
	"waiting for lo to become free", "ODEBUG:", "Out of memory:",
};

static FILE *verdict;
static unsigned long taint_before;

static void complain(const char *what)
{
	fprintf(verdict, "dirty init: %s: %s\n", what, strerror(errno));
}

static int open_tty(const char *path, bool raw)
{
	struct termios t;
	int fd;

	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tcgetattr(fd, &t) < 0)
		return -errno;
	if (raw)
		cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	tcsetattr(fd, TCSANOW, &t);
	return fd;
}

static void mount_all(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mount_points); i++) {
		mkdir(mount_points[i].where, 0755);
		mount(mount_points[i].type, mount_points[i].where,
		      mount_points[i].type, 0, mount_points[i].options);
	}
	chmod("/", 0755);
	mkdir("/out", 0755);
	chmod("/out", 01777);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		complain(path);
	close(fd);
}

static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		complain("lo");
	close(fd);
}

static unsigned long read_taint(void)
{
	unsigned long taint = 0;
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");

	if (f == NULL || fscanf(f, "%lu", &taint) != 1 || fclose(f) != 0)
		complain("tainted");
	return taint;
}

/* User-Mode Linux finds fault with itself, once, at its first fork. */
static void forget_boot(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		complain("fork");
	klogctl(SYSLOG_ACTION_CLEAR, NULL, 0);
}

static void set_up(void)
{
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };

	write_file("/proc/sys/kernel/core_pattern", "/tmp/core.%e.%p");
	write_file("/proc/sys/kernel/panic_on_oops", "1");
	setrlimit(RLIMIT_CORE, &core);
	sethostname("sup", 3);
	lo_up();
	taint_before = read_taint();
	write_file("/dev/kmsg", "<6>sup-vm: run");
	if (access("/vm/noisy-boot", F_OK) == 0)
		forget_boot();
}

/* Splits a file of strings that end in NUL; an empty list if it cannot. */
static char **read_words(const char *path)
{
	char **words = calloc(MAX_WORDS + 1, sizeof(*words));
	char *text = calloc(1, MAX_TEXT + 1), *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, MAX_TEXT);
	size_t n = 0;

	for (p = text; p < text + len && n < MAX_WORDS; p += strlen(p) + 1)
		words[n++] = p;
	close(fd);
	return words;
}

static void exec_command(int tty, bool interactive)
{
	char **argv = read_words("/vm/argv");
	char **env = read_words("/vm/env");
	int in = interactive ? tty : open("/dev/null", O_RDONLY);

	setsid();
	if (interactive)
		ioctl(tty, TIOCSCTTY, 0);
	dup2(in, 0);
	dup2(tty, 1);
	dup2(tty, 2);
	if (argv[0] == NULL)
		_exit(127);
	if (chdir("/sup") < 0 && chdir("/") < 0)
		_exit(127);
	environ = env;
	execvp(argv[0], argv);
	dprintf(2, "init: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Runs the command; reaps what it leaves behind. A shell's exit status. */
static int run_command(void)
{
	bool interactive = access("/vm/tty", F_OK) == 0;
	int tty = open_tty("/dev/ttyS0", !interactive);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		exec_command(tty, interactive);
	if (pid < 0)
		return 126;
	while (wait(&status) != pid)
		;
	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
	tcdrain(tty);
	close(tty);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The trace of want of memory, as tests make it, is no complaint. */
static bool is_dirty(const char *line)
{
	static bool told;
	size_t i = 0;

	if (told && strstr(line, "Call Trace:"))
		return told = false;
	told |= strstr(line, "invoked oom-killer:") ||
		strstr(line, "vmalloc error: size");
	while (i < ARRAY_SIZE(dirty_words) && !strstr(line, dirty_words[i]))
		i++;
	return i < ARRAY_SIZE(dirty_words);
}

/* Reads the whole kernel log without waiting; reports each bad line. */
static void judge_log(void)
{
	unsigned long taint = read_taint() & ~taint_before & ~TAINT_ALLOWED;
	char rec[8192], *text;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		complain("/dev/kmsg");
	/* To what came after it was cleared, if it was. */
	lseek(fd, 0, SEEK_DATA);
	for (;;) {
		n = read(fd, rec, sizeof(rec) - 1);
		if (n < 0 && errno == EPIPE) {
			fprintf(verdict, "dirty init: kernel log overrun\n");
			continue;
		}
		if (n <= 0)
			break;
		rec[n] = '\0';
		text = rec + strcspn(rec, ";");
		if (is_dirty(text))
			fprintf(verdict, "dirty %.*s\n",
				(int)strcspn(text, "\n") - 1, text + 1);
	}
	close(fd);
	if (taint != 0)
		fprintf(verdict, "dirty kernel tainted: %#lx\n", taint);
}

/* Sends /out to the host as a tar. */
static void send_out(void)
{
	int status, fd = open_tty("/dev/ttyS2", true);
	pid_t pid = fork();

	if (pid == 0) {
		dup2(fd, 1);
		execl("/bin/busybox", "tar", "-cf", "-", "-C", "/out", ".",
		      NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fprintf(verdict, "dirty init: /out not sent\n");
	tcdrain(fd);
	close(fd);
}

int main(void)
{
	int status;

	mount_all();
	verdict = fdopen(open_tty("/dev/ttyS1", true), "w");
	set_up();
	status = run_command();
	send_out();
	judge_log();
	fprintf(verdict, "exit %d\ndone\n", status);
	fflush(verdict);
	tcdrain(fileno(verdict));
	reboot(RB_POWER_OFF);
	return 1;
}
