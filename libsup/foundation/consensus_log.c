/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has been decided: a table of the process, under one lock, which is held
 * for a look and a copy. Nothing in there is a safe point.
 */
#include "foundation/consensus_in.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <sup/error.h>

#include "foundation/coord.h"
#include "foundation/service.h"

struct decided {
	UT_hash_handle hh;
	uint64_t number;
	size_t len;
	void *value;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct decided *all;

static struct decided *find_locked(const char *name)
{
	struct decided *d;

	HASH_FIND_STR(all, name, d);
	return d;
}

static struct decided *add_locked(const char *name)
{
	size_t len = strlen(name);
	struct decided *d = calloc(1, sizeof(*d) + len + 1);

	if (!d)
		return NULL;
	memcpy(d->name, name, len);
	HASH_ADD_STR(all, name, d);
	if (d->hh.tbl)
		return d;
	free(d);
	return NULL;
}

uint64_t fnd__decisions_next(const char *name)
{
	struct decided *d;
	uint64_t number;

	pthread_mutex_lock(&lock);
	d = find_locked(name);
	number = d ? d->number + 1 : 1;
	pthread_mutex_unlock(&lock);
	return number;
}

/* At least a byte, so that NULL means no memory. */
static void *copy_of(const void *value, size_t len)
{
	void *copy = malloc(len ? len : 1);

	if (copy && len)
		memcpy(copy, value, len);
	return copy;
}

static int replace_locked(const char *name, uint64_t number, void **value,
			  size_t len)
{
	struct decided *d = find_locked(name);
	void *old;

	if (number != (d ? d->number + 1 : 1))
		return -ESTALE;
	if (!d)
		d = add_locked(name);
	if (!d)
		return -ENOMEM;
	old = d->value;
	d->value = *value;
	d->len = len;
	d->number = number;
	*value = old;
	return 0;
}

int fnd__decisions_add(const char *name, uint64_t number, const void *value,
		       size_t len)
{
	void *copy = copy_of(value, len);
	int ret;

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&lock);
	ret = replace_locked(name, number, &copy, len);
	pthread_mutex_unlock(&lock);
	/* The old one, or ours. */
	free(copy);
	return ret;
}

static int nothing(const char *name)
{
	return sup_set_error(-ENOENT, "name: nothing was decided under \"%s\"",
			     name);
}

int fnd__consensus_get(const char *name, void **ret_value, size_t *ret_len,
		       uint64_t *ret_number)
{
	struct decided *d;
	void *copy = NULL;

	pthread_mutex_lock(&lock);
	d = find_locked(name);
	if (d) {
		copy = copy_of(d->value, d->len);
		*ret_len = d->len;
		*ret_number = d->number;
	}
	pthread_mutex_unlock(&lock);
	if (!d)
		return nothing(name);
	*ret_value = copy;
	return copy ? 0 : fnd__nomem("a value");
}

int fnd__consensus_remove(const char *name)
{
	struct decided *d;

	pthread_mutex_lock(&lock);
	d = find_locked(name);
	if (d)
		HASH_DEL(all, d);
	pthread_mutex_unlock(&lock);
	if (!d)
		return nothing(name);
	free(d->value);
	free(d);
	return 0;
}
