// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints: there while there are groups, and for a while after.
 *
 * Registering patches code and waits for readers, so a loop of making and
 * ending groups must not do it each time: hooks go when the last group has been
 * gone for unhook_delay. With hooks but no group, a probe reads one counter.
 *
 * From 7.x a probe runs preemptible and outside of RCU; those before run with
 * preemption off. What is called here takes rcu_read_lock() itself, and never
 * sleeps.
 */
#include "sup.h"

#include <linux/moduleparam.h>
#include <linux/tracepoint.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>

static unsigned int unhook_delay = 60;
module_param(unhook_delay, uint, 0644);
MODULE_PARM_DESC(unhook_delay,
		 "Seconds that hooks stay after the last group (60)");

static DEFINE_MUTEX(mutex);
static bool hooked;		/* under mutex */
module_param(hooked, bool, 0444);
MODULE_PARM_DESC(hooked, "Whether the hooks are there now");
static unsigned int users;	/* groups; changed under mutex */

static bool unused(void)
{
	return !READ_ONCE(users);
}

static void probe_fork(void *data, struct task_struct *parent,
		       struct task_struct *child)
{
	if (!unused())
		sup_on_fork(parent, child);
}

#ifdef SUP_HAVE_GROUP_DEAD
static void probe_exit(void *data, struct task_struct *task, bool group_dead)
{
	if (!unused())
		sup_on_exit(task, group_dead);
}
#else
static void probe_exit(void *data, struct task_struct *task)
{
	if (!unused())
		sup_on_exit(task, !atomic_read(&task->signal->live));
}
#endif

static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	if (!unused())
		sup_on_exec(task, old_pid);
}

static void probe_signal(void *data, int sig, struct kernel_siginfo *info,
			 struct task_struct *task, int group, int result)
{
	if (!unused() && (result == TRACE_SIGNAL_DELIVERED ||
			  result == TRACE_SIGNAL_LOSE_INFO))
		sup_on_signal(sig, info, task);
}

/* A kernel in which these differ does not compile. */
static void __maybe_unused check_types(void)
{
	check_trace_callback_type_sched_process_fork(probe_fork);
	check_trace_callback_type_sched_process_exit(probe_exit);
	check_trace_callback_type_sched_process_exec(probe_exec);
	check_trace_callback_type_signal_generate(probe_signal);
}

static struct hook {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
} hooks[] = {
	/* ORDER: exits first, so that no member is born and then missed. */
	{ "sched_process_exit", probe_exit },
	{ "signal_generate", probe_signal },
	{ "sched_process_exec", probe_exec },
	{ "sched_process_fork", probe_fork },
};

static void find(struct tracepoint *tracepoint, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(tracepoint->name, hooks[i].name))
			hooks[i].tracepoint = tracepoint;
}

static void unregister(int n)
{
	while (n--)
		tracepoint_probe_unregister(hooks[n].tracepoint,
					    hooks[n].probe, NULL);
	tracepoint_synchronize_unregister();
}

static int hook(void)
{
	int i, ret;

	for_each_kernel_tracepoint(find, NULL);
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		ret = -ENOENT;
		if (hooks[i].tracepoint)
			ret = tracepoint_probe_register(hooks[i].tracepoint,
							hooks[i].probe, NULL);
		if (ret) {
			pr_err("tracepoint %s: %d\n", hooks[i].name, ret);
			unregister(i);
			return ret;
		}
	}
	hooked = true;
	return 0;
}

static void unhook_work(struct work_struct *work)
{
	mutex_lock(&mutex);
	if (hooked && !users) {
		unregister(ARRAY_SIZE(hooks));
		hooked = false;
	}
	mutex_unlock(&mutex);
}

static DECLARE_DELAYED_WORK(unhook, unhook_work);

/* For each group; may sleep. */
int sup_hooks_get(void)
{
	int ret = 0;

	mutex_lock(&mutex);
	if (!hooked)
		ret = hook();
	if (!ret)
		WRITE_ONCE(users, users + 1);
	mutex_unlock(&mutex);
	return ret;
}

void sup_hooks_put(void)
{
	mutex_lock(&mutex);
	WRITE_ONCE(users, users - 1);
	if (!users)
		mod_delayed_work(sup_wq, &unhook,
				 (unsigned long)unhook_delay * HZ);
	mutex_unlock(&mutex);
}

/* There are no groups any more, and none can be made. */
void sup_hooks_exit(void)
{
	cancel_delayed_work_sync(&unhook);
	mutex_lock(&mutex);
	if (hooked)
		unregister(ARRAY_SIZE(hooks));
	hooked = false;
	mutex_unlock(&mutex);
}
