/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "fail_memory.h"
#include "foundation/event.h"

#define S INT64_C(1000000000)
#define A_TIME (1700000000 * S)

static uint64_t put(const char *type, int64_t time)
{
	const struct fnd_event e = { .type = type, .time = time };
	uint64_t id = 0;

	assert_int_equal(fnd_event_store(&e, &id, LONG), 0);
	assert_int_not_equal(id, 0);
	return id;
}

/* What is found has the ids that follow, in their order. */
#define FINDS(q, ...) finds(q, (const uint64_t[]){ __VA_ARGS__ }, \
			    sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)
static void finds(const struct fnd_event_query *q, const uint64_t *ids,
		  size_t n)
{
	struct fnd_event *events;
	size_t found, i;

	assert_int_equal(fnd_event_query(q, &events, &found, LONG), 0);
	assert_int_equal(found, n);
	for (i = 0; i < n; i++)
		assert_int_equal(events[i].id, ids[i]);
	free(events);
}

static void check_4_batch_with_one_invalid(void **state)
{
	const struct fnd_event events[] = {
		{ .type = "a" }, { .type = "" }, { .type = "c" },
	};
	uint64_t ids[3];

	(void)state;
	start_store(NULL);
	assert_int_equal(fnd_event_store_batch(events, 3, ids, LONG), -EINVAL);
	assert_non_null(strstr(sup_error(), "events[1].type"));
	assert_int_equal(count(NULL), 0);
}

static void check_4_offset_and_limit(void **state)
{
	const struct fnd_event_query q = { .offset = 2, .limit = 3 };
	int i;

	(void)state;
	start_store(NULL);
	for (i = 0; i < 10; i++)
		put("x", 0);
	FINDS(&q, 3, 4, 5);
}

static void check_4_prune_removes_strictly_older(void **state)
{
	uint64_t n;

	(void)state;
	start_store(&in_file);
	put("x", A_TIME);
	put("x", A_TIME + 1);
	put("x", A_TIME + 2);
	assert_int_equal(fnd_event_prune(A_TIME + 1, &n, LONG), 0);
	assert_int_equal(n, 1);
	FINDS(NULL, 2, 3);
	assert_int_equal(fnd_event_prune(A_TIME, &n, LONG), 0);
	assert_int_equal(n, 0);
}

static void check_4_chain_in_order_of_time(void **state)
{
	struct fnd_event e = { .type = "x", .correlation = "c" };
	struct fnd_event *events;
	uint64_t ids[3];
	size_t n;

	(void)state;
	start_store(&in_file);
	e.time = A_TIME + 2;
	assert_int_equal(fnd_event_store(&e, &ids[0], LONG), 0);
	e.time = A_TIME;
	assert_int_equal(fnd_event_store(&e, &ids[1], LONG), 0);
	e.time = A_TIME + 1;
	e.parent = ids[1];
	assert_int_equal(fnd_event_store(&e, &ids[2], LONG), 0);
	put("x", A_TIME);
	assert_int_equal(fnd_event_chain("c", &events, &n, LONG), 0);
	assert_int_equal(n, 3);
	assert_int_equal(events[0].id, ids[1]);
	assert_int_equal(events[1].id, ids[2]);
	assert_int_equal(events[1].parent, ids[1]);
	assert_string_equal(events[1].correlation, "c");
	assert_int_equal(events[2].id, ids[0]);
	free(events);
	assert_int_equal(fnd_event_chain("d", &events, &n, LONG), 0);
	assert_int_equal(n, 0);
	assert_null(events);
	assert_int_equal(fnd_event_chain(NULL, &events, &n, LONG), -EINVAL);
}

static void recent_begins_with_the_newest(void **state)
{
	struct fnd_event *events;
	size_t n;
	int i;

	(void)state;
	start_store(NULL);
	for (i = 0; i < 5; i++)
		put("x", 0);
	assert_int_equal(fnd_event_recent(2, &events, &n, LONG), 0);
	assert_int_equal(n, 2);
	assert_int_equal(events[0].id, 5);
	assert_int_equal(events[1].id, 4);
	free(events);
	assert_int_equal(fnd_event_recent(0, &events, &n, LONG), 0);
	assert_int_equal(n, 0);
}

