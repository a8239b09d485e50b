/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other specs for agents that are registered, by a rolling restart. */
#ifndef MABEAM_AGENT_UPDATE_H
#define MABEAM_AGENT_UPDATE_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mab_roll {
	MAB_NOT_UPDATED,	/* its turn has not come */
	MAB_UPDATED,		/* it has its new spec; if it ran it runs */
	MAB_PUT_BACK,		/* it has its old spec again, as it did not */
				/* start by the new one; if it ran it runs */
	MAB_LOST,		/* the same, but it has not come up again */
	MAB_ROLLS
};

struct mab_updated {
	enum mab_roll roll;
	int error;		/* why its update has failed, or 0 */
};

/*
 * Gives n registered agents other specs, each that of its id: at_once at a time
 * (0: one) those that run, or are to be restarted, are stopped, as by
 * mab_agent_stop(), started by their new specs, and waited for; the others are
 * not started. The first that fails has its old spec put back, and is started
 * by that; after those that went with it no more are changed, and those that
 * have been stay so. ret_updated, which may be NULL, has n: what became of
 * each. While one is at its turn nobody else should start or stop it.
 *
 * All specs are looked at before one is changed: -EINVAL, -ENAMETOOLONG,
 * -ENOENT no such agent, -EEXIST an id is there twice, -ENOMEM. Else the error
 * of the first that failed, as mab_agent_start() or mab_agent_stop(). A safe
 * point: if it ends the caller agents may be left stopped, with either spec.
 */
SUP_API int mab_agent_update(const struct mab_agent_spec *specs, size_t n,
			     unsigned int at_once,
			     struct mab_updated *ret_updated);

#ifdef __cplusplus
}
#endif

#endif
