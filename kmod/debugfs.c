// SPDX-License-Identifier: GPL-2.0-only
/* A summary for people, in debugfs: /sys/kernel/debug/sup/groups. */
#include "sup.h"

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <net/sock.h>

static struct dentry *dir;

static const char *const states[] = { "owned", "retained", "closing" };

static void show_locked(struct seq_file *m, const struct sup_group *group)
{
	pid_t owner = group->owner ? task_tgid_nr(group->owner->task) : 0;

	seq_printf(m, "%llu %llu %s %s %d %u", group->id,
		   group->parent ? group->parent->id : 0,
		   group->ended ? "ended" : states[group->state],
		   group->policy == SUP_POLICY_RETAIN ? "retain" : "kill",
		   owner, __kuid_val(group->cred->euid));
	seq_printf(m, " %u %u %d %u", group->processes, group->threads,
		   atomic_read(&group->subgroups), group->n_templates);
	seq_printf(m, " %llu %llu %llu %u/%u", group->seq, group->sent,
		   group->acked, group->outstanding, group->credit);
	seq_printf(m, " %u %llu\n", group->n_observers, group->lost);
}

static int groups_show(struct seq_file *m, void *unused)
{
	struct sup_group *group;
	u64 id = 0;

	seq_puts(m, "# group parent state policy owner uid processes threads subgroups templates seq sent acked outstanding/credit observers lost\n");
	while ((group = sup_group_next(&id))) {
		if (sup_group_is_complete(group)) {
			spin_lock_bh(&group->lock);
			show_locked(m, group);
			spin_unlock_bh(&group->lock);
		}
		sup_group_put(group);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(groups);

/* Without debugfs there is none, and nothing else is missing. */
void sup_debugfs_init(void)
{
	dir = debugfs_create_dir("sup", NULL);
	debugfs_create_file("groups", 0400, dir, NULL, &groups_fops);
}

void sup_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
