/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots are never given back (base/chunks.h). A pid is generation << 32 |
 * index; the generation of a slot grows with each of its lives. A freed slot
 * goes to the end of a queue and is used again only when SUP__TABLE_REMEMBERED
 * others stand behind it: until then its pid and reason can be recalled.
 *
 * Taking a reference needs no lock: raise refs unless it is 0, then compare
 * the pid once more. If the slot has begun another life in between, the
 * reference is a true one to that life and is simply put.
 *
 * Lock order: the table's lock is a leaf.
 */
#include "core/table.h"

#include <errno.h>
#include <string.h>

#include "base/chunks.h"
#include "base/error.h"

#define CHAIN_MAX 256

_Thread_local struct sup__task *sup__self
	__attribute__((tls_model("initial-exec")));

static struct sup__lock lock = SUP__LOCK_INIT;
static struct sup__chunks slots;
static struct sup__task *unused;		/* never lived */
static struct sup__task *ended, **ended_last = &ended;
static uint32_t n_ended;

static struct sup__task *slot_at(uint32_t index)
{
	return sup__chunks_at(&slots, sizeof(struct sup__task), index);
}

struct sup__task *sup__table_peek(uint64_t pid)
{
	return pid >> 32 ? slot_at((uint32_t)pid) : NULL;
}

static void init_slot(void *slot, uint32_t index)
{
	struct sup__task *t = slot;

	t->index = index;
	t->next_free = unused;
	unused = t;
}

static struct sup__task *take_slot_locked(void)
{
	struct sup__task *t;

	sup__assert_held(&lock);
	if (n_ended < SUP__TABLE_REMEMBERED && !unused)
		sup__chunks_grow(&slots, sizeof(struct sup__task), init_slot);
	if (n_ended < SUP__TABLE_REMEMBERED && unused) {
		t = unused;
		unused = t->next_free;
		return t;
	}
	t = ended;
	if (!t)
		return NULL;
	ended = t->next_free;
	if (!ended)
		ended_last = &ended;
	n_ended--;
	return t;
}

struct sup__task *sup__table_new(void)
{
	const size_t from = offsetof(struct sup__task, ops);
	struct sup__seat *seat = sup__seat_new();
	struct sup__task *t;
	uint64_t generation;

	if (!seat)
		return NULL;
	sup__lock(&lock);
	t = take_slot_locked();
	if (t) {
		/* Under the lock, against sup__table_recall(). */
		memset((char *)t + from, 0, sizeof(*t) - from);
		generation = (atomic_load(&t->pid) >> 32) + 1;
		atomic_store(&t->pid, generation << 32 | t->index);
	}
	sup__unlock(&lock);
	if (!t) {
		sup__seat_free(seat);
		sup__error_nomem("a task");
		return NULL;
	}
	sup__lock_init(&t->lock);
	atomic_store(&t->seat, seat);
	/* Release: who takes a reference sees the new life. */
	atomic_store_explicit(&t->refs, 1, memory_order_release);
	return t;
}

void sup__table_free(struct sup__task *t)
{
	struct sup__seat *seat = atomic_exchange(&t->seat, NULL);

	sup__seat_free(seat);
	sup__lock_fini(&t->lock);
	sup__lock(&lock);
	t->next_free = NULL;
	*ended_last = t;
	ended_last = &t->next_free;
	n_ended++;
	sup__unlock(&lock);
}

bool sup__table_recall(struct sup_pid pid, struct sup_reason *ret_reason)
{
	struct sup__task *t = sup__table_peek(pid.v);
	bool found = false;

	if (!t)
		return false;
	sup__lock(&lock);
	if (atomic_load(&t->pid) == pid.v && !atomic_load(&t->refs)) {
		*ret_reason = t->reason;
		found = true;
	}
	sup__unlock(&lock);
	return found;
}