static void an_event_is_what_was_stored(void **state)
{
	const struct fnd_event e = {
		.id = 77, .time = A_TIME, .type = "t\xc3\xa4", .source = "s",
		.correlation = "c", .parent = 5, .data = { "a\0b", 3 },
	};
	struct fnd_event *got;
	uint64_t id;

	(void)state;
	start_store(&in_file);
	assert_int_equal(fnd_event_store(&e, &id, LONG), 0);
	assert_int_equal(id, 77);
	assert_int_equal(fnd_event_get(77, &got, LONG), 0);
	assert_int_equal(got->id, 77);
	assert_int_equal(got->time, A_TIME);
	assert_string_equal(got->type, e.type);
	assert_string_equal(got->source, "s");
	assert_string_equal(got->correlation, "c");
	assert_int_equal(got->parent, 5);
	assert_int_equal(got->data.len, 3);
	assert_memory_equal(got->data.data, "a\0b", 3);
	free(got);
	id = put("x", 0);
	assert_int_equal(id, 78);
	assert_int_equal(fnd_event_get(id, &got, LONG), 0);
	assert_true(got->time > A_TIME);
	assert_string_equal(got->source, "");
	assert_null(got->correlation);
	assert_int_equal(got->parent, 0);
	assert_int_equal(got->data.len, 0);
	free(got);
	assert_int_equal(fnd_event_get(79, &got, LONG), -ENOENT);
	assert_non_null(strstr(sup_error(), "79"));
}

static void an_id_is_not_taken_twice(void **state)
{
	const struct fnd_event events[] = {
		{ .type = "a" }, { .type = "b", .id = 1 }, { .type = "c" },
	};
	uint64_t n;

	(void)state;
	start_store(&in_file);
	put("x", 1);
	assert_int_equal(fnd_event_store(&events[1], NULL, LONG), -EEXIST);
	assert_int_equal(fnd_event_store_batch(events, 3, NULL, LONG), -EEXIST);
	FINDS(NULL, 1);
	/* Nor is one of which nothing is left. */
	assert_int_equal(fnd_event_prune(2, &n, LONG), 0);
	assert_int_equal(n, 1);
	assert_int_equal(put("x", 1), 2);
}

static void bad_arguments(void **state)
{
	static char data[FND_EVENT_DATA_MAX + 1];
	char name[FND_NAME_MAX + 2];
	struct fnd_event_query q = { .type = "" };
	struct fnd_event e = { .type = NULL };
	struct fnd_event *events;
	uint64_t id;
	size_t n;

	(void)state;
	start_store(NULL);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
#define REFUSES(error, field) do { \
	assert_int_equal(fnd_event_store(&e, NULL, LONG), error); \
	assert_non_null(strstr(sup_error(), "event." field)); \
} while (0)
	REFUSES(-EINVAL, "type");
	e.type = name;
	REFUSES(-ENAMETOOLONG, "type");
	e.type = "x";
	e.source = name;
	REFUSES(-ENAMETOOLONG, "source");
	e.source = NULL;
	e.correlation = name;
	REFUSES(-ENAMETOOLONG, "correlation");
	e.correlation = NULL;
	e.id = FND_EVENT_ID_MAX + 1;
	REFUSES(-EINVAL, "id");
	e.id = 0;
	e.parent = UINT64_MAX;
	REFUSES(-EINVAL, "parent");
	e.parent = 0;
	e.time = -1;
	REFUSES(-EINVAL, "time");
	e.time = 0;
	e.data = (struct sup_bytes){ NULL, 1 };
	REFUSES(-EINVAL, "data");
	e.data = (struct sup_bytes){ data, sizeof(data) };
	REFUSES(-EMSGSIZE, "data");
	e.data.len--;
	assert_int_equal(fnd_event_store(&e, NULL, LONG), 0);
	/* Others have ids behind the highest that can be given. */
	e.id = FND_EVENT_ID_MAX;
	assert_int_equal(fnd_event_store(&e, NULL, LONG), 0);
	e.id = 0;
	assert_int_equal(fnd_event_store(&e, &id, LONG), 0);
	assert_true(id > FND_EVENT_ID_MAX);
	assert_int_equal(fnd_event_store_batch(&e, FND_EVENT_BATCH_MAX + 1,
					       NULL, LONG), -E2BIG);
	assert_int_equal(fnd_event_store_batch(NULL, 0, NULL, LONG), 0);
	assert_int_equal(fnd_event_query(&q, &events, &n, LONG), -EINVAL);
	q = (struct fnd_event_query){ .source = name };
	assert_int_equal(fnd_event_query(&q, &events, &n, LONG), -ENAMETOOLONG);
}

