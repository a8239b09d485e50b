/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The receiving end of sd_notify(3): one datagram socket for each process, in
 * the abstract namespace, whose name the kernel chooses.
 */
#ifndef SUP_EXIT_NOTIFY_H
#define SUP_EXIT_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUP__NOTIFY_NAME_MAX 16

struct sup__exit_source;
struct sup__proc;

/* What a datagram says; all zero: nothing that counts. */
struct sup__notify {
	pid_t stranger;		/* who sent it, and does not count; or 0 */
	bool too_long;		/* more than is read: of that nothing counts */
	bool ready;		/* READY=1 */
	bool stopping;		/* STOPPING=1 */
	bool alive;		/* WATCHDOG=1 */
	bool trouble;		/* WATCHDOG=trigger */
	int64_t watchdog_ns;	/* WATCHDOG_USEC= */
	bool has_status;	/* STATUS= */
	char status[128];	/* its beginning, made printable */
	int64_t extend_ns;	/* EXTEND_TIMEOUT_USEC= */
};

/*
 * Opens a socket and writes what belongs into NOTIFY_SOCKET, "@" and its name.
 * The caller closes *ret_fd. -EMFILE, -ENOMEM, ...
 */
int sup__notify_open(char ret_name[SUP__NOTIFY_NAME_MAX], int *ret_fd);

/*
 * Reads the next datagram, without blocking. False: there is none. It counts
 * from the process itself, from its session (a shell script has systemd-notify
 * do it), and from what else the source, which may be NULL, knows to be of its
 * lineage; if the sender has ended, from its user or ours. lineage: as the
 * source has told it, or 0. May be called with a lock held.
 */
bool sup__notify_next(int fd, const struct sup__proc *p,
		      struct sup__exit_source *src, uint64_t lineage,
		      struct sup__notify *ret_said);

#endif
