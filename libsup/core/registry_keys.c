/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registries: a directory each, in a table that is never given back, so that
 * one that is looked at while it is closed is still there. A registry is
 * generation << 32 | index; it is checked before and after a look.
 *
 * What goes to users, be it to their match functions or by messages to
 * listeners, is a copy, and no lock is held then.
 *
 * Lock order: open_lock, which guards opening, closing and metadata, then the
 * directories'.
 */
#include "core/registry.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/spec.h"
#include "core/directory.h"
#include "core/harvest.h"
#include "core/table.h"
#include "core/task.h"

struct meta {
	struct meta *next;
	size_t key_len, value_len;
	unsigned char bytes[];
};

struct registry {
	struct sup__directory dir;
	_Atomic uint32_t generation;	/* odd: it is open */
	struct sup_pid *listeners;	/* stay as long as it is open */
	size_t n_listeners;

	char name[SUP_NAME_MAX + 1];	/* under open_lock */
	struct meta *metas;
};

static struct sup__lock open_lock = SUP__LOCK_INIT;
static struct registry registries[SUP_REGISTRIES_MAX];

static struct registry *get(struct sup_registry r)
{
	struct registry *reg = &registries[(uint32_t)r.v % SUP_REGISTRIES_MAX];

	if (r.v >> 32 & 1 && (uint32_t)r.v < SUP_REGISTRIES_MAX &&
	    atomic_load(&reg->generation) == r.v >> 32)
		return reg;
	sup__error(-ENOENT, "there is no such registry");
	return NULL;
}

int sup__registry_check(struct sup_registry r)
{
	return get(r) ? 0 : -ENOENT;
}

static struct sup_registry handle(const struct registry *reg)
{
	return (struct sup_registry){
		(uint64_t)atomic_load(&reg->generation) << 32 |
		(uint64_t)(reg - registries),
	};
}

/* By name; NULL: the first that is closed. */
static struct registry *find_locked(const char *name)
{
	bool open;
	size_t i;

	sup__assert_held(&open_lock);
	for (i = 0; i < SUP_REGISTRIES_MAX; i++) {
		open = atomic_load(&registries[i].generation) & 1;
		if (name ? open && !strcmp(registries[i].name, name) : !open)
			return &registries[i];
	}
	return NULL;
}

static int open_locked(const struct sup_registry_spec *spec,
		       struct sup_pid *listeners, struct registry **ret)
{
	struct registry *reg;

	sup__assert_held(&open_lock);
	if (spec->name && find_locked(spec->name))
		return sup__error(-EEXIST, "name: there is a registry \"%s\"",
				  spec->name);
	reg = find_locked(NULL);
	if (!reg)
		return sup__error(-ENOSPC, "there are %d registries",
				  SUP_REGISTRIES_MAX);
	reg->dir.duplicate = spec->duplicate;
	reg->listeners = listeners;
	reg->n_listeners = spec->n_listeners;
	strncpy(reg->name, spec->name ? spec->name : "",
		sizeof(reg->name) - 1);
	*ret = reg;
	/* Release: who gets its handle sees all of that. */
	atomic_fetch_add(&reg->generation, 1);
	return 0;
}

int sup_registry_open(const struct sup_registry_spec *opts,
		      struct sup_registry *ret_registry)
{
	struct sup_pid *listeners = NULL;
	struct sup_registry_spec spec;
	struct registry *reg = NULL;
	int ret;

	ret = sup__spec_copy(&spec, sizeof(spec), opts, "sup_registry_spec");
	if (!ret && spec.name)
		ret = sup__registry_check_name(spec.name);
	if (!ret && spec.n_listeners && !spec.listeners)
		ret = sup__error(-EINVAL, "listeners: NULL");
	if (ret)
		return ret;
	if (spec.n_listeners) {
		listeners = sup__memdup(spec.listeners, spec.n_listeners *
					sizeof(*listeners));
		if (!listeners)
			return sup__error_nomem("listeners");
	}
	sup__lock(&open_lock);
	ret = open_locked(&spec, listeners, &reg);
	if (!ret)
		*ret_registry = handle(reg);
	sup__unlock(&open_lock);
	if (ret)
		sup__free(listeners);
	return ret;
}

int sup_registry_close(struct sup_registry r)
{
	struct sup_pid *listeners = NULL;
	struct meta *m, *metas = NULL;
	struct registry *reg;

	sup__lock(&open_lock);
	reg = get(r);
	if (reg) {
		atomic_fetch_add(&reg->generation, 1);
		listeners = reg->listeners;
		metas = reg->metas;
		reg->metas = NULL;
		reg->listeners = NULL;
		reg->n_listeners = 0;
		sup__directory_clear(&reg->dir);
	}
	sup__unlock(&open_lock);
	sup__free(listeners);
	while ((m = metas)) {
		metas = m->next;
		sup__free(m);
	}
	sup__registry_forget_locks();
	return reg ? 0 : -ENOENT;
}

