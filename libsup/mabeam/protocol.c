/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The protocols that are known, and how often each has come to what. They are
 * the process's, in a list under one lock, which is held for a look. An entry
 * that a session has stays.
 */
#include "mabeam/protocols.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/service.h"
#include "mabeam/sessions.h"

struct entry {
	struct entry *prev, *next;
	struct mab_protocol protocol;
	char name[MAB_NAME_MAX + 1], method[MAB_NAME_MAX + 1];
	uint64_t active, ends[MAB__RUN_ENDS];
	int64_t agreed_ns;	/* of all that have agreed */
	bool built_in;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of all below. */
static struct entry *entries;
static size_t n_entries;
static struct entry built_in[8];

static void fill(struct entry *e, const struct mab_protocol *protocol)
{
	e->protocol = *protocol;
	strcpy(e->name, protocol->name);
	strcpy(e->method, protocol->method);
	e->protocol.name = e->name;
	e->protocol.method = e->method;
}

static void add_locked(struct entry *e)
{
	DL_APPEND(entries, e);
	n_entries++;
}

static void look_locked(void)
{
	static const struct mab_protocol *const all[] = {
		&mab__majority, &mab__unanimous, &mab__weighted, &mab__quorum,
		&mab__sealed_bid, &mab__second_price, &mab__max_min,
		&mab__proportional,
	};
	size_t i;

	_Static_assert(sizeof(all) / sizeof(all[0]) ==
		       sizeof(built_in) / sizeof(built_in[0]), "one each");
	for (i = 0; !entries && i < sizeof(all) / sizeof(all[0]); i++) {
		fill(&built_in[i], all[i]);
		built_in[i].built_in = true;
	}
	for (i = 0; n_entries < sizeof(all) / sizeof(all[0]); i++)
		add_locked(&built_in[i]);
}

static struct entry *find_locked(const char *name)
{
	struct entry *e;

	look_locked();
	DL_FOREACH(entries, e)
		if (!strcmp(e->name, name))
			break;
	return e;
}

static int unknown(const char *name)
{
	return sup_set_error(-ENOENT, "protocol: there is none called "
			     "\"%.63s\"", name);
}

static int check(const struct mab_protocol *p)
{
	int ret;

	ret = mab__check_name("name", p->name);
	if (!ret)
		ret = mab__check_name("method", p->method);
	if (ret)
		return ret;
	if (!p->begin || !p->question || !p->answer || !p->outcome)
		return sup_set_error(-EINVAL, "%s is missing", !p->begin ?
				     "begin" : !p->question ? "question" :
				     !p->answer ? "answer" : "outcome");
	return 0;
}

static int register_locked(struct entry *e)
{
	if (find_locked(e->name))
		return sup_set_error(-EEXIST, "name: there is a protocol "
				     "\"%s\"", e->name);
	if (n_entries == MAB_PROTOCOLS_MAX)
		return sup_set_error(-ENOSPC, "there are %d protocols",
				     MAB_PROTOCOLS_MAX);
	add_locked(e);
	return 0;
}

int mab_protocol_register(const struct mab_protocol *given)
{
	struct mab_protocol protocol;
	struct entry *e;
	int ret;

	ret = mab__copy_options(&protocol, sizeof(protocol), given);
	if (!ret)
		ret = check(&protocol);
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e));
	if (!e)
		return mab__nomem("a protocol");
	fill(e, &protocol);
	pthread_mutex_lock(&lock);
	ret = register_locked(e);
	pthread_mutex_unlock(&lock);
	if (ret)
		free(e);
	return ret;
}

static int take_out_locked(const char *name, struct entry **ret_entry)
{
	struct entry *e = find_locked(name);

	if (!e)
		return unknown(name);
	if (e->built_in)
		return sup_set_error(-EPERM, "name: \"%s\" is built in", name);
	if (e->active)
		return sup_set_error(-EBUSY, "name: %llu sessions have \"%s\"",
				     (unsigned long long)e->active, name);
	DL_DELETE(entries, e);
	n_entries--;
	*ret_entry = e;
	return 0;
}

int mab_protocol_unregister(const char *name)
{
	struct entry *e = NULL;
	int ret;

	if (!name)
		return unknown("");
	mab__sessions_settle(0);
	pthread_mutex_lock(&lock);
	ret = take_out_locked(name, &e);
	pthread_mutex_unlock(&lock);
	free(e);
	return ret;
}

static void tell_locked(const struct entry *e, struct mab_protocol_info *info)
{
	size_t i;

	*info = (struct mab_protocol_info){
		.protocol = &e->protocol, .built_in = e->built_in,
		.runs = e->active, .active = e->active,
		.agreed = e->ends[MAB__RUN_AGREED],
		.not_agreed = e->ends[MAB__RUN_NOT_AGREED],
		.timed_out = e->ends[MAB__RUN_TIMED_OUT],
		.failed = e->ends[MAB__RUN_FAILED],
		.cancelled = e->ends[MAB__RUN_CANCELLED],
	};
	strcpy(info->name, e->name);
	for (i = 0; i < MAB__RUN_ENDS; i++)
		info->runs += e->ends[i];
	if (info->agreed)
		info->mean_ns = e->agreed_ns / (int64_t)info->agreed;
}

int mab_protocol_get(const char *name, struct mab_protocol_info *ret_info)
{
	struct entry *e;

	if (!name)
		return unknown("");
	mab__sessions_settle(0);
	pthread_mutex_lock(&lock);
	e = find_locked(name);
	if (e)
		tell_locked(e, ret_info);
	pthread_mutex_unlock(&lock);
	return e ? 0 : unknown(name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct mab_protocol_info *)a)->name,
		      ((const struct mab_protocol_info *)b)->name);
}

int mab_protocol_list(struct mab_protocol_info **ret_infos, size_t *ret_n)
{
	struct mab_protocol_info *infos;
	struct entry *e;
	size_t n = 0;

	mab__sessions_settle(0);
	infos = malloc(MAB_PROTOCOLS_MAX * sizeof(*infos));
	if (!infos)
		return mab__nomem("protocols");
	pthread_mutex_lock(&lock);
	look_locked();
	DL_FOREACH(entries, e)
		tell_locked(e, &infos[n++]);
	pthread_mutex_unlock(&lock);
	qsort(infos, n, sizeof(*infos), by_name);
	*ret_infos = infos;
	*ret_n = n;
	return 0;
}

int mab__protocol_begin(const char *name,
			const struct mab_protocol **ret_protocol)
{
	struct entry *e;
	int ret;

	ret = mab__check_name("protocol", name);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	e = find_locked(name);
	if (e) {
		e->active++;
		*ret_protocol = &e->protocol;
	}
	pthread_mutex_unlock(&lock);
	return e ? 0 : unknown(name);
}

static struct entry *entry_of(const struct mab_protocol *protocol)
{
	return (struct entry *)((char *)protocol -
				offsetof(struct entry, protocol));
}

void mab__protocol_end(const struct mab_protocol *protocol,
		       enum mab__run_end end, int64_t took_ns)
{
	struct entry *e = entry_of(protocol);

	pthread_mutex_lock(&lock);
	e->active--;
	e->ends[end]++;
	if (end == MAB__RUN_AGREED)
		e->agreed_ns += took_ns;
	pthread_mutex_unlock(&lock);
}

void mab__protocol_withdraw(const struct mab_protocol *protocol)
{
	pthread_mutex_lock(&lock);
	entry_of(protocol)->active--;
	pthread_mutex_unlock(&lock);
}
