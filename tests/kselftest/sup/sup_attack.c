// SPDX-License-Identifier: GPL-2.0
#include "sup_attack.h"
#include "sup_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int become(uid_t uid)
{
	if (syscall(SYS_setgroups, 0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	return 0;
}

int as_user(uid_t uid, int (*fn)(struct sup *s, void *arg), void *arg)
{
	struct sup s;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (become(uid) || sup_open(&s))
			_exit(255);
		_exit(-fn(&s, arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -255;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -255;
}

void request_end(struct request *r)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)r->buf;

	nlh->nlmsg_len = r->len;
}

int answer(struct sup *s, const struct request *r)
{
	const struct nlmsghdr *asked = (const struct nlmsghdr *)r->buf;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	union {
		struct nlmsghdr nlh;
		char buf[65536];
	} got;
	const struct nlmsghdr *nlh;
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, 10000) != 1)
			return -ETIMEDOUT;
		n = recv(s->fd, got.buf, sizeof(got.buf), 0);
		if (n < 0)
			return -errno;
		nlh = &got.nlh;
		for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n))
			if (nlh->nlmsg_type == NLMSG_ERROR &&
			    nlh->nlmsg_seq == asked->nlmsg_seq)
				return *(const int *)NLMSG_DATA(nlh);
	}
}

union fd_message {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

int send_fd(int via, int fd)
{
	union fd_message control = {};
	struct iovec iov = { "", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(via, &msg, 0) == 1 ? 0 : -errno;
}

int receive_fd(int via)
{
	union fd_message control = {};
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (recvmsg(via, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

long number_in(const char *path, const char *word)
{
	FILE *f = fopen(path, "r");
	char line[256];
	long ret = -1;

	if (!f)
		return ret;
	while (ret < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, word, strlen(word)))
			ret = strtol(line + strlen(word), NULL, 10);
	fclose(f);
	return ret;
}

struct state {
	struct sup *s;
	uint64_t id;
	int want;
};

static bool has_state(void *arg)
{
	struct state *st = arg;
	struct group g;
	int ret = group_get(st->s, st->id, &g);

	if (st->want == ENDED)
		return ret == -ENOENT;
	return !ret && g.state == (uint32_t)st->want;
}

bool reaches_state(struct sup *s, uint64_t id, int state)
{
	struct state st = { s, id, state };

	return eventually(has_state, &st);
}

struct number {
	struct sup *s;
	uint64_t id, n;
};

static bool has_processes(void *arg)
{
	struct number *want = arg;
	struct group g;

	return !group_get(want->s, want->id, &g) && g.processes == want->n;
}

bool reaches_processes(struct sup *s, uint64_t id, uint64_t n)
{
	struct number want = { s, id, n };

	return eventually(has_processes, &want);
}

static bool has_records(void *arg)
{
	struct number *want = arg;
	struct group g;

	return !group_get(want->s, want->id, &g) && g.records >= want->n;
}

bool reaches_records(struct sup *s, uint64_t id, uint64_t n)
{
	struct number want = { s, id, n };

	return eventually(has_records, &want);
}
