/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of events that tests attach, and what is counted meanwhile. */
#ifndef TESTS_FOUNDATION_HANDLERS_H
#define TESTS_FOUNDATION_HANDLERS_H

#include "told.h"

#include <semaphore.h>

#define SERVICE "fnd_telemetry"
#define TASKS "fnd_tasks"
#define DETACHED "foundation.telemetry.handler_detached"

/* What a handler has seen; it holds the last event until it is let go. */
struct seen {
	_Atomic int n, at;
	bool holds;
	sem_t go;
	struct fnd_telemetry_event last;
	struct fnd_pair pairs[4];
	struct fnd_measurement measurements[4];
	char text[512];
	_Atomic uint64_t pid;
	_Atomic uint64_t sum;
};

static inline char *keep(char **at, const char *from)
{
	char *to = *at;

	*at = from ? stpcpy(to, from) + 1 : to;
	return from ? to : NULL;
}

static inline int sees(const struct fnd_telemetry_event *e, void *arg)
{
	struct seen *s = arg;
	char *at = s->text;
	size_t i;

	atomic_store(&s->pid, sup_self().v);
	atomic_fetch_add(&s->at, 1);
	while (s->holds && sem_wait(&s->go))
		sup_checkpoint();
	s->last = *e;
	s->last.name = keep(&at, e->name);
	for (i = 0; i < e->metadata.n && i < N_OF(s->pairs); i++) {
		s->pairs[i].key = keep(&at, e->metadata.pairs[i].key);
		s->pairs[i].value = keep(&at, e->metadata.pairs[i].value);
	}
	for (i = 0; i < e->n && i < N_OF(s->measurements); i++) {
		s->measurements[i] = e->measurements[i];
		s->measurements[i].name = keep(&at, e->measurements[i].name);
		atomic_fetch_add(&s->sum, e->measurements[i].value);
	}
	atomic_fetch_add(&s->n, 1);
	return 0;
}

static inline int attach(const char *id, const char *prefix,
		  int (*handle)(const struct fnd_telemetry_event *, void *),
		  void *arg)
{
	const struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = id, .prefix = prefix,
		.handle = handle, .arg = arg, .capacity = 4,
	};

	return fnd_telemetry_attach(&spec);
}

static inline struct fnd_telemetry_status status(void)
{
	struct fnd_telemetry_status s;

	fnd_telemetry_status(&s);
	return s;
}

static inline int fails(const struct fnd_telemetry_event *e, void *arg)
{
	(void)e;
	atomic_fetch_add(&((struct seen *)arg)->n, 1);
	return -EBADMSG;
}

static inline void is_detached(const char *id, const char *reason)
{
	AWAIT(counted(DETACHED, id) && counted(DETACHED, reason));
	assert_int_equal(fnd_telemetry_detach(id, LONG), -ENOENT);
}

#endif
