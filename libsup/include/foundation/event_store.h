/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EventStore: what has happened, in a file that outlives the process. Events
 * are stored in groups, with one commit for all that have come by then; who
 * stores one is answered after the commit that holds it. Any thread.
 */
#ifndef FOUNDATION_EVENT_STORE_H
#define FOUNDATION_EVENT_STORE_H

#include <foundation/types.h>
#include <sup/registry.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What survives what, of events whose storing was answered. */
enum fnd_event_durability {
	FND_EVENT_PROCESS,	/* any end of the process, SIGKILL too */
	FND_EVENT_SYSTEM,	/* loss of power: each commit is synced */
};

struct fnd_event_store_options {
	size_t size;
	/*
	 * An SQLite database, in WAL mode, that is made if there is none. Next
	 * to it are FILE-wal, FILE-shm, and FILE-lock, which is empty. Anyone
	 * may read it meanwhile; one store at a time writes. NULL: memory of
	 * the service, which goes with it.
	 */
	const char *file;
	enum fnd_event_durability durability;
	/* The oldest by id go when there are more; default 100,000. */
	uint64_t max_events;
	/* Older ones go; default an hour; < 0: however old. */
	int64_t max_age_ms;
	bool in_process;	/* of its own: <foundation/event_process.h> */
};

/*
 * Starts the service: a child's start function, as sup_server_start(), with a
 * struct fnd_event_store_options, or NULL. Errors: -EBUSY another store has the
 * file; -EBADMSG it is another program's, or damaged; -EOPNOTSUPP it is of a
 * later version; -EINVAL; what open(2) and write(2) say of it; as
 * sup_server_start() otherwise.
 */
SUP_API int fnd_event_store_start(const void *options, struct sup_pid *ret_pid);

#define FND_EVENT_DATA_MAX 1000000	/* bytes */
#define FND_EVENT_BATCH_MAX 65536	/* events */
/* Of an id that is given: behind it there is room for those that are not. */
#define FND_EVENT_ID_MAX (UINT64_C(1) << 62)

struct fnd_event {
	/* Ascending, and never used again; 0 in one to be stored: the next. */
	uint64_t id;
	int64_t time;	/* ns since 1970, UTC; 0 in one to be stored: now */
	const char *type;
	const char *source;		/* NULL is "" */
	const char *correlation;	/* what it belongs to; NULL: nothing */
	uint64_t parent;		/* the id of its cause; 0: none known */
	struct sup_bytes data;
};

/*
 * Stores an event, which is copied; its id goes to *ret_id, which may be NULL.
 * Errors, of which none leaves anything behind: -EINVAL no type, a negative
 * time, an id above FND_EVENT_ID_MAX, a parent above INT64_MAX; -ENAMETOOLONG a
 * string has more than FND_NAME_MAX bytes; -EMSGSIZE; -EEXIST there is one with
 * that id; -ENOSPC, -EIO, or another of write(2); -EBADMSG the file is damaged;
 * -EBUSY another program has been writing to it for 5 s; -ENOTCONN the service
 * does not run; -EPIPE it has ended: nobody knows whether it is stored; so with
 * -ETIMEDOUT; -EAGAIN; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_event_store(const struct fnd_event *event, uint64_t *ret_id,
			    int64_t deadline);

/*
 * Stores all of them, in their order and with nothing in between, or none; ids
 * go to ret_ids, which has room for n, or is NULL. The sentence of an error
 * says which. Also -E2BIG n is above FND_EVENT_BATCH_MAX.
 */
SUP_API int fnd_event_store_batch(const struct fnd_event *events, size_t n,
				  uint64_t *ret_ids, int64_t deadline);

/*
 * The event with that id: one block, to free(3). -ENOENT there is none; else as
 * fnd_event_query().
 */
SUP_API int fnd_event_get(uint64_t id, struct fnd_event **ret_event,
			  int64_t deadline);

/* What is looked for; zero members match all. */
struct fnd_event_query {
	const char *type, *source, *correlation;
	int64_t from, to;	/* times, both within; to 0: no end */
	bool by_time;		/* their order: time, then id; else id */
	bool newest_first;
	uint64_t offset;	/* so many are left out first */
	uint64_t limit;		/* at most; 0: all */
};

/*
 * The events that match; q may be NULL. *ret_events is one block, to free(3);
 * NULL if there are none. What was stored before, by whomever, is seen. Errors:
 * -EINVAL; -ENAMETOOLONG; -EFBIG they take more than 256 MiB: set a limit;
 * -EIO, or another of read(2); -EBADMSG; -ENOTCONN; -EPIPE; -ETIMEDOUT;
 * -EAGAIN; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_event_query(const struct fnd_event_query *q,
			    struct fnd_event **ret_events, size_t *ret_n,
			    int64_t deadline);

/* The last n that were stored, the last one first. */
SUP_API int fnd_event_recent(size_t n, struct fnd_event **ret_events,
			     size_t *ret_n, int64_t deadline);

/* All that belong to correlation, in the order of their times. */
SUP_API int fnd_event_chain(const char *correlation,
			    struct fnd_event **ret_events, size_t *ret_n,
			    int64_t deadline);

/*
 * Removes those whose time is before, and says how many; ret_n may be NULL.
 * Errors as fnd_event_store(), but -EEXIST, -EMSGSIZE and -ENAMETOOLONG.
 */
SUP_API int fnd_event_prune(int64_t before, uint64_t *ret_n, int64_t deadline);

struct fnd_event_stats {
	uint64_t events;	/* that are there */
	uint64_t stored, pruned, commits;	/* since the service began */
	uint64_t bytes;		/* of the file, without its log */
	int64_t uptime_ms;
};

/* Errors as fnd_event_get(), but -ENOENT. */
SUP_API int fnd_event_stats(struct fnd_event_stats *ret_stats,
			    int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
