/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of the EventStore, and what is written to it. A transaction begins
 * with the first event after a commit, and takes the right to write at once, so
 * that what comes later in it fails for want of room alone. One table, whose
 * key is the order of storing; an index for each thing that is asked for.
 *
 * SQLite's own locks on the file let others read, and would let two stores
 * write by turns, each with a count of its own: FILE-lock keeps the second out.
 * It is a file of its own because closing any descriptor of the database drops
 * the locks that the process has on it.
 */
#include "foundation/event_db.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/types.h>
#include <sup/error.h>
#include <sup/resource.h>
#include <sup/task.h>

#include "foundation/event_db_in.h"
#include "foundation/file.h"
#include "foundation/service.h"

#define APPLICATION_ID 0x73757065	/* "supe" */
#define VERSION 1
#define BUSY_MS 5000
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static const char schema[] =
	"CREATE TABLE events("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" time INTEGER NOT NULL,"	/* ns since 1970, UTC */
	" type TEXT NOT NULL,"
	" source TEXT NOT NULL,"
	" correlation TEXT,"
	" parent INTEGER,"
	" data BLOB NOT NULL);"
	"CREATE INDEX events_time ON events(time);"
	"CREATE INDEX events_type ON events(type);"
	"CREATE INDEX events_source ON events(source);"
	"CREATE INDEX events_correlation ON events(correlation, time)"
	" WHERE correlation NOT NULL;"
	"PRAGMA application_id = " TEXT(APPLICATION_ID) ";"
	"PRAGMA user_version = " TEXT(VERSION) ";";

static const char *const texts[N_STATEMENTS] = {
	[INSERT] = ("INSERT INTO events(" EVENT_COLUMNS ")"
		    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
	[GET] = "SELECT " EVENT_COLUMNS " FROM events WHERE id = ?1",
	[DELETE_OLD] = "DELETE FROM events WHERE time < ?1",
	[DELETE_FIRST] = ("DELETE FROM events WHERE id IN"
			  " (SELECT id FROM events ORDER BY id LIMIT ?1)"),
};

static pthread_key_t key;
static int key_error;

static void close_db(void *arg)
{
	struct fnd__event_db *db = arg;
	int i;

	for (i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sql);
	free(db);
}

static void make_key(void)
{
	key_error = -pthread_key_create(&key, close_db);
}

static int error_of(sqlite3 *sql)
{
	int error = sqlite3_system_errno(sql);

	switch (sqlite3_errcode(sql) & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	default:
		return error > 0 ? -error : -EIO;
	}
}

int fnd__event_db_fail(const struct fnd__event_db *db)
{
	return sup_set_error(error_of(db->sql), "file: %s",
			     sqlite3_errmsg(db->sql));
}

static int run(struct fnd__event_db *db, const char *text)
{
	if (sqlite3_exec(db->sql, text, NULL, NULL, NULL))
		return fnd__event_db_fail(db);
	return 0;
}

int fnd__event_db_number(struct fnd__event_db *db, const char *text,
			 int64_t *ret_n)
{
	sqlite3_stmt *s;
	int rc;

	*ret_n = 0;
	if (sqlite3_prepare_v2(db->sql, text, -1, &s, NULL))
		return fnd__event_db_fail(db);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret_n = sqlite3_column_int64(s, 0);
	return sqlite3_finalize(s) ? fnd__event_db_fail(db) : 0;
}

/* Before anything is written, a journal mode included. */
static int check_version(struct fnd__event_db *db, bool *ret_is_new)
{
	int64_t id, version, things;
	int ret;

	ret = fnd__event_db_number(db, "PRAGMA application_id", &id);
	ret = ret ? ret : fnd__event_db_number(db, "PRAGMA user_version", &version);
	ret = ret ? ret : fnd__event_db_number(db,
			"SELECT count(*) FROM sqlite_schema", &things);
	if (ret)
		return ret;
	*ret_is_new = !id && !version && !things;
	if (*ret_is_new)
		return 0;
	if (id != APPLICATION_ID)
		return sup_set_error(-EBADMSG,
				     "file: it is another program's database");
	if (version != VERSION)
		return sup_set_error(-EOPNOTSUPP, "file: its version is %lld, "
				     "and %d the last that is known",
				     (long long)version, VERSION);
	return 0;
}

static int make_schema(struct fnd__event_db *db)
{
	int ret;

	ret = run(db, "BEGIN IMMEDIATE");
	if (ret)
		return ret;
	ret = run(db, schema);
	if (!ret)
		ret = run(db, "COMMIT");
	if (ret)
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}

static int prepare(struct fnd__event_db *db)
{
	int i;

	for (i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->sql, texts[i], -1,
				       SQLITE_PREPARE_PERSISTENT,
				       &db->statements[i], NULL))
			return fnd__event_db_fail(db);
	return 0;
}

