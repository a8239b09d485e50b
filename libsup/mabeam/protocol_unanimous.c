/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Agreed is what each of the agents has voted for. */
#include "mabeam/ballot.h"

static enum mab__standing stand(const struct mab__ballot *b,
				const struct mab__tally *t)
{
	(void)b;
	if (t->total && t->first == t->total)
		return MAB__STANDS_AGREED;
	return t->open && t->first + t->open == t->total ?
		MAB__STANDS_OPEN : MAB__STANDS_NOT_AGREED;
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
	b->protocol = mab__unanimous.name;
	b->stand = stand;
	return 0;
}

const struct mab_protocol mab__unanimous = MAB__BALLOT("unanimous", begin);
