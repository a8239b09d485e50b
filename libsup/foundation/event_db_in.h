/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What those who know SQLite share: event_db*.c, and nobody else. */
#ifndef SUP_FOUNDATION_EVENT_DB_IN_H
#define SUP_FOUNDATION_EVENT_DB_IN_H

#include <sqlite3.h>

#include "foundation/event_db.h"

enum statement { INSERT, GET, DELETE_OLD, DELETE_FIRST, N_STATEMENTS };

#define EVENT_COLUMNS "id, time, type, source, correlation, parent, data"

struct fnd__event_db {
	sqlite3 *sql;
	sqlite3_stmt *statements[N_STATEMENTS];
	bool open;			/* a transaction */
	int lost;			/* why it cannot be committed */
	uint64_t max_events;
	int64_t max_age_ns;		/* < 0: none */
	uint64_t count;			/* of events, uncommitted ones too */
	uint64_t added, removed;	/* in the transaction */
	struct fnd_event_stats stats;	/* stored, pruned, commits */
};

/* The last error of SQLite, with its sentence. */
int fnd__event_db_fail(const struct fnd__event_db *db);

/* The one number that a statement yields; 0 if it yields nothing. */
int fnd__event_db_number(struct fnd__event_db *db, const char *text,
			 int64_t *ret_n);

/* Of NULL it makes a null. The text stays until the statement is reset. */
static inline void fnd__event_db_bind(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

#endif
