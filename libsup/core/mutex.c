/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An owner is a seat, a task's or a foreign thread's, which keeps a list of
 * what it holds. Who unlocks hands the mutex to the first that waits, so that
 * everybody gets it in turn, and turns the edges of the others, who now wait
 * for that one, to it. This closes no cycle: the new owner waits for nobody.
 *
 * Each mutex has a lock of libsup, a leaf, which guards all but the place in
 * the owner's list: that is the owner's.
 */
#include "core/mutex.h"

#include <errno.h>
#include <utlist.h>

#include "base/error.h"
#include "core/seat.h"
#include "core/table.h"
#include "core/task.h"

enum state {
	FINE,
	OWNER_DIED,	/* and nobody has said that it is consistent */
	LOST,
};

/* The user has room for it, of another type. */
struct __attribute__((may_alias)) sup__mutex {
	struct sup__lock lock;		/* the next four */
	struct sup__seat *owner;	/* NULL: free */
	uint64_t owner_pid;		/* 0: a foreign thread */
	enum state state;
	struct sup__mutex_waiter *waiters;	/* the first one first */

	/* The owner's. */
	struct sup__mutex *next, **at;
};

_Static_assert(sizeof(struct sup__mutex) <= sizeof(struct sup_mutex),
	       "it has to fit");

static void hold(struct sup__mutex *m, struct sup__seat *seat)
{
	m->next = seat->held;
	if (m->next)
		m->next->at = &m->next;
	m->at = &seat->held;
	seat->held = m;
}

static void let_go(struct sup__mutex *m)
{
	*m->at = m->next;
	if (m->next)
		m->next->at = m->at;
}

/* To the next in turn, who is to be woken, or NULL. If lost, to nobody. */
static struct sup__seat *pass_locked(struct sup__mutex *m)
{
	struct sup__mutex_waiter *first = m->waiters, *w;

	sup__assert_held(&m->lock);
	m->owner = NULL;
	m->owner_pid = 0;
	if (!first)
		return NULL;
	DL_DELETE(m->waiters, first);
	if (m->state != LOST) {
		m->owner = first->seat;
		m->owner_pid = first->pid;
	}
	first->has_turn = true;
	atomic_store(&first->seat->waits_for, 0);
	DL_FOREACH(m->waiters, w)
		atomic_store(&w->seat->waits_for, w->pid ? m->owner_pid : 0);
	return first->seat;
}

/* It is lost: nobody waits for it any more. */
static void turn_away_all(struct sup__mutex *m)
{
	struct sup__seat *seat;

	do {
		sup__lock(&m->lock);
		seat = pass_locked(m);
		sup__unlock(&m->lock);
		if (seat)
			sup__seat_wake(seat);
	} while (seat);
}

/* By its owner, or for it. */
static void pass(struct sup__mutex *m, enum state to)
{
	struct sup__seat *seat;

	let_go(m);
	sup__lock(&m->lock);
	m->state = to;
	seat = pass_locked(m);
	sup__unlock(&m->lock);
	if (seat)
		sup__seat_wake(seat);
	if (to == LOST)
		turn_away_all(m);
}

void sup__mutex_owner_ends(struct sup__seat *seat)
{
	while (seat->held)
		pass(seat->held, OWNER_DIED);
}

/* Whether it could be had, and if not, may it be waited for? */
static int ask_locked(struct sup__mutex *m, struct sup__mutex_waiter *w,
		      int64_t deadline)
{
	sup__assert_held(&m->lock);
	if (m->state == LOST)
		return sup__error(-ENOTRECOVERABLE, "mutex: its owner ended, "
				  "and what it guards was not repaired");
	if (!m->owner) {
		m->owner = w->seat;
		m->owner_pid = w->pid;
		w->has_turn = true;
		return 0;
	}
	if (m->owner == w->seat ||
	    (sup__self && m->owner == sup__self->outer_seat))
		return sup__error(-EDEADLK, "mutex: the caller has it");
	if (deadline == SUP_TRY)
		return sup__error(-EAGAIN, "mutex: it is taken");
	if (m->owner_pid && sup__table_may_wait_for(w->seat, m->owner_pid))
		return -EDEADLK;
	DL_APPEND(m->waiters, w);
	return 0;
}

/* Waits no longer. True: its turn has come all the same. */
static bool give_up_locked(struct sup__mutex *m, struct sup__mutex_waiter *w)
{
	sup__assert_held(&m->lock);
	if (w->has_turn)
		return true;
	DL_DELETE(m->waiters, w);
	atomic_store(&w->seat->waits_for, 0);
	return false;
}

