/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/grace.h"

#include <errno.h>

#include "base/futex.h"

unsigned int sup__grace_enter(struct sup__grace *g)
{
	unsigned int era;

	sup__lock(&g->lock);
	era = g->era;
	g->inside[era]++;
	sup__unlock(&g->lock);
	return era;
}

void sup__grace_leave(struct sup__grace *g, unsigned int era)
{
	bool wake;

	sup__lock(&g->lock);
	wake = !--g->inside[era] && g->awaited;
	sup__unlock(&g->lock);
	if (!wake)
		return;
	atomic_fetch_add(&g->changes, 1);
	sup__futex_wake_all(&g->changes);
}

static bool is_empty(struct sup__grace *g, unsigned int era)
{
	bool empty;

	sup__lock(&g->lock);
	empty = !g->inside[era];
	g->awaited = !empty;
	sup__unlock(&g->lock);
	return empty;
}

static int wait_empty(struct sup__grace *g, unsigned int era, int64_t deadline)
{
	uint32_t seen;

	for (;;) {
		/* Read before the look, so that no fall to 0 is missed. */
		seen = atomic_load(&g->changes);
		if (is_empty(g, era))
			return 0;
		if (sup__futex_wait(&g->changes, seen, deadline) == -ETIMEDOUT)
			return is_empty(g, era) ? 0 : -ETIMEDOUT;
	}
}

int sup__grace_wait(struct sup__grace *g, int64_t deadline)
{
	unsigned int old;
	int ret;

	sup__lock(&g->wait_lock);
	old = g->era;
	/* ORDER: a wait that gave up has left some in the other era. */
	ret = wait_empty(g, !old, deadline);
	if (!ret) {
		sup__lock(&g->lock);
		g->era = !old;
		sup__unlock(&g->lock);
		ret = wait_empty(g, old, deadline);
	}
	sup__unlock(&g->wait_lock);
	return ret;
}
