/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Topics are the keys of a registry with duplicates: who ends is out of it
 * before anybody is told of the end. That a task is there once is looked at
 * under the registry's lock of the topic, which who ends does not keep.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <sup/registry_lock.h>
#include <sup/sup.h>

#include "mabeam/comms_in.h"
#include "mabeam/service.h"

static _Atomic uint64_t registry_id;	/* opened once in a process */

static int open_registry(struct sup_registry *ret_registry)
{
	const struct sup_registry_spec spec = {
		.size = sizeof(spec), .duplicate = true,
	};
	struct sup_registry r;
	uint64_t none = 0;
	int ret;

	if (!atomic_load(&registry_id)) {
		ret = sup_registry_open(&spec, &r);
		if (ret)
			return ret;
		if (!atomic_compare_exchange_strong(&registry_id, &none, r.v))
			sup_registry_close(r);
	}
	ret_registry->v = atomic_load(&registry_id);
	return 0;
}

struct change {
	struct sup_registry registry;
	struct sup_registry_query query;	/* of the entry */
	bool add;
	int ret;
};

static void change(void *arg)
{
	struct change *c = arg;
	const struct sup_registry_query *q = &c->query;
	size_t n;

	c->ret = sup_registry_select(c->registry, q, NULL, &n);
	if (c->ret)
		return;
	if (c->add)
		c->ret = n ? sup_set_error(-EALREADY, "pid: it is subscribed") :
			sup_registry_put(c->registry, q->pid, *q->key,
					 (struct sup_bytes){ NULL, 0 }, NULL);
	else
		c->ret = n ? sup_registry_remove(c->registry, q) :
			sup_set_error(-ENOENT, "pid: it is not subscribed");
}

static struct sup_bytes key_of(const char *topic)
{
	return (struct sup_bytes){ topic, strlen(topic) };
}

static int change_topic(const char *topic, struct sup_pid pid, bool add)
{
	struct change c = { .query.pid = pid, .add = add };
	struct sup_bytes key;
	int ret;

	ret = mab__check_name("topic", topic);
	if (!ret && !pid.v)
		ret = sup_set_error(-ESRCH, "pid: it is none");
	if (!ret)
		ret = open_registry(&c.registry);
	if (ret)
		return ret;
	key = key_of(topic);
	c.query.key = &key;
	ret = sup_registry_lock(c.registry, key, SUP_FOREVER, change, &c);
	return ret ? ret : c.ret;
}

int mab_comms_subscribe(const char *topic, struct sup_pid pid)
{
	return change_topic(topic, pid, true);
}

int mab_comms_unsubscribe(const char *topic, struct sup_pid pid)
{
	return change_topic(topic, pid, false);
}

struct listeners {
	struct mab__audience audience;
	int ret;
};

/* The entries are no task's memory: nothing here is a safe point. */
static void collect(const struct sup_registry_entry *entries, size_t n,
		    void *arg)
{
	struct listeners *l = arg;
	size_t i;

	for (i = 0; i < n && !l->ret; i++)
		l->ret = mab__audience_add(entries[i].pid, &l->audience);
}

int mab_comms_publish(const struct mab_message *what, size_t *ret_n)
{
	struct listeners l = { .ret = 0 };
	struct sup_registry registry;
	int ret;

	ret = mab__check_name("method", what->method);
	if (!ret)
		ret = open_registry(&registry);
	if (!ret)
		ret = sup_registry_dispatch(registry, key_of(what->method),
					    collect, &l);
	if (!ret)
		ret = l.ret;
	if (!ret)
		return mab__audience_tell(&l.audience, MAB_COMMS_PUBLISH, what,
					  ret_n);
	mab__free(l.audience.pids);
	return ret;
}
