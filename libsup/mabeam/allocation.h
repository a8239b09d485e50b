/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An amount is divided among agents, each of which says how much it would have:
 * what max_min and proportional share. Amount and shares are whole numbers of
 * units: 1, or, if the amount is real, a power of two so small that the amount
 * has 2^52 to 2^53 of them. So each share is exact as a double, and so is the
 * sum of any of them.
 */
#ifndef SUP_MABEAM_ALLOCATION_H
#define SUP_MABEAM_ALLOCATION_H

#include "mabeam/protocols.h"

struct mab__claim {
	size_t agent;
	bool valid;
	double demand;
	uint64_t want;		/* in units, down; not more than there is */
	uint64_t share;		/* in units */
	uint64_t lot;		/* who comes first of those who are alike */
	uint64_t weight, rest;	/* of proportional */
};

struct mab__allocation {
	const char *protocol;
	bool whole;
	int exponent;		/* a unit is two to this */
	uint64_t units;		/* that there are */
	double amount;
	/* Sets the shares of n claims, all valid, in any order. */
	void (*divide)(struct mab__allocation *a, size_t n);
	struct mab__claim claims[];
};

/* In begin(). */
int mab__allocation_begin(struct mab_round *round, const char *protocol,
			  void (*divide)(struct mab__allocation *a, size_t n));

/* The rest of the callbacks. */
int mab__allocation_question(const struct mab_round *round, char **ret_body);
int mab__allocation_answer(struct mab_round *round, size_t agent,
			   const char *body, size_t len);
int mab__allocation_outcome(struct mab_round *round, char **ret_body);

#define MAB__ALLOCATION(n, b) { \
	.size = sizeof(struct mab_protocol), .name = (n), .method = "demand", \
	.state_size = sizeof(struct mab__allocation), \
	.agent_size = sizeof(struct mab__claim), .begin = (b), \
	.question = mab__allocation_question, \
	.answer = mab__allocation_answer, .outcome = mab__allocation_outcome, \
}

#endif
