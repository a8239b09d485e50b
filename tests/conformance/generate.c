/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints random traces. Trace n of a run with seed s is the only one of a run
 * with seed s + n.
 *
 * usage: generate SEED COUNT
 *
 * What may happen is chosen blindly: what the tree does with it is the matter
 * of those who perform the trace.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SUPS 6
#define MAX_IDS 120
#define DEPTH 3

enum { ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE, SIMPLE };

static const char *const strategies[] = {
	"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"
};
static const char *const autos[] = {
	"never", "any_significant", "all_significant"
};
static const char *const restarts[] = {
	"permanent", "transient", "temporary"
};

static struct {
	int strategy, auto_shutdown, n_ids;
} sups[MAX_SUPS];
static int n_sups;

/* Ids of all children that have been named, and where. */
static struct {
	char id[16];
	int in;
	bool is_sup;
} ids[MAX_IDS];
static int n_ids;

static bool short_period;

static int below(int n)
{
	return (int)(random() % n);
}

static bool one_in(int n)
{
	return below(n) == 0;
}

/* "o", or what starts do in turn: o starts, f fails, i ignores. */
static void print_starts(bool may_ask)
{
	static const char letters[] = "ooofffi", asks[] = "trd";
	char script[8];
	int n = 1 + below(6), i;
	bool fails = false;

	if (one_in(2))
		return;
	for (i = 0; i < n; i++) {
		script[i] = letters[below(7)];
		if (!i && !one_in(12))
			script[i] = 'o';
		fails = fails || script[i] == 'f';
	}
	script[n] = '\0';
	printf(",\"starts\":\"%s%s\"", script, one_in(8) ? "" : "o");
	if (!fails || !may_ask || one_in(3))
		return;
	n = 1 + below(3);
	for (i = 0; i < n; i++)
		script[i] = asks[below(3)];
	script[n] = '\0';
	printf(",\"asks\":\"%s\"", script);
}

/* How it is stopped. Deafness takes real time: not in a short period. */
static void print_stop(bool may_be_deaf)
{
	static const char *const stops[] = { "normal", "shutdown7", "crash" };

	if (may_be_deaf && !short_period && one_in(25))
		printf(",\"stop\":\"deaf\",\"shutdown\":\"20\"");
	else if (one_in(6))
		printf(",\"shutdown\":\"brutal_kill\"");
	else if (one_in(8))
		printf(",\"shutdown\":\"infinity\"");
	if (!may_be_deaf || one_in(5))
		printf(",\"stop\":\"%s\"", stops[below(3)]);
}

static void print_worker(const char *op, int in, const char *id)
{
	bool simple = sups[in].strategy == SIMPLE;
	int restart = below(3);
	bool may_be = sups[in].auto_shutdown && restart;

	printf("{\"op\":\"%s\",\"in\":\"s%d\",\"id\":\"%s\"", op, in, id);
	printf(",\"restart\":\"%s\"", restarts[restart]);
	if (!simple && (may_be ? one_in(2) : one_in(80)))
		printf(",\"significant\":1");
	print_starts(!simple);
	print_stop(!simple);
	printf("}\n");
}

static void add_id(int in, bool is_sup, char id[16])
{
	if (sups[in].strategy == SIMPLE)
		snprintf(id, 16, "x%d.%d", in, sups[in].n_ids++);
	else
		snprintf(id, 16, "%c%d", 'a' + sups[in].n_ids++, in);
	if (n_ids == MAX_IDS)
		return;
	memcpy(ids[n_ids].id, id, 16);
	ids[n_ids].in = in;
	ids[n_ids++].is_sup = is_sup;
}

static void print_sup_child(const char *op, int in, int sup)
{
	int restart = below(4) ? 0 : below(3);
	bool may_be = sups[in].auto_shutdown && restart;

	printf("{\"op\":\"%s\",\"in\":\"s%d\",\"id\":\"s%d\"", op, in, sup);
	printf(",\"type\":\"supervisor\",\"restart\":\"%s\"",
	       restarts[restart]);
	if (may_be && one_in(2))
		printf(",\"significant\":1");
	printf("}\n");
}

static int print_sup(int depth);

