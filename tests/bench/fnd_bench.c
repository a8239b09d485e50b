// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the services cost a caller: microseconds for each operation, of one
 * caller, and of sixteen at once (wall time, by all that they have done).
 * fnd_peer.exs does the same on Elixir, with the same counts; fnd_sqlite does
 * the events.
 *
 * usage: fnd_bench DIVISOR FILE	1, or how much less to do; of the events
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "fnd_bench.h"

#define CALLERS 16
#define NAMES 100000
#define SETTINGS 100

struct topic {
	const char *name;
	int (*once)(int nth);
	size_t n;		/* calls of all callers */
	size_t per_call;	/* operations */
};

static size_t divisor;
static struct sup_pid keeper;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void must(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "fnd_bench: %s: %s\n", what, sup_error());
	exit(1);
}

/* Looks for one of 100,000 names. */
static int lookup(int nth)
{
	(void)nth;
	return fnd_process_whereis(FND_PRODUCTION, "50000").v != keeper.v;
}

/* One of a hundred settings, a number. */
static int config_get(int nth)
{
	struct fnd_config_value v;
	int ret;

	(void)nth;
	ret = fnd_config_get("settings.number50", &v, NULL, 0);
	return ret ? ret : v.integer - 50;
}

/* All of the same pair, which is never denied. */
static int rate_check(int nth)
{
	static const struct fnd_rate rate = {
		FND_RATE_FIXED_WINDOW, UINT32_MAX, 60000,
	};

	(void)nth;
	return fnd_rate_check("entity", "operation", &rate, NULL);
}

/* By its name and a label, as who executes an event does. */
static int count(int nth)
{
	static const struct fnd_pair pair = { "shop", "one" };
	static const struct fnd_metadata labels = { &pair, 1 };

	(void)nth;
	return fnd_telemetry_count("bench.orders", 1, &labels);
}

/* Each caller has a lock of its own. */
static int lock(int nth)
{
	char name[] = { 'a' + nth, '\0' };
	uint64_t token;
	int ret;

	ret = fnd_lock_acquire(name, SUP_FOREVER, &token);
	return ret ? ret : fnd_lock_release(name, token);
}

/* A batch, which is on the disk then. */
static int store_events(int nth)
{
	static const char data[EVENT_DATA];
	struct fnd_event events[EVENT_BATCH];
	size_t i;

	(void)nth;
	for (i = 0; i < EVENT_BATCH; i++)
		events[i] = (struct fnd_event){
			.type = EVENT_TYPE, .source = EVENT_SOURCE,
			.data = { data, sizeof(data) },
		};
	return fnd_event_store_batch(events, EVENT_BATCH, NULL, SUP_FOREVER);
}

static const struct topic topics[] = {
	{ "fnd_lookup", lookup, 1000000, 1 },
	{ "fnd_config_get", config_get, 1000000, 1 },
	{ "fnd_rate_check", rate_check, 1000000, 1 },
	{ "fnd_count", count, 1000000, 1 },
	{ "fnd_lock", lock, 100000, 1 },
	{ "fnd_event_store", store_events, EVENT_BATCHES, EVENT_BATCH },
};

static const struct topic *topic;
static size_t n_each;
static _Atomic int next_nth, ready, begun;

static int run_caller(void *arg)
{
	int nth = atomic_fetch_add(&next_nth, 1);
	size_t i;

	(void)arg;
	atomic_fetch_add(&ready, 1);
	while (!atomic_load(&begun))
		sup_checkpoint();
	for (i = 0; i < n_each; i++)
		must(topic->once(nth), topic->name);
	return 0;
}

/* Microseconds for each operation of n callers. */
static double run_with(int n)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run_caller,
	};
	struct sup_pid pids[CALLERS];
	int64_t begin;
	int i;

	n_each = topic->n / divisor / n + 1;
	atomic_store(&next_nth, 0);
	atomic_store(&ready, 0);
	atomic_store(&begun, 0);
	for (i = 0; i < n; i++)
		must(sup_thread_start(&spec, &pids[i]), "a caller");
	while (atomic_load(&ready) < n)
		sup_checkpoint();
	begin = now_ns();
	atomic_store(&begun, 1);
	for (i = 0; i < n; i++)
		must(sup_wait(pids[i], NULL, SUP_FOREVER), "its end");
	return (now_ns() - begin) / 1000.0 / n_each / n / topic->per_call;
}

static int keeps_names(void *arg)
{
	struct sup_info info;
	char name[16];
	int i;

	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		must(fnd_process_register(FND_PRODUCTION, name, sup_self(),
					  NULL, NULL), "a name");
	}
	atomic_store((_Atomic int *)arg, 1);
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

static const struct fnd_config_options *settings(void)
{
	static struct fnd_config_entry schema[SETTINGS];
	static const struct fnd_config_options options = {
		.size = sizeof(options), .schema = schema, .n = SETTINGS,
	};
	static char paths[SETTINGS][32];
	int i;

	for (i = 0; i < SETTINGS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "settings.number%d", i);
		schema[i] = (struct fnd_config_entry){
			.path = paths[i], .value = FND_INTEGER(i),
		};
	}
	return &options;
}

int main(int argc, char **argv)
{
	static _Atomic int named;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = keeps_names, .arg = &named,
	};
	struct fnd_event_store_options events = {
		.size = sizeof(events), .file = argv[argc - 1],
		.durability = FND_EVENT_SYSTEM, .max_events = UINT64_MAX,
		.max_age_ms = -1,
	};
	struct fnd_foundation_options options = {
		.size = sizeof(options), .event_store = &events,
		.config_server = settings(),
	};
	struct sup_pid top;
	size_t i;

	divisor = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	if (!divisor) {
		fprintf(stderr, "usage: fnd_bench DIVISOR FILE\n");
		return 100;
	}
	must(sup_open(NULL), "the runtime");
	must(fnd_foundation_start(&options, &top), "the services");
	must(sup_thread_start(&spec, &keeper), "the names");
	while (!atomic_load(&named))
		sup_checkpoint();
	for (i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		topic = &topics[i];
		printf("%s %.4f\n", topic->name, run_with(1));
		printf("%s_16 %.4f\n", topic->name, run_with(CALLERS));
		fflush(stdout);
	}
	return -sup_close();
}
