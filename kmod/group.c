// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: made, found, counted, ended.
 *
 * A group is in the table of groups from its making to its end, and the table
 * holds a reference. After the end its memory stays while members are on their
 * way out, lineages or subgroups hold it; these only walk up through it. The
 * last reference may be put anywhere, so a work frees it; the module cannot be
 * unloaded before that work has run.
 *
 * What comes in atomic context and wants a context that can sleep (an owner's
 * death, the last exit of a closing group) sets a bit in due and queues work.
 */
#include "sup.h"

#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/random.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "compat.h"

/* By what an id is above ids_from: small indices keep it flat. */
static DEFINE_XARRAY(groups);
static atomic64_t last_id;
static u64 ids_from;

static u64 index_of(u64 id)
{
	return id - ids_from;
}

bool sup_group_get(struct sup_group *group)
{
	return refcount_inc_not_zero(&group->ref);
}

static void free_work(struct work_struct *work)
{
	struct sup_group *group = container_of(work, struct sup_group, work);

	if (group->plineage)
		sup_lineage_put(group->plineage);
	if (group->parent)
		sup_group_put(group->parent);
	if (group->pidns)
		put_pid_ns(group->pidns);
	if (group->cred)
		put_cred(group->cred);
	if (group->user)
		sup_user_put(group->user);
	__skb_queue_purge(&group->outbox);
	if (group->page)
		put_page(group->page);
	kfree_rcu(group, rcu);
	sup_hooks_put();
	module_put(THIS_MODULE);
}

void sup_group_put(struct sup_group *group)
{
	if (!refcount_dec_and_test(&group->ref))
		return;
	/* No work is pending: it would hold a reference. */
	INIT_WORK(&group->work, free_work);
	queue_work(sup_wq, &group->work);
}

void sup_group_due(struct sup_group *group, enum sup_due due)
{
	set_bit(due, &group->due);
	if (sup_group_get(group) && !queue_work(sup_wq, &group->work))
		sup_group_put(group);
}

static void due_work(struct work_struct *work)
{
	struct sup_group *group = container_of(work, struct sup_group, work);

	if (test_and_clear_bit(SUP_DUE_FATAL, &group->due))
		sup_kill_dead(group);
	if (test_and_clear_bit(SUP_DUE_ORPHAN, &group->due))
		sup_owner_orphan(group);
	if (test_and_clear_bit(SUP_DUE_CLOSE, &group->due))
		sup_close_retained(group);
	if (test_and_clear_bit(SUP_DUE_END, &group->due))
		sup_group_end(group);
	sup_group_put(group);
}

static void grace_work(struct work_struct *work)
{
	struct sup_group *group = container_of(to_delayed_work(work),
					       struct sup_group, grace);

	sup_close_expired(group);
	sup_group_put(group);
}

static void retry_work(struct work_struct *work)
{
	struct sup_group *group = container_of(to_delayed_work(work),
					       struct sup_group, retry);

	sup_deliver(group, GFP_KERNEL);
	sup_group_put(group);
}

/* Takes back one of the group's delayed works, with its reference. */
void sup_group_cancel(struct sup_group *group, struct delayed_work *work)
{
	if (cancel_delayed_work(work))
		sup_group_put(group);
}

/*
 * A delayed work is queued with a reference, which was pending already if it
 * was. What has ended is not held by a timer: the end is marked, then works are
 * taken back; here one is queued, then the mark looked at.
 */
static void queued(struct sup_group *group, struct delayed_work *work,
		   bool already)
{
	if (already)
		sup_group_put(group);
	/* Pairs with the barrier in sup_group_end(). */
	smp_mb();
	if (READ_ONCE(group->ended))
		sup_group_cancel(group, work);
}

/* Queues one of the group's delayed works, if it is not. Also under siglock. */
void sup_group_later(struct sup_group *group, struct delayed_work *work,
		     unsigned long delay)
{
	if (sup_group_get(group))
		queued(group, work, !queue_delayed_work(sup_wq, work, delay));
}

/* The same, instead of the one that is set. */
void sup_group_sooner(struct sup_group *group, struct delayed_work *work,
		      unsigned long delay)
{
	if (sup_group_get(group))
		queued(group, work, mod_delayed_work(sup_wq, work, delay));
}

