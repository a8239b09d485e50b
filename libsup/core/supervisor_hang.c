/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server that is watched says when its turn began, and that it waits for one;
 * its supervisor looks from time to time, and is told of nothing.
 *
 * One look is enough in each hang_ms of a child: a turn that begins after a
 * look is seen by the next one before it has lasted for so long, and that knows
 * to the nanosecond when to look again. So a hang is noticed when it is one,
 * and not up to a period later, though an idle tree pays for one look in the
 * shortest hang_ms that there is.
 */
#include "core/supervisor_hang.h"

#include "base/clock.h"
#include "core/supervisor_child.h"
#include "core/turn.h"

static int64_t limit(const struct sup__child *c)
{
	return c->spec.hang_ms * INT64_C(1000000);
}

static void look_by(struct sup__board *b, int64_t at)
{
	if (!b->look_at || at < b->look_at)
		b->look_at = at;
}

void sup__hang_watch(struct sup__board *b, struct sup__child *c)
{
	if (c->spec.hang_ms)
		look_by(b, sup__now_ns() + limit(c));
}

static void note_hung(struct sup__board *b, struct sup__child *c,
		      const struct sup_turn *turn)
{
	sup__lock(&b->lock);
	c->hung = true;
	c->turn = *turn;
	sup__unlock(&b->lock);
	sup__supervise_report(b, SUP_EVENT_HUNG, c, 0);
	/* Its end comes as any other. */
	if (c->spec.hang_kill)
		sup__turn_kill(c->pid);
}

static void note_back(struct sup__board *b, struct sup__child *c)
{
	sup__lock(&b->lock);
	c->hung = false;
	sup__unlock(&b->lock);
	sup__supervise_report(b, SUP_EVENT_CAME_BACK, c, 0);
}

static void look_at(struct sup__board *b, struct sup__child *c)
{
	struct sup_turn turn;
	int64_t now, since;

	/* That it has ended is told by its end. */
	if (!sup__turn_look(c->pid, &turn))
		return;
	now = sup__now_ns();
	since = turn.since_ns ? turn.since_ns : now;
	if (c->hung && turn.since_ns != c->turn.since_ns)
		note_back(b, c);
	if (now - since >= limit(c)) {
		if (!c->hung)
			note_hung(b, c, &turn);
		since = now;
	}
	look_by(b, since + limit(c));
}

void sup__hang_look(struct sup__board *b)
{
	struct sup__child *c;

	if (!b->look_at || sup__now_ns() < b->look_at)
		return;
	b->look_at = 0;
	for (c = b->roster.first; c; c = c->next)
		if (c->spec.hang_ms && c->state == SUP_CHILD_RUNNING)
			look_at(b, c);
}
