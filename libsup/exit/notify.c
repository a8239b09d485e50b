/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "exit/exit.h"
#include "exit/proc.h"

int sup__notify_open(char ret_name[SUP__NOTIFY_NAME_MAX], int *ret_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr.sun_family);
	int fd, ret, on = 1;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sup__error_sys(-errno, "NOTIFY_SOCKET");
	/* No name at all: the kernel chooses one, unix(7) autobind. */
	ret = bind(fd, (struct sockaddr *)&addr, len);
	len = sizeof(addr);
	if (!ret)
		ret = getsockname(fd, (struct sockaddr *)&addr, &len);
	if (!ret)
		ret = setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (ret) {
		ret = sup__error_sys(-errno, "NOTIFY_SOCKET");
		close(fd);
		return ret;
	}
	len -= offsetof(struct sockaddr_un, sun_path) + 1;
	snprintf(ret_name, SUP__NOTIFY_NAME_MAX, "@%.*s", (int)len,
		 addr.sun_path + 1);
	*ret_fd = fd;
	return 0;
}

/*
 * A helper of a script may have ended by the time its message is read, or while
 * it is asked after; that it was its user's, or ours, must do then, who could
 * have signalled the process as well. A sender that our pid namespace does not
 * show has the number 0.
 */
static bool is_of(const struct ucred *cred, const struct sup__proc *p,
		  struct sup__exit_source *src, uint64_t lineage)
{
	if (cred->pid <= 0)
		return false;
	if (cred->pid == p->pid || getsid(cred->pid) == p->pid)
		return true;
	if (src && src->ops->descends(src, p, lineage, cred->pid))
		return true;
	/* ORDER: last. Only who is still there was asked after well. */
	return getsid(cred->pid) < 0 &&
	       (cred->uid == p->uid || cred->uid == geteuid());
}

static const struct ucred *credentials(struct msghdr *msg, struct ucred *cred)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_CREDENTIALS) {
			memcpy(cred, CMSG_DATA(cmsg), sizeof(*cred));
			return cred;
		}
	return NULL;
}

/* It is shown to people: by terminals, too. */
static void copy_printable(char *to, size_t len, const char *from)
{
	size_t i;

	for (i = 0; from[i] && i + 1 < len; i++)
		to[i] = (unsigned char)from[i] < ' ' || from[i] == 0x7f ?
			'?' : from[i];
	to[i] = '\0';
}

/* Microseconds as nanoseconds; 0: it is no number, or none that is sensible. */
static int64_t parse_usec(const char *text)
{
	unsigned long long usec;
	char *end;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	usec = strtoull(text, &end, 10);
	return errno || *end || usec > INT64_MAX / 2000 ? 0 :
	       (int64_t)usec * 1000;
}

static void parse(char *text, struct sup__notify *said)
{
	char *line, *rest;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!strcmp(line, "READY=1")) {
			said->ready = true;
		} else if (!strcmp(line, "STOPPING=1")) {
			said->stopping = true;
		} else if (!strcmp(line, "WATCHDOG=1")) {
			said->alive = true;
		} else if (!strcmp(line, "WATCHDOG=trigger")) {
			said->trouble = true;
		} else if (!strncmp(line, "WATCHDOG_USEC=", 14)) {
			said->watchdog_ns = parse_usec(line + 14);
		} else if (!strncmp(line, "STATUS=", 7)) {
			said->has_status = true;
			copy_printable(said->status, sizeof(said->status),
				       line + 7);
		} else if (!strncmp(line, "EXTEND_TIMEOUT_USEC=", 20)) {
			said->extend_ns = parse_usec(line + 20);
		}
	}
}

bool sup__notify_next(int fd, const struct sup__proc *p,
		      struct sup__exit_source *src, uint64_t lineage,
		      struct sup__notify *ret_said)
{
	/* Room for the credentials alone: descriptors are never accepted. */
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char text[4096];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct ucred cred;
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	memset(ret_said, 0, sizeof(*ret_said));
	text[n] = '\0';
	if (!credentials(&msg, &cred))
		return true;
	if (!is_of(&cred, p, src, lineage))
		ret_said->stranger = cred.pid ? cred.pid : -1;
	else if (msg.msg_flags & MSG_TRUNC)
		ret_said->too_long = true;	/* its last line is cut */
	else
		parse(text, ret_said);
	return true;
}
