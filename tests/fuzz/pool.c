// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was learned from answers: two rings, one of the thread and one of all.
 * The latter is written without a lock, so that a thing may be a mix of two;
 * that is just another nearly valid one.
 */
#include "fuzz.h"

#include <string.h>

void learn(struct fuzz *f, const struct thing *t)
{
	uint32_t at;

	if (!t->has)
		return;
	f->things[f->nthings++ % NLOCAL] = *t;
	if (chance(f, 50))
		return;
	at = __atomic_fetch_add(&shared->nthings, 1, __ATOMIC_RELAXED);
	memcpy(&shared->things[at % NSHARED], t, sizeof(*t));
}

/* The least of two numbers: the newest half is taken three times of four. */
static uint32_t age(struct fuzz *f, uint32_t n)
{
	uint32_t a = below(f, n), b = below(f, n);

	return a < b ? a : b;
}

const struct thing *recall(struct fuzz *f)
{
	uint32_t n = __atomic_load_n(&shared->nthings, __ATOMIC_RELAXED);
	uint32_t local = f->nthings < NLOCAL ? f->nthings : NLOCAL;

	if (local && chance(f, 70))
		return &f->things[(f->nthings - 1 - age(f, local)) % NLOCAL];
	if (!n)
		return NULL;
	return &shared->things[(n - 1 - age(f, n < NSHARED ? n : NSHARED)) %
			       NSHARED];
}
