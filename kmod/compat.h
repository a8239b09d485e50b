/* SPDX-License-Identifier: GPL-2.0-only */
/* Every difference between kernel versions that the module has to know. */
#ifndef SUP_COMPAT_H
#define SUP_COMPAT_H

#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/magic.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/task_work.h>
#include <linux/version.h>
#ifdef SUP_HAVE_EXEC_STATE
#include <linux/sched/exec_state.h>
#endif
#include <net/genetlink.h>

/*
 * Before 7.0 a probe runs with preemption off, where PREEMPT_RT allows neither
 * spinlock_t nor the slab.
 */
#define SUP_RT_UNSAFE (IS_ENABLED(CONFIG_PREEMPT_RT) && \
		       LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0))

/* Workers that the kernel makes for a process: they never run its program. */
#ifdef PF_USER_WORKER
#define SUP_PF_WORKER (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)
#else
#define SUP_PF_WORKER (PF_KTHREAD | PF_IO_WORKER)
#endif

static inline struct nlattr **sup_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* Debian exports task_work_add(), mainline does not. */
static inline int sup_task_work_add(struct callback_head *work,
				    task_work_func_t func)
{
#ifdef SUP_HAVE_TASK_WORK
	init_task_work(work, func);
	return task_work_add(current, work, TWA_NONE);
#else
	return -EOPNOTSUPP;
#endif
}

/* The number of the last exception of a task that had a fault; 0: no such. */
static inline u8 sup_task_trap(const struct task_struct *task)
{
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
	return task->thread.trap_nr;
#else
	return 0;
#endif
}

static inline bool sup_task_frozen(const struct task_struct *task)
{
#ifdef CONFIG_FREEZER
	if (READ_ONCE(task->__state) & TASK_FROZEN)
		return true;
#endif
#ifdef CONFIG_CGROUPS
	return task->frozen;
#else
	return false;
#endif
}

/* The task has an mm, and is current, or the caller holds task_lock(). */
static inline bool __sup_task_dumpable(struct task_struct *task)
{
#ifdef SUP_HAVE_EXEC_STATE
	struct task_exec_state *state;
	bool ret;

	rcu_read_lock();
	state = rcu_dereference(task->exec_state);
	ret = state && READ_ONCE(state->dumpable) == TASK_DUMPABLE_OWNER;
	rcu_read_unlock();
	return ret;
#else
	return get_dumpable(task->mm) == SUID_DUMP_USER;
#endif
}

static inline bool sup_task_dumpable(struct task_struct *task)
{
	bool ret;

	task_lock(task);
	ret = task->mm && __sup_task_dumpable(task);
	task_unlock(task);
	return ret;
}

/*
 * What might be the struct pid of a pidfd: the layout is private to the
 * kernel. The caller proves it before use.
 */
static inline const void *sup_pidfd_guess(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	if (file_inode(file)->i_sb->s_magic != PID_FS_MAGIC)
		return NULL;
	return file_inode(file)->i_private;
#else
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol(name, (unsigned long)file->f_op);
	if (!str_has_prefix(name, "pidfd_fops+0x0/"))
		return NULL;
	return file->private_data;
#endif
}

#endif
