/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

char *proto_state_dir(const char *asked)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char *dir;

	if (asked != NULL)
		return strdup(asked);
	if (run == NULL || run[0] != '/')
		return strdup("/run/supd");
	return asprintf(&dir, "%s/supd", run) < 0 ? NULL : dir;
}

int proto_address(const char *state_dir, struct sockaddr_un *ret_addr)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int len;

	len = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/control",
		       state_dir);
	if (len < 0 || (size_t)len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	*ret_addr = addr;
	return 0;
}