static int set_up(struct fnd__event_db *db,
		  enum fnd_event_durability durability)
{
	int64_t count;
	bool is_new;
	int ret;

	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	ret = check_version(db, &is_new);
	if (!ret)
		ret = run(db, "PRAGMA journal_mode = WAL");
	if (!ret)
		ret = run(db, durability == FND_EVENT_SYSTEM ?
			      "PRAGMA synchronous = FULL" :
			      "PRAGMA synchronous = NORMAL");
	if (!ret && is_new)
		ret = make_schema(db);
	if (!ret)
		ret = fnd__event_db_number(db, "SELECT count(*) FROM events", &count);
	if (ret)
		return ret;
	db->count = (uint64_t)count;
	return prepare(db);
}

static int open_sql(struct fnd__event_db *db, const char *file)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			  SQLITE_OPEN_NOMUTEX;

	if (!sqlite3_open_v2(file ? file : ":memory:", &db->sql, flags, NULL))
		return 0;
	if (!db->sql)
		return sup_set_error(-ENOMEM, "no memory for a database");
	return fnd__event_db_fail(db);
}

int fnd__event_db_open(const struct fnd_event_store_options *options,
		       struct fnd__event_db **ret_db)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fnd__event_db *db;
	int ret;

	pthread_once(&once, make_key);
	if (key_error)
		return sup_set_error(key_error, "no key for a thread");
	ret = options->file ? fnd__file_lock(options->file) : 0;
	if (ret)
		return ret;
	db = calloc(1, sizeof(*db));
	if (!db)
		return sup_set_error(-ENOMEM, "no memory for a database");
	db->max_events = options->max_events;
	db->max_age_ns = options->max_age_ms < 0 ?
			 -1 : options->max_age_ms * 1000000;
	ret = open_sql(db, options->file);
	if (!ret)
		ret = set_up(db, options->durability);
	if (!ret)
		ret = -pthread_setspecific(key, db);
	if (ret)
		close_db(db);
	else
		*ret_db = db;
	return ret;
}

void fnd__event_db_close(struct fnd__event_db *db)
{
	pthread_setspecific(key, NULL);
	close_db(db);
}

static int begin(struct fnd__event_db *db)
{
	if (db->open)
		return db->lost;
	db->lost = run(db, "BEGIN IMMEDIATE");
	db->open = !db->lost;
	db->added = db->removed = 0;
	return db->lost;
}

bool fnd__event_db_has_begun(const struct fnd__event_db *db)
{
	return db->open;
}

static void roll_back(struct fnd__event_db *db)
{
	/* It may be gone already, with what made it fail. */
	sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	db->count += db->removed - db->added;
	db->open = false;
}

static void bind_event(sqlite3_stmt *s, const struct fnd_event *e, int64_t now)
{
	if (e->id)
		sqlite3_bind_int64(s, 1, (int64_t)e->id);
	sqlite3_bind_int64(s, 2, e->time ? e->time : now);
	fnd__event_db_bind(s, 3, e->type);
	fnd__event_db_bind(s, 4, e->source ? e->source : "");
	fnd__event_db_bind(s, 5, e->correlation);
	if (e->parent)
		sqlite3_bind_int64(s, 6, (int64_t)e->parent);
	sqlite3_bind_blob64(s, 7, e->data.len ? e->data.data : "", e->data.len,
			    SQLITE_STATIC);
}

/* SQLITE_DONE, or what went wrong, of which sqlite3_errcode() still tells. */
static int step_once(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc;
}