int sup_registry_find(const char *name, struct sup_registry *ret)
{
	struct registry *reg = NULL;

	sup__lock(&open_lock);
	if (name && name[0])
		reg = find_locked(name);
	if (reg)
		*ret = handle(reg);
	sup__unlock(&open_lock);
	return reg ? 0 : sup__error(-ENOENT, "there is no registry \"%s\"",
				    name ? name : "");
}

/* Want of memory or of room: they are left out. */
static void tell_listeners(struct registry *reg, uint64_t tag,
			   const struct sup_registry_entry *e)
{
	struct sup_registry_event *ev;
	struct sup_msg msg = { .tag = tag };
	size_t i;

	if (!reg->n_listeners)
		return;
	msg.len = sizeof(*ev) + e->key.len + e->value.len;
	ev = sup__zalloc(msg.len);
	if (!ev)
		return;
	ev->registry = handle(reg);
	ev->pid = e->pid;
	ev->key_len = e->key.len;
	ev->value_len = e->value.len;
	memcpy(ev->bytes, e->key.data, e->key.len);
	if (e->value.len)
		memcpy(ev->bytes + e->key.len, e->value.data, e->value.len);
	msg.data = ev;
	for (i = 0; i < reg->n_listeners; i++)
		sup_send(reg->listeners[i], &msg, SUP_TRY);
	sup__free(ev);
}

static int put(struct registry *reg, struct sup__task *t,
	       struct sup_bytes key, struct sup_bytes value,
	       struct sup_pid *ret_holder)
{
	struct sup_registry_entry e = {
		.pid = sup__task_pid(t), .key = key, .value = value,
	};
	int ret;

	if (!key.len)
		return sup__error(-EINVAL, "key: it is empty");
	ret = sup__directory_add(&reg->dir, t, key.data, key.len, value.data,
				 value.len, ret_holder);
	if (ret == -ENOMEM)
		return sup__error_nomem("an entry of a registry");
	if (ret)
		return sup__error_sys(ret, "a key of registry \"%s\"",
				      reg->name);
	tell_listeners(reg, SUP_REGISTRY_PUT, &e);
	return 0;
}

int sup_registry_put(struct sup_registry r, struct sup_pid pid,
		     struct sup_bytes key, struct sup_bytes value,
		     struct sup_pid *ret_holder)
{
	struct registry *reg = get(r);
	struct sup_pid holder;
	struct sup__task *t;
	int ret;

	sup__task_checkpoint();
	if (!reg)
		return -ENOENT;
	t = sup__task_get(pid);
	if (!t)
		return sup__error(-ESRCH, "pid: no such task");
	ret = put(reg, t, key, value, &holder);
	sup__task_put(t);
	if (ret == -EEXIST && ret_holder)
		*ret_holder = holder;
	return ret;
}

int sup__registry_put_via(struct sup__task *t, const struct sup_via *via,
			  struct sup_pid *ret_holder)
{
	struct registry *reg = get(via->registry);

	if (!reg)
		return -ENOENT;
	if (reg->dir.duplicate)
		return sup__error(-EPERM, "via: registry \"%s\" has "
				  "duplicates", reg->name);
	return put(reg, t, via->key, via->value, ret_holder);
}

struct sup_pid sup_registry_whereis(struct sup_registry r,
				    struct sup_bytes key)
{
	struct registry *reg = get(r);
	struct sup_pid pid = SUP_PID_NONE;

	if (reg)
		pid = sup__registry_whereis(&reg->dir, key.data, key.len);
	return reg && get(r) ? pid : SUP_PID_NONE;
}

static bool is_key(const struct sup__entry *e, const struct sup_bytes *key)
{
	return e->key->len == key->len &&
	       !memcmp(e->key->bytes, key->data, key->len);
}

int sup_registry_update(struct sup_registry r, struct sup_pid pid,
			struct sup_bytes key, struct sup_bytes value)
{
	struct registry *reg = get(r);
	struct sup__entry *by, *e = NULL;
	struct sup__key *k;

	sup__task_checkpoint();
	if (!reg)
		return -ENOENT;
	if (reg->dir.duplicate)
		return sup__error(-EPERM, "registry \"%s\" has duplicates",
				  reg->name);
	by = sup__directory_new_entry(value.data, value.len);
	if (!by)
		return sup__error_nomem("an entry of a registry");
	sup__lock(&sup__directory_lock);
	k = sup__directory_find(&reg->dir, key.data, key.len);
	if (k && atomic_load(&k->first)->pid.v == pid.v)
		e = atomic_load(&k->first);
	if (e)
		sup__directory_replace_locked(e, by);
	sup__unlock(&sup__directory_lock);
	if (e)
		return 0;
	sup__free(by);
	return sup__error(-ENOKEY, "the task has not that key");
}

