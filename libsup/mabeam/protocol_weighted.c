/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agreed is what agents have voted for whose weights are at least such a part
 * of the weights of all: parameters weights, by id, and threshold. Both are
 * taken in whole millionths, so that sums are exact.
 */
#include "mabeam/ballot.h"

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

#define UNIT 1000000
#define WEIGHT_MAX 1e6
#define THRESHOLD 0.6

__extension__ typedef unsigned __int128 product;

static uint64_t millionths(double x)
{
	return (uint64_t)(x * UNIT + 0.5);
}

static bool is_enough(const struct mab__ballot *b, uint64_t sum,
		      uint64_t total)
{
	return (product)sum * UNIT >= (product)total * b->need;
}

static enum mab__standing stand(const struct mab__ballot *b,
				const struct mab__tally *t)
{
	if (is_enough(b, t->first, t->total))
		return MAB__STANDS_AGREED;
	return is_enough(b, t->first + t->open, t->total) ?
		MAB__STANDS_OPEN : MAB__STANDS_NOT_AGREED;
}

static int read_weight(struct mab_round *round, const char *id,
		       const json_t *value)
{
	struct mab__ballot *b = round->state;
	double weight = json_number_value(value);
	size_t i;

	for (i = 0; i < round->n && strcmp(round->agents[i], id); i++)
		;
	if (i == round->n)
		return sup_set_error(-EINVAL, "params: weights has \"%.63s\", "
				     "who is not asked", id);
	if (!(weight >= 1.0 / UNIT && weight <= WEIGHT_MAX))
		return sup_set_error(-EINVAL, "params: weights of \"%s\" is "
				     "not from %g to %g", id, 1.0 / UNIT,
				     WEIGHT_MAX);
	b->votes[i].weight = millionths(weight);
	return 0;
}

static int read_weights(struct mab_round *round, json_t *weights)
{
	struct mab__ballot *b = round->state;
	json_t *value;
	const char *id;
	size_t i;
	int ret;

	b->unit = UNIT;
	for (i = 0; i < round->n; i++)
		b->votes[i].weight = UNIT;
	if (weights && !json_is_object(weights))
		return sup_set_error(-EINVAL, "params: weights is no object");
	json_object_foreach(weights, id, value) {
		ret = read_weight(round, id, value);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_threshold(struct mab__ballot *b, const json_t *threshold)
{
	double part = threshold ? json_number_value(threshold) : THRESHOLD;

	if (!(part > 0.5 && part <= 1))
		return sup_set_error(-EINVAL, "params: threshold is not more "
				     "than 0.5, and 1 at most");
	b->need = millionths(part);
	if (b->need == UNIT / 2)
		b->need++;
	return 0;
}

static int begin(struct mab_round *round)
{
	struct mab__ballot *b = round->state;
	json_t *params;
	int ret;

	ret = mab__ballot_begin(round, "weights", "threshold", &params);
	if (ret)
		return ret;
	b->protocol = mab__weighted.name;
	b->stand = stand;
	ret = read_weights(round, json_object_get(params, "weights"));
	if (!ret)
		ret = read_threshold(b, json_object_get(params, "threshold"));
	json_decref(params);
	return ret;
}

const struct mab_protocol mab__weighted = MAB__BALLOT("weighted", begin);
