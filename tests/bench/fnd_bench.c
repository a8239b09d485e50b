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

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "fnd_bench.h"
#include "topic.h"

#define NAMES 100000
#define SETTINGS 100

static struct sup_pid keeper;

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

	if (argc != 3) {
		fprintf(stderr, "usage: fnd_bench DIVISOR FILE\n");
		return 100;
	}
	topics_divide(argv[1]);
	must(sup_open(NULL), "the runtime");
	must(fnd_foundation_start(&options, &top), "the services");
	must(sup_thread_start(&spec, &keeper), "the names");
	while (!atomic_load(&named))
		sup_checkpoint();
	topics_run(topics, sizeof(topics) / sizeof(topics[0]));
	return -sup_close();
}
