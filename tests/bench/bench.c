// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/futex.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void die(const char *format, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(err));
	exit(1);
}

void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die("shared memory");
	return p;
}

void word_wait(uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

void word_set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t quantile(uint64_t *values, size_t n, double share)
{
	qsort(values, n, sizeof(*values), compare);
	return values[(size_t)(share * (n - 1))];
}

void module_load(const char *params)
{
	const char *path = getenv("SUP_KO");
	int fd = open(path ? path : "", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("SUP_KO");
	if (syscall(SYS_finit_module, fd, params, 0))
		die("%s", path);
	close(fd);
}

/* What an owner leaves behind goes in the background, soon. */
void module_unload(void)
{
	while (syscall(SYS_delete_module, "sup", O_NONBLOCK)) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			die("unloading the module");
		sched_yield();
	}
}

static bool is_hooked(void)
{
	int fd = open("/sys/module/sup/parameters/hooked", O_RDONLY);
	char c;

	if (fd < 0 || read(fd, &c, 1) != 1)
		die("sup/parameters/hooked");
	close(fd);
	return c == 'Y';
}

void module_wait_hooked(bool hooked)
{
	while (is_hooked() != hooked)
		sched_yield();
}

void own(struct sup *s, struct group *g, uint32_t flags)
{
	int ret = sup_open(s);

	if (!ret)
		ret = group_new(s, flags, 0, 0, g);
	if (ret) {
		errno = -ret;
		die("a group of our own: %s", s->extack);
	}
}

void join(struct sup *s, const struct group *g, pid_t pid)
{
	struct member m;
	int ret = member_add_pid(s, g->id, pid, start_ticks(pid), PROCESS, 0,
				 &m);

	if (ret) {
		errno = -ret;
		die("joining %d: %s", pid, s->extack);
	}
}

void drain(struct sup *s, uint64_t group, uint64_t seq)
{
	struct record r;
	int ret;

	while (!(ret = record_next(s, &r, 0)))
		seq = r.seq;
	if (ret == -ETIMEDOUT)
		ret = seq ? record_ack(s, group, seq) : 0;
	if (ret) {
		errno = -ret;
		die("reading records");
	}
}

static uint32_t get_u32(const struct nlattr *a)
{
	return *(const uint32_t *)((const char *)a + NLA_HDRLEN);
}

#define for_each_attr(a, start, size)					\
	for (const struct nlattr *a = (const void *)(start);		\
	     (const char *)a < (const char *)(start) + (size);		\
	     a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len)))

static void parse_cause(const struct nlattr *record, struct cause *cause)
{
	struct cause c = { 0 };
	uint32_t kind = 0;

	for_each_attr(a, (const char *)record + NLA_HDRLEN,
		      record->nla_len - NLA_HDRLEN) {
		switch (a->nla_type) {
		case SUP_A_RECORD_KIND:
			kind = get_u32(a);
			break;
		case SUP_A_RECORD_SEQ:
			memcpy(&c.seq, (const char *)a + NLA_HDRLEN,
			       sizeof(c.seq));
			break;
		case SUP_A_RECORD_PID:
			c.pid = get_u32(a);
			break;
		case SUP_A_RECORD_CODE:
			c.code = get_u32(a);
			break;
		case SUP_A_RECORD_SIGNAL:
			c.signal = get_u32(a);
			break;
		}
	}
	if (kind == SUP_RECORD_KIND_EXIT)
		*cause = c;
	cause->seq = c.seq;
}

void cause_recv(struct sup *s, struct cause *cause)
{
	static char buf[8192];
	const struct nlmsghdr *nlh = (const void *)buf;
	size_t skip = NLMSG_LENGTH(GENL_HDRLEN);
	ssize_t n = recv(s->fd, buf, sizeof(buf), 0);

	if (n < (ssize_t)skip || nlh->nlmsg_type != s->family)
		die("no message of the module's");
	memset(cause, 0, sizeof(*cause));
	for_each_attr(a, buf + skip, nlh->nlmsg_len - skip)
		if ((a->nla_type & NLA_TYPE_MASK) == SUP_A_BATCH_RECORD)
			parse_cause(a, cause);
}

pid_t child_new(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	while (!pid)
		pause();
	return pid;
}

void child_kill(pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		die("killing %d", pid);
}

int connector_open(void)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = CN_IDX_PROC,
	};
	struct {
		struct nlmsghdr nlh;
		struct cn_msg cn;
		uint32_t op;
	} __attribute__((packed)) msg = {
		.nlh = { .nlmsg_len = sizeof(msg), .nlmsg_type = NLMSG_DONE },
		.cn = {
			.id = { CN_IDX_PROC, CN_VAL_PROC },
			.len = sizeof(msg.op),
		},
		.op = PROC_CN_MCAST_LISTEN,
	};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC,
			NETLINK_CONNECTOR);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    send(fd, &msg, sizeof(msg), 0) < 0)
		die("proc connector");
	return fd;
}

pid_t connector_recv(int fd, int flags)
{
	static char buf[1024];
	const struct nlmsghdr *nlh = (const void *)buf;
	const struct cn_msg *cn = NLMSG_DATA(nlh);
	struct proc_event event;

	if (recv(fd, buf, sizeof(buf), flags) < 0)
		return -errno;
	memcpy(&event, cn->data, sizeof(event));
	return event.what == PROC_EVENT_EXIT ?
	       event.event_data.exit.process_pid : 0;
}

void wait_asleep(pid_t pid)
{
	char path[32], text[64], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		sched_yield();
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n <= 0)
			die("%s", path);
		text[n] = '\0';
		state = strrchr(text, ')');
	} while (!state || state[2] != 'S');
}

void result(const char *name, int round, double value)
{
	printf("%s %d %.4f\n", name, round, value);
	fflush(stdout);
}
