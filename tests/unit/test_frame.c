/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes through the socket of a function, whole and not. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sup/types.h>

#include "core/frame.h"
#include "lib/leftovers.h"

static int fds[2];
static char in[SUP__FRAME_DATA_MAX + 1];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds);
}

static int close_pair(void **state)
{
	(void)state;
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	return 0;
}

static void put(const void *bytes, size_t n)
{
	assert_int_equal(send(fds[0], bytes, n, MSG_NOSIGNAL), n);
}

static int get(struct sup__frame *ret_frame, size_t size)
{
	return sup__frame_receive(fds[1], ret_frame, in, size);
}

static void message(uint64_t tag, const void *data, size_t len)
{
	struct sup__frame frame = {
		.kind = SUP__FRAME_MESSAGE, .tag = tag, .len = len,
	};

	assert_int_equal(sup__frame_send(fds[0], frame, data), 0);
}

static void frames_keep_their_bounds(void **state)
{
	static char big[SUP__FRAME_DATA_MAX];
	struct sup__frame frame;

	(void)state;
	memset(big, 'b', sizeof(big));
	assert_int_equal(get(&frame, sizeof(in)), -EAGAIN);
	message(1, NULL, 0);
	message(2, big, sizeof(big));
	message(3, "abc", 3);
	assert_int_equal(get(&frame, sizeof(in)), 0);
	assert_int_equal(frame.tag, 1);
	assert_int_equal(frame.kind, SUP__FRAME_MESSAGE);
	assert_int_equal(frame.len, 0);
	assert_int_equal(get(&frame, sizeof(in)), 0);
	assert_int_equal(frame.len, sizeof(big));
	assert_memory_equal(in, big, sizeof(big));
	/* What has no room is refused, and gone; the next one is whole. */
	message(4, big, sizeof(big));
	message(5, "abc", 3);
	assert_int_equal(get(&frame, 3), 0);
	assert_int_equal(frame.tag, 3);
	assert_int_equal(get(&frame, sizeof(big) - 1), -EPROTO);
	assert_int_equal(get(&frame, 2), -EPROTO);
	assert_int_equal(get(&frame, sizeof(in)), -EAGAIN);
}

static void other_version_shows_its_head(void **state)
{
	struct sup__frame frame = {
		.magic = SUP__FRAME_MAGIC, .version = SUP__FRAME_VERSION + 1,
		.kind = SUP__FRAME_HELLO, .tag = 77, .len = 12345,
	};

	(void)state;
	put(&frame, sizeof(frame));
	memset(&frame, 0, sizeof(frame));
	assert_int_equal(get(&frame, sizeof(in)), -EPROTONOSUPPORT);
	assert_int_equal(frame.version, SUP__FRAME_VERSION + 1);
	assert_int_equal(frame.tag, 77);
}

/* The error of one who ends with something unread comes first, and once. */
static void what_was_sent_is_read_after_the_end(void **state)
{
	struct sup__frame frame;

	(void)state;
	message(1, "x", 1);
	assert_int_equal(sup__frame_send(fds[1], (struct sup__frame){
		.kind = SUP__FRAME_MESSAGE, .tag = 2 }, NULL), 0);
	close(fds[1]);
	fds[1] = fds[0];
	fds[0] = dup(fds[1]);
	assert_int_equal(get(&frame, sizeof(in)), 0);
	assert_int_equal(frame.tag, 2);
	assert_int_equal(get(&frame, sizeof(in)), -EPIPE);
	assert_int_equal(get(&frame, sizeof(in)), -EPIPE);
	assert_int_equal(sup__frame_send(fds[1], frame, NULL), -EPIPE);
}

static void full_socket_can_be_waited_for(void **state)
{
	struct sup__frame frame = { .kind = SUP__FRAME_MESSAGE, .len = 1000 };
	static char data[1000];

	(void)state;
	while (!sup__frame_send(fds[0], frame, data))
		;
	assert_int_equal(sup__frame_send(fds[0], frame, data), -EAGAIN);
	assert_int_equal(sup__frame_wait(fds[0], POLLOUT, SUP_TRY),
			 -ETIMEDOUT);
	assert_int_equal(sup__frame_wait(fds[0], POLLOUT, sup_deadline_ms(1)),
			 -ETIMEDOUT);
	assert_int_equal(sup__frame_wait(fds[0], POLLOUT, 1), -ETIMEDOUT);
	while (!get(&frame, sizeof(in)))
		;
	assert_int_equal(sup__frame_wait(fds[0], POLLOUT, SUP_FOREVER), 0);
	close(fds[1]);
	fds[1] = -1;
	assert_int_equal(sup__frame_wait(fds[0], POLLIN, SUP_FOREVER), 0);
}

static void descriptors_are_not_accepted(void **state)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .buf = { 0 } };
	struct sup__frame frame = {
		.magic = SUP__FRAME_MAGIC, .version = SUP__FRAME_VERSION,
		.kind = SUP__FRAME_MESSAGE, .tag = 8,
	};
	struct iovec iov = { &frame, sizeof(frame) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int before = leftovers_count("/proc/self/fd");

	(void)state;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fds[0], sizeof(int));
	assert_int_equal(sendmsg(fds[0], &msg, 0), sizeof(frame));
	assert_int_equal(get(&frame, sizeof(in)), 0);
	assert_int_equal(frame.tag, 8);
	assert_int_equal(leftovers_count("/proc/self/fd"), before);
}

static uint64_t seed;

static unsigned int random_below(unsigned int n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	       UINT64_C(1442695040888963407);
	return (unsigned int)(seed >> 33) % n;
}

/* A frame, of which some bytes may be others, and its length another. */
static size_t make_packet(unsigned char *packet, size_t room)
{
	size_t i, len = random_below(64), n = sizeof(struct sup__frame) + len;
	struct sup__frame frame = {
		.magic = SUP__FRAME_MAGIC, .version = SUP__FRAME_VERSION,
		.kind = random_below(5), .tag = seed, .len = len,
	};

	for (i = 0; i < room; i++)
		packet[i] = random_below(256);
	memcpy(packet, &frame, sizeof(frame));
	if (random_below(2))
		packet[random_below(sizeof(frame))] = random_below(256);
	if (!random_below(3))
		n = 1 + random_below(room);
	return n;
}

static void what_is_none_is_refused(void **state)
{
	const char *given = getenv("SEED");
	unsigned char packet[200];
	struct sup__frame frame;
	int i, ret, good = 0;
	size_t n;

	(void)state;
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)sup_deadline_ms(0);
	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (i = 0; i < 20000; i++) {
		n = make_packet(packet, sizeof(packet));
		put(packet, n);
		memset(in, 0xee, sizeof(packet));
		ret = get(&frame, 64);
		assert_int_equal((unsigned char)in[64], 0xee);
		assert_true(!ret || ret == -EPROTO || ret == -EPROTONOSUPPORT);
		if (ret)
			continue;
		good++;
		assert_int_equal(frame.len, n - sizeof(frame));
		assert_memory_equal(&frame, packet, sizeof(frame));
		assert_memory_equal(in, packet + sizeof(frame), frame.len);
	}
	assert_true(good > 1000 && good < 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)
		T(frames_keep_their_bounds),
		T(other_version_shows_its_head),
		T(what_was_sent_is_read_after_the_end),
		T(full_socket_can_be_waited_for),
		T(descriptors_are_not_accepted),
		T(what_is_none_is_refused),
	};

	return RUN_TESTS(tests);
}
