/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two registries of libsup hold everything, so that a name is taken by one
 * step, and goes with its task whatever happens to anybody else:
 *  - names, of one task for each key: namespace and name; the value is the
 *    metadata, "key\0value\0" for each pair;
 *  - index, of many: namespace and pair, or namespace alone; the value is the
 *    name.
 * They are opened by the first who needs them, and stay: at sup_close() all
 * tasks end, and nothing is left in them.
 *
 * Who changes a name holds its key (sup_registry_lock()). The index has an
 * entry before the name has the pair, and loses it later. Who searches takes
 * the index for a hint, once if it is there twice, and looks at the name: so a
 * change of metadata is one step, too, and one who is ended in the midst of it,
 * each call of a registry being a safe point, has done all of it or nothing.
 */
#include <foundation/process_registry.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <sup/sup.h>

#include "foundation/metadata.h"
#include "foundation/names.h"
#include "foundation/service.h"

static _Atomic uint64_t names_id, index_id;

struct sup_registry fnd__names(void)
{
	return (struct sup_registry){ atomic_load(&names_id) };
}

struct sup_registry fnd__pairs(void)
{
	return (struct sup_registry){ atomic_load(&index_id) };
}

/* The names last: who finds them open finds the index open. */
int fnd__names_open(void)
{
	int ret;

	ret = fnd__registry_open(&index_id, true);
	return ret ? ret : fnd__registry_open(&names_id, false);
}

struct sup_bytes fnd__name_key(struct fnd_namespace ns,
				       const char *name, unsigned char *buf)
{
	size_t len = strlen(name);

	memcpy(buf, &ns, sizeof(ns));
	memcpy(buf + sizeof(ns), name, len);
	return (struct sup_bytes){ buf, sizeof(ns) + len };
}

struct sup_bytes fnd__pair_key(struct fnd_namespace ns,
				       const struct fnd_pair *p)
{
	size_t key = p ? strlen(p->key) + 1 : 0;
	size_t value = p ? strlen(p->value) : 0;
	unsigned char *buf = fnd__alloc(sizeof(ns) + key + value);

	if (buf) {
		memcpy(buf, &ns, sizeof(ns));
		if (p) {
			memcpy(buf + sizeof(ns), p->key, key);
			memcpy(buf + sizeof(ns) + key, p->value, value);
		}
	}
	return (struct sup_bytes){ buf, sizeof(ns) + key + value };
}

/* One who changes a name, with its key locked. */
struct change {
	struct fnd_namespace ns;
	const char *name;
	const struct fnd_metadata *metadata;
	struct sup_bytes key;
	struct sup_pid pid;
	struct sup_bytes value;		/* the new metadata, packed */
	struct sup_pid holder;
	bool must_have;			/* else it is registered */
	int ret;
};

static bool is_of_name(const struct sup_registry_entry *e, void *arg)
{
	const struct change *c = arg;

	return e->value.len == strlen(c->name) &&
		!memcmp(e->value.data, c->name, e->value.len);
}

static int index_put(struct change *c, const struct fnd_pair *p)
{
	struct sup_bytes key = fnd__pair_key(c->ns, p);
	int ret;

	if (!key.data)
		return fnd__nomem("an index");
	ret = sup_registry_put(fnd__pairs(), c->pid, key,
			       (struct sup_bytes){ c->name, strlen(c->name) },
			       NULL);
	fnd__free((void *)key.data);
	return ret;
}

/* One that stays for want of memory leads nowhere, or is there twice later. */
static void index_remove(struct change *c, const struct fnd_pair *p)
{
	struct sup_bytes key = fnd__pair_key(c->ns, p);
	struct sup_registry_query q = {
		.pid = c->pid, .key = &key, .match = is_of_name, .arg = c,
	};

	if (key.data)
		sup_registry_remove(fnd__pairs(), &q);
	fnd__free((void *)key.data);
}

/* The pairs up to end that are not in other, each once. */
static void index_remove_all(struct change *c, const struct sup_bytes *packed,
			     size_t end, const struct sup_bytes *other)
{
	struct fnd_pair p;
	size_t at = 0, from;

	while (at < end) {
		from = at;
		if (fnd__pair_next(packed, &at, &p) &&
		    !fnd__pair_is_in(packed, from, &p) &&
		    !fnd__pair_is_in(other, other->len, &p))
			index_remove(c, &p);
	}
}

static int index_put_all(struct change *c, const struct sup_bytes *packed,
			 const struct sup_bytes *other)
{
	struct fnd_pair p;
	size_t at = 0, from = 0;
	int ret = 0;

	while (!ret && fnd__pair_next(packed, &at, &p)) {
		if (!fnd__pair_is_in(packed, from, &p) &&
		    !fnd__pair_is_in(other, other->len, &p))
			ret = index_put(c, &p);
		if (!ret)
			from = at;
	}
	if (ret)
		index_remove_all(c, packed, from, other);
	return ret;
}

int fnd__name_entry(struct sup_bytes key, struct sup_pid pid,
		       struct sup_registry_entry **ret_entry)
{
	struct sup_registry_query q = { .key = &key, .pid = pid };
	size_t n;

