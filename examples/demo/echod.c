/* SPDX-License-Identifier: 0BSD */
/*
 * echod PORT: a supervised thread answers lines over TCP. It has not opted in
 * to containment, so the line "crash" ends the whole process, with a core.
 */
#include "ready.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include <sup/sup.h>

static int listen_on(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 16) < 0)
		return -1;
	return fd;
}

static void answer(FILE *f)
{
	volatile int *volatile nowhere = NULL;
	char line[256];

	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "crash", 5) == 0)
			*nowhere = 1;
		fputs(line, f);
		fflush(f);
	}
}

static int serve(void *arg)
{
	int listener = *(int *)arg, fd;
	FILE *f;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		f = fdopen(fd, "r+");
		if (f == NULL)
			return 1;
		answer(f);
		fclose(f);
	}
	return 1;
}

int main(int argc, char **argv)
{
	int listener = argc == 2 ? listen_on(atoi(argv[1])) : -1;
	const struct sup_thread_spec thread = {
		.size = sizeof(thread), .name = "echod", .run = serve,
		.arg = &listener,
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "echod",
		.start = sup_thread_start, .arg = &thread,
	};
	const struct sup_supervisor_spec top = {
		.size = sizeof(top), .name = "top", .children = &child,
		.n_children = 1,
	};
	struct sup_reason reason;
	struct sup_pid pid;

	if (listener < 0) {
		perror("echod");
		return 1;
	}
	if (sup_open(NULL) < 0 || sup_supervisor_start(&top, &pid) < 0) {
		fprintf(stderr, "echod: %s\n", sup_error());
		return 1;
	}
	say_ready();
	sup_wait(pid, &reason, SUP_FOREVER);
	sup_close();
	return 1;
}
