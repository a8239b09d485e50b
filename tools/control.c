/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket and the clients stand in struct control, which belongs to main:
 * should the thread end, the next one finds the socket, and closes the
 * clients of the one before.
 */
#include "control.h"
#include "client.h"
#include "event_text.h"
#include "events.h"
#include "iowait.h"
#include "proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sup/task.h>

#define CLIENTS_MAX 32
#define TICK_MS 1000		/* how late a deadline may be noticed */

struct control {
	struct client_view view;
	bool verbose;
	uint64_t printed;	/* the last event on stderr */
	int listen_fd, wake_fd;
	char socket[108];
	struct sup_thread_spec spec;
	struct client clients[CLIENTS_MAX];
};

static bool may_ask(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static void accept_client(struct control *k)
{
	static const char full[] =
		"{\"t\":\"end\",\"code\":111,\"text\":\"too many clients\"}";
	int fd = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	size_t i;

	if (fd < 0)
		return;
	for (i = 0; i < CLIENTS_MAX && may_ask(fd); i++) {
		if (k->clients[i].state == CLIENT_FREE) {
			client_init(&k->clients[i], fd);
			return;
		}
	}
	send(fd, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void print_events(struct control *k)
{
	char text[PROTO_PACKET_MAX];
	struct numbered_event e;

	while (k->verbose && events_next(k->printed, &e) == 0) {
		k->printed = e.seq;
		if (events_format(&e, text, sizeof(text)) > 0)
			event_text_print(stderr, text, false);
	}
}

static void reset(struct control *k)
{
	size_t i;

	for (i = 0; i < CLIENTS_MAX; i++)
		if (k->clients[i].state != CLIENT_FREE)
			client_drop(&k->clients[i]);
}

static void turn(struct control *k)
{
	struct pollfd fds[CLIENTS_MAX + 2];
	bool any = false;
	size_t i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &k->clients[i];

		any |= c->state != CLIENT_FREE;
		fds[i].fd = c->state != CLIENT_FREE ? c->fd : -1;
		fds[i].events = client_wants(c);
		fds[i].revents = 0;
	}
	fds[i] = (struct pollfd){ k->listen_fd, POLLIN, 0 };
	fds[i + 1] = (struct pollfd){ k->wake_fd, POLLIN, 0 };
	if (io_wait(fds, CLIENTS_MAX + 2, any ? TICK_MS : -1) < 0)
		return;
	if (fds[i + 1].revents != 0)
		eventfd_read(k->wake_fd, &(eventfd_t){ 0 });
	print_events(k);
	for (i = 0; i < CLIENTS_MAX; i++)
		if (k->clients[i].state != CLIENT_FREE)
			client_step(&k->clients[i], &k->view, fds[i].revents);
	if (fds[CLIENTS_MAX].revents != 0)
		accept_client(k);
}

static int serve(void *arg)
{
	struct control *k = arg;

	reset(k);
	for (;;)
		turn(k);
	return 0;
}

static int open_socket(struct control *k, const char *state_dir)
{
	struct sockaddr_un addr;
	int ret;

	ret = proto_address(state_dir, &addr);
	if (ret < 0)
		return ret;
	k->listen_fd = socket(AF_UNIX,
			      SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->listen_fd < 0)
		return -errno;
	/* The lock on the folder is ours: what is there was left behind. */
	if (unlink(addr.sun_path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(k->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	memcpy(k->socket, addr.sun_path, sizeof(k->socket));
	if (chmod(k->socket, 0600) < 0 || listen(k->listen_fd, 64) < 0)
		return -errno;
	return 0;
}

int control_new(const struct control_options *opts,
		struct control **ret_control)
{
	struct control *k = calloc(1, sizeof(*k));
	int ret;

	if (k == NULL)
		return -ENOMEM;
	k->listen_fd = -1;
	k->verbose = opts->verbose;
	k->view.tree = opts->tree;
	k->view.policy = opts->policy;
	k->view.started_ns = sup_deadline_ms(0);
	k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = k->wake_fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = open_socket(k, opts->state_dir);
	k->view.wake_fd = k->wake_fd;
	if (ret == 0)
		ret = events_start(k->wake_fd);
	if (ret < 0) {
		control_free(k);
		return ret;
	}
	*ret_control = k;
	return 0;
}

struct sup_child_spec control_spec(struct control *k)
{
	k->spec = (struct sup_thread_spec){
		.size = sizeof(k->spec),
		.name = "supd.control",
		.run = serve,
		.arg = k,
	};
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec),
		.id = "control",
		.start = sup_thread_start,
		.arg = &k->spec,
		.restart = SUP_PERMANENT,
		.type = SUP_WORKER,
	};
}

void control_free(struct control *k)
{
	if (k == NULL)
		return;
	print_events(k);
	events_stop();
	reset(k);
	if (k->socket[0] != '\0')
		unlink(k->socket);
	if (k->listen_fd >= 0)
		close(k->listen_fd);
	if (k->wake_fd >= 0)
		close(k->wake_fd);
	free(k);
}
