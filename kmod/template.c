// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spawn templates: a member, with its record and the user's quota, that waits
 * for the next task its thread makes. In the table under that thread, and in a
 * list of its group, which the end of the group and of its owner empty. Only
 * the thread itself puts its key into the table and, but for that, takes it
 * out; of two who want it gone the one who sets taken has it. The exit probe
 * of the thread is the last to look, so the key needs no pin on the task.
 */
#include "sup.h"

/* How many there are: a fork without any looks no further. */
static atomic_t armed;

static bool take(struct sup_template *template)
{
	return !atomic_xchg(&template->taken, 1);
}

/* Out of the table and the list; by who has taken it. */
static void unlink(struct sup_template *template)
{
	struct sup_group *group = template->member->group;

	sup_key_del(&template->key);
	spin_lock_bh(&group->lock);
	list_del(&template->node);
	spin_unlock_bh(&group->lock);
	atomic_dec(&armed);
	kfree_rcu(template, rcu);
}

/* The quota is no template's any more: it is the member's, or goes back. */
void sup_template_uncount_locked(struct sup_member *member)
{
	struct sup_group *group = member->group;

	lockdep_assert_held(&group->lock);
	member->charged = false;
	group->n_templates--;
	if (member->lineage)
		group->n_child_templates--;
}

/* The member of a template that was taken, and will not be born. */
void sup_template_discard(struct sup_member *member)
{
	struct sup_group *group = member->group;

	spin_lock_bh(&group->lock);
	if (member->charged) {
		sup_template_uncount_locked(member);
		sup_user_uncharge_member(group->user);
	}
	spin_unlock_bh(&group->lock);
	sup_member_put(member);
}

static struct sup_template *find(const struct task_struct *task)
{
	struct sup_key *key = sup_key_next(NULL, task, SUP_KEY_TEMPLATE);

	return key ? container_of(key, struct sup_template, key) : NULL;
}

/*
 * The member that waits for a task of this kind, with its reference and quota,
 * or NULL. In the fork probe: RCU read side.
 */
struct sup_member *sup_template_take(struct task_struct *task, u8 kind)
{
	struct sup_template *template;
	struct sup_member *member;

	if (!atomic_read(&armed))
		return NULL;
	template = find(task);
	if (!template || template->member->kind != kind || !take(template))
		return NULL;
	member = template->member;
	unlink(template);
	return member;
}

static bool drop(struct sup_template *template)
{
	struct sup_member *member = template->member;

	if (!take(template))
		return false;
	unlink(template);
	sup_template_discard(member);
	return true;
}

/* At exec and exit, and before another is set. */
void sup_template_drop(struct task_struct *task)
{
	struct sup_template *template;

	if (!atomic_read(&armed))
		return;
	rcu_read_lock();
	template = find(task);
	if (template)
		drop(template);
	rcu_read_unlock();
}

enum drop { NONE, DROPPED, IS_TAKEN };

static enum drop drop_first(struct sup_group *group)
{
	struct sup_template *template;
	enum drop ret = NONE;

	rcu_read_lock();
	spin_lock_bh(&group->lock);
	template = list_first_entry_or_null(&group->templates,
					    struct sup_template, node);
	spin_unlock_bh(&group->lock);
	if (template)
		ret = drop(template) ? DROPPED : IS_TAKEN;
	rcu_read_unlock();
	return ret;
}

/* The group has lost its owner, or ends. May sleep. */
void sup_template_drop_all(struct sup_group *group)
{
	enum drop ret;

	while ((ret = drop_first(group)) != NONE) {
		/*
		 * Who has taken it is about to take it off the list, but may
		 * wait for a CPU before that, where probes are preemptible.
		 */
		if (ret == IS_TAKEN)
			schedule_timeout_uninterruptible(1);
		cond_resched();
	}
}

static int arm(struct sup_group *group, struct sup_template *template)
{
	int ret = 0;

	lockdep_assert_held(&sup_owner_mutex);
	if (template->member->lineage && sup_owner_is_apart(group))
		return -EBUSY;
	if (template->member->lineage && sup_group_is_over(group, NULL))
		return -ESTALE;
	spin_lock_bh(&group->lock);
	if (!sup_owner_is_caller_locked(group))
		ret = -ENOENT;
	else if (!sup_group_charge_locked(group))
		ret = -EDQUOT;
	if (!ret) {
		template->member->charged = true;
		group->n_templates++;
		if (template->member->lineage)
			group->n_child_templates++;
		list_add(&template->node, &group->templates);
		atomic_inc(&armed);
		sup_key_add(&template->key, false);
	}
	spin_unlock_bh(&group->lock);
	return ret;
}

/*
 * For the calling thread, by the owner. -ENOMEM, -EDQUOT, -ENOENT; for a
 * process also -EBUSY if the owner is a member elsewhere, and -ESTALE if the
 * lineage that made the group is over.
 */
int sup_template_set(struct sup_group *group, u8 kind, u64 cookie)
{
	struct sup_template *template;
	struct sup_member *member;
	int ret = -ENOMEM;

	sup_template_drop(current);
	template = kzalloc(sizeof(*template), GFP_KERNEL_ACCOUNT);
	if (!template)
		return ret;
	member = sup_member_new(group, kind, NULL, cookie,
				GFP_KERNEL_ACCOUNT);
	ret = PTR_ERR_OR_ZERO(member);
	if (ret)
		goto free_template;
	member->by_template = true;
	template->member = member;
	template->key.key = current;
	template->key.type = SUP_KEY_TEMPLATE;
	mutex_lock(&sup_owner_mutex);
	ret = arm(group, template);
	mutex_unlock(&sup_owner_mutex);
	if (!ret)
		return 0;
	sup_member_put(member);
free_template:
	kfree(template);
	return ret;
}

/* -ENOENT if the calling thread has none for this group. */
int sup_template_clear(struct sup_group *group)
{
	struct sup_template *template;
	int ret = -ENOENT;

	rcu_read_lock();
	template = find(current);
	if (template && template->member->group == group && drop(template))
		ret = 0;
	rcu_read_unlock();
	return ret;
}
