/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A link is a bond: one block in the lists of both tasks, made when they are
 * linked. Whoever takes it off the lists owns it; when that is the end of one
 * of the two, it turns into the note that tells the other, so the signal needs
 * no memory. What a parent sends has a note reserved in the child.
 *
 * A signal is judged, trapped or not, at the moment it is sent, under the lock
 * of the task that gets it: it is put in its mailbox, or marks it to end.
 *
 * The end of a task takes its bonds off one by one and delivers each with the
 * lock of the bonds held: so after sup_unlink() has found none, none can come.
 * What a signal leads to outside of libsup (a stop signal to a process, an
 * interrupt of a system call) is done with no lock held.
 *
 * Lock order: the bonds' lock, then that of one task.
 */
#include "core/link.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/press.h"
#include "core/runtime.h"
#include "core/table.h"
#include "core/task.h"

struct sup__bond_end {
	struct sup__task *task;
	struct sup__bond *next, *prev;
};

struct sup__bond {
	struct sup__note note;		/* first */
	struct sup__bond_end ends[2];
};

static struct sup__lock bonds_lock = SUP__LOCK_INIT;	/* all bonds */

static struct sup__bond_end *end_of(struct sup__bond *b,
				    const struct sup__task *t)
{
	return &b->ends[b->ends[1].task == t];
}

static struct sup__task *peer_of(struct sup__bond *b,
				 const struct sup__task *t)
{
	return b->ends[b->ends[0].task == t].task;
}

static void join_locked(struct sup__bond *b, struct sup__task *t)
{
	sup__assert_held(&bonds_lock);
	end_of(b, t)->next = t->bonds;
	if (t->bonds)
		end_of(t->bonds, t)->prev = b;
	t->bonds = b;
}

static void leave_locked(struct sup__bond *b, struct sup__task *t)
{
	struct sup__bond_end *end = end_of(b, t);

	sup__assert_held(&bonds_lock);
	if (end->prev)
		end_of(end->prev, t)->next = end->next;
	else
		t->bonds = end->next;
	if (end->next)
		end_of(end->next, t)->prev = end->prev;
}

/* Both lists in step: the shorter one says how long it takes. */
static struct sup__bond *find_locked(struct sup__task *t, struct sup__task *u)
{
	struct sup__bond *a = t->bonds, *b = u->bonds;

	sup__assert_held(&bonds_lock);
	while (a && b) {
		if (peer_of(a, t) == u)
			return a;
		if (peer_of(b, u) == t)
			return b;
		a = end_of(a, t)->next;
		b = end_of(b, u)->next;
	}
	return NULL;
}

enum outcome {
	NOTHING,	/* it has no effect */
	MARKED,		/* the task is to end, and must hear of it: poke() */
	TOLD,		/* the note is in its mailbox */
	NO_NOTE,	/* it would be, but there is no note */
};

static bool mark_locked(struct sup__task *t, const struct sup_reason *reason)
{
	sup__assert_held(&t->lock);
	if (atomic_load(&t->sig) & SUP__SIG_EXIT)
		return false;
	t->exit_reason = *reason;
	atomic_fetch_or(&t->sig, SUP__SIG_EXIT);
	return true;
}

/* With no lock held. */
static void poke(struct sup__task *t, const struct sup_reason *reason)
{
	bool was_asleep;

	if (t->ops) {
		t->ops->exit(t->priv, reason);
		return;
	}
	was_asleep = sup__seat_wake(atomic_load(&t->seat));
	if (!t->is_server)
		sup__press(t, SUP_FOREVER, was_asleep);
}

static enum outcome tell_locked(struct sup__task *t, struct sup__note *note,
				struct sup_pid from,
				const struct sup_reason *reason)
{
	if (!note)
		return NO_NOTE;
	if (note->reserved && atomic_exchange(&note->under_way, true))
		return NO_NOTE;
	note->signal.kind = SUP__SIGNAL_NOTE;
	note->from = from;
	note->reason = *reason;
	if (sup__mailbox_signal(&t->mailbox, &note->signal))
		return TOLD;
	/* It has ended. */
	atomic_store(&note->under_way, false);
	return NOTHING;
}

