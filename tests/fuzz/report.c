// SPDX-License-Identifier: GPL-2.0-or-later
/* What came of it: counts by command and result, and the verdict as TAP. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Above the longest grace time, in virtual time. */
#define END_MS	20000

static const char *const mode_names[NMODES] = { "", " (dump)" };
static int tests, failures;

static void ok(bool passed, const char *name)
{
	printf("%sok %d %s\n", passed ? "" : "not ", ++tests, name);
	failures += !passed;
}

static void print_counts(const char *name, const char *mode,
			 const struct counts *c)
{
	char title[64];
	int i;

	snprintf(title, sizeof(title), "%s%s", name, mode);
	printf("# %-22s sent %8llu accepted %8llu", title,
	       (unsigned long long)c->sent, (unsigned long long)c->accepted);
	for (i = 0; i < MAX_ERRORS; i++)
		if (c->errors[i])
			printf(" %s %llu", strerrorname_np(i) ?: "?",
			       (unsigned long long)c->errors[i]);
	printf("\n");
}

static void print_all_counts(void)
{
	size_t op;
	int mode, i;

	for (op = 0; op <= spec_nops; op++)
		for (mode = 0; mode < NMODES; mode++)
			if (shared->counts[op][mode].sent)
				print_counts(op < spec_nops ?
					     spec_ops[op].name : "(no command)",
					     mode_names[mode],
					     &shared->counts[op][mode]);
	for (op = 0; op < spec_nops; op++)
		if (spec_ops[op].event)
			printf("# %-22s came %8llu\n", spec_ops[op].name,
			       (unsigned long long)shared->events[op]);
	for (i = 0; i < MAX_ERRORS; i++)
		if (shared->send_errors[i])
			printf("# send: %s %llu\n", strerrorname_np(i) ?: "?",
			       (unsigned long long)shared->send_errors[i]);
	printf("# %llu messages; %llu actors in %llu lives of the keeper, %llu children, %llu threads, %llu execs, %llu sockets handed on, %llu overruns\n",
	       (unsigned long long)shared->sent,
	       (unsigned long long)shared->lives,
	       (unsigned long long)shared->epochs,
	       (unsigned long long)shared->children,
	       (unsigned long long)shared->threads,
	       (unsigned long long)shared->execs,
	       (unsigned long long)shared->passed,
	       (unsigned long long)shared->overruns);
}

static bool all_accepted(bool say)
{
	bool all = true;
	size_t op;
	int mode;

	for (op = 0; op < spec_nops; op++) {
		for (mode = 0; mode < NMODES; mode++) {
			if (!spec_ops[op].requests[mode].exists ||
			    shared->counts[op][mode].accepted)
				continue;
			all = false;
			if (say)
				printf("# never accepted: %s%s\n",
				       spec_ops[op].name, mode_names[mode]);
		}
	}
	return all;
}

static bool all_refused(bool say)
{
	bool all = true;
	size_t op;
	int i;

	for (op = 0; op < spec_nops; op++) {
		uint64_t n = 0;

		if (!spec_ops[op].requests[MODE_DO].exists)
			continue;
		for (i = 0; i < MAX_ERRORS; i++)
			n += shared->counts[op][MODE_DO].errors[i];
		if (n)
			continue;
		all = false;
		if (say)
			printf("# never refused: %s\n", spec_ops[op].name);
	}
	return all;
}

static bool all_events(bool say)
{
	bool all = true;
	size_t op;

	for (op = 0; op < spec_nops; op++) {
		if (!spec_ops[op].event || shared->events[op])
			continue;
		all = false;
		if (say)
			printf("# never came: %s\n", spec_ops[op].name);
	}
	return all;
}

/* What a run is there for, so that it may end. */
bool all_seen(void)
{
	return all_accepted(false) && all_refused(false) && all_events(false);
}

static long users_of_module(void)
{
	FILE *file = fopen("/sys/module/sup/refcnt", "re");
	long n = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%ld", &n) != 1)
		n = -1;
	fclose(file);
	return n;
}

/* Each group holds the module. There is no event for the last. */
static bool groups_ended(void)
{
	int64_t end = now_ns() + END_MS * 1000000LL;

	while (users_of_module() && now_ns() < end)
		poll(NULL, 0, 50);
	if (!users_of_module())
		return true;
	printf("# still used by %ld\n", users_of_module());
	return false;
}

int report(void)
{
	bool ended;

	/* A socket that is on its way to someone may hold the module. */
	close(FD_MAIL_IN);
	close(FD_MAIL_OUT);
	ended = groups_ended();

	print_all_counts();
	/* A list of what failed has the reason with it. */
	ok(!shared->failure[0], shared->failure[0] ? shared->failure :
						     "nothing odd came");
	ok(all_accepted(true), "every command was accepted");
	ok(all_refused(true), "every command was refused");
	ok(all_events(true), "every event came");
	ok(shared->lives && shared->children && shared->threads &&
	   shared->execs, "tasks were born and died");
	ok(ended, "no group outlives everyone");
	printf("1..%d\n", tests);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
