/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients of /metrics, at an address of the program's own. */
#ifndef TESTS_FOUNDATION_HTTP_CLIENT_H
#define TESTS_FOUNDATION_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 9464
#define REQUEST(what) what " HTTP/1.1\r\nHost: test\r\n\r\n"
#define GET REQUEST("GET /metrics")

/* Sockets of others, which the system gives ports by chance, have 127.0.0.1. */
static inline in_addr_t own_ip(void)
{
	unsigned int pid = getpid();

	return htonl(127U << 24 | ((pid & 0x3fffff) + 0x10000));
}

static inline const char *own_address(void)
{
	return inet_ntoa((struct in_addr){ own_ip() });
}

/* How much a client's socket receives; 0: as the system has it. */
static int receives;

/*
 * These are for tasks, too. A connection that is refused or reset is for them
 * to judge: -1, NULL.
 */
static inline int try_dial(void)
{
	const struct timeval limit = { .tv_sec = 30 };
	const struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = own_ip(),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (receives)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receives,
			   sizeof(receives));
	if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

/* Whether all of it could be sent. */
static inline bool say(int fd, const char *text)
{
	ssize_t len = strlen(text);

	return send(fd, text, len, MSG_NOSIGNAL) == len;
}

/* All until the other side closes, be it by a reset. */
static inline char *hear(int fd)
{
	size_t len = 0, size = 65536;
	char *text = malloc(size);
	ssize_t n;

	while (text && (n = recv(fd, text + len, size - len - 1, 0)) > 0) {
		len += n;
		if (size - len == 1)
			text = realloc(text, size *= 2);
	}
	if (text)
		text[len] = '\0';
	return text;
}

static inline char *try_ask(const char *request)
{
	char *response = NULL;
	int fd = try_dial();

	if (fd >= 0 && say(fd, request))
		response = hear(fd);
	if (fd >= 0)
		close(fd);
	return response;
}

static inline int dial(void)
{
	int fd = try_dial();

	assert_true(fd >= 0);
	return fd;
}

static inline char *ask(const char *request)
{
	char *response = try_ask(request);

	assert_non_null(response);
	return response;
}

static inline const char *body_of(const char *response)
{
	const char *end = strstr(response, "\r\n\r\n");

	return end ? end + 4 : "";
}

/* Whether it is of that status, and has all that it says it has. */
static inline bool is_whole(const char *response, int status)
{
	static const char length[] = "\r\nContent-Length: ";
	const char *at = strstr(response, length);
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	return !strncmp(response, line, strlen(line)) && at &&
		strtoul(at + strlen(length), NULL, 10) ==
		strlen(body_of(response));
}

/* Whether a request is answered so. */
static inline bool answers(const char *request, int status)
{
	char *response = try_ask(request);
	bool is = response && is_whole(response, status);

	free(response);
	return is;
}

static inline bool has(const char *response, const char *text)
{
	return strstr(response, text);
}

#endif