static int insert(struct fnd__event_db *db, const struct fnd_event *e,
		  uint64_t *ret_id)
{
	sqlite3_stmt *s = db->statements[INSERT];

	bind_event(s, e, fnd__real_now());
	if (step_once(s) == SQLITE_DONE) {
		*ret_id = (uint64_t)sqlite3_last_insert_rowid(db->sql);
		return 0;
	}
	if (sqlite3_extended_errcode(db->sql) == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    sqlite3_extended_errcode(db->sql) == SQLITE_CONSTRAINT_ROWID)
		return sup_set_error(-EEXIST, "id: %llu is taken",
				     (unsigned long long)e->id);
	return fnd__event_db_fail(db);
}

/*
 * Takes back what of a batch is there; the rest of the transaction stays, if
 * the error did not end that, too.
 */
static void undo(struct fnd__event_db *db, int error)
{
	if (sqlite3_get_autocommit(db->sql) ||
	    sqlite3_exec(db->sql, "ROLLBACK TO batch; RELEASE batch", NULL,
			 NULL, NULL))
		db->lost = error;
}

static int add_all(struct fnd__event_db *db, const struct sup_msg *events,
		   uint64_t *ids, size_t *ret_n)
{
	struct fnd_event e;
	size_t at = 0, n = 0;
	int ret = 0;

	while (!ret && fnd__events_next(events->data, events->len, &at, &e))
		ret = insert(db, &e, &ids[n++]);
	if (!ret && at != events->len)
		ret = sup_set_error(-EINVAL, "what came is no event");
	*ret_n = n;
	return ret;
}

static size_t count_events(const struct sup_msg *events)
{
	struct fnd_event e;
	size_t at = 0, n = 0;

	while (fnd__events_next(events->data, events->len, &at, &e))
		n++;
	return n;
}

int fnd__event_db_add(struct fnd__event_db *db, const struct sup_msg *events,
		      struct sup_msg *ret_ids)
{
	size_t n = count_events(events);
	uint64_t *ids = fnd__alloc(n ? n * sizeof(*ids) : 1);
	int ret;

	if (!ids)
		return fnd__nomem("ids");
	ret = begin(db);
	if (!ret)
		ret = run(db, "SAVEPOINT batch");
	if (ret)
		goto err_ids;
	ret = add_all(db, events, ids, &n);
	if (!ret)
		ret = run(db, "RELEASE batch");
	if (ret) {
		undo(db, ret);
		goto err_ids;
	}
	db->count += n;
	db->added += n;
	*ret_ids = (struct sup_msg){
		.data = ids, .len = n * sizeof(*ids),
		.free = sup_self().v ? sup_free : free,
	};
	return 0;

err_ids:
	fnd__free(ids);
	return ret;
}

static int delete(struct fnd__event_db *db, enum statement which, int64_t n)
{
	sqlite3_stmt *s = db->statements[which];
	uint64_t gone;

	sqlite3_bind_int64(s, 1, n);
	if (step_once(s) != SQLITE_DONE)
		return fnd__event_db_fail(db);
	gone = (uint64_t)sqlite3_changes64(db->sql);
	db->count -= gone;
	db->removed += gone;
	return 0;
}

static int enforce_limits(struct fnd__event_db *db)
{
	int ret = 0;

	if (db->max_age_ns >= 0)
		ret = delete(db, DELETE_OLD, fnd__real_now() - db->max_age_ns);
	if (!ret && db->count > db->max_events)
		ret = delete(db, DELETE_FIRST,
			     (int64_t)(db->count - db->max_events));
	return ret;
}

static int commit(struct fnd__event_db *db)
{
	int ret = run(db, "COMMIT");

	if (ret) {
		roll_back(db);
		return ret;
	}
	db->open = false;
	db->stats.stored += db->added;
	db->stats.pruned += db->removed;
	db->stats.commits += db->added || db->removed;
	return 0;
}

int fnd__event_db_commit(struct fnd__event_db *db)
{
	int ret;

	ret = begin(db);
	if (!ret)
		ret = enforce_limits(db);
	if (!ret)
		return commit(db);
	if (db->open)
		roll_back(db);
	return ret;
}

int fnd__event_db_prune(struct fnd__event_db *db, int64_t before,
			uint64_t *ret_n)
{
	int ret;

	ret = begin(db);
	if (ret)
		return ret;
	ret = delete(db, DELETE_OLD, before);
	if (ret) {
		roll_back(db);
		return ret;
	}
	*ret_n = db->removed;
	return commit(db);
}
