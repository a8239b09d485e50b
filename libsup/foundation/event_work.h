/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a store does with what it is asked, whether it is a thread or a process.
 * One thread's at a time.
 */
#ifndef SUP_FOUNDATION_EVENT_WORK_H
#define SUP_FOUNDATION_EVENT_WORK_H

#include <foundation/event_store.h>
#include <sup/call.h>

/* All are calls. */
enum fnd__event_request {
	FND__STORE,	/* events as bytes; the reply: their ids */
	FND__GET,	/* uint64_t; events as bytes */
	FND__QUERY,	/* struct fnd__event_query; events as bytes */
	FND__PRUNE,	/* int64_t; uint64_t */
	FND__STATS,	/* nothing; struct fnd_event_stats */
	FND__TRIM,	/* nothing; uint64_t */
	FND__EVENT_REQUESTS
};

#define FND__COMMIT_REQUESTS 256	/* in one, at most */
#define FND__COMMIT_BYTES (16u << 20)	/* that end one */

struct fnd__event_work;

/* What is given, with its defaults. -EINVAL. */
int fnd__event_options(const struct fnd_event_store_options *from,
		       struct fnd_event_store_options *options);

/*
 * Opens the file. answer is called once for each request: with an error, or 0
 * and a message that is its own. Errors as fnd_event_store_start().
 */
int fnd__event_work_open(const struct fnd_event_store_options *options,
			 void (*answer)(struct sup_from from, int error,
					struct sup_msg *msg),
			 struct fnd__event_work **ret_work);

/* Commits, answers, closes. */
void fnd__event_work_close(struct fnd__event_work *work);

/*
 * Does a request, whatever it is, and answers it, if need be with the commit
 * that it waits for. req stays the caller's; from is for answer alone.
 */
void fnd__event_work_do(struct fnd__event_work *work, struct sup_from from,
			const struct sup_msg *req);

/* Whether any request waits for a commit. */
bool fnd__event_work_waits(const struct fnd__event_work *work);

/* Whether any has waited for so long, or so much waits, that it is time. */
bool fnd__event_work_is_due(const struct fnd__event_work *work);

/* Removes what is too much or too old, commits, and answers. */
int fnd__event_work_commit(struct fnd__event_work *work);

/* How often to commit when nothing is asked; < 0: it need not be. */
int64_t fnd__event_work_tick_ms(const struct fnd__event_work *work);

#endif