static void queries(void **state)
{
	const struct fnd_event events[] = {
		{ .type = "a", .source = "s", .time = 30 },
		{ .type = "b", .source = "s", .time = 10 },
		{ .type = "a", .source = "t", .time = 20 },
		{ .type = "a", .source = "s", .time = 20 },
	};
	struct fnd_event_query q = { .type = "a" };

	(void)state;
	start_store(&in_file);
	assert_int_equal(fnd_event_store_batch(events, 4, NULL, LONG), 0);
	FINDS(&q, 1, 3, 4);
	q.source = "s";
	FINDS(&q, 1, 4);
	q.by_time = true;
	FINDS(&q, 4, 1);
	q = (struct fnd_event_query){ .from = 20, .to = 20 };
	FINDS(&q, 3, 4);
	q = (struct fnd_event_query){ .to = 19 };
	FINDS(&q, 2);
	q = (struct fnd_event_query){ .from = 21 };
	FINDS(&q, 1);
	q = (struct fnd_event_query){ .by_time = true, .newest_first = true };
	FINDS(&q, 1, 4, 3, 2);
	q = (struct fnd_event_query){ .offset = UINT64_MAX };
	assert_int_equal(count(&q), 0);
	q = (struct fnd_event_query){ .limit = UINT64_MAX };
	assert_int_equal(count(&q), 4);
	q = (struct fnd_event_query){ .type = "' OR 1" };
	assert_int_equal(count(&q), 0);
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
	const struct fnd_event_store_options three = {
		.size = sizeof(three), .file = file, .max_events = 3,
		.max_age_ms = -1,
	};
	struct fnd_event_stats stats;
	int i;

	(void)state;
	start_store(&in_file);
	for (i = 0; i < 5; i++)
		put("x", 0);
	stop_store();
	start_store(&three);
	FINDS(NULL, 3, 4, 5);
	put("x", 0);
	FINDS(NULL, 4, 5, 6);
	assert_int_equal(fnd_event_stats(&stats, LONG), 0);
	assert_int_equal(stats.events, 3);
	assert_int_equal(stats.stored, 1);
	assert_int_equal(stats.pruned, 3);
	assert_int_equal(stats.commits, 2);
	assert_true(stats.bytes > 0);
}

static void what_is_too_old_goes(void **state)
{
	const struct fnd_event_store_options short_lived = {
		.size = sizeof(short_lived), .max_age_ms = 10,
	};
	int64_t limit = LONG;

	(void)state;
	start_store(&short_lived);
	put("x", 1);
	assert_int_equal(count(NULL), 0);
	put("x", 0);
	/* Nobody stores, and it goes all the same. */
	while (count(NULL))
		assert_true(sup_deadline_ms(0) < limit);
}

static int store_some(int nth, void *arg)
{
	const struct fnd_event e = { .type = "x", .id = 0 };
	int i;

	(void)nth;
	for (i = 0; i < *(int *)arg; i++)
		EXPECT(!fnd_event_store(&e, NULL, LONG));
	return 0;
}

