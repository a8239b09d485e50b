/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that a linked library starts for itself. Nobody supervises them, and
 * no fault in one is contained; but they are declared, so that the audit
 * (<sup/audit.h>) knows whose they are. Where a library can be driven from
 * outside, by a descriptor that its user polls, that is better: sup_fd().
 */
#ifndef SUP_FOREIGN_H
#define SUP_FOREIGN_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUP_FOREIGN_NAME_MAX 31

/* A living thread that was declared. */
struct sup_foreign {
	pid_t tid;
	struct sup_pid owner;	/* the task that did, or SUP_PID_NONE */
	uint64_t start_ns;	/* CLOCK_BOOTTIME */
	char name[SUP_FOREIGN_NAME_MAX + 1];	/* of the library */
	char comm[16];		/* the thread's own */
};

/*
 * Around the calls in which a library starts threads: each thread of this
 * process that begins between the two and is none of libsup's is declared, as
 * name's and the calling task's, for as long as it lives, whatever becomes of
 * the task. So two things are not to be done meanwhile: to start threads of
 * the program's own, on any thread; and to let the library start more of them
 * later, unless around that, too. The name is copied.
 *
 * A task that ends in between has declared nothing. Without a source that can
 * be audited (SUP_LACKS_AUDIT) nothing is kept. Before sup_open() they may be
 * called, too.
 *
 * begin: -EINVAL name is NULL, empty or too long; -EALREADY the task, or the
 * foreign thread, has begun already. end: -EINVAL it has not; -ENOMEM nothing
 * is declared, and it has ended. Any thread, both the same. Safe points.
 */
SUP_API int sup_foreign_begin(const char *name);
SUP_API int sup_foreign_end(void);

/*
 * Calls cb once for each living thread that was declared, on the calling
 * thread, in the order of their births; cb returns 0 to go on, anything else
 * ends the call and is returned. -EOPNOTSUPP without the module
 * (SUP_LACKS_AUDIT); -ENOTCONN before sup_open(); -EIO the module did not
 * answer as it should; -ENOMEM. Any thread, but not from the event sink. A safe
 * point.
 */
SUP_API int sup_foreign_threads(int (*cb)(const struct sup_foreign *f,
					  void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
