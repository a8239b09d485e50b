/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/auction.h"

#include <errno.h>

#include <sup/sup.h>

static const char *const known[] = { "item", "reserve", NULL };

int mab__auction_begin(struct mab_round *round, const char *protocol,
		       struct mab__bid (*price)(const struct mab_round *round,
						size_t winner))
{
	struct mab__auction *a = round->state;
	const json_t *reserve;
	json_t *params;
	int ret;

	ret = mab__params(round, known, &params);
	if (ret)
		return ret;
	a->protocol = protocol;
	a->price = price;
	reserve = json_object_get(params, "reserve");
	a->reserve.valid = true;
	a->reserve.whole = !json_is_real(reserve);
	if (reserve)
		ret = mab__params_number(reserve, "reserve", 0,
					 &a->reserve.value);
	json_decref(params);
	return ret;
}

static json_t *number(struct mab__bid bid)
{
	return mab__number(bid.value, bid.whole);
}

int mab__auction_question(const struct mab_round *round, char **ret_body)
{
	const struct mab__auction *a = round->state;

	return mab__question_of(round, a->protocol, known, "item", "reserve",
				number(a->reserve), ret_body);
}

int mab__auction_answer(struct mab_round *round, size_t agent, const char *body,
			size_t len)
{
	struct mab__auction *a = round->state;
	struct mab__bid *bid = &a->bids[agent];
	json_t *value;
	int ret;

	if (!body)
		return 0;
	ret = mab__answer(body, len, &value);
	if (!ret)
		ret = mab__answer_number(value, &bid->value, &bid->whole);
	bid->valid = !ret;
	json_decref(value);
	return ret;
}

static bool may_win(const struct mab__auction *a, size_t agent)
{
	return a->bids[agent].valid &&
	       a->bids[agent].value >= a->reserve.value;
}

/* Who has bid highest, by lot if several have; n: nobody. */
static size_t find_winner(const struct mab_round *round)
{
	const struct mab__auction *a = round->state;
	uint64_t random = round->seed, n = 0;
	double highest = 0;
	size_t i;

	for (i = 0; i < round->n; i++) {
		if (!may_win(a, i) || (n && a->bids[i].value < highest))
			continue;
		n = n && a->bids[i].value == highest ? n + 1 : 1;
		highest = a->bids[i].value;
	}
	if (!n)
		return round->n;
	n = n > 1 ? mab__draw(&random, n) : 0;
	for (i = 0; i < round->n; i++)
		if (may_win(a, i) && a->bids[i].value == highest && !n--)
			break;
	return i;
}

static json_t *bids_of(const struct mab_round *round)
{
	const struct mab__auction *a = round->state;
	json_t *bids = json_object();
	size_t i;

	for (i = 0; i < round->n && bids; i++) {
		if (!a->bids[i].valid ||
		    !json_object_set_new(bids, round->agents[i],
					 number(a->bids[i])))
			continue;
		json_decref(bids);
		bids = NULL;
	}
	return bids;
}

int mab__auction_outcome(struct mab_round *round, char **ret_body)
{
	const struct mab__auction *a = round->state;
	size_t winner = find_winner(round);
	bool sold = winner < round->n;
	json_t *root;
	int ret;

	root = json_pack("{s:s?,s:o,s:o}", "winner",
			 sold ? round->agents[winner] : NULL, "price",
			 sold ? number(a->price(round, winner)) : json_null(),
			 "bids", bids_of(round));
	ret = mab__text(root, ret_body);
	return ret ? ret : sold ? MAB_AGREED : MAB_NOT_AGREED;
}