static void many_share_a_commit(void **state)
{
	struct fnd_event_stats stats;
	int each = SLOWLY(500);

	(void)state;
	start_store(&in_file);
	assert_int_equal(crowd(8, store_some, &each), 8);
	assert_int_equal(fnd_event_stats(&stats, LONG), 0);
	assert_int_equal(stats.events, 8 * each);
	assert_int_equal(stats.stored, 8 * each);
	assert_true(stats.commits < stats.stored);
	assert_int_equal(count(NULL), 8 * each);
}

static void one_store_has_a_file(void **state)
{
	struct sup_pid pid;

	(void)state;
	start_store(&in_file);
	put("x", 0);
	assert_int_equal(start_alone(&in_file, &pid), -EEXIST);
	stop_store();
	assert_int_equal(start_alone(&in_file, &pid), 0);
	assert_int_equal(count(NULL), 1);
}

/* Not in this process: there the name is taken. */
static void another_process_is_kept_out(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	start_store(&in_file);
	put("x", 0);
	pid = fork();
	if (!pid)
		execl("/usr/bin/flock", "flock", "-n", "-E", "3", "-x",
		      strcat(file, "-lock"), "true", NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 3 << 8);
}

static void run_sql(const char *text)
{
	sqlite3 *sql;

	assert_int_equal(sqlite3_open(file, &sql), SQLITE_OK);
	/* The thread that was killed may yet be closing it. */
	sqlite3_busy_timeout(sql, 30000);
	assert_int_equal(sqlite3_exec(sql, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sql);
}

/* Its commit holds up the store's, and then nothing is half done. */
static void another_program_writes_to_the_file(void **state)
{
	const struct fnd_event e = { .type = "x" };
	sqlite3 *sql;

	(void)state;
	if (in_process) {
		print_message("skip: it takes seconds, and is the same code\n");
		skip();
	}
	start_store(&in_file);
	put("x", 0);
	assert_int_equal(sqlite3_open(file, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(fnd_event_store(&e, NULL, LONG), -EBUSY);
	assert_int_equal(sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(sql);
	assert_int_equal(put("x", 0), 2);
	FINDS(NULL, 1, 2);
}

static void files_of_others_are_refused(void **state)
{
	struct sup_pid pid;
	FILE *f;

	(void)state;
	sup_set_log_level(-1);
	run_sql("CREATE TABLE t(x)");
	assert_int_equal(start_alone(&in_file, &pid), -EBADMSG);
	unlink(file);
	f = fopen(file, "we");
	assert_non_null(f);
	fprintf(f, "%4096s", "This is no database.");
	fclose(f);
	assert_int_equal(start_alone(&in_file, &pid), -EBADMSG);
	unlink(file);
	assert_int_equal(start_alone(&in_file, &pid), 0);
	kill_and_wait(pid);
	run_sql("PRAGMA user_version = 99");
	assert_int_equal(start_alone(&in_file, &pid), -EOPNOTSUPP);
}

static void bad_options(void **state)
{
	struct fnd_event_store_options o = { .size = 0 };
	struct sup_pid pid;

	(void)state;
	sup_set_log_level(-1);
	assert_int_equal(start_alone(&o, &pid), -EINVAL);
	o.size = 1;
	assert_int_equal(start_alone(&o, &pid), -EINVAL);
	o.size = sizeof(o) + 1;
	assert_int_equal(start_alone(&o, &pid), -EINVAL);
	o.size = sizeof(o);
	o.durability = 7;
	assert_int_equal(start_alone(&o, &pid), -EINVAL);
	o.durability = FND_EVENT_SYSTEM;
	o.max_age_ms = INT64_MAX;
	assert_int_equal(start_alone(&o, &pid), -EINVAL);
	o.max_age_ms = 0;
	o.file = "/nonexistent/events";
	assert_int_equal(start_alone(&o, &pid), -ENOENT);
	o.file = file;
	assert_int_equal(start_alone(&o, &pid), 0);
	put("x", 0);
}

static void without_a_service(void **state)
{
	const struct fnd_event e = { .type = "x" };
	struct fnd_event *events;
	size_t n;

	(void)state;
	assert_int_equal(fnd_event_store(&e, NULL, LONG), -ENOTCONN);
	assert_int_equal(fnd_event_query(NULL, &events, &n, LONG), -ENOTCONN);
}

static void nonsense_is_refused(void **state)
{
	struct sup_pid pid;
	struct sup_msg req = { .data = "nonsense", .len = 7 }, reply;

	(void)state;
	start_store(&in_file);
	pid = sup_whereis(SERVICE);
	put("x", 0);
	for (req.tag = 0; req.tag < 7; req.tag++)
		if (!sup_call(pid, &req, &reply, NULL, LONG))
			sup_msg_free(&reply);
	assert_int_equal(sup_whereis(SERVICE).v, pid.v);
	FINDS(NULL, 1);
}

static void cut_bytes_are_no_event(void **state)
{
	const struct fnd_event e = {
		.type = "type", .source = "source", .data = { "data", 4 },
	};
	struct fnd__events packed = { .bytes = NULL };
	struct fnd_event *events, got;
	size_t len, at, n;
	char *cut;

	(void)state;
	assert_true(fnd__events_add(&packed, &e));
	assert_int_equal(fnd__events_unpack(packed.bytes, packed.len, &events,
					    &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(events->source, "source");
	assert_memory_equal(events->data.data, "data", 4);
	free(events);
	for (len = 0; len < packed.len; len++) {
		/* Of that size, so that what reads on is seen. */
		cut = malloc(len ? len : 1);
		memcpy(cut, packed.bytes, len);
		at = 0;
		assert_false(fnd__events_next(cut, len, &at, &got));
		assert_int_equal(fnd__events_unpack(cut, len, &events, &n),
				 len ? -EBADMSG : 0);
		free(cut);
	}
	/* Strings end within their lengths, which are within the whole. */
	packed.bytes[packed.len - 5 - 4] = 'x';
	memset(packed.bytes + 24, 0xff, 4);
	at = 0;
	assert_false(fnd__events_next(packed.bytes, packed.len, &at, &got));
	free(packed.bytes);
}

static void without_memory_nothing_is_stored(void **state)
{
	const struct fnd_event e = { .type = "x" };
	struct fnd_event *events;
	size_t n, stored = 0;
	bool failed = true;
	unsigned int nth;
	int ret;

	(void)state;
	start_store(NULL);
	for (nth = 1; failed; nth++) {
		fail_nth(nth);
		ret = fnd_event_store(&e, NULL, LONG);
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		stored += !ret;
	}
	assert_int_equal(count(NULL), stored);
	for (nth = 1, failed = true; failed; nth++) {
		fail_nth(nth);
		ret = fnd_event_query(NULL, &events, &n, LONG);
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		if (!ret)
			free(events);
	}
	assert_int_equal(n, stored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_bytes_are_no_event),
		CASE(check_4_batch_with_one_invalid),
		CASE(check_4_offset_and_limit),
		FILE_CASE(check_4_prune_removes_strictly_older),
		FILE_CASE(check_4_chain_in_order_of_time),
		CASE(recent_begins_with_the_newest),
		FILE_CASE(an_event_is_what_was_stored),
		FILE_CASE(an_id_is_not_taken_twice),
		CASE(bad_arguments),
		FILE_CASE(queries),
		FILE_CASE(the_oldest_go_when_there_are_too_many),
		CASE(what_is_too_old_goes),
		FILE_CASE(many_share_a_commit),
		FILE_CASE(one_store_has_a_file),
		FILE_CASE(another_process_is_kept_out),
		FILE_CASE(another_program_writes_to_the_file),
		FILE_CASE(files_of_others_are_refused),
		FILE_CASE(bad_options),
		CASE(without_a_service),
		FILE_CASE(nonsense_is_refused),
		CASE(without_memory_nothing_is_stored),
	};

	return RUN_EVENT_TESTS(tests);
}