static enum outcome deliver(struct sup__task *t, struct sup__note *note,
			    struct sup_pid from, bool by_parent,
			    const struct sup_reason *reason)
{
	bool itself = from.v == atomic_load(&t->pid);
	enum outcome outcome = NOTHING;

	sup__lock(&t->lock);
	if (atomic_load(&t->traps) && !(by_parent && t->is_server))
		outcome = tell_locked(t, note, from, reason);
	else if (reason->kind == SUP_REASON_NORMAL && !itself &&
		 !atomic_load(&t->traps))
		outcome = NOTHING;
	else if (mark_locked(t, reason))
		outcome = MARKED;
	sup__unlock(&t->lock);
	return outcome;
}

void sup__link_shut(struct sup__task *t, struct sup_pid from,
		    const struct sup_reason *reason)
{
	/* NO_NOTE: what its parent has sent before is still unread. */
	if (deliver(t, &t->parent_note, from, true, reason) == MARKED)
		poke(t, reason);
}

void sup__link_stop(struct sup__task *t, const struct sup_reason *reason)
{
	bool marked;

	sup__lock(&t->lock);
	marked = mark_locked(t, reason);
	sup__unlock(&t->lock);
	if (marked)
		poke(t, reason);
}

static int send_exit(struct sup__task *t, const struct sup_reason *reason)
{
	struct sup_pid self = sup_self();
	bool by_parent = self.v && self.v == t->parent_pid;
	struct sup__note *note = by_parent ? &t->parent_note : NULL;
	enum outcome outcome;

	outcome = deliver(t, note, self, by_parent, reason);
	if (outcome == NO_NOTE) {
		note = sup__zalloc(sizeof(*note));
		if (!note)
			return sup__error_nomem("an exit signal");
		outcome = deliver(t, note, self, by_parent, reason);
		if (outcome != TOLD)
			sup__free(note);
	}
	if (outcome == MARKED)
		poke(t, reason);
	return 0;
}

int sup_exit(struct sup_pid pid, const struct sup_reason *reason)
{
	struct sup__task *t;
	int ret;

	sup__task_checkpoint();
	t = sup__task_get(pid);
	if (!t || sup__task_has_ended(t))
		ret = sup__error(-ESRCH, "pid: no such task");
	else
		ret = send_exit(t, reason);
	if (t)
		sup__task_put(t);
	/* It may have been to the caller itself. */
	sup__task_checkpoint();
	return ret;
}

/* The bond stays with the caller unless this is true. */
static bool bind(struct sup__task *t, struct sup__task *u,
		 struct sup__bond *bond, bool *ret_ended)
{
	bool used = false;

	sup__lock(&bonds_lock);
	*ret_ended = u->bonds_closed;
	if (!u->bonds_closed && !find_locked(t, u)) {
		bond->ends[0].task = t;
		bond->ends[1].task = u;
		join_locked(bond, t);
		join_locked(bond, u);
		used = true;
	}
	sup__unlock(&bonds_lock);
	return used;
}

struct sup__bond *sup__link_new(void)
{
	struct sup__bond *bond = sup__zalloc(sizeof(*bond));

	if (bond)
		bond->note.by_link = true;
	return bond;
}

void sup__link_free(struct sup__bond *bond)
{
	sup__free(bond);
}

void sup__link_begin(struct sup__bond *bond, struct sup__task *t)
{
	bool ended;

	if (bind(sup__self, t, bond, &ended))
		return;
	if (!ended || deliver(sup__self, &bond->note, sup__task_pid(t), false,
			      &t->reason) != TOLD)
		sup__free(bond);
}

void sup__link_become_server(struct sup__task *t)
{
	sup__lock(&t->lock);
	atomic_store(&t->is_server, true);
	sup__unlock(&t->lock);
}

/* Linking with a task that has ended: as if it ended now, if we trap. */
static int link_ended(struct sup__bond *bond, struct sup_pid pid,
		      const struct sup_reason *reason)
{
	if (deliver(sup__self, &bond->note, pid, false, reason) == TOLD)
		return 0;
	sup__free(bond);
	return sup__error(-ESRCH, "pid: no such task");
}

