/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program for supd that is made with libsup: its only server says that it is
 * alive, if the environment asks for that, and hangs after SIGUSR1. That its
 * own supervisor has noticed stands on stderr.
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sup/sup.h>

static void say(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = name ? strlen(name) : 0;
	int fd;

	if (!len || len > sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL,
			     (struct sockaddr *)&addr,
			     offsetof(struct sockaddr_un, sun_path) + len) < 0)
		abort();
	close(fd);
}

/* Four times as often as it has to. */
static int next_beat(void)
{
	const char *usec = getenv("WATCHDOG_USEC");

	return usec ? sup_server_timer(1, strtoll(usec, NULL, 10) / 4000) : 0;
}

static int init(void *arg, void **state)
{
	(void)arg;
	(void)state;
	return next_beat();
}

static int info(void *state, struct sup_info *info)
{
	(void)state;
	if (info->kind != SUP_INFO_TIMER)
		return 0;
	say("WATCHDOG=1");
	return next_beat();
}

static int hang(void *state, struct sup_msg *msg)
{
	(void)state;
	(void)msg;
	for (;;)
		pause();
	return 0;
}

static void tell(const struct sup_event *ev, void *arg)
{
	(void)arg;
	if (ev->kind == SUP_EVENT_HUNG)
		dprintf(2, "%s hangs\n", ev->child_id);
}

int main(void)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .cast = hang, .info = info,
	};
	static const struct sup_server_spec server = {
		.size = sizeof(server), .name = "server", .reg = true,
		.ops = &ops,
	};
	static const struct sup_child_spec child = {
		.size = sizeof(child), .id = "server",
		.start = sup_server_start, .arg = &server, .hang_ms = 100,
	};
	static const struct sup_supervisor_spec top = {
		.size = sizeof(top), .name = "top", .children = &child,
		.n_children = 1,
	};
	struct sup_pid pid;
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (sup_open(NULL) || sup_set_event_sink(tell, NULL) ||
	    sup_supervisor_start(&top, &pid)) {
		fprintf(stderr, "%s\n", sup_error());
		return 1;
	}
	say("READY=1");
	/* Who hangs is not asked to end. */
	while (!sigwait(&set, &signo) && signo == SIGUSR1)
		if (sup_cast(sup_whereis("server"), &(struct sup_msg){ 0 },
			     SUP_FOREVER))
			return 2;
	_exit(0);
}
