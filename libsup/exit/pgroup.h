/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is alive in a process group, and whose child: only /proc can be asked. */
#ifndef SUP_EXIT_PGROUP_H
#define SUP_EXIT_PGROUP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Calls cb with a pidfd, which is then cb's, for each living process of the
 * group but its leader. Zombies do not count, nor what we may not signal. cb
 * returns 0 to go on. Returns what cb did, or a negative errno if the group
 * cannot be read. The group's number must be held by a process that was not
 * reaped, so that it cannot be somebody else's.
 */
int sup__pgroup_members(pid_t pgid, int (*cb)(pid_t pid, int pidfd, void *arg),
			void *arg);

/*
 * True if pid is a living descendant of the process of, as far as parents tell:
 * whose parent has ended has another.
 */
bool sup__pgroup_descends(pid_t pid, pid_t of);

#endif
