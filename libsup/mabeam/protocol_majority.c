/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Agreed is what more than half of all agents have voted for. */
#include "mabeam/ballot.h"

static enum mab__standing stand(const struct mab__ballot *b,
				const struct mab__tally *t)
{
	(void)b;
	if (2 * t->first > t->total)
		return MAB__STANDS_AGREED;
	return 2 * (t->first + t->open) > t->total ? MAB__STANDS_OPEN :
						     MAB__STANDS_NOT_AGREED;
}

static int begin(struct mab_round *round)
{
	struct mab__ballot *b = round->state;
	json_t *params;
	int ret;

	ret = mab__ballot_begin(round, NULL, NULL, &params);
	if (ret)
		return ret;
	json_decref(params);
	b->protocol = mab__majority.name;
	b->stand = stand;
	return 0;
}

const struct mab_protocol mab__majority = MAB__BALLOT("majority", begin);
