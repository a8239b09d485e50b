/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/allocation.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/service.h"

static const char *const known[] = { "resource", "amount", NULL };

/* Beyond these a unit would be no double. */
#define AMOUNT_MIN 1e-280
#define AMOUNT_MAX 1e300

static int read_amount(struct mab__allocation *a, const json_t *amount)
{
	int ret;

	if (!amount)
		return sup_set_error(-EINVAL, "params: amount is missing");
	a->whole = json_is_integer(amount);
	ret = mab__params_number(amount, "amount", a->whole ? 1 : AMOUNT_MIN,
				 &a->amount);
	if (ret)
		return ret;
	if (a->amount > AMOUNT_MAX)
		return sup_set_error(-EINVAL, "params: amount is more than %g",
				     AMOUNT_MAX);
	if (!a->whole) {
		frexp(a->amount, &a->exponent);
		a->exponent -= DBL_MANT_DIG;
	}
	a->units = (uint64_t)ldexp(a->amount, -a->exponent);
	return 0;
}

int mab__allocation_begin(struct mab_round *round, const char *protocol,
			  void (*divide)(struct mab__allocation *a, size_t n))
{
	struct mab__allocation *a = round->state;
	json_t *params;
	int ret;

	ret = mab__params(round, known, &params);
	if (ret)
		return ret;
	a->protocol = protocol;
	a->divide = divide;
	ret = read_amount(a, json_object_get(params, "amount"));
	json_decref(params);
	return ret;
}

static json_t *quantity(const struct mab__allocation *a, uint64_t units)
{
	return mab__number(ldexp((double)units, a->exponent), a->whole);
}

int mab__allocation_question(const struct mab_round *round, char **ret_body)
{
	const struct mab__allocation *a = round->state;

	return mab__question_of(round, a->protocol, known, "resource", "amount",
				quantity(a, a->units), ret_body);
}

int mab__allocation_answer(struct mab_round *round, size_t agent,
			   const char *body, size_t len)
{
	struct mab__allocation *a = round->state;
	struct mab__claim *c = &a->claims[agent];
	json_t *value;
	bool whole;
	int ret;

	if (!body)
		return 0;
	ret = mab__answer(body, len, &value);
	if (!ret)
		ret = mab__answer_number(value, &c->demand, &whole);
	json_decref(value);
	if (ret)
		return ret;
	c->valid = true;
	c->want = c->demand >= a->amount ? a->units :
		(uint64_t)ldexp(c->demand, -a->exponent);
	return 0;
}

/* Those who have answered, first; each with its lot, in the agents' order. */
static size_t gather(struct mab_round *round)
{
	struct mab__allocation *a = round->state;
	uint64_t random = round->seed;
	size_t i, n = 0;

	for (i = 0; i < round->n; i++) {
		a->claims[i].agent = i;
		a->claims[i].lot = mab__random(&random);
		if (a->claims[i].valid)
			a->claims[n++] = a->claims[i];
	}
	return n;
}

static int add_shares(json_t *root, const struct mab_round *round, size_t n)
{
	const struct mab__allocation *a = round->state;
	uint64_t left = a->units;
	json_t *shares = json_object();
	int ret = 0;
	size_t i;

	for (i = 0; i < n && !ret; i++) {
		left -= a->claims[i].share;
		ret = json_object_set_new(shares,
					  round->agents[a->claims[i].agent],
					  quantity(a, a->claims[i].share));
	}
	if (json_object_set_new(root, "shares", shares) || ret)
		return -ENOMEM;
	return json_object_set_new(root, "left", quantity(a, left));
}

int mab__allocation_outcome(struct mab_round *round, char **ret_body)
{
	struct mab__allocation *a = round->state;
	size_t n = gather(round);
	json_t *root = json_object();
	int ret;

	if (n)
		a->divide(a, n);
	if (root && add_shares(root, round, n)) {
		json_decref(root);
		root = NULL;
	}
	ret = mab__text(root, ret_body);
	return ret ? ret : n ? MAB_AGREED : MAB_NOT_AGREED;
}
