/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A heap of timers, ordered by time and, within one time, by ref, which grows;
 * and buckets by ref, so that one can be found. A task's heap is read by its
 * own thread, so a timer costs no wake-up but the one it is for. Others add to
 * it, and wake the task if it has to wait for less.
 *
 * The low bits of a ref say whose heap it is in, as with monitors. A ref is
 * never used twice, so a slot of the table that has begun another life has no
 * timer of that ref, and nothing else needs to be compared.
 *
 * ORDER: first_at is written before the task is woken, and read by the task
 * before it sleeps; a wake that comes in between ends the sleep at once.
 *
 * Lock order: the lock of a heap is a leaf. What a message owns is freed with
 * no lock held.
 */
#include "core/timer.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/monitor.h"
#include "core/registry.h"
#include "core/runtime.h"
#include "core/table.h"
#include "core/task.h"

struct sup__timer {
	struct sup__signal signal;	/* first; on its way to a name */
	int64_t at;
	uint64_t ref;
	uint32_t place;			/* in the heap */
	struct sup__timer *next;	/* in its bucket */
	/* A server's own, by msg.tag; at is NULL if it is not. */
	struct sup__timer *named_next, **named_at;
	struct sup_msg msg;
	char name[];			/* whom it goes to */
};

#define ROOM_MIN 4u

/* Those that go to a name. */
static struct sup__timers to_names = {
	.first_at = SUP__TIMERS_NONE, .lock = SUP__LOCK_INIT, .closed = true,
};

void sup__timers_init(struct sup__timers *ts)
{
	memset(ts, 0, sizeof(*ts));
	atomic_init(&ts->first_at, SUP__TIMERS_NONE);
	sup__lock_init(&ts->lock);
}

static struct sup__timer **bucket(struct sup__timers *ts, uint64_t ref)
{
	return &ts->buckets[(ref >> SUP__REF_SLOT) & (ts->room - 1)];
}

static bool is_before(const struct sup__timer *a, const struct sup__timer *b)
{
	return a->at != b->at ? a->at < b->at : a->ref < b->ref;
}

static void put_at(struct sup__timers *ts, uint32_t place,
		   struct sup__timer *timer)
{
	ts->heap[place] = timer;
	timer->place = place;
}

static void move_up(struct sup__timers *ts, struct sup__timer *timer)
{
	uint32_t i = timer->place, up;

	for (; i; i = up) {
		up = (i - 1) / 2;
		if (!is_before(timer, ts->heap[up]))
			break;
		put_at(ts, i, ts->heap[up]);
	}
	put_at(ts, i, timer);
}

static void move_down(struct sup__timers *ts, struct sup__timer *timer)
{
	uint32_t i = timer->place, down;

	for (; (down = 2 * i + 1) < ts->n; i = down) {
		if (down + 1 < ts->n &&
		    is_before(ts->heap[down + 1], ts->heap[down]))
			down++;
		if (!is_before(ts->heap[down], timer))
			break;
		put_at(ts, i, ts->heap[down]);
	}
	put_at(ts, i, timer);
}

static void note_first_locked(struct sup__timers *ts)
{
	sup__assert_held(&ts->lock);
	atomic_store(&ts->first_at,
		     ts->n ? ts->heap[0]->at : SUP__TIMERS_NONE);
}