	return fnd__select(fnd__names(), &q, ret_entry, &n);
}

static int add_locked(struct change *c)
{
	const struct sup_bytes none = { "", 0 };
	int ret;

	ret = index_put(c, NULL);
	if (ret)
		return ret;
	ret = index_put_all(c, &c->value, &none);
	if (ret)
		goto err_name;
	ret = sup_registry_put(fnd__names(), c->pid, c->key, c->value,
			       &c->holder);
	if (ret)
		goto err_pairs;
	return 0;

err_pairs:
	index_remove_all(c, &c->value, c->value.len, &none);
err_name:
	index_remove(c, NULL);
	return ret;
}

static int replace_locked(struct change *c, const struct sup_bytes *old)
{
	int ret;

	ret = index_put_all(c, &c->value, old);
	if (ret)
		return ret;
	ret = sup_registry_update(fnd__names(), c->pid, c->key, c->value);
	if (ret)
		index_remove_all(c, &c->value, c->value.len, old);
	else
		index_remove_all(c, old, old->len, &c->value);
	return ret;
}

static void change_packed(struct change *c)
{
	struct sup_registry_entry *e;

	c->ret = fnd__name_entry(c->key, SUP_PID_NONE, &e);
	if (c->ret)
		return;
	if (e && c->must_have)
		c->pid = e->pid;
	if (e && e->pid.v == c->pid.v) {
		c->ret = replace_locked(c, &e->value);
		/* It has ended since: then nobody has the name. */
		if (c->ret == -ENOKEY)
			c->ret = -ENOENT;
	} else if (e) {
		c->holder = e->pid;
		c->ret = -EEXIST;
	} else {
		c->ret = c->must_have ? -ENOENT : add_locked(c);
	}
	fnd__free(e);
}

static void change_locked(void *arg)
{
	struct change *c = arg;

	c->ret = fnd__metadata_pack(c->metadata, &c->value);
	if (c->ret)
		return;
	change_packed(c);
	fnd__free((void *)c->value.data);
}

static void remove_locked(void *arg)
{
	const struct sup_bytes none = { "", 0 };
	struct sup_registry_query q = { .key = NULL };
	struct sup_registry_entry *e;
	struct change *c = arg;

	c->ret = fnd__name_entry(c->key, c->pid, &e);
	if (c->ret)
		return;
	if (!e) {
		c->ret = -ENOENT;
		return;
	}
	c->pid = q.pid = e->pid;
	q.key = &c->key;
	c->ret = sup_registry_remove(fnd__names(), &q);
	if (!c->ret) {
		index_remove_all(c, &e->value, e->value.len, &none);
		index_remove(c, NULL);
	}
	fnd__free(e);
}

int fnd__names_nobody(const char *name)
{
	return sup_set_error(-ENOENT, "name: nobody is \"%s\"", name);
}

/* Does one change, of which ns, name, metadata, pid and must_have are set. */
static int do_change(struct change *c, void (*fn)(void *change))
{
	const struct fnd_metadata none = { NULL, 0 };
	unsigned char buf[FND__KEY_MAX];
	int ret;

	if (!c->metadata)
		c->metadata = &none;
	ret = fnd__check_name("name", c->name);
	if (!ret)
		ret = fnd__metadata_check(c->metadata);
	if (!ret)
		ret = fnd__names_open();
	if (ret)
		return ret;
	c->key = fnd__name_key(c->ns, c->name, buf);
	ret = sup_registry_lock(fnd__names(), c->key, SUP_FOREVER, fn, c);
	ret = ret ? ret : c->ret;
	return ret == -ENOENT ? fnd__names_nobody(c->name) : ret;
}

int fnd_process_register(struct fnd_namespace ns, const char *name,
			 struct sup_pid pid,
			 const struct fnd_metadata *metadata,
			 struct sup_pid *ret_holder)
{
	struct change c = {
		.ns = ns, .name = name, .pid = pid, .metadata = metadata,
	};
	int ret;

	ret = do_change(&c, change_locked);
	if (ret == -EEXIST) {
		if (ret_holder)
			*ret_holder = c.holder;
		sup_set_error(ret, "name: \"%s\" is taken", name);
	}
	return ret;
}

int fnd_process_set_metadata(struct fnd_namespace ns, const char *name,
			     const struct fnd_metadata *metadata)
{
	struct change c = {
		.ns = ns, .name = name, .metadata = metadata,
		.must_have = true,
	};

	return do_change(&c, change_locked);
}

int fnd__name_remove(struct fnd_namespace ns, const char *name,
		     struct sup_pid pid)
{
	struct change c = { .ns = ns, .name = name, .pid = pid };

	return do_change(&c, remove_locked);
}

int fnd_process_unregister(struct fnd_namespace ns, const char *name)
{
	return fnd__name_remove(ns, name, SUP_PID_NONE);
}

struct sup_pid fnd_process_whereis(struct fnd_namespace ns, const char *name)
{
	size_t len = name ? strlen(name) : 0;
	unsigned char buf[FND__KEY_MAX];

	if (!len || len > FND_NAME_MAX)
		return SUP_PID_NONE;
	return sup_registry_whereis(fnd__names(), fnd__name_key(ns, name, buf));
}
