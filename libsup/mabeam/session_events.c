/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of sessions, as events. */
#include "mabeam/sessions.h"

#include <stdio.h>

#include <foundation/telemetry.h>

#define PREFIX "foundation.mabeam.coordination."

void mab__session_tell_start(const char *protocol)
{
	const struct fnd_pair pair = { "protocol", protocol };

	fnd_telemetry_count(PREFIX "coordination_start", 1,
			    &(struct fnd_metadata){ &pair, 1 });
}

/* What cannot be counted is over all the same. */
void mab__session_tell_end(const struct mab_session *told,
			   enum mab__run_end end)
{
	static const struct { const char *event, *outcome; } ends_in[] = {
		[MAB__RUN_AGREED] = { "complete", "agreed" },
		[MAB__RUN_NOT_AGREED] = { "complete", "not agreed" },
		[MAB__RUN_TIMED_OUT] = { "complete", "timed out" },
		[MAB__RUN_FAILED] = { "failed", "failed" },
		[MAB__RUN_CANCELLED] = { "cancelled", "cancelled" },
	};
	const struct fnd_pair pairs[] = {
		{ "protocol", told->protocol },
		{ "outcome", ends_in[end].outcome },
	};
	char event[64];

	snprintf(event, sizeof(event), PREFIX "coordination_%s",
		 ends_in[end].event);
	fnd_telemetry_duration(event, told->ended_ns - told->begun_ns,
			       &(struct fnd_metadata){ pairs, 2 });
}