/* Whether there is, or may come, somebody to be told. */
bool sup_group_tells_locked(const struct sup_group *group)
{
	lockdep_assert_held(&group->lock);
	return !group->ended && group->state != SUP_GROUP_STATE_CLOSING;
}

/* Takes the quota of a member and its record, of the group and of its user. */
bool sup_group_charge_locked(struct sup_group *group)
{
	lockdep_assert_held(&group->lock);
	return group->processes + group->threads + group->n_templates +
	       group->exits < group->max_records &&
	       sup_user_charge_member(group->user);
}

/* A group is seen in its network namespace, as soon as it is complete. */
bool sup_group_in(const struct sup_group *group, const struct net *net)
{
	/* Pairs with the release in make(). */
	return smp_load_acquire(&group->net) == net;
}

/* True from the end of its making on, also after the end of its namespace. */
bool sup_group_is_complete(const struct sup_group *group)
{
	/* Pairs with the release in make(). */
	return smp_load_acquire(&group->complete);
}

/* Returns a reference, or NULL. */
struct sup_group *sup_group_lookup(struct net *net, u64 id)
{
	struct sup_group *group;
	u64 index = index_of(id);

	rcu_read_lock();
	group = index <= ULONG_MAX ? xa_load(&groups, index) : NULL;
	if (group && (!sup_group_in(group, net) || !sup_group_get(group)))
		group = NULL;
	rcu_read_unlock();
	return group;
}

/* The first group with an id above *id, with a reference; *id is moved. */
struct sup_group *sup_group_next(u64 *id)
{
	unsigned long index = *id ? index_of(*id) : 0;
	struct sup_group *group;

	rcu_read_lock();
	do {
		group = xa_find_after(&groups, &index, ULONG_MAX, XA_PRESENT);
	} while (group && !sup_group_get(group));
	rcu_read_unlock();
	if (group)
		*id = group->id;
	return group;
}

static struct sup_group *alloc_group(const struct sup_group_spec *spec)
{
	struct sup_group *group;

	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;
	refcount_set(&group->ref, 1);
	group->policy = spec->policy;
	group->grace_ms = spec->grace_ms;
	group->stuck_ms = spec->stuck_ms;
	group->max_records = spec->max_records;
	group->fatal = spec->fatal;
	group->state = SUP_GROUP_STATE_OWNED;
	spin_lock_init(&group->lock);
	INIT_LIST_HEAD(&group->members);
	INIT_LIST_HEAD(&group->lineages);
	INIT_LIST_HEAD(&group->records);
	INIT_LIST_HEAD(&group->templates);
	INIT_LIST_HEAD(&group->observers);
	__skb_queue_head_init(&group->outbox);
	INIT_WORK(&group->work, due_work);
	INIT_DELAYED_WORK(&group->grace, grace_work);
	INIT_DELAYED_WORK(&group->retry, retry_work);
	INIT_DELAYED_WORK(&group->watch, sup_watch_work);
	return group;
}

/* A new group's parent is, for ever, the group of its creator. */
static void set_parent(struct sup_group *group)
{
	struct sup_member *member;

	rcu_read_lock();
	member = sup_member_of(current->signal, SUP_KEY_PROCESS);
	if (member && sup_lineage_get(member->lineage)) {
		if (sup_group_get(member->group)) {
			group->parent = member->group;
			group->plineage = member->lineage;
			group->depth = member->group->depth + 1;
		} else {
			sup_lineage_put(member->lineage);
		}
	}
	rcu_read_unlock();
}

/*
 * Into the table, which holds a reference: whoever kills an ancestor has to
 * find the group before anything can be born into it. Lookups find it once net
 * is set.
 */
static int publish(struct sup_group *group)
{
	int ret;

	group->id = atomic64_inc_return(&last_id);
	refcount_inc(&group->ref);
	ret = xa_insert(&groups, index_of(group->id), group,
			GFP_KERNEL_ACCOUNT);
	if (ret)
		refcount_dec(&group->ref);
	else if (group->parent)
		atomic_inc(&group->parent->subgroups);
	return ret;
}

static void unpublish(struct sup_group *group)
{
	if (xa_cmpxchg(&groups, index_of(group->id), group, NULL, 0) != group)
		return;
	if (group->parent)
		atomic_dec(&group->parent->subgroups);
	sup_group_put(group);
}

static int check_drain(struct netlink_ext_ack *extack)
{
	if (!sup_draining())
		return 0;
	NL_SET_ERR_MSG(extack, "the module is being drained");
	return -ESHUTDOWN;
}

