/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AgentSupervisor: a dynamic supervisor, whose children are the agents that
 * run. It has no callbacks: who starts and stops agents calls these, on any
 * thread. All are safe points.
 */
#ifndef MABEAM_AGENT_SUPERVISOR_H
#define MABEAM_AGENT_SUPERVISOR_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts it: a child's start function, as sup_dynamic_start(). options is NULL.
 * It begins without children, but for permanent and transient agents that ran
 * under one that was killed: it starts them again. -EEXIST it runs; as
 * sup_dynamic_start() otherwise.
 */
SUP_API int mab_agent_supervisor_start(const void *options,
				       struct sup_pid *ret_pid);

/*
 * Starts a registered agent, and waits until its start is over: its init has
 * returned, or a program is ready. Nobody else's start waits for that. ret_pid
 * may be NULL. There never are two of one agent. Errors: -ENOENT no such agent;
 * -EALREADY it runs, starts, or is to be restarted; -ENOTCONN the
 * AgentSupervisor does not run; -ECANCELED its init has declined; what its init
 * returned; -ECHILD it has ended before its start was over; -EDEADLK from the
 * thread of the AgentSupervisor, or of a task that the agent waits for, and it
 * may come up all the same; -EINVAL; -ENAMETOOLONG; -EAGAIN; -ENOMEM.
 */
SUP_API int mab_agent_start(const char *id, struct sup_pid *ret_pid);

/*
 * Stops it: asks it to end, waits, after its shutdown_ms kills it, and waits
 * for that. It is not started again. Errors: -ENOENT no such agent; -ESRCH it
 * does not run, nor is it to be restarted; -EDEADLK from the thread of the
 * AgentSupervisor, or of the agent; -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_agent_stop(const char *id);

#ifdef __cplusplus
}
#endif

#endif
