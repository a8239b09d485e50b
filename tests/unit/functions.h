/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions for tests of functions in processes of their own: each test has
 * those that it names in its table.
 */
#ifndef TESTS_UNIT_FUNCTIONS_H
#define TESTS_UNIT_FUNCTIONS_H

#include "processes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sup/function.h>

#include "lib/leftovers.h"

enum tag {
	ECHO = 1,	/* it comes back */
	LEAVE,		/* it ends, with the first byte as its status */
	FLOOD,		/* it sends so many, then one that says FLOODED */
	FLOODED,
	GARBAGE,	/* it writes what is no message, and waits */
	CLOSE,		/* it closes its end, and waits */
	FACTS,		/* it tells about itself */
};

struct facts {
	pid_t pid, parent;
	bool has_variable;
	bool is_shared;		/* its socket, with what it executes */
	int n_fds;
	char comm[16];
};

static inline int channel(void)
{
	int fd;

	for (fd = 3; fd < 64; fd++)
		if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &(int){ 0 },
				&(socklen_t){ sizeof(int) }))
			return fd;
	abort();
}

static inline void send_up(uint64_t tag, const void *data, size_t len)
{
	const struct sup_msg msg = {
		.tag = tag, .data = (void *)data, .len = len,
	};

	if (sup_function_send(&msg, SUP_FOREVER))
		_exit(99);
}

static inline void tell_facts(void)
{
	struct facts facts = {
		.pid = getpid(), .parent = getppid(),
		.has_variable = getenv("SUP_FUNCTION"),
		.is_shared = fcntl(channel(), F_GETFD) != FD_CLOEXEC,
		.n_fds = leftovers_count("/proc/self/fd"),
	};
	FILE *f = fopen("/proc/self/comm", "r");

	if (!f || !fgets(facts.comm, sizeof(facts.comm), f))
		_exit(98);
	fclose(f);
	send_up(FACTS, &facts, sizeof(facts));
}

static inline void obey(const struct sup_msg *msg)
{
	unsigned int i, n;

	switch ((enum tag)msg->tag) {
	case ECHO:
		send_up(ECHO, msg->data, msg->len);
		break;
	case LEAVE:
		exit(*(unsigned char *)msg->data);
	case FLOOD:
		memcpy(&n, msg->data, sizeof(n));
		for (i = 0; i < n; i++)
			send_up(i, NULL, 0);
		send_up(FLOODED, NULL, 0);
		break;
	case GARBAGE:
		if (send(channel(), "garbage", 7, 0) != 7)
			_exit(97);
		for (;;)
			pause();
	case CLOSE:
		close(channel());
		for (;;)
			pause();
	case FACTS:
		tell_facts();
		break;
	case FLOODED:
		break;
	}
}

static inline int serve(const void *arg, size_t len)
{
	struct sup_msg msg;

	send_up(1000, arg, len);
	for (;;) {
		if (sup_function_receive(&msg, SUP_FOREVER))
			return 96;
		obey(&msg);
		sup_msg_free(&msg);
	}
}

static inline int say_nothing(const void *arg, size_t len)
{
	(void)arg;
	(void)len;
	while (pause())
		;
	return 0;
}

static inline int return_length(const void *arg, size_t len)
{
	return arg ? (int)len : 77;
}

#endif
