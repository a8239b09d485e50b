/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/agent_events.h"

#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#define PREFIX "foundation.mabeam.agent."

void mab__news_of(struct mab__news *news, enum mab__news_kind kind,
		  const char *id)
{
	*news = (struct mab__news){ .kind = kind };
	strcpy(news->id, id);
}

/* What cannot be counted has happened all the same. */
void mab__news_tell(const struct mab__news *news)
{
	static const char *const names[] = {
		[MAB__ADDED] = PREFIX "agent_registered",
		[MAB__REMOVED] = PREFIX "agent_deregistered",
		[MAB__UPDATED] = PREFIX "agent_config_updated",
		[MAB__STARTED] = PREFIX "agent_started",
		[MAB__RESTARTED] = PREFIX "agent_restarted",
		[MAB__START_FAILED] = PREFIX "agent_start_failed",
		[MAB__CRASHED] = PREFIX "agent_crashed",
		[MAB__STOPPED] = PREFIX "agent_stopped",
	};
	struct fnd_pair pairs[2] = { { "agent", news->id } };
	struct fnd_metadata metadata = { pairs, 1 };
	char text[128];

	if (news->kind == MAB__NO_NEWS)
		return;
	if (news->kind == MAB__CRASHED || news->kind == MAB__STOPPED)
		pairs[metadata.n++] = (struct fnd_pair){ "reason",
			sup_reason_format(&news->reason, text, sizeof(text)) };
	else if (news->kind == MAB__START_FAILED)
		pairs[metadata.n++] = (struct fnd_pair){ "error",
			strerrorname_np(-news->error) ?: "?" };
	fnd_telemetry_count(names[news->kind], 1, &metadata);
}
