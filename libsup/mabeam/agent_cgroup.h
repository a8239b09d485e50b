/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cgroup of an agent that is a program, if it is to have one. */
#ifndef SUP_MABEAM_AGENT_CGROUP_H
#define SUP_MABEAM_AGENT_CGROUP_H

#include <mabeam/agent_process.h>

/*
 * Makes it, if there is none yet, with its limits. 0 also if it is to have
 * none. -EOPNOTSUPP says why; -EINVAL the id or the path.
 */
int mab__cgroup_make(const struct mab_program *program, const char *id);

/*
 * The argv by which the program enters it before it runs, as memory of the
 * calling task; the program's own if it is to have none. NULL: no memory.
 */
const char *const *mab__cgroup_argv(const struct mab_program *program,
				    const char *id);

/* Nothing of the program is left, or it stays. */
void mab__cgroup_remove(const char *id);

#endif
