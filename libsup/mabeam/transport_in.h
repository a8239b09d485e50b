/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom an address means. */
#ifndef SUP_MABEAM_TRANSPORT_IN_H
#define SUP_MABEAM_TRANSPORT_IN_H

#include <mabeam/transport.h>

/*
 * The task to speak with. -ENOTCONN: *ret_reason says why it does not run;
 * -ENOENT, -EINVAL, -ENAMETOOLONG; those of the transport. A safe point.
 */
int mab__address_find(const char *address, struct sup_pid *ret_pid,
		      struct sup_reason *ret_reason);

/*
 * Calls found, which is no safe point, with the tasks of all transports, until
 * it returns other than 0, and returns that. A safe point.
 */
int mab__address_each(const char *const *capabilities,
		      int (*found)(struct sup_pid pid, void *to), void *to);

#endif
