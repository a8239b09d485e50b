/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A history is an array that grows until it is full, and then begins anew at
 * its oldest. Before it changes its size it is put straight.
 */
#include "mabeam/performance_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mabeam/service.h"

#define ROOM 8

static void reverse(struct mab_figures *a, size_t n)
{
	struct mab_figures one;
	size_t i;

	for (i = 0; i < n / 2; i++) {
		one = a[i];
		a[i] = a[n - 1 - i];
		a[n - 1 - i] = one;
	}
}

/* The oldest comes to the front. */
static void straighten(struct mab__record *r)
{
	if (!r->first)
		return;
	reverse(r->history, r->first);
	reverse(r->history + r->first, r->n - r->first);
	reverse(r->history, r->n);
	r->first = 0;
}

static int grow(struct mab__record *r, size_t most)
{
	size_t room = r->room ? r->room * 2 : ROOM;
	struct mab_figures *history;

	if (room > most)
		room = most;
	history = realloc(r->history, room * sizeof(*history));
	if (!history)
		return mab__nomem("a history");
	r->history = history;
	r->room = room;
	return 0;
}

int mab__history_add_locked(struct mab__record *r, const struct mab_figures *f)
{
	size_t most = mab__performance.options.history;
	int ret = 0;

	if (r->n >= most) {
		r->history[r->first] = *f;
		r->first = (r->first + 1) % r->n;
		return 0;
	}
	straighten(r);
	if (r->n == r->room)
		ret = grow(r, most);
	if (!ret)
		r->history[r->n++] = *f;
	return ret;
}

void mab__history_cut_locked(struct mab__record *r)
{
	size_t most = mab__performance.options.history;
	struct mab_figures *history;

	if (r->n <= most)
		return;
	straighten(r);
	memmove(r->history, r->history + r->n - most,
		most * sizeof(*r->history));
	r->n = most;
	/* If it cannot be made smaller it stays as it is. */
	history = realloc(r->history, most * sizeof(*history));
	if (history) {
		r->history = history;
		r->room = most;
	}
}

const struct mab_figures *mab__history_at_locked(const struct mab__record *r,
						 size_t nth)
{
	return &r->history[(r->first + r->n - 1 - nth) % r->n];
}
