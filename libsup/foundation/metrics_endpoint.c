/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The endpoint is a plain thread that polls three things: its mailbox, the
 * socket it listens on, and HTTP's descriptor (metrics_http.c). It has no state
 * that a restart would have to find again: figures are the process's.
 *
 * The socket is owned by the task, so that it is closed before anyone is told
 * of the task's end: the next life gets the same port. Connections end with the
 * thread, a little later, which is in nobody's way.
 *
 * Nothing is accepted while all connections are being answered, and for a while
 * after one could not be, for want of a descriptor or of memory; who connects
 * waits in the kernel's queue then.
 */
#include <foundation/metrics_endpoint.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sup/sup.h>

#include "foundation/metrics_http.h"
#include "foundation/service.h"

#define ADDRESS "127.0.0.1"
#define CONNECTIONS 16
#define TIMEOUT_MS 10000
#define BACKLOG 128	/* who waits, in the kernel */
#define PAUSE_MS 100
#define NS_PER_MS INT64_C(1000000)

/* What the thread is told by its starter, which waits until it is ready. */
struct begin {
	struct fnd_metrics_options options;
	int error;		/* of a start that failed, with its sentence */
	char text[256];
};

struct endpoint {
	struct fnd__http *http;
	int listens, mailbox;
	int64_t paused_until;
	int64_t wait_until;	/* HTTP has nothing to do until then */
};

static int fail(const struct fnd_metrics_options *o, int error)
{
	bool is_v6 = strchr(o->address, ':');

	return sup_set_error(-error, "%s%s%s:%u: %s", is_v6 ? "[" : "",
			     o->address, is_v6 ? "]" : "", o->port,
			     strerror(error));
}

/* By getaddrinfo(3), which reads digits here, and asks nobody. */
static int resolve(const struct fnd_metrics_options *o,
		   struct addrinfo **ret_info)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	char port[8];

	snprintf(port, sizeof(port), "%u", o->port);
	switch (getaddrinfo(o->address, port, &hints, ret_info)) {
	case 0:
		return 0;
	case EAI_MEMORY:
		return fnd__nomem("an address");
	default:
		return sup_set_error(-EINVAL, "address: \"%.64s\" is none in "
				     "digits", o->address);
	}
}

/* All addresses are those of IPv4, too, whatever the system's default is. */
static int bind_and_listen(int fd, const struct addrinfo *info)
{
	const int yes = 1, no = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    (info->ai_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no))) ||
	    bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, BACKLOG))
		return errno;
	return 0;
}

static int open_socket(const struct fnd_metrics_options *o, int *ret_fd)
{
	struct addrinfo *info;
	int fd, error, ret;

	ret = resolve(o, &info);
	if (ret)
		return ret;
	fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
	error = fd < 0 ? errno : bind_and_listen(fd, info);
	freeaddrinfo(info);
	ret = error ? fail(o, error) : sup_own_fd(fd);
	if (ret && fd >= 0)
		close(fd);
	*ret_fd = fd;
	return ret;
}

/* Whether there may be more that wait. */
static bool accept_one(struct endpoint *e)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd;

	fd = accept4(e->listens, (struct sockaddr *)&addr, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		fnd__http_add(e->http, fd, (struct sockaddr *)&addr, len);
	/* Of one that is gone already nothing is left in the queue. */
	if (fd >= 0 || errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno != EAGAIN)
		e->paused_until = sup_deadline_ms(PAUSE_MS);
	return false;
}

/* One waits at least. There is room for it, or in the next turn. */
static void accept_some(struct endpoint *e)
{
	if (!fnd__http_has_room(e->http))
		fnd__http_make_room(e->http);
	else
		while (fnd__http_has_room(e->http) && accept_one(e))
			;
}

static bool accepts(const struct endpoint *e, int64_t now)
{
	return now >= e->paused_until && (fnd__http_has_room(e->http) ||
					  fnd__http_can_make_room(e->http));
}

/* The time of poll(2): rounded up, or it would wake up too soon. */
static int wait_ms(const struct endpoint *e, int64_t now)
{
	int64_t until = e->wait_until;

	if (now < e->paused_until &&
	    (until == SUP_FOREVER || e->paused_until < until))
		until = e->paused_until;
	if (until == SUP_FOREVER)
		return -1;
	if (until <= now)
		return 0;
	return (until - now + NS_PER_MS - 1) / NS_PER_MS;
}

static int ignore(struct sup_info *info, void *arg)
{
	(void)arg;
	sup_msg_free(&info->msg);
	return 0;
}

/* sup_dispatch() is where it ends when it is told to, or is killed. */
static _Noreturn void serve(struct endpoint *e)
{
	struct pollfd fds[] = {
		{ .fd = e->mailbox, .events = POLLIN },
		{ .fd = fnd__http_fd(e->http), .events = POLLIN },
		{ .events = POLLIN },
	};
	int64_t now;

	for (;;) {
		sup_dispatch(ignore, NULL);
		e->wait_until = fnd__http_run(e->http);
		now = sup_deadline_ms(0);
		fds[2].fd = accepts(e, now) ? e->listens : -1;
		if (poll(fds, 3, wait_ms(e, now)) > 0 && fds[2].revents)
			accept_some(e);
	}
}

static int begin(struct begin *b, struct endpoint *e)
{
	const struct fnd_metrics_options *o = &b->options;
	int ret;

	ret = open_socket(o, &e->listens);
	if (!ret)
		ret = sup_fd(&e->mailbox);
	if (!ret)
		ret = fnd__http_open(o->connections, o->timeout_ms, &e->http);
	if (!ret)
		return 0;
	b->error = ret;
	snprintf(b->text, sizeof(b->text), "%s", sup_error());
	return ret;
}

/* arg is not to be touched after it is ready. */
static int run(void *arg)
{
	struct endpoint e = { .wait_until = SUP_FOREVER };

	if (begin(arg, &e))
		return 1;
	sup_ready();
	serve(&e);
}

static int complete(const void *given, struct fnd_metrics_options *o)
{
	struct addrinfo *info;
	int ret;

	ret = fnd__copy_options(o, sizeof(*o), given);
	if (ret)
		return ret;
	if (!o->port)
		return sup_set_error(-EINVAL, "port: it is 0");
	if (!o->address)
		o->address = ADDRESS;
	if (!o->connections)
		o->connections = CONNECTIONS;
	if (o->connections > FND_METRICS_CONNECTIONS_MAX)
		return sup_set_error(-EINVAL, "connections: %u, of %d at most",
				     o->connections,
				     FND_METRICS_CONNECTIONS_MAX);
	ret = fnd__check_ms("timeout_ms", &o->timeout_ms, TIMEOUT_MS);
	if (ret)
		return ret;
	ret = resolve(o, &info);
	if (!ret)
		freeaddrinfo(info);
	return ret;
}

int fnd_metrics_start(const void *options, struct sup_pid *ret_pid)
{
	struct begin b = { .error = 0 };
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = FND__METRICS, .reg = true,
		.run = run, .arg = &b, .awaits_ready = true,
	};
	int ret;

	ret = complete(options, &b.options);
	if (ret)
		return ret;
	ret = sup_thread_start(&spec, ret_pid);
	return b.error ? sup_set_error(b.error, "%s", b.text) : ret;
}