static bool has_turn(struct sup__mutex *m, const struct sup__mutex_waiter *w)
{
	bool yes;

	sup__lock(&m->lock);
	yes = w->has_turn;
	sup__unlock(&m->lock);
	return yes;
}

static int wait_for_turn(struct sup__mutex *m, struct sup__mutex_waiter *w,
			 int64_t deadline)
{
	bool turn;
	int ret = 0;

	while (!ret && !has_turn(m, w))
		ret = sup__task_must_end() ? -ECANCELED :
					     sup__seat_wait(w->seat, deadline);
	if (!ret)
		return 0;
	sup__lock(&m->lock);
	turn = give_up_locked(m, w);
	sup__unlock(&m->lock);
	return turn ? 0 : sup__error(ret, "mutex: it did not come in time");
}

/* It is the caller's, or it is lost. */
static int take(struct sup__mutex *m, struct sup__seat *seat)
{
	enum state state;

	sup__lock(&m->lock);
	state = m->state;
	sup__unlock(&m->lock);
	if (state == LOST)
		return sup__error(-ENOTRECOVERABLE, "mutex: what it guards "
				  "was not repaired");
	hold(m, seat);
	if (state == OWNER_DIED)
		return sup__error(-EOWNERDEAD, "mutex: its last owner ended "
				  "while it had it");
	return 0;
}

int sup__mutex_waiter_init(struct sup__mutex_waiter *w)
{
	*w = (struct sup__mutex_waiter){
		.seat = sup__seat_self(), .pid = sup_self().v,
	};
	return w->seat ? 0 : -ENOMEM;
}

int sup__mutex_ask(struct sup_mutex *mutex, struct sup__mutex_waiter *w,
		   int64_t deadline)
{
	struct sup__mutex *m = (struct sup__mutex *)mutex;
	int ret;

	sup__lock(&m->lock);
	ret = ask_locked(m, w, deadline);
	sup__unlock(&m->lock);
	return ret;
}

int sup__mutex_wait(struct sup_mutex *mutex, struct sup__mutex_waiter *w,
		    int64_t deadline)
{
	struct sup__mutex *m = (struct sup__mutex *)mutex;
	int ret = wait_for_turn(m, w, deadline);

	return ret ? ret : take(m, w->seat);
}

bool sup__mutex_in_use(struct sup_mutex *mutex)
{
	struct sup__mutex *m = (struct sup__mutex *)mutex;
	bool yes;

	sup__lock(&m->lock);
	yes = m->owner || m->waiters;
	sup__unlock(&m->lock);
	return yes;
}

int sup_mutex_lock(struct sup_mutex *mutex, int64_t deadline)
{
	struct sup__mutex_waiter w;
	int ret;

	sup__task_checkpoint();
	ret = sup__mutex_waiter_init(&w);
	if (!ret)
		ret = sup__mutex_ask(mutex, &w, deadline);
	if (!ret)
		ret = sup__mutex_wait(mutex, &w, deadline);
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	return ret;
}

/* NULL: the caller is not its owner. */
static struct sup__mutex *own_mutex(struct sup_mutex *mutex,
				    enum state *ret_state)
{
	struct sup__mutex *m = (struct sup__mutex *)mutex;
	struct sup__seat *seat = sup__seat_self();
	bool mine;

	sup__lock(&m->lock);
	mine = seat && m->owner == seat;
	*ret_state = m->state;
	sup__unlock(&m->lock);
	if (mine)
		return m;
	sup__error(-EPERM, "mutex: the caller does not have it");
	return NULL;
}

int sup_mutex_unlock(struct sup_mutex *mutex)
{
	enum state state;
	struct sup__mutex *m = own_mutex(mutex, &state);

	if (!m)
		return -EPERM;
	pass(m, state == FINE ? FINE : LOST);
	return 0;
}

int sup_mutex_consistent(struct sup_mutex *mutex)
{
	enum state state;
	struct sup__mutex *m = own_mutex(mutex, &state);

	if (!m)
		return -EPERM;
	if (state != OWNER_DIED)
		return sup__error(-EINVAL, "mutex: its last owner did not end "
				  "while it had it");
	sup__lock(&m->lock);
	m->state = FINE;
	sup__unlock(&m->lock);
	return 0;
}