static void print_children(int sup, int depth)
{
	int n = sups[sup].strategy == SIMPLE ? 1 : below(5), kid;
	char id[16];

	while (n--) {
		kid = -1;
		if (depth < DEPTH && n_sups < MAX_SUPS && one_in(3) &&
		    sups[sup].strategy != SIMPLE)
			kid = print_sup(depth + 1);
		if (kid >= 0) {
			snprintf(ids[n_ids].id, 16, "s%d", kid);
			ids[n_ids].in = sup;
			ids[n_ids++].is_sup = true;
			print_sup_child("child", sup, kid);
		} else {
			add_id(sup, false, id);
			print_worker("child", sup, id);
		}
	}
}

static int print_sup(int depth)
{
	int sup = n_sups++;

	sups[sup].strategy = one_in(6) ? SIMPLE : below(3);
	sups[sup].auto_shutdown = sups[sup].strategy == SIMPLE ? 0 : below(3);
	sups[sup].n_ids = 0;
	printf("{\"op\":\"sup\",\"id\":\"s%d\",\"strategy\":\"%s\"", sup,
	       strategies[sups[sup].strategy]);
	printf(",\"intensity\":%d,\"period\":%d", below(7),
	       short_period ? 2 : 3600);
	printf(",\"auto_shutdown\":\"%s\"}\n", autos[sups[sup].auto_shutdown]);
	print_children(sup, depth);
	return sup;
}

static void print_start(void)
{
	int in = below(n_sups), i = n_ids ? below(n_ids) : 0;
	char id[16];

	if (n_ids && one_in(2) && sups[ids[i].in].strategy != SIMPLE) {
		in = ids[i].in;
		memcpy(id, ids[i].id, sizeof(id));
		if (ids[i].is_sup) {
			print_sup_child("start", in, atoi(id + 1));
			return;
		}
	} else if (sups[in].n_ids < 26) {
		add_id(in, false, id);
	} else {
		return;
	}
	print_worker("start", in, id);
}

/* Now and then one is asked of a supervisor that it is not a child of. */
static void print_on_child(const char *op)
{
	int i, in;

	if (!n_ids)
		return;
	i = below(n_ids);
	in = one_in(15) ? below(n_sups) : ids[i].in;
	printf("{\"op\":\"%s\",\"in\":\"s%d\",\"id\":\"%s\"", op, in,
	       ids[i].id);
	if (!strcmp(op, "terminate") &&
	    (sups[in].strategy == SIMPLE ? !one_in(8) : one_in(20)))
		printf(",\"by_pid\":1");
	printf("}\n");
}

static void print_end(void)
{
	static const char *const reasons[] = {
		"crash", "crash", "crash", "kill", "normal", "shutdown",
		"shutdown7"
	};
	int i, tries = 10;

	if (!n_ids)
		return;
	do
		i = below(n_ids);
	while (ids[i].is_sup && --tries);
	if (!ids[i].is_sup)
		printf("{\"op\":\"end\",\"id\":\"%s\",\"reason\":\"%s\"}\n",
		       ids[i].id, reasons[below(7)]);
}

static void print_operation(void)
{
	int what = below(100);

	if (what < 50)
		print_end();
	else if (what < 68)
		print_start();
	else if (what < 80)
		print_on_child("terminate");
	else if (what < 92)
		print_on_child("restart");
	else
		print_on_child("delete");
}

static void print_trace(long seed)
{
	int n = 5 + (srandom((unsigned int)seed), below(40));

	printf("{\"op\":\"trace\",\"seed\":%ld}\n", seed);
	n_sups = n_ids = 0;
	short_period = one_in(40);
	print_sup(1);
	printf("{\"op\":\"begin\",\"id\":\"s0\"}\n");
	while (n--) {
		print_operation();
		/* Period 2: far outside of it, also in whole seconds. */
		if (short_period && one_in(8))
			printf("{\"op\":\"wait\",\"ms\":3300}\n");
	}
	printf("{\"op\":\"stop\"}\n");
}

int main(int argc, char **argv)
{
	long seed, n;

	if (argc != 3) {
		fprintf(stderr, "usage: generate SEED COUNT\n");
		return 100;
	}
	seed = atol(argv[1]);
	for (n = atol(argv[2]); n > 0; n--)
		print_trace(seed++);
	return 0;
}
