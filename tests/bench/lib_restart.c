// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the kill of a child of a supervisor until the init of its next life
 * runs: after 5 ms in which nothing happens, and back to back; and what the
 * restarts that the supervisor still has to remember cost.
 */
#include "lib_bench.h"

#include <stdlib.h>

#define IDLE_MS 5
#define BATCH 100	/* restarts, after which a new supervisor goes on */
#define WINDOW 20000

struct tree {
	struct report report;
	struct sup_server_spec server;
	struct sup_pid sup, child;
};

static void tree_start(struct tree *t, int intensity, unsigned int period_s)
{
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "worker",
		.start = sup_server_start, .arg = &t->server,
		.shutdown_ms = SUP_SHUTDOWN_KILL,
	};
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "restarts",
		.intensity = intensity, .period_s = period_s,
		.children = &child, .n_children = 1,
	};

	t->report.to = sup_self();
	t->server = (struct sup_server_spec){
		.size = sizeof(t->server), .name = "worker",
		.ops = &worker_ops, .arg = &t->report,
	};
	must(sup_supervisor_start(&spec, &t->sup), "a supervisor");
	t->child = await_started().pid;
}

static int64_t restart_once(struct tree *t)
{
	struct started started;
	int64_t begin = now_ns();

	must(sup_kill(t->child, SUP_TRY), "a kill");
	started = await_started();
	t->child = started.pid;
	return started.at_ns - begin;
}

static void restarts(const char *name, size_t n, int64_t pause_ms)
{
	int64_t *times = room_for(n, sizeof(*times));
	struct tree t;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i % BATCH == 0)
			tree_start(&t, 1000000, 1);
		if (pause_ms)
			idle_ms(pause_ms);
		times[i] = restart_once(&t);
		if (i % BATCH == BATCH - 1 || i == n - 1)
			stop_server(t.sup);
	}
	result(name, median_us(times, n));
	free(times);
}

void bench_restart(void)
{
	restarts("restart_idle", scaled(100), IDLE_MS);
	restarts("restart_hot", scaled(1000), 0);
}

/* Two supervisors take turns; one has a full window, one an empty one. */
void bench_window(void)
{
	size_t i, n = scaled(500), fill = scaled(WINDOW);
	int64_t *full_times = room_for(n, sizeof(*full_times));
	int64_t *empty_times = room_for(n, sizeof(*empty_times));
	struct tree full, empty;

	tree_start(&full, 1000000, 3600);
	for (i = 0; i < fill; i++)
		restart_once(&full);
	for (i = 0; i < n; i++) {
		if (i % BATCH == 0)
			tree_start(&empty, 1000000, 3600);
		full_times[i] = restart_once(&full);
		empty_times[i] = restart_once(&empty);
		if (i % BATCH == BATCH - 1 || i == n - 1)
			stop_server(empty.sup);
	}
	stop_server(full.sup);
	result("restart_window_20k", median_us(full_times, n));
	result("restart_window_empty", median_us(empty_times, n));
	free(full_times);
	free(empty_times);
}
