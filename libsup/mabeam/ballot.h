/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A ballot: agents vote for one of some options. What majority, unanimous,
 * weighted and quorum share; they differ in when it has been agreed.
 */
#ifndef SUP_MABEAM_BALLOT_H
#define SUP_MABEAM_BALLOT_H

#include "mabeam/protocols.h"

#define MAB__OPTIONS_MAX 64

/* What votes stand for, all in the same unit. */
struct mab__tally {
	uint64_t sums[MAB__OPTIONS_MAX];
	uint64_t first, second;	/* the greatest of the sums, and the next */
	uint64_t cast;		/* of who has voted */
	uint64_t open;		/* of who has not been heard yet */
	uint64_t total;		/* of all */
};

/* Where it stands: two of these are so whatever is still to come. */
enum mab__standing {
	MAB__STANDS_OPEN,	/* never if nothing is open */
	MAB__STANDS_AGREED,
	MAB__STANDS_NOT_AGREED,
};

struct mab__vote {
	uint64_t weight;
	unsigned int heard;	/* 0: not yet; 1: it abstains; 2 on: option */
};

struct mab__ballot {
	const char *protocol;
	enum mab__standing (*stand)(const struct mab__ballot *ballot,
				    const struct mab__tally *tally);
	bool early;		/* it is over as soon as that is certain */
	bool of_cast;		/* confidence is a part of cast, not of total */
	uint64_t need;		/* of the protocol */
	uint64_t unit;		/* what a weight of 1 is */
	size_t n_options;
	char options[MAB__OPTIONS_MAX][MAB_NAME_MAX + 1];
	struct mab__vote votes[];
};

/*
 * In begin(): everyone has the weight 1. extra, extra2: names of parameters
 * besides those of all ballots, or NULL. *ret_params is to json_decref().
 */
int mab__ballot_begin(struct mab_round *round, const char *extra,
		      const char *extra2, json_t **ret_params);

/* All of begin() where there are no others. */
int mab__ballot_begin_plain(struct mab_round *round, const char *protocol,
			    enum mab__standing (*stand)(
					const struct mab__ballot *ballot,
					const struct mab__tally *tally));

/* The rest of the callbacks. */
int mab__ballot_question(const struct mab_round *round, char **ret_body);
int mab__ballot_answer(struct mab_round *round, size_t agent, const char *body,
		       size_t len);
bool mab__ballot_decided(const struct mab_round *round);
int mab__ballot_outcome(struct mab_round *round, char **ret_body);

#define MAB__BALLOT(n, b) { \
	.size = sizeof(struct mab_protocol), .name = (n), .method = "vote", \
	.state_size = sizeof(struct mab__ballot), \
	.agent_size = sizeof(struct mab__vote), .begin = (b), \
	.question = mab__ballot_question, .answer = mab__ballot_answer, \
	.decided = mab__ballot_decided, .outcome = mab__ballot_outcome, \
}

#endif
