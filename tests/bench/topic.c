// SPDX-License-Identifier: GPL-2.0-or-later
/* Times what one caller does, and what sixteen do at once. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sup/sup.h>

#include "topic.h"

static size_t divisor = 1;
static const struct topic *topic;
static size_t n_each;
static _Atomic int next_nth, ready, begun;

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void must(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, sup_error());
	exit(1);
}

void topics_divide(const char *word)
{
	divisor = strtoul(word, NULL, 10);
	if (divisor)
		return;
	fprintf(stderr, "bench: \"%s\" is no divisor\n", word);
	exit(100);
}

size_t topics_scale(size_t n)
{
	return n / divisor + 1;
}

void topic_result(const char *name, double us)
{
	printf("%s %.4f\n", name, us);
	fflush(stdout);
}

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

	n_each = topics_scale(topic->n / n);
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

void topics_run(const struct topic *topics, size_t n)
{
	char name[64];

	for (topic = topics; topic < topics + n; topic++) {
		topic_result(topic->name, run_with(1));
		snprintf(name, sizeof(name), "%s_%d", topic->name, CALLERS);
		topic_result(name, run_with(CALLERS));
	}
}
