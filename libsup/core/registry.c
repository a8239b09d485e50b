/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash of names under one lock, each entry also in a list of its task. A
 * task gets a name only while ALIVE, which is asked under the lock; it turns
 * ENDING before its names are taken away under the same lock, so none is left.
 *
 * Lock order: the registry's lock is a leaf.
 */
#include "core/registry.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/lock.h"
#include "core/table.h"
#include "core/task.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup__alloc(size)
#define uthash_free(p, size) sup__free(p)
#define uthash_nonfatal_oom(entry) ((entry)->task = NULL)
#include <uthash.h>

struct sup__name {
	UT_hash_handle hh;
	struct sup__task *task;
	struct sup_pid pid;
	struct sup__name *next, **at;	/* of the task */
	char name[SUP_NAME_MAX + 1];
};

static struct sup__lock lock = SUP__LOCK_INIT;
static struct sup__name *names;

int sup__registry_check_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len)
		return sup__error(-EINVAL, "name: it is empty");
	if (len > SUP_NAME_MAX)
		return sup__error(-ENAMETOOLONG, "name: \"%.16s...\" has more "
				  "than %d bytes", name, SUP_NAME_MAX);
	return 0;
}

static int add_locked(struct sup__name *n, struct sup__task *t,
		      struct sup_pid *ret_holder)
{
	struct sup__name *other;

	sup__assert_held(&lock);
	if (atomic_load(&t->state) != SUP__TASK_ALIVE)
		return -ESRCH;
	HASH_FIND_STR(names, n->name, other);
	if (other) {
		*ret_holder = other->pid;
		return -EEXIST;
	}
	n->task = t;
	n->pid.v = atomic_load(&t->pid);
	HASH_ADD_STR(names, name, n);
	if (!n->task)
		return -ENOMEM;
	n->next = t->names;
	if (n->next)
		n->next->at = &n->next;
	n->at = &t->names;
	t->names = n;
	return 0;
}

static void del_locked(struct sup__name *n)
{
	sup__assert_held(&lock);
	*n->at = n->next;
	if (n->next)
		n->next->at = n->at;
	HASH_DEL(names, n);
}

int sup__registry_add(const char *name, struct sup__task *t,
		      struct sup_pid *ret_holder)
{
	struct sup__name *n;
	int ret;

	ret = sup__registry_check_name(name);
	if (ret)
		return ret;
	n = sup__zalloc(sizeof(*n));
	if (!n)
		return sup__error_nomem("a name");
	memcpy(n->name, name, strlen(name) + 1);
	sup__lock(&lock);
	ret = add_locked(n, t, ret_holder);
	sup__unlock(&lock);
	if (!ret)
		return 0;
	sup__free(n);
	return sup__error_sys(ret, "name: \"%s\"", name);
}

int sup_register(const char *name, struct sup_pid pid)
{
	struct sup__task *t = sup__task_get(pid);
	struct sup_pid holder;
	int ret;

	if (!t)
		return sup__error(-ESRCH, "pid: no such task");
	ret = sup__registry_add(name, t, &holder);
	sup__task_put(t);
	return ret;
}

int sup_unregister(const char *name)
{
	struct sup__name *n = NULL;

	if (!name)
		return sup__error(-EINVAL, "name: it is NULL");
	sup__lock(&lock);
	HASH_FIND_STR(names, name, n);
	if (n)
		del_locked(n);
	sup__unlock(&lock);
	if (!n)
		return sup__error(-ENOENT, "name: nobody is \"%s\"", name);
	sup__free(n);
	return 0;
}

struct sup_pid sup_whereis(const char *name)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct sup__name *n;

	if (!name)
		return pid;
	sup__lock(&lock);
	HASH_FIND_STR(names, name, n);
	if (n)
		pid = n->pid;
	sup__unlock(&lock);
	return pid;
}

void sup__registry_task_ending(struct sup__task *t)
{
	struct sup__name *n;

	do {
		sup__lock(&lock);
		n = t->names;
		if (n)
			del_locked(n);
		sup__unlock(&lock);
		sup__free(n);
	} while (n);
}
