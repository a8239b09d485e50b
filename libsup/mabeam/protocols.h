/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protocols from within: those that are built in, what they share, and what
 * their sessions tell of them. None is a safe point.
 */
#ifndef SUP_MABEAM_PROTOCOLS_H
#define SUP_MABEAM_PROTOCOLS_H

#include <jansson.h>

#include <mabeam/protocol.h>

extern const struct mab_protocol mab__majority, mab__unanimous, mab__weighted,
	mab__quorum, mab__sealed_bid, mab__second_price, mab__max_min,
	mab__proportional;

/* How a session has ended. */
enum mab__run_end {
	MAB__RUN_AGREED,
	MAB__RUN_NOT_AGREED,
	MAB__RUN_TIMED_OUT,
	MAB__RUN_FAILED,
	MAB__RUN_CANCELLED,
	MAB__RUN_ENDS
};

/*
 * The protocol has one session more; it stays until that is over. -ENOENT;
 * -EINVAL; -ENAMETOOLONG.
 */
int mab__protocol_begin(const char *name,
			const struct mab_protocol **ret_protocol);
/* took_ns counts if they have agreed. */
void mab__protocol_end(const struct mab_protocol *protocol,
		       enum mab__run_end end, int64_t took_ns);
/* It has not even begun: it is as if it had never been. */
void mab__protocol_withdraw(const struct mab_protocol *protocol);

/*
 * The parameters, of which known, up to a NULL, are all that there may be:
 * json_decref() them. -EINVAL; -ENOMEM.
 */
int mab__params(const struct mab_round *round, const char *const *known,
		json_t **ret_params);

/* A number, finite and from least on. -EINVAL, with that name. */
int mab__params_number(const json_t *value, const char *name, double least,
		       double *ret_number);

/* What an agent has answered: json_decref() it, even then. -EBADMSG. */
int mab__answer(const char *body, size_t len, json_t **ret_value);

/* A number that an agent has answered, from 0 to 2^53 if whole. -EBADMSG. */
int mab__answer_number(const json_t *value, double *ret_number,
		       bool *ret_whole);

/* As it would be written: whole or not. NULL: no memory. */
json_t *mab__number(double number, bool whole);

/* What each question begins with. NULL: no memory. */
json_t *mab__question(const struct mab_round *round, const char *protocol);

/*
 * All of a question: its subject, a parameter by that name, or null, and a
 * number, which it eats; NULL is one for want of memory. -ENOMEM.
 */
int mab__question_of(const struct mab_round *round, const char *protocol,
		     const char *const *known, const char *subject,
		     const char *name, json_t *number, char **ret_body);

/* The text of a value, which it eats; NULL is one for want of memory. */
int mab__text(json_t *value, char **ret_text);

/* One of n, by lot. */
uint64_t mab__draw(uint64_t *random, uint64_t n);

#endif
