/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of Comms have in common: agents that count what they do. */
#ifndef TESTS_MABEAM_COMMS_H
#define TESTS_MABEAM_COMMS_H

#include "programs.h"

#include <semaphore.h>
#include <stdio.h>

/* One for each agent; it outlives its lives. */
struct worker {
	_Atomic int done;	/* requests that it has had */
	sem_t go;		/* lets it go on that is at "hold" */
	char seen[256];		/* what it was told; its thread's */
};

static inline int worker_init(const char *id, void *arg, void **ret_state)
{
	struct worker *w = arg;

	sem_init(&w->go, 0, 0);
	return simple_init(id, arg, ret_state);
}

static inline int work(void *state, struct sup_from from,
		       const struct mab_message *m)
{
	struct worker *w = state;
	int n = atomic_fetch_add(&w->done, 1) + 1;
	char text[64];

	if (!strcmp(m->method, "hold"))
		while (sem_wait(&w->go))
			;
	if (!strcmp(m->method, "seen"))
		return mab_reply(from, w->seen, strlen(w->seen));
	if (strcmp(m->method, "do") && strcmp(m->method, "hold"))
		return simple_request(state, from, m);
	snprintf(text, sizeof(text), "%d: %.32s", n, m->body);
	return mab_reply(from, text, strlen(text));
}

static inline int note(void *state, const struct mab_message *m)
{
	struct worker *w = state;

	if (!strcmp(m->method, "hold")) {
		atomic_fetch_add(&w->done, 1);
		while (sem_wait(&w->go))
			;
	}
	strncat(w->seen, m->body, sizeof(w->seen) - strlen(w->seen) - 1);
	return 0;
}

static const struct mab_agent_ops worker_ops = {
	.size = sizeof(worker_ops), .init = worker_init, .request = work,
	.notify = note,
};

#define WORKER(w, ...) AGENT_OF(&worker_ops, .arg = (w), __VA_ARGS__)

/* What was answered is as expected; or the error. */
static inline int has(int ret, struct sup_msg *reply, const char *expected)
{
	if (ret)
		return ret;
	ret = strcmp(reply->data, expected);
	if (ret)
		print_message("\"%s\", not \"%s\"\n", (char *)reply->data,
			      expected);
	ret = ret || reply->len != strlen(expected) ? -EBADE : 0;
	sup_msg_free(reply);
	return ret;
}

static inline int request(const char *to, const char *method, const char *body,
			  const char *expected, struct sup_reason *ret_reason)
{
	struct sup_msg reply;

	return has(mab_comms_request(to, SAY(method, body), &reply, ret_reason,
				     LONG), &reply, expected);
}

static inline int once(const char *to, const char *key, const char *method,
		       const char *expected)
{
	struct sup_msg reply;

	return has(mab_comms_once(to, key, SAY(method, key), &reply, NULL,
				  LONG), &reply, expected);
}

static inline struct mab_comms_count count_of(enum mab_comms_kind kind)
{
	struct mab_comms_count counts[MAB_COMMS_KINDS];

	mab_comms_stats(counts);
	return counts[kind];
}

/* Comms again, after it was killed; its supervisor is that of the tests. */
static inline struct sup_pid await_comms(struct sup_pid old)
{
	struct sup_child_counts counts;
	struct sup_pid pid;

	while (!(pid = sup_whereis("mab_comms")).v || pid.v == old.v)
		assert_int_equal(sup_count_children(mabeam, &counts), 0);
	return pid;
}

#endif
