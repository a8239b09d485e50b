/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread polls the listening socket and its connections. What it needs
 * again after a crash (the listening socket, and the connections, to close
 * them) stands in struct service, which belongs to the tree; the rest is lost
 * with the thread.
 */
#include "service.h"
#include "iowait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define LINE_MAX_LEN 512

struct connection {
	int fd;			/* -1: unused */
	size_t len;
	char line[LINE_MAX_LEN];
};

struct service {
	const struct config_child *cfg;
	struct sup_thread_spec spec;
	int listen_fd;
	unsigned long count;	/* of the counter; of one life of the thread */
	struct connection connections[CONNECTIONS_MAX];
};

static void close_connection(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->len = 0;
}

/* Both volatile: else the compiler sees it coming, and leaves it out. */
static void crash(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

static void answer(struct service *s, struct connection *c, const char *line)
{
	char text[LINE_MAX_LEN + 2];
	int len;

	if (strcmp(line, "crash") == 0)
		crash();
	if (s->cfg->service == CONFIG_SERVICE_COUNTER)
		len = snprintf(text, sizeof(text), "%lu\n", ++s->count);
	else
		len = snprintf(text, sizeof(text), "%s\n", line);
	/* Who does not read is not waited for. */
	if (send(c->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len)
		close_connection(c);
}

static void answer_lines(struct service *s, struct connection *c)
{
	char *line = c->line, *end;

	c->line[c->len] = '\0';
	while (c->fd >= 0 && (end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		answer(s, c, line);
		line = end + 1;
	}
	if (c->fd < 0)
		return;
	c->len = strlen(line);
	memmove(c->line, line, c->len + 1);
	if (c->len == sizeof(c->line) - 1)
		close_connection(c);
}

static void read_connection(struct service *s, struct connection *c)
{
	ssize_t n;

	n = recv(c->fd, c->line + c->len, sizeof(c->line) - 1 - c->len,
		 MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || memchr(c->line + c->len, '\0', (size_t)n) != NULL) {
		close_connection(c);
		return;
	}
	c->len += (size_t)n;
	answer_lines(s, c);
}

static void accept_connection(struct service *s)
{
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	size_t i;

	if (fd < 0)
		return;
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		if (s->connections[i].fd < 0) {
			s->connections[i].fd = fd;
			return;
		}
	}
	close(fd);
}

static int serve(void *arg)
{
	struct pollfd fds[CONNECTIONS_MAX + 1];
	struct service *s = arg;
	size_t i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		close_connection(&s->connections[i]);
	s->count = 0;
	for (;;) {
		int ret;

		for (i = 0; i < CONNECTIONS_MAX; i++)
			fds[i] = (struct pollfd){ s->connections[i].fd,
						  POLLIN, 0 };
		fds[i] = (struct pollfd){ s->listen_fd, POLLIN, 0 };
		ret = io_wait(fds, CONNECTIONS_MAX + 1, -1);
		if (ret < 0)
			return -ret;
		for (i = 0; i < CONNECTIONS_MAX; i++)
			if (fds[i].revents != 0)
				read_connection(s, &s->connections[i]);
		if (fds[i].revents != 0)
			accept_connection(s);
	}
}

static int listen_on(uint16_t port, int *ret_fd)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd, one = 1, ret;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 64) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	*ret_fd = fd;
	return 0;
}

int service_new(const struct config_child *cfg, struct service **ret_s)
{
	struct service *s = calloc(1, sizeof(*s));
	size_t i;

	if (s == NULL)
		return -ENOMEM;
	s->cfg = cfg;
	s->listen_fd = -1;
	for (i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	s->spec = (struct sup_thread_spec){
		.size = sizeof(s->spec),
		.name = cfg->id,
		.run = serve,
		.arg = s,
		.containment = cfg->contain,
	};
	*ret_s = s;
	return 0;
}

int service_start(const void *arg, struct sup_pid *ret_pid)
{
	struct service *s = (struct service *)arg;
	int ret;

	if (s->listen_fd < 0) {
		ret = listen_on(*s->cfg->port, &s->listen_fd);
		if (ret < 0)
			return ret;
	}
	return sup_thread_start(&s->spec, ret_pid);
}

void service_free(struct service *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < CONNECTIONS_MAX; i++)
		close_connection(&s->connections[i]);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	free(s);
}
