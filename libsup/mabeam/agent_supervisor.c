/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AgentSupervisor is a dynamic supervisor and nothing more. A child's arg
 * is the key of its run, a number: nobody owns it, so whoever is killed between
 * the drawing of a key and the start of the child leaves nothing behind. That
 * there is one run of an agent at most is decided on the AgentSupervisor's
 * thread, where starts come one after the other.
 */
#include <mabeam/agent_supervisor.h>

#include <errno.h>

#include <sup/sup.h>

#include "mabeam/agent_host.h"
#include "mabeam/agents.h"
#include "mabeam/service.h"

#define ORPHAN_MS 5000

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "a key in a pointer");

int mab_agent_supervisor_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = MAB__AGENTS, .reg = true,
	};

	(void)options;
	return sup_dynamic_start(&spec, ret_pid);
}

/* A child's start: on the AgentSupervisor's thread. */
static int start_life(const void *arg, struct sup_pid *ret_pid)
{
	uint64_t key = (uintptr_t)arg;
	struct mab__life life;
	struct sup_server_spec spec = {
		.size = sizeof(spec), .name = life.id, .ops = &mab__host_ops,
		.arg = (void *)arg,
	};
	int ret;

	ret = mab__life_begin(key, &life);
	if (ret)
		return ret;
	spec.mailbox = life.mailbox;
	spec.containment = life.containment;
	spec.awaits_ready = life.awaits_ready;
	ret = sup_server_start(&spec, ret_pid);
	return mab__life_begun(key, ret, *ret_pid);
}

static void end_run(void *arg)
{
	mab__run_over((uintptr_t)arg);
}

int mab_agent_start(const char *id, struct sup_pid *ret_pid)
{
	struct sup_child_spec child = {
		.size = sizeof(child), .id = id, .start = start_life,
		.free_arg = end_run,
	};
	struct sup_pid pid;
	uint64_t key;
	int ret;

	ret = mab__check_name("id", id);
	if (!ret)
		ret = mab__run_draw(id, &key, &child);
	if (ret)
		return ret;
	child.arg = (void *)(uintptr_t)key;
	ret = sup_start_child(sup_whereis(MAB__AGENTS), &child, &pid);
	if (ret == SUP_IGNORE)
		return sup_set_error(-ECANCELED, "the agent \"%s\" has "
				     "declined", id);
	if (!ret && ret_pid)
		*ret_pid = pid;
	if (ret == -ESRCH)
		return sup_set_error(-ENOTCONN, "%s does not run", MAB__AGENTS);
	return ret;
}

/* Its supervisor has been killed, which ends it, too. */
static int stop_orphan(struct sup_pid pid)
{
	if (sup_wait(pid, NULL, sup_deadline_ms(ORPHAN_MS)) == -ETIMEDOUT)
		sup_kill(pid, SUP_TRY);
	return -ENOENT;
}

/* Its task has been killed: it may still be on its way out. */
static void wait_for_process(const char *id)
{
	struct sup_pid process = mab__process_of(id);

	if (process.v && !sup_kill(process, SUP_FOREVER))
		sup_wait(process, NULL, SUP_FOREVER);
}

int mab_agent_stop(const char *id)
{
	struct sup_pid pid, supervisor;
	int ret;

	ret = mab__check_name("id", id);
	if (ret)
		return ret;
	do {
		ret = mab__run_stop(id, &pid, &supervisor);
		if (ret)
			return ret;
		ret = sup_terminate_child_pid(supervisor, pid);
		if (ret == -ESRCH)
			ret = stop_orphan(pid);
		if (!ret)
			wait_for_process(id);
		/* What has become of it, as long as we are who waited. */
		mab__agents_settle(id);
		mab__run_stop_over(id);
		/* It has ended, or been restarted, meanwhile: look again. */
	} while (ret == -ENOENT);
	return ret;
}
