/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runtime of one process: its exit source, and the thread that reads it.
 * There is one per process, because what it watches (children, signals) is.
 */
#ifndef SUP_RUNTIME_H
#define SUP_RUNTIME_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the news of ends come from. */
enum sup_source {
	SUP_SOURCE_AUTO,	/* the best there is: module, else pidfd */
	SUP_SOURCE_MODULE,	/* sup.ko over generic netlink */
	SUP_SOURCE_PIDFD,	/* pidfds, waitid and in-process reports */
};

/* What a source cannot tell or do: bits of sup_source_info.lacks. */
#define SUP_LACKS_DESCENDANTS	(1u << 0) /* children of children */
#define SUP_LACKS_LINEAGE_KILL	(1u << 1) /* only the process group is killed */
#define SUP_LACKS_SENDER	(1u << 2) /* who sent the fatal signal */
#define SUP_LACKS_KERNEL_TIME	(1u << 3) /* time of the exit itself */
#define SUP_LACKS_THREADS	(1u << 4) /* threads that could not report */
#define SUP_LACKS_OWNER_DEATH	(1u << 5) /* children outlive a killed owner */
#define SUP_LACKS_ADOPTION	(1u << 6) /* nor can they be taken over */
#define SUP_LACKS_AUDIT		(1u << 7) /* who is not supervised */

struct sup_source_info {
	enum sup_source source;
	const char *name;	/* "module" or "pidfd" */
	uint32_t lacks;
	const char *why;	/* why not the module; "" if it is used */
};

/* What happens to our processes if this process dies. Needs the module. */
enum sup_owner_policy {
	SUP_OWNER_KILL,		/* the kernel kills them all */
	SUP_OWNER_RETAIN,	/* they are kept for grace_ms, to be adopted */
};

#define SUP_TOKEN_SIZE 16

struct sup_options {
	size_t size;
	const char *name;	/* of the group; default: the program's name */
	enum sup_source source;
	enum sup_owner_policy policy;
	uint32_t grace_ms;	/* RETAIN: 0 is the module's default */
	const unsigned char *adopt_token; /* take over the group it opens */
	uint64_t adopt_group;	/* the group adopt_token opens */
};

/*
 * Starts the runtime. opts may be NULL for all defaults. The calling thread
 * stays foreign: it may use every call that says "any thread".
 * Errors: -EALREADY it runs; -EINVAL a bad option; -ENOENT the module was
 * demanded and is not loaded; -EPERM not allowed to use it, or this process is
 * to run a function (<sup/function.h>); -ESHUTDOWN the module is being drained;
 * -EOPNOTSUPP adoption without the module, or a libsup that was built without
 * it; -ESRCH no such group to adopt; -EACCES a wrong token; -EIO the module did
 * not answer as it should; -ENOMEM, -EMFILE, -ENFILE, -EAGAIN for want of
 * memory, files, threads. Any thread.
 */
SUP_API int sup_open(const struct sup_options *opts);

/*
 * Ends the runtime: applications are stopped (<sup/application.h>), then every
 * top-level task that is left is told to shut down in reverse order
 * of start and waited for, then the source is closed. If SUP_AUDIT is set in
 * the environment, and not empty, who is then left without a supervisor is
 * looked for, as by sup_audit(); if there is anybody the process ends with a
 * report. Safe to call twice, and if sup_open() failed. Not from a task
 * (-EDEADLK).
 */
SUP_API int sup_close(void);

/*
 * Gives back to the system what is kept for threads to come: the stacks of
 * those that have ended. How many bytes of address space that was. Any thread,
 * at any time.
 */
SUP_API size_t sup_trim(void);

/*
 * Which source runs and what it lacks. The strings are valid until sup_close().
 * Any thread. -ENOTCONN before sup_open().
 */
SUP_API int sup_exit_source(struct sup_source_info *ret_info);

/* One of the SUP_LACKS bits, as a clause for people. Any thread. */
SUP_API const char *sup_lacks_text(uint32_t bit);

/*
 * The group and token by which another process may adopt our children after
 * our death. Keep the token secret. Any thread. -EOPNOTSUPP without the module;
 * -ENOTCONN before sup_open().
 */
SUP_API int sup_owner_token(uint64_t *ret_group,
			    unsigned char ret_token[SUP_TOKEN_SIZE]);

/*
 * After an adoption: calls cb once for each living process that was taken
 * over, on the calling thread. cb returns 0 to go on, anything else ends the
 * call and is returned. Any thread. -EOPNOTSUPP without the module; -ENOTCONN
 * before sup_open(); -EIO the module did not answer as it should; -ENOMEM.
 * Semantics: illumos contract adoption.
 */
struct sup_orphan {
	pid_t pid;
	uint64_t lineage;
	bool lineage_first;	/* it is the process its lineage began with */
	uint64_t start_ns;	/* CLOCK_BOOTTIME */
	char comm[16];
};
SUP_API int sup_orphans(int (*cb)(const struct sup_orphan *o, void *arg),
			void *arg);

#ifdef __cplusplus
}
#endif

#endif
