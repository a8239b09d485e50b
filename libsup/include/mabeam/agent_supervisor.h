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
 * Starts it, without children: a child's start function, as
 * sup_dynamic_start(). options is NULL. -EEXIST it runs; as
 * sup_dynamic_start() otherwise.
 */
SUP_API int mab_agent_supervisor_start(const void *options,
				       struct sup_pid *ret_pid);

/*
 * Starts a registered agent, and waits until its init has returned. ret_pid may
 * be NULL. There never are two of one agent. Errors: -ENOENT no such agent;
 * -EALREADY it runs, or is to be restarted; -ENOTCONN the AgentSupervisor does
 * not run; -ECANCELED its init has declined; what its init returned; -EDEADLK
 * from the thread of the AgentSupervisor, or of an agent that it starts or
 * stops; -EINVAL; -ENAMETOOLONG; -EAGAIN; -ENOMEM.
 */
SUP_API int mab_agent_start(const char *id, struct sup_pid *ret_pid);

/*
 * Stops it: asks it to end, waits, after its shutdown_ms kills it, and waits
 * for that. It is not started again. Errors: -ENOENT no such agent; -ESRCH it
 * does not run, nor is it to be restarted; -EDEADLK, as mab_agent_start();
 * -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_agent_stop(const char *id);

#ifdef __cplusplus
}
#endif

#endif
