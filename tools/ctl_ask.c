/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supctl.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void give_up(const char *socket_dir, const char *what, int error)
{
	fprintf(stderr, "supctl: %s/control: %s: %s\n", socket_dir, what,
		strerror(error));
	exit(PROTO_SYSTEM);
}

static void connect_to(struct ctl *ctl)
{
	char *dir = proto_state_dir(ctl->state_dir);
	struct sockaddr_un addr;

	if (dir == NULL)
		give_up("", "out of memory", ENOMEM);
	if (proto_address(dir, &addr) < 0)
		give_up(dir, "no supd there", ENAMETOOLONG);
	ctl->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (ctl->fd < 0)
		give_up(dir, "no socket", errno);
	if (connect(ctl->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		give_up(dir, "no supd there", errno);
	free(dir);
}

void ctl_ask(struct ctl *ctl, const char *request)
{
	if (ctl->fd < 0)
		connect_to(ctl);
	if (send(ctl->fd, request, strlen(request), MSG_NOSIGNAL) < 0 &&
	    errno != EPIPE)
		give_up("supd", "cannot be asked", errno);
}

void ctl_ask_id(struct ctl *ctl, const char *op, const char *id)
{
	char request[PROTO_REQUEST_MAX];
	struct json_writer w;

	json_open(&w, request, sizeof(request));
	json_put_int(&w, "v", PROTO_VERSION);
	json_put_string(&w, "op", op);
	json_put_string(&w, "id", id);
	if (json_close(&w) < 0) {
		fprintf(stderr, "supctl: the id is too long\n");
		exit(PROTO_USAGE);
	}
	ctl_ask(ctl, request);
}

static void receive(struct ctl *ctl)
{
	const char *why;
	ssize_t n;
	size_t at;

	n = recv(ctl->fd, ctl->packet, sizeof(ctl->packet) - 1, 0);
	if (n <= 0) {
		fprintf(stderr, "supctl: supd has closed the connection\n");
		exit(PROTO_SYSTEM);
	}
	ctl->packet[n] = '\0';
	if (json_parse(&ctl->row, ctl->packet, (size_t)n, &why, &at) < 0) {
		fprintf(stderr, "supctl: supd's answer is not understood: %s\n",
			why);
		exit(PROTO_SYSTEM);
	}
}

int ctl_row(struct ctl *ctl, int timeout_ms, int *ret_code)
{
	struct pollfd p = { ctl->fd, POLLIN, 0 };
	const char *text;
	int ret;

	do {
		ret = poll(&p, 1, timeout_ms);
	} while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return -ETIMEDOUT;
	receive(ctl);
	if (strcmp(json_string(&ctl->row, "t", ""), "end") != 0)
		return 1;
	text = json_string(&ctl->row, "text", "");
	if (text[0] != '\0')
		fprintf(stderr, "supctl: %s\n", text);
	*ret_code = (int)json_int(&ctl->row, "code", PROTO_SYSTEM);
	return 0;
}

int ctl_end(struct ctl *ctl)
{
	int code;

	while (ctl_row(ctl, -1, &code) > 0)
		;
	return code;
}

const char *ctl_uptime(int64_t ns, char *buf, size_t size)
{
	int64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(buf, size, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(buf, size, "%" PRId64 "m%02" PRId64 "s", s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%" PRId64 "h%02" PRId64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, size, "%" PRId64 "d%02" PRId64 "h", s / 86400,
			 s / 3600 % 24);
	return buf;
}
