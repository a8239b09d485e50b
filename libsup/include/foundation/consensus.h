/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consensus of tasks on a value, under a name: what is proposed is put to the
 * vote, and is decided if enough are for it. What has been decided under a name
 * is numbered, 1, 2, ..., and the last of it is kept by the process. The back
 * end is that of <foundation/coordination.h>.
 */
#ifndef FOUNDATION_CONSENSUS_H
#define FOUNDATION_CONSENSUS_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FND_CONSENSUS_VALUE_MAX 65536	/* bytes */
#define FND_CONSENSUS_TASKS_MAX 1024

enum fnd_consensus_outcome {
	FND_CONSENSUS_DECIDED,
	FND_CONSENSUS_REJECTED,	/* too many were against it, or have ended */
	FND_CONSENSUS_LATE,	/* at the deadline too few had voted */
	FND_CONSENSUS_OUTDATED,	/* another value was decided meanwhile */
};

/* What participants are sent: the data of a message with this tag. */
#define FND_PROPOSAL UINT64_C(0x666e642d70726f70)

__extension__ struct fnd_proposal {
	uint64_t id;
	struct sup_pid run;	/* the task that counts the votes */
	uint64_t number;	/* that it will have */
	int64_t deadline;
	char name[FND_NAME_MAX + 1];
	size_t len;
	unsigned char value[];
};

/* And this when it is over; who has no room for it is left out. */
#define FND_DECISION UINT64_C(0x666e642d64656369)

struct fnd_decision {
	uint64_t id, number;
	enum fnd_consensus_outcome outcome;
	char name[FND_NAME_MAX + 1];
};

struct fnd_consensus {
	const struct sup_pid *participants;	/* threads, each once */
	size_t n;
	size_t needed;		/* votes for it; default more than half of n */
	const void *value;
	size_t len;
};

struct fnd_consensus_result {
	enum fnd_consensus_outcome outcome;
	uint64_t number;	/* DECIDED */
	size_t in_favour, against;
	size_t ended;		/* without a vote */
	size_t silent;		/* when it was over */
};

/*
 * Puts a value to the vote of the participants, by a job under the task
 * supervisor, and waits for what comes of it, which is in *ret_result. It is
 * over as soon as enough are for it, or too few can be any more. If the caller
 * is among them it has voted for it. A participant that ends has not voted,
 * unless it had; one that has no room for a message is asked when it has. If
 * two values are put to the vote under one name at once one of them is decided
 * at most. Without participants it is rejected. Any thread; a safe point; if
 * the caller ends the run goes on. Errors: -EINVAL names the argument;
 * -ENAMETOOLONG; -E2BIG the value; -ENOTCONN the task supervisor does not run;
 * -EPIPE the run was ended, and whether the value was decided must be looked
 * up; -EDEADLK; -EAGAIN; -ENOMEM.
 */
SUP_API int fnd_consensus_propose(const char *name,
				  const struct fnd_consensus *consensus,
				  int64_t deadline,
				  struct fnd_consensus_result *ret_result);

/*
 * The calling task votes; its first vote counts. Who is no participant may, and
 * it does not count. A safe point. Errors: -ESRCH it is over; -EPERM not in a
 * task; -EAGAIN there have been too many votes; -ENOMEM.
 */
SUP_API int fnd_consensus_vote(const struct fnd_proposal *proposal,
			       bool in_favour);

/*
 * What was decided last, and its number, any of which may be NULL; *ret_value
 * is to free(3). Any thread. -ENOENT nothing was; -EINVAL; -ENAMETOOLONG;
 * -ENOMEM.
 */
SUP_API int fnd_consensus_get(const char *name, void **ret_value,
			      size_t *ret_len, uint64_t *ret_number);

/*
 * It is forgotten, and numbers begin at 1. Any thread. -ENOENT nothing was;
 * -EINVAL; -ENAMETOOLONG.
 */
SUP_API int fnd_consensus_remove(const char *name);

#ifdef __cplusplus
}
#endif

#endif
