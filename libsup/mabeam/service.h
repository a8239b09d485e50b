/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the services share among themselves: names, checks, memory. */
#ifndef SUP_MABEAM_SERVICE_H
#define SUP_MABEAM_SERVICE_H

#include <stddef.h>
#include <stdint.h>

/* The registered names of what runs. */
#define MAB__MABEAM "mab_mabeam"
#define MAB__AGENTS "mab_agents"	/* the AgentSupervisor */
#define MAB__CORE "mab_core"
#define MAB__PERFORMANCE "mab_performance"
#define MAB__COMMS "mab_comms"
#define MAB__TELEMETRY "mab_telemetry"
#define MAB__COORDINATION "mab_coordination"
#define MAB__SESSIONS "mab_sessions"	/* the CoordinationSupervisor */

/* 0, or -EINVAL, -ENAMETOOLONG; what: of the sentence. */
int mab__check_name(const char *what, const char *name);

/*
 * What the caller of a start function, or a spec, has given, of its own
 * version, or NULL: zeroes stand for what is not there. size: of all; each
 * begins with its own. -EINVAL.
 */
int mab__copy_options(void *to, size_t size, const void *from);

/*
 * Memory for what is held over a safe point: of the calling task, with which it
 * goes, or on a foreign thread, which nobody ends, of malloc(3). It need not be
 * zeroed, and is freed by the same thread. NULL: no memory.
 */
void *mab__alloc(size_t size);
void mab__free(void *p);

/* The next number of a sequence that has a seed: of which every one will do. */
uint64_t mab__random(uint64_t *state);

/* sup_set_error() for want of memory: "no memory for WHAT". */
int mab__nomem(const char *what);

/*
 * Has a service do what the tag says, and waits for that: its call answers with
 * a message, of which nothing is read. -ENOTCONN it does not run; as sup_call()
 * otherwise. A safe point.
 */
int mab__service_do(const char *name, uint64_t tag, int64_t deadline);

#endif