int sup_link(struct sup_pid pid)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };
	struct sup__bond *bond;
	struct sup__task *t;
	bool ended = true;
	int ret = 0;

	sup__task_checkpoint();
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread has no links");
	if (pid.v == sup_self().v)
		return 0;
	bond = sup__link_new();
	if (!bond)
		return sup__error_nomem("a link");
	t = sup__task_get(pid);
	if (t && !bind(sup__self, t, bond, &ended) && !ended)
		sup__free(bond);
	if (!t)
		sup__table_recall(pid, &reason);
	else if (ended)
		reason = t->reason;
	if (!ended)
		goto put;
	if (!atomic_load(&sup__self->traps)) {
		sup__free(bond);
		ret = sup__error(-ESRCH, "pid: no such task");
	} else {
		ret = link_ended(bond, pid, &reason);
	}
put:
	if (t)
		sup__task_put(t);
	return ret;
}

static bool is_from(const struct sup__signal *signal, const void *pid)
{
	const struct sup__note *note = (const struct sup__note *)signal;

	return signal->kind == SUP__SIGNAL_NOTE && note->by_link &&
	       note->from.v == ((const struct sup_pid *)pid)->v;
}

int sup_unlink(struct sup_pid pid, bool flush)
{
	struct sup__bond *bond = NULL;
	struct sup__signal *signal;
	struct sup__task *t;

	sup__task_checkpoint();
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread has no links");
	t = sup__task_get(pid);
	if (t) {
		sup__lock(&bonds_lock);
		bond = find_locked(sup__self, t);
		if (bond) {
			leave_locked(bond, sup__self);
			leave_locked(bond, t);
		}
		sup__unlock(&bonds_lock);
		sup__task_put(t);
	}
	sup__free(bond);
	while (!bond && flush) {
		signal = sup__mailbox_pick_signal(&sup__self->mailbox,
						  is_from, &pid);
		if (!signal)
			break;
		sup__link_drop(signal);
	}
	/* Not trapped, it may have come while we were at it. */
	sup__task_checkpoint();
	return 0;
}

int sup_trap_exits(bool on, bool *ret_was)
{
	struct sup__task *t = sup__self;
	bool was;

	sup__task_checkpoint();
	if (!t)
		return sup__error(-EPERM, "a foreign thread gets no exit "
				  "signals");
	sup__lock(&t->lock);
	was = atomic_load(&t->traps);
	atomic_store(&t->traps, on);
	sup__unlock(&t->lock);
	if (ret_was)
		*ret_was = was;
	return 0;
}

/* The peer with a reference, or NULL: t has no bond any more, and gets none. */
static struct sup__task *end_one_bond(struct sup__task *t,
				      enum outcome *ret_outcome)
{
	struct sup__task *peer = NULL;
	struct sup__bond *bond;

	sup__lock(&bonds_lock);
	t->bonds_closed = true;
	bond = t->bonds;
	if (bond) {
		peer = peer_of(bond, t);
		/* It has not closed its bonds, so it is still there. */
		sup__task_ref(peer);
		leave_locked(bond, t);
		leave_locked(bond, peer);
		*ret_outcome = deliver(peer, &bond->note, sup__task_pid(t),
				       false, &t->reason);
	}
	sup__unlock(&bonds_lock);
	if (bond && *ret_outcome != TOLD)
		sup__free(bond);
	return peer;
}

bool sup__link_task_ended(struct sup__task *t, const struct sup__task *parent)
{
	enum outcome outcome = NOTHING;
	bool parent_told = false;
	struct sup__task *peer;

	while ((peer = end_one_bond(t, &outcome))) {
		if (outcome == MARKED)
			poke(peer, &t->reason);
		parent_told |= outcome == TOLD && peer == parent;
		sup__task_put(peer);
	}
	return parent_told;
}

void sup__link_take(struct sup__signal *signal, struct sup_info *ret_info)
{
	struct sup__note *note = (struct sup__note *)signal;

	ret_info->kind = SUP_INFO_EXIT;
	ret_info->pid = note->from;
	ret_info->reason = note->reason;
	sup__link_drop(signal);
}

void sup__link_drop(struct sup__signal *signal)
{
	struct sup__note *note = (struct sup__note *)signal;

	/* A bond begins with its note. */
	if (!note->reserved)
		sup__free(note);
	else
		/* Release: who uses it next writes what we have read. */
		atomic_store(&note->under_way, false);
}
