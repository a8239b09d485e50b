// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What fnd_bench's event store does, on SQLite alone: the schema of the file
 * that the store has made, its journal and durability, batches of as many
 * events, of one thread. Prints microseconds for each event, under the name for
 * one caller and for sixteen: no more callers make it faster.
 *
 * usage: fnd_sqlite DIVISOR FILE OF_THE_STORE
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fnd_bench.h"

static sqlite3 *sql;

static int64_t ns_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void must(int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE)
		return;
	fprintf(stderr, "fnd_sqlite: %s\n", sqlite3_errmsg(sql));
	exit(1);
}

static void run(const char *text)
{
	must(sqlite3_exec(sql, text, NULL, NULL, NULL));
}

/* What its own tables need comes by itself. */
static void copy_schema(const char *from)
{
	sqlite3_stmt *s;
	sqlite3 *store;

	if (sqlite3_open_v2(from, &store, SQLITE_OPEN_READONLY, NULL) ||
	    sqlite3_prepare_v2(store, "SELECT sql FROM sqlite_schema"
			       " WHERE sql NOT NULL AND name NOT LIKE"
			       " 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
			       -1, &s, NULL)) {
		fprintf(stderr, "fnd_sqlite: %s\n", sqlite3_errmsg(store));
		exit(1);
	}
	while (sqlite3_step(s) == SQLITE_ROW)
		run((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(store);
}

static void insert(sqlite3_stmt *s)
{
	static const char data[EVENT_DATA];

	sqlite3_bind_int64(s, 1, ns_of(CLOCK_REALTIME));
	sqlite3_bind_text(s, 2, EVENT_TYPE, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, EVENT_SOURCE, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 4, data, sizeof(data), SQLITE_STATIC);
	must(sqlite3_step(s));
	sqlite3_reset(s);
}

int main(int argc, char **argv)
{
	size_t divisor = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	size_t batches, i, j;
	sqlite3_stmt *s;
	int64_t begin;
	double us;

	if (!divisor) {
		fprintf(stderr, "usage: fnd_sqlite DIVISOR FILE OF_THE_STORE\n");
		return 100;
	}
	must(sqlite3_open(argv[2], &sql));
	run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
	copy_schema(argv[3]);
	must(sqlite3_prepare_v2(sql, "INSERT INTO events(time, type, source,"
				" data) VALUES(?1, ?2, ?3, ?4)", -1, &s, NULL));
	batches = EVENT_BATCHES / divisor + 1;
	begin = ns_of(CLOCK_MONOTONIC);
	for (i = 0; i < batches; i++) {
		run("BEGIN IMMEDIATE");
		for (j = 0; j < EVENT_BATCH; j++)
			insert(s);
		run("COMMIT");
	}
	us = (ns_of(CLOCK_MONOTONIC) - begin) / 1000.0 / batches / EVENT_BATCH;
	printf("fnd_event_store %.4f\nfnd_event_store_16 %.4f\n", us, us);
	sqlite3_finalize(s);
	sqlite3_close(sql);
	return 0;
}
