/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read from the file of the EventStore. */
#include "foundation/event_db.h"

#include <errno.h>
#include <stdio.h>

#include <foundation/types.h>
#include <sup/error.h>

#include "foundation/event_db_in.h"

#define RESULT_MAX (256u << 20)

static int take_row(sqlite3_stmt *s, struct fnd__events *events)
{
	const struct fnd_event e = {
		.id = (uint64_t)sqlite3_column_int64(s, 0),
		.time = sqlite3_column_int64(s, 1),
		.type = (const char *)sqlite3_column_text(s, 2),
		.source = (const char *)sqlite3_column_text(s, 3),
		.correlation = (const char *)sqlite3_column_text(s, 4),
		.parent = (uint64_t)sqlite3_column_int64(s, 5),
		.data = { sqlite3_column_blob(s, 6),
			  (size_t)sqlite3_column_bytes(s, 6) },
	};

	if (!fnd__events_add(events, &e))
		return sup_set_error(-ENOMEM, "no memory for events");
	if (events->len > RESULT_MAX)
		return sup_set_error(-EFBIG, "limit: the events take more than "
				     "%u MiB", RESULT_MAX >> 20);
	return 0;
}

static int take_rows(struct fnd__event_db *db, sqlite3_stmt *s,
		     struct fnd__events *events)
{
	int rc, ret = 0;

	while (!ret && (rc = sqlite3_step(s)) == SQLITE_ROW)
		ret = take_row(s, events);
	return ret || rc == SQLITE_DONE ? ret : fnd__event_db_fail(db);
}

int fnd__event_db_get(struct fnd__event_db *db, uint64_t id,
		      struct fnd__events *events)
{
	sqlite3_stmt *s = db->statements[GET];
	int ret;

	sqlite3_bind_int64(s, 1, (int64_t)id);
	ret = take_rows(db, s, events);
	sqlite3_reset(s);
	return ret || events->n ? ret :
		sup_set_error(-ENOENT, "id: there is no event %llu",
			      (unsigned long long)id);
}

/* The parameters have one number each, whether they are in the text or not. */
static void query_text(const struct fnd__event_query *q, char *buf, size_t len)
{
	static const char *const orders[2][2] = {
		{ "id", "id DESC" }, { "time, id", "time DESC, id DESC" },
	};

	snprintf(buf, len,
		 "SELECT " EVENT_COLUMNS " FROM events WHERE 1%s%s%s%s%s"
		 " ORDER BY %s LIMIT ?6 OFFSET ?7",
		 q->has_type ? " AND type = ?1" : "",
		 q->has_source ? " AND source = ?2" : "",
		 q->has_correlation ? " AND correlation = ?3" : "",
		 q->from ? " AND time >= ?4" : "",
		 q->to ? " AND time <= ?5" : "",
		 orders[q->by_time][q->newest_first]);
}

static void bind_query(sqlite3_stmt *s, const struct fnd__event_query *q)
{
	/* One that the text does not have is refused, and not missed. */
	fnd__event_db_bind(s, 1, q->type);
	fnd__event_db_bind(s, 2, q->source);
	fnd__event_db_bind(s, 3, q->correlation);
	sqlite3_bind_int64(s, 4, q->from);
	sqlite3_bind_int64(s, 5, q->to);
	sqlite3_bind_int64(s, 6, q->limit && q->limit < INT64_MAX ?
			   (int64_t)q->limit : -1);
	sqlite3_bind_int64(s, 7, q->offset < INT64_MAX ? (int64_t)q->offset :
			   INT64_MAX);
}

int fnd__event_db_query(struct fnd__event_db *db,
			const struct fnd__event_query *q,
			struct fnd__events *events)
{
	sqlite3_stmt *s;
	char text[512];
	int ret;

	query_text(q, text, sizeof(text));
	if (sqlite3_prepare_v2(db->sql, text, -1, &s, NULL))
		return fnd__event_db_fail(db);
	bind_query(s, q);
	ret = take_rows(db, s, events);
	sqlite3_finalize(s);
	return ret;
}

int fnd__event_db_stats(struct fnd__event_db *db,
			struct fnd_event_stats *ret_stats)
{
	int64_t pages, size;
	int ret;

	ret = fnd__event_db_number(db, "PRAGMA page_count", &pages);
	ret = ret ? ret : fnd__event_db_number(db, "PRAGMA page_size", &size);
	if (ret)
		return ret;
	*ret_stats = db->stats;
	ret_stats->events = db->count;
	ret_stats->bytes = (uint64_t)(pages * size);
	return 0;
}

uint64_t fnd__event_db_trim(struct fnd__event_db *db)
{
	int before = 0, after = 0, peak;

	sqlite3_db_status(db->sql, SQLITE_DBSTATUS_CACHE_USED, &before, &peak,
			  0);
	sqlite3_db_release_memory(db->sql);
	sqlite3_db_status(db->sql, SQLITE_DBSTATUS_CACHE_USED, &after, &peak,
			  0);
	return before > after ? before - after : 0;
}
