/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un where;
static socklen_t where_len;

void notify_init(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name != NULL ? strlen(name) : 0;

	if (len > 0 && len < sizeof(where.sun_path) &&
	    (name[0] == '/' || name[0] == '@')) {
		where.sun_family = AF_UNIX;
		memcpy(where.sun_path, name, len);
		if (name[0] == '@')
			where.sun_path[0] = '\0';
		where_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					len);
	}
	unsetenv("NOTIFY_SOCKET");
}

void notify(const char *text)
{
	int fd;

	if (where_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
	       (struct sockaddr *)&where, where_len);
	close(fd);
}
