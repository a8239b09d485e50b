/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who bids highest gets it, and pays that. */
#include "mabeam/auction.h"

static struct mab__bid own(const struct mab_round *round, size_t winner)
{
	const struct mab__auction *a = round->state;

	return a->bids[winner];
}

static int begin(struct mab_round *round)
{
	return mab__auction_begin(round, mab__sealed_bid.name, own);
}

const struct mab_protocol mab__sealed_bid = MAB__AUCTION("sealed_bid", begin);