static int grow_locked(struct sup__timers *ts)
{
	uint32_t i, room = ts->room ? ts->room * 2 : ROOM_MIN;
	struct sup__timer **heap, **buckets;

	sup__assert_held(&ts->lock);
	heap = sup__realloc(ts->heap, room * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	ts->heap = heap;
	buckets = sup__calloc(room, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	sup__free(ts->buckets);
	ts->buckets = buckets;
	ts->room = room;
	for (i = 0; i < ts->n; i++) {
		buckets = bucket(ts, heap[i]->ref);
		heap[i]->next = *buckets;
		*buckets = heap[i];
	}
	return 0;
}

static int add_locked(struct sup__timers *ts, struct sup__timer *timer)
{
	struct sup__timer **at;
	int ret;

	sup__assert_held(&ts->lock);
	if (ts->closed)
		return -ESRCH;
	ret = ts->n == ts->room ? grow_locked(ts) : 0;
	if (ret)
		return ret;
	at = bucket(ts, timer->ref);
	timer->next = *at;
	*at = timer;
	put_at(ts, ts->n++, timer);
	move_up(ts, timer);
	note_first_locked(ts);
	return 0;
}

static void del_locked(struct sup__timers *ts, struct sup__timer *timer)
{
	struct sup__timer **at = bucket(ts, timer->ref), *last;

	sup__assert_held(&ts->lock);
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	if (timer->named_at) {
		*timer->named_at = timer->named_next;
		if (timer->named_next)
			timer->named_next->named_at = timer->named_at;
	}
	last = ts->heap[--ts->n];
	if (last != timer) {
		put_at(ts, timer->place, last);
		move_up(ts, last);
		move_down(ts, last);
	}
	note_first_locked(ts);
}

static struct sup__timer *find_locked(struct sup__timers *ts, uint64_t ref)
{
	struct sup__timer *timer;

	sup__assert_held(&ts->lock);
	if (!ts->room)
		return NULL;
	for (timer = *bucket(ts, ref); timer; timer = timer->next)
		if (timer->ref == ref)
			return timer;
	return NULL;
}

static void free_timer(struct sup__timer *timer)
{
	if (timer)
		sup_msg_free(&timer->msg);
	sup__free(timer);
}

void sup__timers_close(struct sup__timers *ts)
{
	struct sup__timer **heap;
	uint32_t i, n;

	sup__lock(&ts->lock);
	ts->closed = true;
	heap = ts->heap;
	n = ts->n;
	sup__free(ts->buckets);
	ts->heap = ts->buckets = NULL;
	ts->named = NULL;
	ts->n = ts->room = 0;
	note_first_locked(ts);
	sup__unlock(&ts->lock);
	for (i = 0; i < n; i++)
		free_timer(heap[i]);
	sup__free(heap);
}

void sup__timers_fini(struct sup__timers *ts)
{
	sup__lock_fini(&ts->lock);
}

static void deliver(struct sup__timer *timer, struct sup_info *ret_info)
{
	*ret_info = (struct sup_info){
		.kind = SUP_INFO_TIMER,
		.ref.v = timer->ref,
		.msg = timer->msg,
	};
	sup__free(timer);
}

/* The first if it is due, off the heap; or NULL. */
static struct sup__timer *take_due(struct sup__timers *ts)
{
	struct sup__timer *timer = NULL;
	int64_t at = sup__timers_next(ts);

	if (at == SUP__TIMERS_NONE || sup__now_ns() < at)
		return NULL;
	sup__lock(&ts->lock);
	/* It may have been taken back, and the next one not be due. */
	if (ts->n && ts->heap[0]->at <= sup__now_ns()) {
		timer = ts->heap[0];
		del_locked(ts, timer);
	}
	sup__unlock(&ts->lock);
	return timer;
}

bool sup__timers_take(struct sup__timers *ts, struct sup_info *ret_info)
{
	struct sup__timer *timer = take_due(ts);

	if (timer)
		deliver(timer, ret_info);
	return timer;
}

void sup__timer_take(struct sup__signal *signal, struct sup_info *ret_info)
{
	deliver((struct sup__timer *)signal, ret_info);
}

void sup__timer_drop(struct sup__signal *signal)
{
	free_timer((struct sup__timer *)signal);
}

/* With a message of its own; on error msg is still the caller's. */
static struct sup__timer *make(const struct sup_msg *msg, int64_t at,
			       const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	struct sup__timer *timer;

	timer = sup__zalloc(sizeof(*timer) + len);
	if (!timer || sup__msg_own(msg, &timer->msg)) {
		sup__free(timer);
		return NULL;
	}
	timer->signal.kind = SUP__SIGNAL_TIMER;
	timer->at = at;
	if (len)
		memcpy(timer->name, name, len);
	return timer;
}

/* msg is the caller's again. */
static void unmake(struct sup__timer *timer, const struct sup_msg *msg)
{
	if (msg->free)
		timer->msg.free = NULL;
	free_timer(timer);
}

/* On error the timer is the caller's. */
static int add_to_task(struct sup__task *t, struct sup__timer *timer)
{
	bool first;
	int ret;

	sup__lock(&t->timers.lock);
	ret = add_locked(&t->timers, timer);
	first = !ret && !timer->place;
	sup__unlock(&t->timers.lock);
	/* Its own thread looks before it sleeps, unless it polls. */
	if (first && (t != sup__self || t->loop))
		sup__seat_wake(atomic_load(&t->seat));
	return ret;
}

static int add_to_name(struct sup__timer *timer)
{
	int ret;

	sup__lock(&to_names.lock);
	ret = add_locked(&to_names, timer);
	/* With the lock held: the runtime is not closed before. */
	if (!ret && !timer->place)
		sup__runtime_ring();
	sup__unlock(&to_names.lock);
	return ret;
}

static int start_to_task(struct sup__task *t, const struct sup_msg *msg,
			 int64_t at, struct sup_ref *ret_ref)
{
	struct sup__timer *timer = make(msg, at, NULL);
	struct sup_ref ref;
	int ret;

	if (!timer)
		return sup__error_nomem("a timer");
	/* Once it is added it may be over at any moment. */
	ref.v = timer->ref = sup__ref_new(t->index);
	ret = add_to_task(t, timer);
	if (ret == -ENOMEM) {
		unmake(timer, msg);
		return sup__error_nomem("a timer");
	}
	sup__task_gave(msg);
	if (ret)
		free_timer(timer);
	if (ret_ref)
		*ret_ref = ref;
	return 0;
}

/* As if it were started, and cancelled at once. */
static int start_to_nobody(const struct sup_msg *msg, struct sup_ref *ret_ref)
{
	struct sup_msg own = *msg;

	sup__task_gave(msg);
	if (own.free)
		sup_msg_free(&own);
	if (ret_ref)
		ret_ref->v = sup__ref_new(0);
	return 0;
}

static int check_time(int64_t at)
{
	return at >= 0 ? 0 : sup__error(-EINVAL, "at: it would never come");
}

int sup_timer_start(struct sup_pid to, const struct sup_msg *msg, int64_t at,
		    struct sup_ref *ret_ref)
{
	struct sup__task *t;
	int ret;

	sup__task_checkpoint();
	ret = check_time(at);
	if (ret)
		return ret;
	t = sup__task_get(to);
	if (!t)
		return start_to_nobody(msg, ret_ref);
	if (t->ops)
		ret = sup__error(-EINVAL, "to: \"%s\" is a process", t->name);
	else
		ret = start_to_task(t, msg, at, ret_ref);
	sup__task_put(t);
	return ret;
}

int sup_timer_start_name(const char *name, const struct sup_msg *msg,
			 int64_t at, struct sup_ref *ret_ref)
{
	struct sup__timer *timer;
	struct sup_ref ref;
	int ret;

	sup__task_checkpoint();
	ret = check_time(at);
	if (!ret)
		ret = sup__registry_check_name(name);
	if (ret)
		return ret;
	timer = make(msg, at, name);
	if (!timer)
		return sup__error_nomem("a timer");
	ref.v = timer->ref = sup__ref_new(0) | SUP__REF_TO_NAME;
	ret = add_to_name(timer);
	if (ret) {
		unmake(timer, msg);
		return ret == -ESRCH ?
			sup__error(-ENOTCONN, "the runtime is not open") :
			sup__error_nomem("a timer");
	}
	sup__task_gave(msg);
	if (ret_ref)
		*ret_ref = ref;
	return 0;
}

/* Whose heap the ref is in, with a reference if it is a task's. */
static struct sup__timers *heap_of(struct sup_ref ref,
				   struct sup__task **ret_task)
{
	*ret_task = NULL;
	if (ref.v & SUP__REF_TO_NAME)
		return &to_names;
	*ret_task = sup__table_get_at(sup__ref_slot(ref.v));
	return *ret_task ? &(*ret_task)->timers : NULL;
}

static int look(struct sup_ref ref, bool cancel, int64_t *ret_left)
{
	struct sup__timer *timer = NULL;
	struct sup__timers *ts;
	struct sup__task *t;
	int64_t left = 0;

	sup__task_checkpoint();
	ts = heap_of(ref, &t);
	if (ts) {
		sup__lock(&ts->lock);
		timer = find_locked(ts, ref.v);
		if (timer)
			left = timer->at - sup__now_ns();
		if (timer && cancel)
			del_locked(ts, timer);
		sup__unlock(&ts->lock);
	}
	if (t)
		sup__task_put(t);
	if (!timer)
		return sup__error(-ENOENT, "ref: there is no such timer");
	if (ret_left)
		*ret_left = left > 0 ? left : 0;
	if (cancel)
		free_timer(timer);
	return 0;
}

int sup_timer_cancel(struct sup_ref ref, int64_t *ret_left)
{
	return look(ref, true, ret_left);
}

int sup_timer_read(struct sup_ref ref, int64_t *ret_left)
{
	return look(ref, false, ret_left);
}

static void cancel_named(struct sup__timers *ts, uint64_t name)
{
	struct sup__timer *timer;

	sup__lock(&ts->lock);
	for (timer = ts->named; timer && timer->msg.tag != name; )
		timer = timer->named_next;
	if (timer)
		del_locked(ts, timer);
	sup__unlock(&ts->lock);
	free_timer(timer);
}

static int add_named(struct sup__timers *ts, struct sup__timer *timer)
{
	int ret;

	sup__lock(&ts->lock);
	ret = add_locked(ts, timer);
	if (!ret) {
		timer->named_next = ts->named;
		if (ts->named)
			ts->named->named_at = &timer->named_next;
		timer->named_at = &ts->named;
		ts->named = timer;
	}
	sup__unlock(&ts->lock);
	return ret;
}

int sup_server_timer(uint64_t name, int64_t ms)
{
	const struct sup_msg msg = { .tag = name };
	struct sup__task *t = sup__self;
	struct sup__timer *timer = NULL;

	if (!t || !t->is_server)
		return sup__error(-EPERM, "only a server has timers of a "
				  "name");
	if (ms >= 0) {
		timer = make(&msg, sup_deadline_ms(ms), NULL);
		if (!timer)
			return sup__error_nomem("a timer");
		timer->ref = sup__ref_new(t->index);
	}
	/* ORDER: only when nothing can fail but the heap's growth. */
	cancel_named(&t->timers, name);
	if (timer && add_named(&t->timers, timer)) {
		free_timer(timer);
		return sup__error_nomem("a timer");
	}
	return 0;
}

void sup__timer_names_open(void)
{
	sup__lock(&to_names.lock);
	to_names.closed = false;
	sup__unlock(&to_names.lock);
}

void sup__timer_names_close(void)
{
	sup__timers_close(&to_names);
}

int64_t sup__timer_names_next(void)
{
	return sup__timers_next(&to_names);
}

/* Its node is the signal: it is never refused by one who lives. */
static void send_to_name(struct sup__timer *timer)
{
	struct sup__task *t = sup__task_get(sup_whereis(timer->name));

	if (!t || t->ops ||
	    !sup__mailbox_signal(&t->mailbox, &timer->signal))
		free_timer(timer);
	if (t)
		sup__task_put(t);
}

void sup__timer_names_run(void)
{
	struct sup__timer *timer;

	while ((timer = take_due(&to_names)))
		send_to_name(timer);
}