int sup_registry_select(struct sup_registry r,
			const struct sup_registry_query *q,
			struct sup_registry_entry **ret_entries, size_t *ret_n)
{
	struct registry *reg = get(r);
	struct sup__harvest h;
	int ret;

	sup__task_checkpoint();
	if (!reg)
		return -ENOENT;
	ret = sup__harvest(&reg->dir, q, &h);
	if (ret)
		return ret;
	*ret_n = h.n;
	if (!ret_entries || !h.n) {
		sup__free(h.entries);
		h.entries = NULL;
	}
	if (ret_entries)
		*ret_entries = h.entries;
	return 0;
}

/* One that is just what has been matched. */
static bool remove_one(struct registry *reg, struct sup__task *t,
		       const struct sup_registry_entry *what)
{
	struct sup__entry *e;

	sup__lock(&sup__directory_lock);
	for (e = t->entries; e; e = e->task_next)
		if (e->dir == &reg->dir && is_key(e, &what->key) &&
		    e->value_len == what->value.len &&
		    !memcmp(e->value, what->value.data, e->value_len))
			break;
	if (e)
		sup__directory_del_locked(e);
	sup__unlock(&sup__directory_lock);
	return e;
}

int sup_registry_remove(struct sup_registry r,
			const struct sup_registry_query *q)
{
	struct registry *reg = get(r);
	struct sup__harvest h;
	struct sup__task *t;
	size_t i;
	int ret;

	sup__task_checkpoint();
	if (!reg)
		return -ENOENT;
	t = sup__task_get(q->pid);
	if (!t)
		return 0;
	ret = sup__harvest(&reg->dir, q, &h);
	for (i = 0; i < h.n; i++)
		if (remove_one(reg, t, &h.entries[i]))
			tell_listeners(reg, SUP_REGISTRY_REMOVED,
				       &h.entries[i]);
	if (!ret)
		sup__free(h.entries);
	sup__task_put(t);
	return ret;
}

int sup_registry_dispatch(struct sup_registry r, struct sup_bytes key,
			  void (*cb)(const struct sup_registry_entry *e,
				     size_t n, void *arg), void *arg)
{
	struct sup_registry_query q = { .key = &key };
	struct sup_registry_entry *entries;
	size_t n;
	int ret;

	ret = sup_registry_select(r, &q, &entries, &n);
	if (ret || !n)
		return ret;
	cb(entries, n, arg);
	sup__free(entries);
	return 0;
}

static struct meta **find_meta_locked(struct registry *reg,
				      struct sup_bytes key)
{
	struct meta **at = &reg->metas;

	sup__assert_held(&open_lock);
	while (*at && ((*at)->key_len != key.len ||
		       memcmp((*at)->bytes, key.data, key.len)))
		at = &(*at)->next;
	return at;
}

int sup_registry_set_meta(struct sup_registry r, struct sup_bytes key,
			  struct sup_bytes value)
{
	struct meta *m = NULL, *old = NULL, **at;
	struct registry *reg;

	if (!key.len)
		return sup__error(-EINVAL, "key: it is empty");
	if (value.len) {
		m = sup__zalloc(sizeof(*m) + key.len + value.len);
		if (!m)
			return sup__error_nomem("metadata of a registry");
		m->key_len = key.len;
		m->value_len = value.len;
		memcpy(m->bytes, key.data, key.len);
		memcpy(m->bytes + key.len, value.data, value.len);
	}
	sup__lock(&open_lock);
	reg = get(r);
	if (reg) {
		at = find_meta_locked(reg, key);
		old = *at;
		if (m)
			m->next = old ? old->next : NULL;
		if (m || old)
			*at = m ? m : old->next;
	}
	sup__unlock(&open_lock);
	sup__free(reg ? old : m);
	return reg ? 0 : -ENOENT;
}

int sup_registry_get_meta(struct sup_registry r, struct sup_bytes key,
			  void **ret_value, size_t *ret_len)
{
	struct registry *reg;
	struct meta *m = NULL;
	void *copy = NULL;

	sup__lock(&open_lock);
	reg = get(r);
	if (reg)
		m = *find_meta_locked(reg, key);
	if (m) {
		copy = sup__memdup(m->bytes + m->key_len, m->value_len);
		*ret_len = copy ? m->value_len : *ret_len;
	}
	sup__unlock(&open_lock);
	if (!reg)
		return -ENOENT;
	if (!m)
		return sup__error(-ENOKEY, "there is no such metadata");
	if (!copy)
		return sup__error_nomem("metadata of a registry");
	*ret_value = copy;
	return 0;
}
