/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CoordinationSupervisor is a dynamic supervisor and nothing more. A worker
 * runs once: one that has died is not started again, since agents would be
 * asked twice; its session has failed.
 */
#include <mabeam/coordination.h>

#include <errno.h>

#include <sup/sup.h>

#include "mabeam/service.h"
#include "mabeam/sessions.h"

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "a number in a pointer");

int mab_coordination_supervisor_start(const void *options,
				      struct sup_pid *ret_pid)
{
	static const struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = MAB__SESSIONS, .reg = true,
	};

	(void)options;
	return sup_dynamic_start(&spec, ret_pid);
}

int mab__worker_start(uint64_t nr, struct sup_pid *ret_pid)
{
	const struct sup_job_spec job = {
		.size = sizeof(job), .name = "coordination",
		.run = mab__worker_run, .arg = (void *)(uintptr_t)nr,
	};
	int ret;

	ret = sup_start_job(sup_whereis(MAB__SESSIONS), &job, ret_pid);
	return ret == -ESRCH ? sup_set_error(-ENOTCONN, "%s does not run",
					     MAB__SESSIONS) : ret;
}
