/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Only a packet that cannot be taken in is refused as a whole: the socket keeps
 * their bounds, so one that is wrong does not make the next one so.
 */
#include "core/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <sup/types.h>

#include "base/clock.h"

/*
 * Whoever ends with something unread leaves an ECONNRESET here. It is told
 * once, before what is there to be read.
 */
static int plain_error(int err)
{
	return err == ECONNRESET || err == EPIPE ? -EPIPE : -err;
}

int sup__frame_send(int fd, struct sup__frame frame, const void *data)
{
	struct iovec iov[2] = {
		{ &frame, sizeof(frame) }, { (void *)data, frame.len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	frame.magic = SUP__FRAME_MAGIC;
	frame.version = SUP__FRAME_VERSION;
	do {
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? plain_error(errno) : 0;
}

static int check(const struct sup__frame *frame, size_t got, size_t size)
{
	if (got < sizeof(*frame) || frame->magic != SUP__FRAME_MAGIC)
		return -EPROTO;
	if (frame->version != SUP__FRAME_VERSION)
		return -EPROTONOSUPPORT;
	if (frame->len != got - sizeof(*frame) || frame->len > size)
		return -EPROTO;
	return 0;
}

/* An empty packet reads like the end, too. */
static bool is_over(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1 && pfd.revents & (POLLRDHUP | POLLHUP);
}

int sup__frame_receive(int fd, struct sup__frame *ret_frame, void *buf,
		       size_t size)
{
	struct sup__frame frame;
	struct iovec iov[2] = { { &frame, sizeof(frame) }, { buf, size } };
	/* No room for control data: descriptors are never accepted. */
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;
	int ret;

	do {
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	if (!n)
		return is_over(fd) ? -EPIPE : -EPROTO;
	ret = check(&frame, n, size);
	if (!ret || ret == -EPROTONOSUPPORT)
		*ret_frame = frame;
	return ret;
}

int sup__frame_wait(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	struct timespec left = { 0 };
	int64_t ns;
	int n;

	if (deadline > 0) {
		ns = deadline - sup__now_ns();
		if (ns < 0)
			ns = 0;
		left.tv_sec = ns / 1000000000;
		left.tv_nsec = ns % 1000000000;
	}
	n = ppoll(&pfd, 1, deadline < 0 ? NULL : &left, NULL);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}
