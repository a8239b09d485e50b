/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audit: who runs here without being supervised. */
#ifndef SUP_AUDIT_H
#define SUP_AUDIT_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A living task of our group that is no task of libsup, nor of such a one. */
struct sup_stray {
	pid_t pid;		/* of the process */
	pid_t tid;		/* of a thread of this process; 0: a process */
	uint64_t lineage;	/* of a process */
	bool lineage_first;	/* it is the process its lineage began with */
	bool adopted;		/* it lived when the group was taken over */
	uint64_t start_ns;	/* CLOCK_BOOTTIME */
	char comm[16];		/* its name */
};

/*
 * Calls cb once for each stray, on the calling thread; cb returns 0 to go on,
 * anything else ends the audit and is returned. Strays are
 *  - threads of this process that libsup did not start. Not counted are the
 *    main thread and libsup's own, which are above every supervisor, and those
 *    that were declared as a library's (<sup/foreign.h>);
 *  - processes in a lineage that no process task began, or is about to clear:
 *    children that the program made by itself, with what they started, and
 *    adopted processes that nobody has taken over (sup_orphans()).
 * A descendant of a process task belongs to that task, however far away.
 *
 * What is being started or ends during the call is no stray. For that it waits,
 * up to the deadline, for starts under way and for news of ends under way; for
 * no task. -EOPNOTSUPP without the module (SUP_LACKS_AUDIT); -ENOTCONN before
 * sup_open(); -ETIMEDOUT; -EIO the module did not answer as it should; -ENOMEM.
 * Any thread, but not from the event sink. A safe point.
 */
SUP_API int sup_audit(int (*cb)(const struct sup_stray *stray, void *arg),
		      void *arg, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
