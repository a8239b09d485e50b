/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One interface to whatever tells us that a task has ended. exit.c chooses a
 * source; core/runtime.c owns it and is the only caller: every function here
 * runs on the runtime's thread, except watch(), kill() and what says so.
 */
#ifndef SUP_EXIT_EXIT_H
#define SUP_EXIT_EXIT_H

#include <sup/runtime.h>
#include <sup/types.h>

struct sup__member;
struct sup__members;
struct sup__proc;

enum sup__exit_kind {
	SUP__EXIT_PROCESS,	/* a process ended, and is reapable */
	SUP__EXIT_THREAD,	/* a thread of this process ended */
	SUP__EXIT_LINEAGE,	/* the last of a lineage ended */
	SUP__EXIT_OVERFLOW,	/* children were killed at birth: limits */
	SUP__EXIT_OWNER,	/* we adopted a group: its owner had ended */
	SUP__EXIT_ENDED,	/* the source tracks nobody any more */
};

struct sup__exit_event {
	enum sup__exit_kind kind;
	pid_t pid;		/* of the process; THREAD: ours */
	pid_t tid;		/* THREAD */
	uint64_t lineage;	/* 0: the source has none; LINEAGE then has */
				/* the pid of the child it began with */
	struct sup_reason reason;	/* NORMAL, EXIT or SIGNAL */
	bool reaped;		/* by the source: do not waitid() again */
	bool descendant;	/* PROCESS: of a child, and no child itself */
	bool unrecorded;	/* PROCESS: the source had no room for it */
	bool untracked;		/* OVERFLOW: some run without a record */
	int64_t exit_ns;	/* CLOCK_MONOTONIC, by the kernel if it told */
	uint64_t utime_ns, stime_ns;
	uint64_t max_rss;	/* bytes */
	char comm[16];
};

typedef void (*sup__exit_cb)(const struct sup__exit_event *ev, void *arg);

#define SUP__EXIT_WHY_MAX 256

struct sup__exit_source {
	const struct sup__exit_ops *ops;
	struct sup_source_info info;
	char why[SUP__EXIT_WHY_MAX];	/* what info.why points to */
};

struct sup__exit_ops {
	/* -ENOENT, -EPERM, -EACCES, -ENOMEM, ... with sup_error() set. */
	int (*open)(const struct sup_options *opts,
		    struct sup__exit_source **ret_src);
	void (*close)(struct sup__exit_source *src);

	/* Readable when dispatch() has something to do. */
	int (*fd)(struct sup__exit_source *src);

	/*
	 * Calls cb for each end that is known, without blocking; what was
	 * handed to cb counts as acknowledged. A record is never handed out
	 * twice, in order of the source's own sequence.
	 */
	int (*dispatch)(struct sup__exit_source *src, sup__exit_cb cb,
			void *arg);

	/*
	 * A child of ours was started and has not run yet (it waits on a
	 * pipe): from now on exactly one PROCESS event with its pid will be
	 * told, even if somebody else reaps it (then LOST, if the source
	 * cannot know). Ends with one pid are told in the order of watch().
	 * After an error none is promised. p stays where it is until then. Any
	 * thread.
	 */
	int (*watch)(struct sup__exit_source *src, struct sup__proc *p);

	/*
	 * The source may have had no room for a watched child, whose end was
	 * not told: makes sure that it will be. After ENDED this is so of all
	 * that were watched before, or found. Any thread that keeps the end
	 * from being told meanwhile. -ENOMEM: it will be told late.
	 */
	int (*doubt)(struct sup__exit_source *src, struct sup__proc *p);

	/*
	 * Signals a process, or all that is alive of its lineage, subgroups
	 * included. lineage may be 0: then it is that of p. Any thread.
	 * -ESRCH nothing is left; -EPERM some of it is out of our power.
	 */
	int (*kill)(struct sup__exit_source *src, const struct sup__proc *p,
		    uint64_t lineage, int signo, bool whole_lineage);

	/*
	 * True if something of the lineage is alive, p itself not counted
	 * once its PROCESS event was told. To be asked while that event is
	 * handled, before the process is reaped: if true, a LINEAGE event
	 * follows when the last of it has ended. Runtime's thread.
	 */
	bool (*lineage_alive)(struct sup__exit_source *src,
			      const struct sup__proc *p, uint64_t lineage);

	/*
	 * True if pid is that of a living descendant of p; lineage may be 0.
	 * Any thread.
	 */
	bool (*descends)(struct sup__exit_source *src,
			 const struct sup__proc *p, uint64_t lineage,
			 pid_t pid);

	/*
	 * After an adoption: a handle on the process that a lineage began
	 * with. -ESRCH it has ended; -EOPNOTSUPP. Any thread.
	 */
	int (*find)(struct sup__exit_source *src, uint64_t lineage,
		    struct sup__proc *ret_p);

	int (*token)(struct sup__exit_source *src, uint64_t *ret_group,
		     unsigned char ret_token[SUP_TOKEN_SIZE]);
	int (*orphans)(struct sup__exit_source *src,
		       int (*cb)(const struct sup_orphan *o, void *arg),
		       void *arg);

	/*
	 * For the audit. members: all that live, ret_members zeroed; the caller
	 * frees it. is_adopted: of a dead owner. catch_up: returns when all
	 * ends that had come when it was called have been told, -ETIMEDOUT;
	 * not on the runtime's thread. Any thread. -EOPNOTSUPP.
	 */
	int (*members)(struct sup__exit_source *src,
		       struct sup__members *ret_members);
	bool (*is_adopted)(struct sup__exit_source *src,
			   const struct sup__member *m);
	int (*catch_up)(struct sup__exit_source *src, int64_t deadline);
};

extern const struct sup__exit_ops sup__exit_netlink;	/* netlink.c */
extern const struct sup__exit_ops sup__exit_pidfd;	/* pidfd.c */

/* Opens what opts ask for: AUTO takes the first that opens. */
int sup__exit_open(const struct sup_options *opts,
		   struct sup__exit_source **ret_src);

#endif
