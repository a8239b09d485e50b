// SPDX-License-Identifier: GPL-2.0-only
/*
 * From tasks to what we know of them: one hash table, and who may attach whom.
 *
 * A task that has nothing to do with any group costs one look at an empty
 * bucket, and writes nothing. Keys are addresses; an object whose key is in
 * the table pins what the key points to, so that no address is there twice
 * for two things (the socket's key is no address: who finds one compares).
 * Readers use RCU: what they find may have left the table, and is freed after
 * a grace period; they take a reference that may be refused.
 */
#include "sup.h"

#include <linux/file.h>
#include <linux/hash.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "compat.h"

#define TABLE_BITS	14
#define LOCK_BITS	6

static struct hlist_head table[1 << TABLE_BITS];
static spinlock_t table_lock[1 << LOCK_BITS];
static bool pidfd_works;

static unsigned int slot_of(const void *key)
{
	return hash_ptr(key, TABLE_BITS);
}

static spinlock_t *lock_of(unsigned int slot)
{
	return &table_lock[slot & ((1 << LOCK_BITS) - 1)];
}

/* The next entry with this key and type; prev is NULL for the first. RCU. */
struct sup_key *sup_key_next(struct sup_key *prev, const void *key, u8 type)
{
	struct hlist_node *node;
	struct sup_key *k;

	if (prev)
		node = rcu_dereference(hlist_next_rcu(&prev->node));
	else
		node = rcu_dereference(hlist_first_rcu(&table[slot_of(key)]));
	for (; node; node = rcu_dereference(hlist_next_rcu(node))) {
		k = hlist_entry(node, struct sup_key, node);
		if (k->key == key && k->type == type)
			return k;
	}
	return NULL;
}

/* False if it has to be unique and is not. */
bool sup_key_add(struct sup_key *key, bool unique)
{
	unsigned int slot = slot_of(key->key);
	bool ret = false;

	rcu_read_lock();
	spin_lock_bh(lock_of(slot));
	if (!unique || !sup_key_next(NULL, key->key, key->type)) {
		hlist_add_head_rcu(&key->node, &table[slot]);
		key->hashed = true;
		ret = true;
	}
	spin_unlock_bh(lock_of(slot));
	rcu_read_unlock();
	return ret;
}

/* May be called for a key that is not there, or no more. */
void sup_key_del(struct sup_key *key)
{
	unsigned int slot = slot_of(key->key);

	spin_lock_bh(lock_of(slot));
	if (key->hashed) {
		hlist_del_rcu(&key->node);
		key->hashed = false;
	}
	spin_unlock_bh(lock_of(slot));
}

const void *sup_socket_key(const struct net *net, u32 portid)
{
	return (const void *)((unsigned long)net + portid);
}

/* The member of a process or thread. RCU; no reference. */
struct sup_member *sup_member_of(const void *key, u8 type)
{
	struct sup_key *k = sup_key_next(NULL, key, type);

	return k ? container_of(k, struct sup_member, key) : NULL;
}

/* Who owns the group that what is born to this process joins. RCU. */
struct sup_owner *sup_inheriting(const struct signal_struct *sig, u32 flag)
{
	struct sup_owner *owner;
	struct sup_key *k = NULL;

	while ((k = sup_key_next(k, sig, SUP_KEY_OWNER))) {
		owner = container_of(k, struct sup_owner, process_key);
		if (owner->flags & flag)
			return owner;
	}
	return NULL;
}

static bool same_user(const struct cred *cred, const struct cred *target)
{
	return uid_eq(cred->euid, target->uid) &&
	       uid_eq(cred->euid, target->euid) &&
	       uid_eq(cred->euid, target->suid);
}

/* Judges both the caller and who opened the socket of the request. */
int sup_task_may_attach(struct sk_buff *skb, struct task_struct *task)
{
	const struct cred *target;
	struct file *file = NETLINK_CB(skb).sk->sk_socket->file;
	int ret = 0;

	if (task->flags & SUP_PF_WORKER || is_global_init(task))
		return -EPERM;
	target = get_task_cred(task);
	if (!same_user(current_cred(), target) ||
	    !same_user(file->f_cred, target) ||
	    (!same_thread_group(current, task) && !sup_task_dumpable(task)))
		if (!netlink_ns_capable(skb, target->user_ns, CAP_KILL))
			ret = -EPERM;
	put_cred(target);
	return ret;
}

/*
 * Takes a reference to what might be a struct pid, if it is one: then it can be
 * found by the number that it says it has.
 */
static struct pid *prove_pid(const void *guess)
{
	const struct pid *pid = guess;
	struct pid *found;
	int nr;

	if (!guess || copy_from_kernel_nofault(&nr, &pid->numbers[0].nr,
					       sizeof(nr)))
		return NULL;
	rcu_read_lock();
	found = find_pid_ns(nr, &init_pid_ns);
	found = found == pid ? get_pid(found) : NULL;
	rcu_read_unlock();
	return found;
}

/*
 * Returns a reference. -EOPNOTSUPP if this kernel's pidfds are not understood;
 * -EBADF if fd is not a pidfd; -ESRCH if the process is gone.
 */
struct pid *sup_pidfd_get_pid(unsigned int fd)
{
	const void *guess;
	struct file *file;
	struct pid *pid;

	if (!pidfd_works)
		return ERR_PTR(-EOPNOTSUPP);
	file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);
	guess = sup_pidfd_guess(file);
	pid = guess ? prove_pid(guess) : ERR_PTR(-EBADF);
	fput(file);
	return pid ?: ERR_PTR(-ESRCH);
}

/* True if a pid is taken for one, something else is not, and names resolve. */
static bool pidfd_selftest(void)
{
	char name[KSYM_SYMBOL_LEN];
	struct pid *pid;
	void *other;
	bool ret;

	pid = prove_pid(task_pid(current));
	if (pid != task_pid(current))
		return false;
	put_pid(pid);
	other = kzalloc(sizeof(struct pid) + sizeof(struct upid), GFP_KERNEL);
	if (!other)
		return false;
	pid = prove_pid(other);
	kfree(other);
	if (pid) {
		put_pid(pid);
		return false;
	}
	sprint_symbol(name, (unsigned long)&init_pid_ns);
	ret = str_has_prefix(name, "init_pid_ns+0x0/");
	return ret;
}

int sup_task_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table_lock); i++)
		spin_lock_init(&table_lock[i]);
	pidfd_works = pidfd_selftest();
	if (!pidfd_works)
		pr_info("no attaching by pidfd on this kernel\n");
	return 0;
}

void sup_task_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		WARN_ON_ONCE(!hlist_empty(&table[i]));
}
