/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of an EventStore. It belongs to the thread that opens it, and is
 * closed at its end, however that comes; what was not committed is gone then.
 * Errors are those of <foundation/event_store.h>, each with a sentence.
 */
#ifndef SUP_FOUNDATION_EVENT_DB_H
#define SUP_FOUNDATION_EVENT_DB_H

#include <foundation/event_store.h>

#include "foundation/event.h"

struct fnd__event_db;

int fnd__event_db_open(const struct fnd_event_store_options *options,
		       struct fnd__event_db **ret_db);
void fnd__event_db_close(struct fnd__event_db *db);

/*
 * Adds the events, all or none, to what the next commit holds. An error that
 * ends more than these, such as a full disk, is told by the commit. The ids are
 * memory of the calling task, or of malloc(3) on a foreign thread.
 */
int fnd__event_db_add(struct fnd__event_db *db, const struct sup_msg *events,
		      struct sup_msg *ret_ids);

/* Whether something is to be committed, or taken back by a commit. */
bool fnd__event_db_has_begun(const struct fnd__event_db *db);

/*
 * Removes what is too much or too old, and commits. On error nothing is left of
 * what was added since the last one.
 */
int fnd__event_db_commit(struct fnd__event_db *db);

/* What follows is called with nothing to be committed. */
int fnd__event_db_get(struct fnd__event_db *db, uint64_t id,
		      struct fnd__events *events);

/* A query as bytes. */
struct fnd__event_query {
	char type[FND_NAME_MAX + 1], source[FND_NAME_MAX + 1],
		correlation[FND_NAME_MAX + 1];
	bool has_type, has_source, has_correlation;
	bool by_time, newest_first;
	int64_t from, to;
	uint64_t offset, limit;
};

int fnd__event_db_query(struct fnd__event_db *db,
			const struct fnd__event_query *q,
			struct fnd__events *events);
int fnd__event_db_prune(struct fnd__event_db *db, int64_t before,
			uint64_t *ret_n);
/* Frees the cache: how many bytes. */
uint64_t fnd__event_db_trim(struct fnd__event_db *db);
int fnd__event_db_stats(struct fnd__event_db *db,
			struct fnd_event_stats *ret_stats);

#endif
