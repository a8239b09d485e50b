/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list of handlers, which is the process's, under one lock. Each has a ring
 * of the events that wait for it, and a task, a job of the task supervisor,
 * that sleeps on a semaphore while there is none. Who executes an event copies
 * it once, puts it into the rings, and wakes who sleeps: no call of libsup, so
 * no safe point, and no wait but for the lock, which is held for that long.
 *
 * Its task finds a handler by its number, never by its address. A handler is
 * freed when it is detached and its task has ended; until then the task may
 * look at all of it. What it is at is the handler's, too, and freed with it,
 * for handle() may end in any way.
 *
 * Its end is known by what the task supervisor reports, which the service reads
 * (telemetry.c). If that supervisor ends, its jobs end with it, and nobody
 * reports them: so whoever has no task when the next supervisor is up has not
 * failed, and is started again.
 */
#include "foundation/handler.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "foundation/service.h"

#define CAPACITY 1024

/* An event that waits, and in one block all that it points to. */
struct letter {
	size_t refs;		/* under the lock */
	struct fnd_telemetry_event event;
};

struct handler {
	struct handler *prev, *next;
	uint64_t number;
	struct fnd_handler_spec spec;
	bool detached;
	struct sup_pid pid;	/* none: its task has not begun */
	struct sup_pid sup;	/* then: of the task supervisor */
	bool sleeps;
	sem_t wake;
	struct letter *at;	/* the task's */
	size_t first, n;
	struct letter **ring;
	char strings[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct handler *handlers;
static uint64_t numbers, n_told, n_dropped, n_failed;
_Atomic size_t fnd__handlers_attached;

static struct letter *new_letter(const char *name,
				 const struct fnd_measurement *m, size_t n,
				 const struct fnd__labels *labels)
{
	size_t i, size = strlen(name) + 1 + labels->len;
	struct fnd_measurement *to;
	struct fnd_pair *pairs;
	struct letter *l;
	char *at;

	for (i = 0; i < n; i++)
		size += m[i].name ? strlen(m[i].name) + 1 : 0;
	l = malloc(sizeof(*l) + n * sizeof(*m) + labels->n * sizeof(*pairs) +
		   size);
	if (!l)
		return NULL;
	to = (struct fnd_measurement *)(l + 1);
	pairs = (struct fnd_pair *)(to + n);
	at = (char *)(pairs + labels->n);
	*l = (struct letter){
		.event = {
			.name = at, .measurements = to, .n = n,
			.metadata = { pairs, labels->n }, .pid = sup_self(),
		},
	};
	at = stpcpy(at, name) + 1;
	for (i = 0; i < n; i++) {
		to[i] = m[i];
		if (m[i].name) {
			to[i].name = at;
			at = stpcpy(at, m[i].name) + 1;
		}
	}
	memcpy(at, labels->bytes, labels->len);
	for (i = 0; i < labels->n; i++) {
		pairs[i].key = at;
		at += strlen(at) + 1;
		pairs[i].value = at;
		at += strlen(at) + 1;
	}
	return l;
}

static void put_letter_locked(struct letter *l)
{
	if (l && !--l->refs)
		free(l);
}

static void post_locked(struct handler *h, struct letter *l)
{
	if (h->n == h->spec.capacity) {
		n_dropped++;
		return;
	}
	l->refs++;
	h->ring[(h->first + h->n++) % h->spec.capacity] = l;
	if (h->sleeps) {
		h->sleeps = false;
		sem_post(&h->wake);
	}
}

static bool wants(const struct handler *h, const char *event)
{
	return !h->detached && fnd__has_prefix(event, h->spec.prefix);
}

void fnd__handlers_tell(const char *event, const struct fnd_measurement *m,
			size_t n, const struct fnd__labels *labels)
{
	struct letter *l = NULL;
	struct handler *h;

	if (!fnd__handlers_any())
		return;
	pthread_mutex_lock(&lock);
	DL_FOREACH(handlers, h) {
		if (!wants(h, event))
			continue;
		if (!l) {
			l = new_letter(event, m, n, labels);
			n_told++;
		}
		if (!l) {
			n_dropped++;
			continue;
		}
		l->refs += !l->refs;
		l->event.time = l->event.time ? l->event.time : fnd__real_now();
		post_locked(h, l);
	}
	put_letter_locked(l);
	pthread_mutex_unlock(&lock);
}

static struct handler *find_id_locked(const char *id)
{
	struct handler *h;

	DL_FOREACH(handlers, h)
		if (!h->detached && !strcmp(h->spec.id, id))
			return h;
	return NULL;
}

static struct handler *find_number_locked(uint64_t number)
{
	struct handler *h;

	DL_FOREACH(handlers, h)
		if (h->number == number)
			return h;
	return NULL;
}

static void drop_all_locked(struct handler *h)
{
	for (; h->n; h->n--) {
		put_letter_locked(h->ring[h->first]);
		h->first = (h->first + 1) % h->spec.capacity;
	}
}

static void detach_locked(struct handler *h)
{
	h->detached = true;
	atomic_fetch_sub(&fnd__handlers_attached, 1);
	drop_all_locked(h);
	h->sleeps = false;
	sem_post(&h->wake);
}

static void free_handler_locked(struct handler *h)
{
	drop_all_locked(h);
	put_letter_locked(h->at);
	sem_destroy(&h->wake);
	free(h->ring);
	free(h);
}

static bool has_task(const struct handler *h)
{
	return h->pid.v && sup_is_alive(h->pid);
}

static void reap_locked(void)
{
	struct handler *h, *next;

	DL_FOREACH_SAFE(handlers, h, next) {
		if (!h->detached || has_task(h))
			continue;
		DL_DELETE(handlers, h);
		free_handler_locked(h);
	}
}

/* What is next, once the last one is done with; NULL: sleep. */
static struct letter *next_locked(struct handler *h)
{
	put_letter_locked(h->at);
	h->at = NULL;
	h->sleeps = !h->n;
	if (h->n) {
		h->at = h->ring[h->first];
		h->first = (h->first + 1) % h->spec.capacity;
		h->n--;
	}
	return h->at;
}

static void sleep_on(sem_t *wake)
{
	while (sem_wait(wake))
		sup_checkpoint();
}

/* One that has failed is attached until that is reported. */
static int handle_all(struct handler *h)
{
	struct letter *l;
	bool detached;
	int ret;

	for (;;) {
		pthread_mutex_lock(&lock);
		detached = h->detached;
		l = detached ? NULL : next_locked(h);
		pthread_mutex_unlock(&lock);
		if (detached)
			return 0;
		if (!l) {
			sleep_on(&h->wake);
			continue;
		}
		ret = h->spec.handle(&l->event, h->spec.arg);
		if (ret < 0)
			return ret;
		sup_checkpoint();
	}
}

/* What ends under the supervisor that there is will be reported. */
static bool is_idle(const struct handler *h, struct sup_pid sup)
{
	return !h->detached && !has_task(h) && (!h->pid.v || h->sup.v != sup.v);
}

static int run(void *number, struct sup_msg *ret_result)
{
	struct sup_pid sup = fnd_task_supervisor();
	struct handler *h;

	(void)ret_result;
	/* Not for a supervisor that has ended. */
	sup_checkpoint();
	pthread_mutex_lock(&lock);
	h = find_number_locked((uintptr_t)number);
	/* It was detached meanwhile, or has been started twice. */
	if (h && !is_idle(h, sup))
		h = NULL;
	if (h) {
		h->pid = sup_self();
		h->sup = sup;
	}
	pthread_mutex_unlock(&lock);
	return h ? handle_all(h) : 0;
}

static int start_task(uint64_t number, const struct fnd_handler_spec *s)
{
	const struct sup_job_spec job = {
		.size = sizeof(job), .name = "handler", .run = run,
		.arg = (void *)(uintptr_t)number,
		.containment = s->containment,
	};
	struct sup_pid pid;
	int ret;

	ret = sup_start_job(fnd_task_supervisor(), &job, &pid);
	return ret == -ESRCH ? sup_set_error(-ENOTCONN, "the task supervisor "
					     "does not run") : ret;
}

static struct handler *new_handler(const struct fnd_handler_spec *s)
{
	size_t id = strlen(s->id) + 1, prefix = strlen(s->prefix) + 1;
	struct handler *h = calloc(1, sizeof(*h) + id + prefix);

	if (!h)
		return NULL;
	h->ring = calloc(s->capacity, sizeof(*h->ring));
	if (!h->ring) {
		free(h);
		return NULL;
	}
	sem_init(&h->wake, 0, 0);
	h->spec = *s;
	h->spec.id = memcpy(h->strings, s->id, id);
	h->spec.prefix = memcpy(h->strings + id, s->prefix, prefix);
	return h;
}

static int check_spec(const struct fnd_handler_spec *given,
		      struct fnd_handler_spec *s)
{
	int ret;

	if (!given)
		return sup_set_error(-EINVAL, "spec: it is NULL");
	ret = fnd__copy_options(s, sizeof(*s), given);
	if (!ret)
		ret = fnd__check_name("id", s->id);
	if (ret)
		return ret;
	s->prefix = s->prefix ? s->prefix : "";
	s->capacity = s->capacity ? s->capacity : CAPACITY;
	if (*s->prefix)
		ret = fnd__check_words("prefix", s->prefix);
	if (ret)
		return ret;
	if (!s->handle)
		return sup_set_error(-EINVAL, "handle: it is NULL");
	if (s->capacity > FND_HANDLER_CAPACITY_MAX)
		return sup_set_error(-EINVAL, "capacity: %zu, of %d at most",
				     s->capacity, FND_HANDLER_CAPACITY_MAX);
	if ((unsigned int)s->containment > SUP_CONTAIN)
		return sup_set_error(-EINVAL, "containment: %d is none",
				     (int)s->containment);
	return 0;
}

static int add(const struct fnd_handler_spec *s, uint64_t *ret_number)
{
	struct handler *h = new_handler(s);
	int ret = 0;

	if (!h)
		return fnd__nomem("a handler");
	pthread_mutex_lock(&lock);
	reap_locked();
	if (find_id_locked(s->id)) {
		free_handler_locked(h);
		ret = -EEXIST;
	} else {
		*ret_number = h->number = ++numbers;
		DL_APPEND(handlers, h);
		atomic_fetch_add(&fnd__handlers_attached, 1);
	}
	pthread_mutex_unlock(&lock);
	if (ret)
		return sup_set_error(ret, "id: there is a handler \"%s\"",
				     s->id);
	return 0;
}

static void remove_number(uint64_t number)
{
	struct handler *h;

	pthread_mutex_lock(&lock);
	h = find_number_locked(number);
	if (h && !h->detached)
		detach_locked(h);
	reap_locked();
	pthread_mutex_unlock(&lock);
}

int fnd_telemetry_attach(const struct fnd_handler_spec *given)
{
	struct fnd_handler_spec s;
	uint64_t number = 0;
	int ret;

	ret = check_spec(given, &s);
	if (!ret)
		ret = add(&s, &number);
	if (ret)
		return ret;
	/* Whoever is ended here leaves one that the service will start. */
	ret = start_task(number, &s);
	if (ret)
		remove_number(number);
	return ret;
}

int fnd_telemetry_detach(const char *id, int64_t deadline)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct handler *h;
	int ret;

	ret = fnd__check_name("id", id);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	h = find_id_locked(id);
	if (h) {
		pid = h->pid;
		detach_locked(h);
	}
	pthread_mutex_unlock(&lock);
	if (!h)
		return sup_set_error(-ENOENT, "id: there is no handler \"%s\"",
				     id);
	if (pid.v == sup_self().v)
		return 0;
	ret = pid.v ? sup_wait(pid, NULL, deadline) : 0;
	pthread_mutex_lock(&lock);
	reap_locked();
	pthread_mutex_unlock(&lock);
	return ret;
}

static void fail_locked(struct handler *h, char *ret_id)
{
	strcpy(ret_id, h->spec.id);
	n_failed++;
	detach_locked(h);
}

bool fnd__handler_ended(struct sup_pid pid, char *ret_id)
{
	struct handler *h;
	bool failed;

	pthread_mutex_lock(&lock);
	DL_FOREACH(handlers, h)
		if (h->pid.v == pid.v)
			break;
	failed = h && !h->detached;
	if (failed)
		fail_locked(h, ret_id);
	reap_locked();
	pthread_mutex_unlock(&lock);
	return failed;
}

bool fnd__handler_lost(char *ret_id)
{
	struct sup_pid sup = fnd_task_supervisor();
	struct handler *h;

	pthread_mutex_lock(&lock);
	DL_FOREACH(handlers, h)
		if (!h->detached && h->pid.v && !has_task(h) &&
		    h->sup.v == sup.v)
			break;
	if (h)
		fail_locked(h, ret_id);
	reap_locked();
	pthread_mutex_unlock(&lock);
	return h;
}

/* One after another: the lock is not held while a task is started. */
static bool find_idle(uint64_t after, uint64_t *ret_number,
		      struct fnd_handler_spec *ret_spec)
{
	struct sup_pid sup = fnd_task_supervisor();
	struct handler *h;

	pthread_mutex_lock(&lock);
	DL_FOREACH(handlers, h)
		if (h->number > after && is_idle(h, sup))
			break;
	if (h) {
		*ret_number = h->number;
		*ret_spec = h->spec;
	}
	pthread_mutex_unlock(&lock);
	return h;
}

void fnd__handlers_start(void)
{
	struct fnd_handler_spec s;
	uint64_t number = 0;

	while (find_idle(number, &number, &s))
		start_task(number, &s);
}

void fnd__handlers_status(struct fnd_telemetry_status *status)
{
	pthread_mutex_lock(&lock);
	status->handlers = atomic_load(&fnd__handlers_attached);
	status->executed = n_told;
	status->dropped = n_dropped;
	status->failed = n_failed;
	pthread_mutex_unlock(&lock);
}
