/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of tasks are a directory of one task for each key. A task gets a
 * name only while ALIVE, which is asked under the directory's lock; it turns
 * ENDING before its names are taken away under the same lock, so none is left.
 */
#include "core/registry.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/seat.h"
#include "core/table.h"
#include "core/task.h"

static struct sup__directory names;

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

int sup__registry_add(const char *name, struct sup__task *t,
		      struct sup_pid *ret_holder)
{
	int ret;

	ret = sup__registry_check_name(name);
	if (ret)
		return ret;
	ret = sup__directory_add(&names, t, name, strlen(name), NULL, 0,
				 ret_holder);
	if (ret == -ENOMEM)
		return sup__error_nomem("a name");
	return ret ? sup__error_sys(ret, "name: \"%s\"", name) : 0;
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
	struct sup__key *k;

	if (!name)
		return sup__error(-EINVAL, "name: it is NULL");
	sup__lock(&sup__directory_lock);
	k = sup__directory_find(&names, name, strlen(name));
	if (k)
		sup__directory_del_locked(atomic_load(&k->first));
	sup__unlock(&sup__directory_lock);
	return k ? 0 : sup__error(-ENOENT, "name: nobody is \"%s\"", name);
}

static struct sup_pid first_under(struct sup__directory *dir, const void *key,
				  size_t len)
{
	struct sup__key *k = sup__directory_find(dir, key, len);

	return k ? atomic_load(&k->first)->pid : SUP_PID_NONE;
}

struct sup_pid sup__registry_whereis(struct sup__directory *dir,
				     const void *key, size_t len)
{
	struct sup__seat *seat = sup__seat_self();
	struct sup_pid pid;

	if (seat) {
		sup__directory_enter(seat);
		pid = first_under(dir, key, len);
		sup__directory_leave(seat);
	} else {
		sup__lock(&sup__directory_lock);
		pid = first_under(dir, key, len);
		sup__unlock(&sup__directory_lock);
	}
	return pid;
}

struct sup_pid sup_whereis(const char *name)
{
	return name ? sup__registry_whereis(&names, name, strlen(name)) :
		SUP_PID_NONE;
}
