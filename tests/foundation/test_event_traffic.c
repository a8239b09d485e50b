/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Much that is asked of an EventStore, at once and in one. */
#include "events.h"

/* Longer than what a process is sent at once, each way. */
static void large_batches(void **state)
{
	struct fnd_event *events, batch[40];
	static char data[N_OF(batch)][100000];
	uint64_t ids[N_OF(batch)];
	size_t n, i;

	(void)state;
	start_store(&in_file);
	for (i = 0; i < N_OF(batch); i++) {
		memset(data[i], (int)('a' + i), sizeof(data[i]));
		batch[i] = (struct fnd_event){
			.type = "x", .data = { data[i], sizeof(data[i]) - i },
		};
	}
	assert_int_equal(fnd_event_store_batch(batch, N_OF(batch), ids, LONG),
			 0);
	assert_int_equal(fnd_event_query(NULL, &events, &n, LONG), 0);
	assert_int_equal(n, N_OF(batch));
	for (i = 0; i < n; i++) {
		assert_int_equal(events[i].id, ids[i]);
		assert_int_equal(events[i].data.len, sizeof(data[i]) - i);
		assert_memory_equal(events[i].data.data, data[i],
				    events[i].data.len);
	}
	free(events);
}

static int store_and_query(int nth, void *arg)
{
	static const char data[200000];
	const struct fnd_event e = {
		.type = "x", .data = { data, nth % 2 ? sizeof(data) : 10 },
	};
	struct fnd_event *got;
	uint64_t id;
	size_t n;
	int i;

	for (i = 0; i < *(int *)arg; i++) {
		EXPECT(!fnd_event_store(&e, &id, LONG));
		EXPECT(!fnd_event_get(id, &got, LONG));
		EXPECT(got->id == id && got->data.len == e.data.len);
		free(got);
		EXPECT(!fnd_event_recent(2, &got, &n, LONG));
		free(got);
	}
	return 0;
}

/* Of answers that are late or somebody else's there is none. */
static void many_ask_at_once(void **state)
{
	int each = SLOWLY(40);

	(void)state;
	start_store(&in_file);
	assert_int_equal(crowd(16, store_and_query, &each), 16);
}

static int stores_or_talks(int nth, void *arg)
{
	const struct fnd_event e = { .type = "x" };
	const struct sup_msg msg = { .tag = 99 };
	_Atomic bool *done = arg;
	int i;

	for (i = 0; !nth && i < SLOWLY(1000); i++)
		EXPECT(!fnd_event_store(&e, NULL, LONG));
	if (!nth)
		atomic_store(done, true);
	while (!atomic_load(done))
		EXPECT(nth != 1 ? !sup_cast(sup_whereis(SERVICE), &msg, LONG) :
		       sup_call(sup_whereis(SERVICE), &msg, NULL, NULL,
				LONG) == -EINVAL);
	return 0;
}

/* Nonsense that comes in the middle of a batch does not hold it up. */
static void nonsense_holds_up_nobody(void **state)
{
	_Atomic bool done = false;

	(void)state;
	start_store(NULL);
	assert_int_equal(crowd(3, stores_or_talks, &done), 3);
	assert_int_equal(count(NULL), SLOWLY(1000));
}

/*
 * A stream of messages without a gap: the store's time-out, which is for when
 * none waits, never comes.
 */
static _Atomic bool is_without_gap;

int __real_sup_server_timeout(int64_t ms);
int __wrap_sup_server_timeout(int64_t ms);

int __wrap_sup_server_timeout(int64_t ms)
{
	if (atomic_load(&is_without_gap) &&
	    sup_self().v == sup_whereis(SERVICE).v)
		return 0;
	return __real_sup_server_timeout(ms);
}

static int stores_one(void *arg)
{
	const struct fnd_event e = { .type = "x" };
	_Atomic bool *done = arg;

	EXPECT(!fnd_event_store(&e, NULL, LONG));
	atomic_store(done, true);
	return 0;
}

static void a_stream_of_nonsense_puts_off_no_commit(void **state)
{
	const struct sup_msg msg = { .tag = 99 };
	_Atomic bool done = false;
	int64_t limit = LONG;
	struct sup_pid pid;

	(void)state;
	start_store(NULL);
	atomic_store(&is_without_gap, true);
	pid = start(stores_one, &done);
	while (!atomic_load(&done)) {
		assert_true(sup_deadline_ms(0) < limit);
		assert_int_equal(sup_cast(sup_whereis(SERVICE), &msg, LONG),
				 0);
	}
	atomic_store(&is_without_gap, false);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
}

static void its_file_is_closed_at_its_end(void **state)
{
	const struct fnd_event e = { .type = "x" };
	char path[sizeof(file) + 8];

	(void)state;
	snprintf(path, sizeof(path), "%s-wal", file);
	start_store(&in_file);
	assert_int_equal(fnd_event_store(&e, NULL, LONG), 0);
	assert_int_equal(access(path, F_OK), 0);
	stop_store();
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_CASE(large_batches),
		FILE_CASE(many_ask_at_once),
		CASE(nonsense_holds_up_nobody),
		CASE(a_stream_of_nonsense_puts_off_no_commit),
		FILE_CASE(its_file_is_closed_at_its_end),
	};

	return RUN_EVENT_TESTS(tests);
}
