/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AgentSupervisor is a dynamic supervisor and nothing more. A child's arg
 * is the key of its run, a number: nobody owns it, so whoever is killed between
 * the drawing of a key and the start of the child leaves nothing behind. That
 * there is one run of an agent at most is decided on the AgentSupervisor's
 * thread, where starts come one after the other. None of them takes long: an
 * agent's init runs when the child is there, and who wants to know what came of
 * it asks the agent itself.
 */
#include <mabeam/agent_supervisor.h>

#include <errno.h>
#include <stdio.h>

#include <sup/sup.h>

#include "mabeam/agent_host.h"
#include "mabeam/agent_pipe.h"
#include "mabeam/agent_start.h"
#include "mabeam/agent_wire.h"
#include "mabeam/agents.h"
#include "mabeam/service.h"

#define ORPHAN_MS 5000

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "a key in a pointer");

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
	ret = sup_server_start(&spec, ret_pid);
	return mab__life_begun(key, ret, *ret_pid);
}

static void end_run(void *arg)
{
	mab__run_over((uintptr_t)arg);
}

static struct sup_child_spec child_of(const char *id)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = id,
		.start = start_life, .free_arg = end_run,
	};
}

/* Takes over what one that was killed had. */
static void adopt_runs(struct sup_pid supervisor)
{
	char id[MAB_NAME_MAX + 1];
	struct sup_child_spec child = child_of(id);
	struct sup_pid pid;
	uint64_t key;
	int ret = 0;

	/* If that one is killed, too, it is for the next. */
	while (ret != -ESRCH &&
	       mab__run_adopt(supervisor, id, &key, &child)) {
		child.arg = (void *)(uintptr_t)key;
		ret = sup_start_child(supervisor, &child, &pid);
		if (ret && ret != -ESRCH)
			mab__run_lost(key, ret);
	}
}

int mab_agent_supervisor_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = MAB__AGENTS, .reg = true,
	};
	int ret;

	(void)options;
	ret = sup_dynamic_start(&spec, ret_pid);
	if (ret)
		return ret;
	mab__supervisor_is_up();
	adopt_runs(*ret_pid);
	return 0;
}

static int begin(struct mab__start *s)
{
	struct sup_child_spec child = child_of(s->id);
	int ret;

	s->supervisor = sup_whereis(MAB__AGENTS);
	ret = mab__run_draw(s->id, &s->key, &child);
	if (ret)
		return ret;
	child.arg = (void *)(uintptr_t)s->key;
	ret = sup_start_child(s->supervisor, &child, &s->pid);
	return ret != -ESRCH ? ret : sup_set_error(-ENOTCONN, "%s does not run",
						   MAB__AGENTS);
}

int mab__start_begin(const char *id, struct mab__start *ret_start)
{
	int ret;

	ret_start->id = id;
	/* Somebody else has started it meanwhile: look again. */
	do
		ret = begin(ret_start);
	while (ret == SUP_IGNORE);
	return ret;
}

int mab__start_await(const struct mab__start *s)
{
	const struct sup_msg msg = { .tag = MAB__IS_UP };
	struct sup_msg reply;
	char text[256];
	int ret;

	ret = sup_call(s->pid, &msg, &reply, NULL, SUP_FOREVER);
	if (!ret)
		sup_msg_free(&reply);
	if (ret != -EPIPE)
		return ret;
	mab__agents_settle(s->id);
	ret = mab__start_result(s->id, s->key);
	if (!ret)
		return 0;
	/* It would let it go by itself, when it would start it again. */
	snprintf(text, sizeof(text), "%s", sup_error());
	sup_terminate_child_pid(s->supervisor, s->pid);
	return sup_set_error(ret, "%s", text);
}

int mab_agent_start(const char *id, struct sup_pid *ret_pid)
{
	struct mab__start s;
	int ret;

	ret = mab__check_name("id", id);
	if (!ret)
		ret = mab__start_begin(id, &s);
	if (!ret)
		ret = mab__start_await(&s);
	if (!ret && ret_pid)
		*ret_pid = s.pid;
	return ret;
}

/* Its supervisor has been killed, which ends it, too. */
static void await_orphan(struct sup_pid pid)
{
	if (sup_wait(pid, NULL, sup_deadline_ms(ORPHAN_MS)) == -ETIMEDOUT &&
	    !sup_kill(pid, SUP_TRY))
		sup_wait(pid, NULL, SUP_FOREVER);
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
			await_orphan(pid);
		if (!ret || ret == -ESRCH)
			mab__pipe_await_end(id);
		/* What has become of it, as long as we are who waited. */
		mab__agents_settle(id);
		if (ret == -ESRCH)
			ret = mab__run_is_over(id) ? 0 : -ENOENT;
		mab__run_stop_over(id);
		/* It has ended, or been restarted, meanwhile: look again. */
	} while (ret == -ENOENT);
	return ret;
}
