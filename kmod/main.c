// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading. */
#include "sup.h"

#include "compat.h"

struct workqueue_struct *sup_wq;

static int __init sup_init(void)
{
	int ret;

	if (SUP_RT_UNSAFE) {
		pr_err("PREEMPT_RT needs a kernel from 7.0 on\n");
		return -EOPNOTSUPP;
	}
	sup_wq = alloc_workqueue("sup", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!sup_wq)
		return -ENOMEM;
	ret = sup_task_init();
	if (ret)
		goto destroy_wq;
	sup_group_init();
	ret = sup_record_init();
	if (ret)
		goto destroy_wq;
	ret = sup_member_init();
	if (ret)
		goto exit_record;
	ret = sup_owner_init();
	if (ret)
		goto exit_member;
	/* ORDER: requests come from here on, so everything else is ready. */
	ret = genl_register_family(&sup_family);
	if (ret)
		goto exit_owner;
	sup_debugfs_init();
	return 0;

exit_owner:
	sup_owner_exit();
exit_member:
	sup_member_exit();
exit_record:
	sup_record_exit();
destroy_wq:
	destroy_workqueue(sup_wq);
	return ret;
}

/*
 * Each group holds the module, until its last reference is gone. So there is
 * no group, member or record here, and what remains is code of ours that is
 * about to return: in probes, the softirq, the works, task works and RCU
 * callbacks. Each is waited for, in the order in which one leads to another.
 */
static void __exit sup_exit(void)
{
	sup_debugfs_exit();
	genl_unregister_family(&sup_family);
	sup_owner_exit();
	sup_hooks_exit();
	sup_exit_drain();
	destroy_workqueue(sup_wq);
	/* A task work that has put the last reference, and not yet returned. */
	synchronize_rcu_tasks();
	sup_member_exit();
	sup_record_exit();
	sup_group_exit();
	sup_task_exit();
}

module_init(sup_init);
module_exit(sup_exit);

MODULE_DESCRIPTION("Groups of tasks, and records of their ends");
MODULE_VERSION(SUP_VERSION);
MODULE_LICENSE("GPL");
