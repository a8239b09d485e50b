// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets of an actor: opened, turned about, handed on and closed by chance;
 * what is sent on them, and how little of the answers is read.
 *
 * A request's sequence number says what it was: the answer may be read by
 * another process. Bits 0 to 7: the command; 8: dump; the rest counts.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BODY		(NLMSG_HDRLEN + GENL_HDRLEN)
#define MAX_AT_ONCE	4

static int *any_slot(struct fuzz *f)
{
	return &f->sockets[below(f, MAX_SOCKETS)];
}

static void set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

/* Few port ids, so that they collide and are used again. */
static void bind_it(struct fuzz *f, int fd)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_pid = chance(f, 50) ? 1 + below(f, 40) : 0,
	};

	bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

static int open_socket(struct fuzz *f)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (fd < 0)
		return -1;
	if (chance(f, 80))
		set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	if (chance(f, 50))
		set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	if (chance(f, 30))
		bind_it(f, fd);
	if (chance(f, 10))
		set_option(fd, SOL_SOCKET, SO_RCVBUF, below(f, 9000));
	return fd;
}

int socket_any(struct fuzz *f)
{
	int *slot = any_slot(f);

	if (*slot < 0)
		*slot = open_socket(f);
	return *slot;
}

static void close_slot(int *slot)
{
	if (*slot >= 0)
		close(*slot);
	*slot = -1;
}

/* Signals when something comes, to ourselves or to anyone that we know of. */
static void set_async(struct fuzz *f, int fd)
{
	const struct thing *t = recall(f);
	int sig = chance(f, 90) ? SIGURG : 1 + below(f, 64);

	fcntl(fd, F_SETOWN, thing_has(t, CLASS_PID) && chance(f, 30) ?
			    (int)t->values[CLASS_PID].number : getpid());
	fcntl(fd, F_SETSIG, sig);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) ^ O_ASYNC);
}

static void join(struct fuzz *f, int fd)
{
	if (shared->nmcast)
		set_option(fd, SOL_NETLINK, chance(f, 80) ?
			   NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
			   shared->mcast[below(f, shared->nmcast)]);
}

static void set_netlink_option(struct fuzz *f, int fd)
{
	static const int names[] = {
		NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS,
		NETLINK_LISTEN_ALL_NSID, NETLINK_CAP_ACK, NETLINK_EXT_ACK,
		NETLINK_GET_STRICT_CHK,
	};

	set_option(fd, SOL_NETLINK, names[below(f, ARRAY_SIZE(names))],
		   below(f, 2));
}

void socket_change(struct fuzz *f)
{
	int *slot = any_slot(f), *to;

	if (*slot < 0)
		*slot = open_socket(f);
	switch (below(f, 9)) {
	case 0:
	case 1:
		close_slot(slot);
		break;
	case 2:
		set_option(*slot, SOL_SOCKET, SO_RCVBUF,
			   chance(f, 50) ? 0 : odd_number(f));
		break;
	case 3:
		set_netlink_option(f, *slot);
		break;
	case 4:
		bind_it(f, *slot);
		break;
	case 5:
		set_async(f, *slot);
		break;
	case 6:
		join(f, *slot);
		break;
	case 7:
		set_option(*slot, SOL_SOCKET, SO_SNDBUF, odd_number(f));
		break;
	default:
		to = any_slot(f);
		if (to == slot)
			break;
		close_slot(to);
		*to = dup(*slot);
	}
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void give(int fd)
{
	union control c = {};
	struct iovec iov = { "", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c),
	};

	c.header.cmsg_len = CMSG_LEN(sizeof(int));
	c.header.cmsg_level = SOL_SOCKET;
	c.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.header), &fd, sizeof(fd));
	sendmsg(FD_MAIL_OUT, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int take(void)
{
	union control c = {};
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c),
	};
	int fd;

	if (recvmsg(FD_MAIL_IN, &msg, MSG_DONTWAIT) < 0 ||
	    msg.msg_controllen < CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(&c.header), sizeof(fd));
	return fd;
}

/* Hands a socket on to whoever takes it, or takes one. */
void socket_pass(struct fuzz *f)
{
	int *slot = any_slot(f);
	int fd;

	if (chance(f, 50)) {
		if (*slot >= 0)
			give(*slot);
		if (chance(f, 30))
			close_slot(slot);
		return;
	}
	fd = take();
	if (fd < 0)
		return;
	close_slot(slot);
	*slot = fd;
	add(&shared->passed);
}

/* What it is by now, which the kernel will see, too. */
static void number_it(struct fuzz *f, struct message *m)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)m->buf;
	struct genlmsghdr *genl = (struct genlmsghdr *)(m->buf + NLMSG_HDRLEN);
	const struct op *op = m->len < BODY ? NULL : op_of_cmd(genl->cmd);
	struct sent *s;

	nlh->nlmsg_type = shared->family;
	nlh->nlmsg_len = chance(f, 1) ? odd_number(f) : m->len;
	m->op = op ? op - spec_ops : spec_nops;
	m->mode = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ?
		  MODE_DUMP : MODE_DO;
	nlh->nlmsg_seq = ++f->seq << 9 | m->mode << 8 | m->op;
	s = &f->sent[f->seq % NSENT];
	s->seq = nlh->nlmsg_seq;
	s->op = m->op;
	s->mode = m->mode;
	s->mask = m->mask;
	s->group = m->group;
	add(&shared->counts[m->op][m->mode].sent);
	add(&shared->sent);
}

void socket_send(struct fuzz *f, int fd)
{
	static __thread struct message m[MAX_AT_ONCE];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov[MAX_AT_ONCE];
	struct msghdr msg = {
		.msg_name = &kernel, .msg_namelen = sizeof(kernel),
		.msg_iov = iov,
	};
	int i, n = chance(f, 90) ? 1 : 1 + below(f, MAX_AT_ONCE);

	for (i = 0; i < n; i++) {
		message_make(f, &m[i]);
		if (chance(f, 35))
			message_spoil(f, &m[i]);
		number_it(f, &m[i]);
		iov[i].iov_base = m[i].buf;
		iov[i].iov_len = i < n - 1 ? NLMSG_ALIGN(m[i].len) : m[i].len;
	}
	msg.msg_iovlen = n;
	if (sendmsg(fd, &msg, MSG_DONTWAIT) < 0 && errno < MAX_ERRORS)
		add(&shared->send_errors[errno]);
}
