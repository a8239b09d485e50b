/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who bids highest gets it, and pays what the next one has bid, or the reserve
 * if that is more: so that nobody gains by bidding what it is not worth
 * (Vickrey).
 */
#include "mabeam/auction.h"

static struct mab__bid next(const struct mab_round *round, size_t winner)
{
	const struct mab__auction *a = round->state;
	struct mab__bid price = a->reserve;
	size_t i;

	for (i = 0; i < round->n; i++)
		if (i != winner && a->bids[i].valid &&
		    a->bids[i].value > price.value)
			price = a->bids[i];
	return price;
}

static int begin(struct mab_round *round)
{
	return mab__auction_begin(round, mab__second_price.name, next);
}

const struct mab_protocol mab__second_price =
	MAB__AUCTION("second_price", begin);
