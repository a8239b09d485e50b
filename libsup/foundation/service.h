/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the services share among themselves: names, calls, checks. */
#ifndef SUP_FOUNDATION_SERVICE_H
#define SUP_FOUNDATION_SERVICE_H

#include <foundation/types.h>
#include <sup/registry.h>
#include <sup/server.h>

/* The registered names of what runs. */
#define FND__PROCESS_REGISTRY "fnd_processes"
#define FND__CONFIG_SERVER "fnd_config"
#define FND__EVENT_STORE "fnd_events"
#define FND__TASKS "fnd_tasks"
#define FND__SERVICES "fnd_services"
#define FND__LOCKS "fnd_locks"
#define FND__BARRIERS "fnd_barriers"
#define FND__ELECTIONS "fnd_elections"
#define FND__POOLS "fnd_pools"
#define FND__RATE_LIMITER "fnd_rates"
#define FND__TELEMETRY "fnd_telemetry"
#define FND__SERVICE_MONITOR "fnd_service_monitor"
#define FND__HEALTH_MONITOR "fnd_health_monitor"
#define FND__METRICS "fnd_metrics"

/* 0, or -EINVAL, -ENAMETOOLONG; what: of the sentence. */
int fnd__check_name(const char *what, const char *name);

/* A time of the options: 0 becomes its default. -EINVAL. */
int fnd__check_ms(const char *what, int64_t *ms, int64_t standard);

/*
 * Calls a service by its name. -ENOTCONN it does not run, -EPIPE it has ended
 * meanwhile; else as sup_call().
 */
int fnd__call(const char *service, const struct sup_msg *req,
	      struct sup_msg *ret_reply, int64_t deadline);

/*
 * The same, for as long as it takes, if all that is answered is a tag; ret_tag
 * may be NULL.
 */
int fnd__ask(const char *service, uint64_t tag, void *req, size_t len,
	     uint64_t *ret_tag);

/*
 * Casts to a service what it has to hear, whatever befalls the caller, if it
 * runs.
 */
void fnd__tell(const char *service, const struct sup_msg *msg);

/*
 * Health functions (<foundation/service_registry.h>) of a server, which comes
 * back to its loop to answer what it does not know, and of a supervisor. The
 * argument is the registered name.
 */
int fnd__ping(void *name, struct sup_msg *ret_result);
int fnd__ping_supervisor(void *name, struct sup_msg *ret_result);

/*
 * What the caller of a start function has given, of its own version, or NULL:
 * zeroes stand for what is not there. size: of all; each begins with its own.
 * -EINVAL.
 */
int fnd__copy_options(void *to, size_t size, const void *from);

/*
 * Memory for what is held over a safe point: of the calling task, with which it
 * goes, or on a foreign thread, which nobody ends, of malloc(3). It need not be
 * zeroed, and is freed by the same thread. NULL: no memory.
 */
void *fnd__alloc(size_t size);
void fnd__free(void *p);

/*
 * Opens a registry, which stays, at its first use: *id is 0 until then. By
 * whoever comes first, or, if others must not use it before, by one thread.
 * -ENOSPC there are too many; -ENOMEM.
 */
int fnd__registry_open(_Atomic uint64_t *id, bool duplicate);

/* As sup_registry_select(), but the block is one of fnd__alloc(). */
int fnd__select(struct sup_registry r, const struct sup_registry_query *q,
		struct sup_registry_entry **ret_entries, size_t *ret_n);

/* ns since 1970, UTC. */
int64_t fnd__real_now(void);

/* sup_set_error() for want of memory: "no memory for WHAT". */
int fnd__nomem(const char *what);

#endif
