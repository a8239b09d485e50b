/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An auction of one item: what sealed_bid and second_price share. */
#ifndef SUP_MABEAM_AUCTION_H
#define SUP_MABEAM_AUCTION_H

#include "mabeam/protocols.h"

struct mab__bid {
	bool valid;
	bool whole;		/* it was an integer */
	double value;
};

struct mab__auction {
	const char *protocol;
	struct mab__bid reserve;	/* what has to be bid at least */
	/* What it costs the winner, who has bid highest. */
	struct mab__bid (*price)(const struct mab_round *round, size_t winner);
	struct mab__bid bids[];
};

/* In begin(). */
int mab__auction_begin(struct mab_round *round, const char *protocol,
		       struct mab__bid (*price)(const struct mab_round *round,
						size_t winner));

/* The rest of the callbacks. */
int mab__auction_question(const struct mab_round *round, char **ret_body);
int mab__auction_answer(struct mab_round *round, size_t agent, const char *body,
			size_t len);
int mab__auction_outcome(struct mab_round *round, char **ret_body);

#define MAB__AUCTION(n, b) { \
	.size = sizeof(struct mab_protocol), .name = (n), .method = "bid", \
	.state_size = sizeof(struct mab__auction), \
	.agent_size = sizeof(struct mab__bid), .begin = (b), \
	.question = mab__auction_question, .answer = mab__auction_answer, \
	.outcome = mab__auction_outcome, \
}

#endif
