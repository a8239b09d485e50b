/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agreed is what most have voted for, by lot if several options have as many
 * votes, if only there are enough votes: parameter quorum, or more than half of
 * the agents.
 */
#include "mabeam/ballot.h"

#include <errno.h>

#include <sup/sup.h>

static enum mab__standing stand(const struct mab__ballot *b,
				const struct mab__tally *t)
{
	if (t->cast + t->open < b->need)
		return MAB__STANDS_NOT_AGREED;
	return !t->open || (t->cast >= b->need &&
			    t->first > t->second + t->open) ?
		MAB__STANDS_AGREED : MAB__STANDS_OPEN;
}

static int read_quorum(const struct mab_round *round, const json_t *quorum)
{
	struct mab__ballot *b = round->state;
	json_int_t n = json_integer_value(quorum);

	b->need = round->n / 2 + 1;
	if (!quorum)
		return 0;
	if (n < 1 || (size_t)n > round->n)
		return sup_set_error(-EINVAL, "params: quorum is not from 1 "
				     "to %zu", round->n);
	b->need = (uint64_t)n;
	return 0;
}

static int begin(struct mab_round *round)
{
	struct mab__ballot *b = round->state;
	json_t *params;
	int ret;

	ret = mab__ballot_begin(round, "quorum", NULL, &params);
	if (ret)
		return ret;
	b->protocol = mab__quorum.name;
	b->stand = stand;
	b->of_cast = true;
	ret = read_quorum(round, json_object_get(params, "quorum"));
	json_decref(params);
	return ret;
}

const struct mab_protocol mab__quorum = MAB__BALLOT("quorum", begin);
