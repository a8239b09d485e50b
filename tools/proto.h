/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What supd and supctl say to each other, over a SOCK_SEQPACKET socket
 * STATE/control. A packet is one flat JSON object.
 *
 * Request: {"v":1,"op":OP,...}, one at a time on a connection:
 *   tree    all: with supd's own tasks
 *   status
 *   explain id: an id, path or pid: why it is in its state
 *   audit   who runs here without being supervised
 *   events  since: those after that number; last: at most so many old ones;
 *           follow: those to come, too
 *   kill    id: an id, path or pid; signal; tree: its descendants, too
 *   stop, start, restart    id: an id or path
 *
 * Reply: rows, then {"t":"end","code":N,"text":...}. code is what supctl
 * exits with; text says why. Rows: {"t":"node",...}, {"t":"status",...},
 * {"t":"explanation",...}, {"t":"stray",...}, {"t":"event",...},
 * {"t":"gap","lost":N}.
 */
#ifndef TOOLS_PROTO_H
#define TOOLS_PROTO_H

#include <stddef.h>
#include <sys/un.h>

#define PROTO_VERSION		1
#define PROTO_REQUEST_MAX	4096
#define PROTO_PACKET_MAX	8192

enum proto_code {
	PROTO_OK = 0,
	PROTO_NO = 1,
	PROTO_USAGE = 100,
	PROTO_SYSTEM = 111,
};

/*
 * The folder of a supd's state: what was asked for, else supd below
 * $XDG_RUNTIME_DIR, else /run/supd. For free(3); NULL: no memory.
 */
char *proto_state_dir(const char *asked);

/* The address of the socket. -ENAMETOOLONG. */
int proto_address(const char *state_dir, struct sockaddr_un *ret_addr);

#endif
