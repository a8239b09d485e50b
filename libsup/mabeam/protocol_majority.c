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
	return mab__ballot_begin_plain(round, mab__majority.name, stand);
}

const struct mab_protocol mab__majority = MAB__BALLOT("majority", begin);