static int make(const struct sup_group_spec *spec,
		const struct sup_owner_spec *owner,
		struct netlink_ext_ack *extack, struct sup_group **ret_group)
{
	struct sup_group *group;
	int ret;

	ret = check_drain(extack);
	if (ret)
		return ret;
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	ret = sup_hooks_get();
	if (ret) {
		NL_SET_ERR_MSG(extack, "cannot hook into the kernel");
		goto put_module;
	}
	group = alloc_group(spec);
	ret = -ENOMEM;
	if (!group)
		goto put_hooks;
	/* From here on the last reference puts the hooks and the module. */
	set_parent(group);
	ret = -EMLINK;
	if (group->depth >= SUP_MAX_DEPTH) {
		NL_SET_ERR_MSG(extack, "groups are nested too deeply");
		goto put_group;
	}
	ret = publish(group);
	if (ret)
		goto put_group;
	ret = sup_owner_take(group, owner, extack);
	if (ret)
		goto unpublish_group;
	/* Pairs with the acquire in sup_group_in(). */
	smp_store_release(&group->net, sock_net(owner->sk));
	/* Pairs with the acquire in sup_group_is_complete(). */
	smp_store_release(&group->complete, true);
	/* Pairs with drain.c: there the flag is set, then groups looked for. */
	smp_mb();
	ret = check_drain(extack);
	if (ret) {
		sup_group_end(group);
		goto put_group;
	}
	*ret_group = group;
	return 0;

unpublish_group:
	unpublish(group);
put_group:
	sup_group_put(group);
	return ret;
put_hooks:
	sup_hooks_put();
put_module:
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Makes a group of which the calling process is the owner, and returns a
 * reference.
 */
int sup_group_new(const struct sup_group_spec *spec,
		  const struct sup_owner_spec *owner,
		  struct netlink_ext_ack *extack, struct sup_group **ret_group)
{
	int ret;

