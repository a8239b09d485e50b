/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The receiving end of sd_notify(3): one datagram socket for each process, in
 * the abstract namespace, whose name the kernel chooses.
 */
#ifndef SUP_EXIT_NOTIFY_H
#define SUP_EXIT_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SUP__NOTIFY_NAME_MAX 16

/*
 * Opens a socket and writes what belongs into NOTIFY_SOCKET, "@" and its name.
 * The caller closes *ret_fd. -EMFILE, -ENOMEM, ...
 */
int sup__notify_open(char ret_name[SUP__NOTIFY_NAME_MAX], int *ret_fd);

/*
 * Reads what has arrived, without blocking. Datagrams count only from the
 * process itself or from its session (a shell script has systemd-notify do
 * it), or from our own user if the sender has ended. True if READY=1 was among
 * them; the last STATUS= is kept in status.
 */
bool sup__notify_read(int fd, pid_t pid, char *status, size_t len);

#endif
