/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the services share among themselves: names, calls, checks. */
#ifndef SUP_FOUNDATION_SERVICE_H
#define SUP_FOUNDATION_SERVICE_H

#include <foundation/types.h>
#include <sup/server.h>

/* The registered names of what runs. */
#define FND__PROCESS_REGISTRY "fnd_processes"
#define FND__EVENT_STORE "fnd_events"
#define FND__TASKS "fnd_tasks"

/* 0, or -EINVAL, -ENAMETOOLONG; what: of the sentence. */
int fnd__check_name(const char *what, const char *name);

/*
 * Calls a service by its name. -ENOTCONN it does not run, -EPIPE it has ended
 * meanwhile; else as sup_call().
 */
int fnd__call(const char *service, const struct sup_msg *req,
	      struct sup_msg *ret_reply, int64_t deadline);

/*
 * What the caller of a start function has given, of its own version, or NULL:
 * zeroes stand for what is not there. size: of all; each begins with its own.
 * -EINVAL.
 */
int fnd__copy_options(void *to, size_t size, const void *from);

/* sup_set_error() for want of memory: "no memory for WHAT". */
int fnd__nomem(const char *what);

#endif
