/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

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
 * A helper of a script may have ended by the time its message is read; that it
 * was its user's must do then, who could have signalled the process as well.
 */
static bool is_of(const struct ucred *cred, pid_t pid)
{
	pid_t sid;

	if (cred->pid == pid)
		return true;
	sid = getsid(cred->pid);
	return sid == pid || (sid < 0 && cred->uid == geteuid());
}

static bool from_process(struct msghdr *msg, pid_t pid)
{
	struct cmsghdr *cmsg;
	struct ucred cred;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
		if (is_of(&cred, pid))
			return true;
		sup__log(LOG_WARNING, "pid %d: sd_notify from pid %d, which "
			 "is not of its session, is ignored", (int)pid,
			 (int)cred.pid);
	}
	return false;
}

static bool parse(char *text, char *status, size_t len)
{
	bool ready = false;
	char *line, *rest;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!strcmp(line, "READY=1"))
			ready = true;
		else if (!strncmp(line, "STATUS=", 7))
			snprintf(status, len, "%s", line + 7);
	}
	return ready;
}

bool sup__notify_read(int fd, pid_t pid, char *status, size_t len)
{
	/* Room for the credentials alone: descriptors are never accepted. */
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char text[4096];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg;
	bool ready = false;
	ssize_t n;

	for (;;) {
		msg = (struct msghdr){
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ready;
		text[n] = '\0';
		if (from_process(&msg, pid) && parse(text, status, len))
			ready = true;
	}
}
