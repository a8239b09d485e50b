/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking many agents, whose answers are taken as they come: of a task that is
 * no server, and receives nothing else meanwhile.
 */
#ifndef SUP_MABEAM_ASKING_H
#define SUP_MABEAM_ASKING_H

#include <mabeam/agent_ask.h>

struct mab__asking;

/*
 * Asks n agents by that wire, of mab__wire_new(). Who has no room is not
 * waited for: -EAGAIN is its answer. *ret_asking is memory of the calling task.
 * -ENOMEM. A safe point.
 */
int mab__asking_begin(const char *const *ids, size_t n,
		      const struct sup_msg *wire,
		      struct mab__asking **ret_asking);

/*
 * What came of one of them: *ret_which. As mab_agent_ask_many(); the reply is
 * the caller's. -ENOENT all have been told of; -ETIMEDOUT. A safe point.
 */
int mab__asking_next(struct mab__asking *asking, size_t *ret_which,
		     struct mab_answer *ret_answer, int64_t deadline);

/* Nobody is waited for any more. */
void mab__asking_end(struct mab__asking *asking);

#endif
