/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of agents, told as events when no lock is held. */
#ifndef SUP_MABEAM_AGENT_EVENTS_H
#define SUP_MABEAM_AGENT_EVENTS_H

#include <mabeam/agent.h>

enum mab__news_kind {
	MAB__NO_NEWS,
	MAB__ADDED,		/* it has been registered */
	MAB__REMOVED,
	MAB__UPDATED,		/* its spec is another one */
	MAB__STARTED,
	MAB__RESTARTED,
	MAB__START_FAILED,	/* error */
	MAB__CRASHED,		/* reason */
	MAB__STOPPED,		/* reason, a clean one or that of a stop */
};

struct mab__news {
	enum mab__news_kind kind;
	char id[MAB_NAME_MAX + 1];
	struct sup_reason reason;
	int error;
};

void mab__news_of(struct mab__news *news, enum mab__news_kind kind,
		  const char *id);

/* Executes the event, if it is one. Not a safe point. */
void mab__news_tell(const struct mab__news *news);

#endif
