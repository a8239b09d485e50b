/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Votes are kept by agent and counted anew at each look, in whole units, so
 * that what comes out does not depend on the order in which they came.
 */
#include "mabeam/ballot.h"

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/service.h"

enum { UNHEARD, ABSTAINS, FIRST_OPTION };

static size_t find_option(const struct mab__ballot *b, const char *option)
{
	size_t i;

	for (i = 0; i < b->n_options && strcmp(b->options[i], option); i++)
		;
	return i;
}

static int add_option(struct mab__ballot *b, const json_t *value)
{
	const char *option = json_string_value(value);
	int ret;

	if (!option)
		return sup_set_error(-EINVAL, "params: options has what is no "
				     "string");
	ret = mab__check_name("params: options", option);
	if (ret)
		return ret;
	if (find_option(b, option) < b->n_options)
		return sup_set_error(-EINVAL, "params: options has \"%s\" "
				     "twice", option);
	strcpy(b->options[b->n_options++], option);
	return 0;
}

static int read_options(struct mab__ballot *b, const json_t *options)
{
	size_t i, n = json_array_size(options);
	int ret = 0;

	if (!options) {
		strcpy(b->options[0], "yes");
		strcpy(b->options[1], "no");
		b->n_options = 2;
		return 0;
	}
	if (n < 2 || n > MAB__OPTIONS_MAX)
		return sup_set_error(-EINVAL, "params: options is no array of "
				     "2 to %d", MAB__OPTIONS_MAX);
	for (i = 0; i < n && !ret; i++)
		ret = add_option(b, json_array_get(options, i));
	return ret;
}

int mab__ballot_begin(struct mab_round *round, const char *extra,
		      const char *extra2, json_t **ret_params)
{
	const char *const known[] = {
		"proposal", "options", "early", extra, extra2, NULL,
	};
	struct mab__ballot *b = round->state;
	const json_t *early;
	json_t *params;
	size_t i;
	int ret;

	ret = mab__params(round, known, &params);
	if (ret)
		return ret;
	early = json_object_get(params, "early");
	ret = read_options(b, json_object_get(params, "options"));
	if (!ret && early && !json_is_boolean(early))
		ret = sup_set_error(-EINVAL, "params: early is neither true "
				    "nor false");
	if (ret) {
		json_decref(params);
		return ret;
	}
	b->early = json_is_true(early);
	b->unit = 1;
	for (i = 0; i < round->n; i++)
		b->votes[i].weight = 1;
	*ret_params = params;
	return 0;
}

static json_t *options_of(const struct mab__ballot *b)
{
	json_t *options = json_array();
	size_t i;

	for (i = 0; i < b->n_options; i++)
		json_array_append_new(options, json_string(b->options[i]));
	if (json_array_size(options) == b->n_options)
		return options;
	json_decref(options);
	return NULL;
}

int mab__ballot_begin_plain(struct mab_round *round, const char *protocol,
			    enum mab__standing (*stand)(
					const struct mab__ballot *ballot,
					const struct mab__tally *tally))
{
	struct mab__ballot *b = round->state;
	json_t *params;
	int ret;

	ret = mab__ballot_begin(round, NULL, NULL, &params);
	if (ret)
		return ret;
	json_decref(params);
	b->protocol = protocol;
	b->stand = stand;
	return 0;
}

int mab__ballot_question(const struct mab_round *round, char **ret_body)
{
	static const char *const any[] = {
		"proposal", "options", "early", "weights", "threshold",
		"quorum", NULL,
	};
	const struct mab__ballot *b = round->state;
	json_t *params, *proposal, *question;
	int ret;

	ret = mab__params(round, any, &params);
	if (ret)
		return ret;
	question = mab__question(round, b->protocol);
	proposal = json_object_get(params, "proposal");
	if (json_object_set(question, "proposal",
			    proposal ? proposal : json_null()) ||
	    json_object_set_new(question, "options", options_of(b))) {
		json_decref(question);
		question = NULL;
	}
	json_decref(params);
	return mab__text(question, ret_body);
}

