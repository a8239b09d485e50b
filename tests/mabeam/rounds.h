/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A round of a protocol without agents: who answers what is in a table. */
#ifndef TESTS_MABEAM_ROUNDS_H
#define TESTS_MABEAM_ROUNDS_H

#include "mabeam.h"

#include <jansson.h>

#define VOTERS_MAX 16

static const char *const voters[VOTERS_MAX] = {
	"a", "b", "c", "d", "e", "f", "g", "h",
	"i", "j", "k", "l", "m", "n", "o", "p",
};

/* Up to a NULL; "-" is silent. */
typedef const char *const round_answers[VOTERS_MAX + 1];

static inline size_t count_of(round_answers answers)
{
	size_t n = 0;

	while (answers[n])
		n++;
	return n;
}

static inline struct mab_round new_round(const char *protocol, size_t n,
					 const char *params, uint64_t seed)
{
	struct mab_round round = {
		.session = 1, .seed = seed, .agents = voters, .n = n,
		.params = params, .len = strlen(params),
	};
	struct mab_protocol_info info;

	assert_int_equal(mab_protocol_get(protocol, &info), 0);
	round.state = calloc(1, info.protocol->state_size +
				n * info.protocol->agent_size);
	assert_non_null(round.state);
	return round;
}

static inline const struct mab_protocol *ops_of(const char *protocol)
{
	struct mab_protocol_info info;

	assert_int_equal(mab_protocol_get(protocol, &info), 0);
	return info.protocol;
}

static inline void answer(const struct mab_protocol *p,
			  struct mab_round *round, size_t i, const char *text)
{
	bool silent = !strcmp(text, "-");

	p->answer(round, i, silent ? NULL : text, silent ? 0 : strlen(text));
}

/*
 * What comes of it, as JSON; the agents answer in order, or the other way
 * round. *ret_agreed is what outcome() has returned.
 */
static inline char *outcome_of(const char *protocol, const char *params,
			       round_answers answers, uint64_t seed,
			       bool backwards, int *ret_agreed)
{
	const struct mab_protocol *p = ops_of(protocol);
	size_t i, at, n = count_of(answers);
	struct mab_round round = new_round(protocol, n, params, seed);
	char *body;

	assert_int_equal(p->begin(&round), 0);
	for (i = 0; i < n; i++) {
		if (p->decided && p->decided(&round))
			break;
		at = backwards ? n - 1 - i : i;
		answer(p, &round, at, answers[at]);
	}
	*ret_agreed = p->outcome(&round, &body);
	assert_in_range(*ret_agreed, MAB_AGREED, MAB_NOT_AGREED);
	free(round.state);
	return body;
}

struct example {
	const char *protocol, *params;
	round_answers answers;
	int agreed;
	const char *outcome;
};

/* Whatever the order of the answers. */
static inline void check_example(const struct example *e)
{
	char *body;
	int i, agreed;

	for (i = 0; i < 2; i++) {
		body = outcome_of(e->protocol, e->params, e->answers, 1, i,
				  &agreed);
		if (strcmp(body, e->outcome))
			print_message("%s %s\n", e->protocol, e->params);
		assert_string_equal(body, e->outcome);
		assert_int_equal(agreed, e->agreed);
		free(body);
	}
}

/* -EINVAL, and a sentence that names the field. */
static inline void check_refusal(const char *protocol, const char *params,
				 const char *field)
{
	struct mab_round round = new_round(protocol, 3, params, 0);

	assert_int_equal(ops_of(protocol)->begin(&round), -EINVAL);
	if (!strstr(sup_error(), field))
		print_message("%s: %s\n", params, sup_error());
	assert_non_null(strstr(sup_error(), field));
	free(round.state);
}

#endif