	/* Again if the caller was attached meanwhile: it has a parent then. */
	do {
		ret = make(spec, owner, extack, ret_group);
	} while (ret == -EAGAIN);
	return ret;
}

/* The group has not ended, and the caller has a reference of its own. */
static void end(struct sup_group *group)
	__releases(&group->lock)
{
	struct sup_owner *owner = group->owner;

	WRITE_ONCE(group->ended, true);
	group->owner = NULL;
	atomic_dec(&group->user->groups);
	spin_unlock_bh(&group->lock);

	if (owner)
		sup_owner_free(owner);
	sup_template_drop_all(group);
	sup_observers_drop(group);
	sup_member_release_all(group, false);
	sup_record_purge(group);
	/* Pairs with the barrier in sup_group_later(). */
	smp_mb();
	sup_group_cancel(group, &group->grace);
	sup_group_cancel(group, &group->retry);
	sup_group_cancel(group, &group->watch);
	unpublish(group);
}

/*
 * The end: out of the table, members go free, records are forgotten. Members
 * on their way out see ended, and tell nobody. Once, whoever comes first; may
 * sleep. The caller has a reference of its own.
 */
void sup_group_end(struct sup_group *group)
{
	spin_lock_bh(&group->lock);
	if (group->ended)
		spin_unlock_bh(&group->lock);
	else
		end(group);
}

/* True if there is a group above that has not ended. */
bool sup_group_is_nested(const struct sup_group *group)
{
	for (group = group->parent; group; group = group->parent)
		if (!READ_ONCE(group->ended))
			return true;
	return false;
}

static bool is_below(const struct sup_group *sub, const struct sup_group *group)
{
	while (sub && sub != group)
		sub = sub->parent;
	return sub;
}

/*
 * The group was the last that held what was let go below it. Who lets go marks
 * his group, then looks above; here one above is marked as ended, then it is
 * looked for: with a full barrier on each side one of the two sees the other.
 */
static void end_let_go(const struct sup_group *group)
{
	struct sup_group *sub;
	u64 id = group->id;

	/* Pairs with the barrier in sup_close_released(). */
	smp_mb();
	if (!atomic_read(&group->live))
		return;
	while ((sub = sup_group_next(&id))) {
		if (is_below(sub, group) && READ_ONCE(sub->let_go) &&
		    !sup_group_is_nested(sub))
			sup_group_end(sub);
		sup_group_put(sub);
		cond_resched();
	}
}

/*
 * The end that the owner asks for. -ENOENT if it is that no more; -EBUSY while
 * members live, in subgroups too, unless they are released. To release takes
 * nothing out of the groups above.
 */
int sup_group_del(struct sup_group *group, bool release)
{
	int ret = 0;

	spin_lock_bh(&group->lock);
	if (!sup_owner_is_caller_locked(group))
		ret = -ENOENT;
	else if (!release && (atomic_read(&group->live) || group->threads))
		ret = -EBUSY;
	if (ret) {
		spin_unlock_bh(&group->lock);
		return ret;
	}
	if (group->processes && sup_group_is_nested(group)) {
		sup_close_released(group);
	} else {
		end(group);
		end_let_go(group);
	}
	return 0;
}

/*
 * True if what is born into the group or lineage has to be killed. The marks
 * are never taken back, and pair with the walk of the one who kills: he sets a
 * mark, then walks; a child is listed, then looks here; with a full barrier
 * on each side one of the two sees the other.
 */
bool sup_group_dying(const struct sup_group *group,
		     const struct sup_lineage *lineage)
{
	if (lineage && lineage->id <= READ_ONCE(group->dead_alone))
		return true;
	for (; group; lineage = group->plineage, group = group->parent)
		if (READ_ONCE(group->dying) ||
		    (lineage && (READ_ONCE(lineage->dying) ||
				 lineage->id <= READ_ONCE(group->dead_tree))))
			return true;
	return false;
}

/*
 * True if the lineage, or that in which the group or one above was made, was
 * told empty: then no process joins any more. Once true, it stays so.
 */
bool sup_group_is_over(const struct sup_group *group,
		       const struct sup_lineage *lineage)
{
	for (; group; lineage = group->plineage, group = group->parent)
		if (lineage && atomic_read(&lineage->live) < 0)
			return true;
	return false;
}

/*
 * Counts a process, up to the root. False if a lineage is over: who tells of
 * its end exchanges a count of 0 for SUP_OVER, so either he finds it counted,
 * or it finds itself too late. It is to be counted down in both cases.
 */
bool sup_populate(struct sup_group *group, struct sup_lineage *lineage)
{
	bool ret = true;

	for (; group; lineage = group->plineage, group = group->parent) {
		if (lineage && atomic_inc_return(&lineage->live) < 0)
			ret = false;
		atomic_inc(&group->live);
	}
	return ret;
}

static void tell_empty(struct sup_group *group, struct sup_lineage *lineage,
		       bool group_empty)
{
	spin_lock_bh(&group->lock);
	if (sup_group_tells_locked(group)) {
		/* Somebody may have joined it since. */
		if (lineage && !atomic_cmpxchg(&lineage->live, 0, SUP_OVER)) {
			/* For the list; the caller has one. */
			refcount_inc(&lineage->ref);
			lineage->empty.time = ktime_get_ns();
			sup_record_queue_locked(group, &lineage->empty);
		}
		if (group_empty) {
			group->empty_count++;
			sup_record_tell_locked(group);
		}
	}
	spin_unlock_bh(&group->lock);
	if (lineage)
		sup_fatal(group, SUP_RECORD_KIND_LINEAGE_EMPTY);
}

/*
 * The counterpart; queues what became empty on the way, and has it sent. The
 * lineage itself may be one of which nobody was ever told.
 */
void sup_unpopulate(struct sup_group *group, struct sup_lineage *lineage,
		    bool known)
{
	/* At least of the process, in its own group. */
	bool news = true;
	struct sup_lineage *empty;
	bool group_empty;

	for (; group; lineage = group->plineage, group = group->parent) {
		empty = NULL;
		if (lineage && atomic_dec_and_test(&lineage->live) && known)
			empty = lineage;
		group_empty = atomic_dec_and_test(&group->live);
		if (empty || group_empty)
			tell_empty(group, empty, group_empty);
		if (news || empty || group_empty)
			sup_deliver(group, GFP_ATOMIC);
		news = false;
		known = true;
	}
}

int sup_group_init(void)
{
	/* Above all ids that an earlier load of the module can have given. */
	ids_from = ktime_get_boottime_ns();
	atomic64_set(&last_id, ids_from);
	return 0;
}

void sup_group_exit(void)
{
	WARN_ON_ONCE(!xa_empty(&groups));
	xa_destroy(&groups);
}
