/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes through the socket between a program and a process of it that runs
 * a function: frames, each a packet of its own. Their head stays as it is in
 * all versions; what follows is its version's.
 *
 *	START	parent, first: tag is the build; the function's name, a zero
 *		byte, the bytes that it gets
 *	HELLO	child, first: tag is its build; error, if it will not run it
 *	MESSAGE	either: tag and data of a struct sup_msg
 */
#ifndef SUP_CORE_FRAME_H
#define SUP_CORE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <sup/function.h>

#define SUP__FRAME_MAGIC 0x6e667573u	/* "sufn" */
#define SUP__FRAME_VERSION 1

enum sup__frame_kind {
	SUP__FRAME_START = 1,
	SUP__FRAME_HELLO,
	SUP__FRAME_MESSAGE,
};

struct sup__frame {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;		/* enum sup__frame_kind */
	uint64_t tag;
	uint32_t len;		/* of what follows */
	int32_t error;		/* HELLO: 0, or a negative errno */
};

/* What may follow: of a START the name, too. */
#define SUP__FRAME_DATA_MAX (SUP_FUNCTION_MAX + SUP_FUNCTION_NAME_MAX + 1)

/*
 * Sends a frame of this version; magic, version are filled in. Does not wait:
 * -EAGAIN no room. -EPIPE the other side is gone, -EMSGSIZE the system does not
 * let it be so long, -ENOMEM, ... No sentence is set. Any thread, with a lock
 * held, too.
 */
int sup__frame_send(int fd, struct sup__frame frame, const void *data);

/*
 * Takes the next packet, without waiting: -EAGAIN none is there; -EPIPE nor
 * will there be, all that was sent has been read, or an empty packet when the
 * other side is gone; -EPROTO it is no frame, or longer than size;
 * -EPROTONOSUPPORT it is one of another version: then the head, and nothing
 * else, is in *ret_frame. -ENOMEM, ... As above.
 */
int sup__frame_receive(int fd, struct sup__frame *ret_frame, void *buf,
		       size_t size);

/*
 * Waits until fd is ready for events of poll(2), or its other side gone.
 * -ETIMEDOUT; -EINTR a signal handler ran.
 */
int sup__frame_wait(int fd, short events, int64_t deadline);

#endif