int mab__ballot_answer(struct mab_round *round, size_t agent, const char *body,
		       size_t len)
{
	struct mab__ballot *b = round->state;
	const char *option;
	size_t i = 0;
	json_t *value;
	int ret;

	b->votes[agent].heard = ABSTAINS;
	if (!body)
		return 0;
	ret = mab__answer(body, len, &value);
	if (!ret) {
		option = json_string_value(value);
		i = option ? find_option(b, option) : b->n_options;
		if (i == b->n_options)
			ret = sup_set_error(-EBADMSG, "it has answered by "
					    "what is no option");
	}
	if (!ret)
		b->votes[agent].heard = FIRST_OPTION + i;
	json_decref(value);
	return ret;
}

static void count(const struct mab_round *round, struct mab__tally *t)
{
	const struct mab__ballot *b = round->state;
	const struct mab__vote *v;
	size_t i;

	memset(t, 0, sizeof(*t));
	for (v = b->votes; v < b->votes + round->n; v++) {
		t->total += v->weight;
		if (v->heard == UNHEARD)
			t->open += v->weight;
		if (v->heard < FIRST_OPTION)
			continue;
		t->cast += v->weight;
		t->sums[v->heard - FIRST_OPTION] += v->weight;
	}
	for (i = 0; i < b->n_options; i++) {
		if (t->sums[i] > t->first) {
			t->second = t->first;
			t->first = t->sums[i];
		} else if (t->sums[i] > t->second) {
			t->second = t->sums[i];
		}
	}
}

bool mab__ballot_decided(const struct mab_round *round)
{
	const struct mab__ballot *b = round->state;
	struct mab__tally t;

	if (!b->early)
		return false;
	count(round, &t);
	return b->stand(b, &t) != MAB__STANDS_OPEN;
}

/* The option that leads, one by lot if several do. */
static size_t leader(const struct mab_round *round, const struct mab__tally *t)
{
	const struct mab__ballot *b = round->state;
	uint64_t random = round->seed, n = 0;
	size_t i;

	for (i = 0; i < b->n_options; i++)
		n += t->sums[i] == t->first;
	n = n > 1 ? mab__draw(&random, n) : 0;
	for (i = 0; i < b->n_options; i++)
		if (t->sums[i] == t->first && !n--)
			break;
	return i;
}

static json_t *weight(const struct mab__ballot *b, uint64_t sum)
{
	return b->unit == 1 ? json_integer((json_int_t)sum) :
		json_real((double)sum / (double)b->unit);
}

/* What depends on all votes: not there if not all have been awaited. */
static int add_votes(json_t *root, const struct mab__ballot *b,
		     const struct mab__tally *t)
{
	uint64_t of = b->of_cast ? t->cast : t->total;
	json_t *votes = json_object();
	int ret = 0;
	size_t i;

	for (i = 0; i < b->n_options && !ret; i++)
		ret = json_object_set_new(votes, b->options[i],
					  weight(b, t->sums[i]));
	if (json_object_set_new(root, "votes", votes) || ret)
		return -ENOMEM;
	return json_object_set_new(root, "confidence", json_real(of ?
				   (double)t->first / (double)of : 0));
}

int mab__ballot_outcome(struct mab_round *round, char **ret_body)
{
	const struct mab__ballot *b = round->state;
	struct mab__tally t;
	bool agreed;
	json_t *root;
	int ret;

	count(round, &t);
	agreed = b->stand(b, &t) == MAB__STANDS_AGREED;
	root = json_pack("{s:b,s:s?}", "reached", agreed, "decision",
			 agreed ? b->options[leader(round, &t)] : NULL);
	if (root && !b->early && add_votes(root, b, &t)) {
		json_decref(root);
		root = NULL;
	}
	ret = mab__text(root, ret_body);
	return ret ? ret : agreed ? MAB_AGREED : MAB_NOT_AGREED;
}