static bool raise_refs(struct sup__task *t)
{
	uint32_t refs = atomic_load_explicit(&t->refs, memory_order_relaxed);

	do {
		if (!refs)
			return false;
		/* Acquire: pairs with the start of this life. */
	} while (!atomic_compare_exchange_weak_explicit(&t->refs, &refs,
			refs + 1, memory_order_acquire,
			memory_order_relaxed));
	return true;
}

struct sup__task *sup__task_get(struct sup_pid pid)
{
	struct sup__task *t = sup__table_peek(pid.v);

	if (!t || atomic_load(&t->pid) != pid.v || !raise_refs(t))
		return NULL;
	if (atomic_load(&t->pid) == pid.v)
		return t;
	sup__task_put(t);
	return NULL;
}

struct sup__task *sup__table_get_at(uint32_t index)
{
	struct sup__task *t = slot_at(index);

	return t && raise_refs(t) ? t : NULL;
}

void sup__task_ref(struct sup__task *t)
{
	/* Relaxed: the caller holds one already. */
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
}

void sup__task_put(struct sup__task *t)
{
	/* Both ways: the last one frees what the others have written. */
	if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
		sup__task_release(t);
}

void sup__table_walk(void (*cb)(struct sup__task *t, void *arg), void *arg)
{
	uint32_t i, n = atomic_load(&slots.n);
	struct sup__task *t;

	for (i = 0; i < n; i++) {
		t = slot_at(i);
		if (!raise_refs(t))
			continue;
		cb(t, arg);
		sup__task_put(t);
	}
}

/* Whom the task pid waits for, or 0. */
static uint64_t next_in_chain(uint64_t pid)
{
	struct sup__task *t = sup__table_peek(pid);
	struct sup__seat *seat;
	uint64_t next;

	if (!t || atomic_load(&t->pid) != pid)
		return 0;
	/* Seats outlive tasks: it may be read without a reference. */
	seat = atomic_load(&t->seat);
	if (!seat)
		return 0;
	next = atomic_load(&seat->waits_for);
	return atomic_load(&t->pid) == pid && atomic_load(&t->seat) == seat ?
		next : 0;
}

struct search {
	uint64_t self;
	uint64_t waiter;	/* for many: those it waits for are looked at */
	uint64_t last;		/* who waits for self, once it is found */
	int *hops;
};

static uint64_t search_from(uint64_t at, uint64_t self, int *hops);

static void search_awaited(struct sup__task *t, void *arg)
{
	struct search *s = arg;
	uint64_t pid = atomic_load(&t->pid);

	if (s->last || atomic_load(&t->awaited_by) != s->waiter)
		return;
	s->last = pid == s->self ? s->waiter :
		  search_from(pid, s->self, s->hops);
}

/* Who, on the way from at, waits for self; 0: nobody. */
static uint64_t search_from(uint64_t at, uint64_t self, int *hops)
{
	struct search s = { .self = self, .hops = hops };
	uint64_t next;

	while ((*hops)-- > 0) {
		next = next_in_chain(at);
		if (next == self)
			return at;
		if (!next)
			return 0;
		if (next == SUP__WAITS_FOR_MANY) {
			s.waiter = at;
			sup__table_walk(search_awaited, &s);
			return s.last;
		}
		at = next;
	}
	return 0;
}

uint64_t sup__table_leads_here(uint64_t pid)
{
	uint64_t self = sup_self().v;
	int hops = CHAIN_MAX;

	return self ? search_from(pid, self, &hops) : 0;
}

/*
 * ORDER: the own edge is published first, with sequential consistency; of two
 * tasks that close a cycle at the same moment at least one sees it.
 */
uint64_t sup__table_wait_for(struct sup__seat *seat, uint64_t pid)
{
	if (!sup__self)
		return 0;
	atomic_store(&seat->waits_for, pid);
	return sup__table_leads_here(pid);
}

int sup__table_may_wait_for(struct sup__seat *seat, uint64_t pid)
{
	if (pid != sup_self().v && !sup__table_wait_for(seat, pid))
		return 0;
	if (!sup__self)
		return 0;
	sup__seat_clear(seat, pid);
	return sup__error(-EDEADLK, "the caller would wait for itself");
}
