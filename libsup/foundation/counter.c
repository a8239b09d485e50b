/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters of this process: a table under one lock, which is held for a look
 * and an addition. Nothing in there is a safe point, so that nobody who is
 * ended holds it; and no task owns a counter.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Without memory a counter is not added, that is all. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <sup/error.h>

#include "foundation/coord.h"
#include "foundation/service.h"

struct counter {
	UT_hash_handle hh;
	int64_t value;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counter *counters;

static struct counter *add_locked(const char *name)
{
	size_t len = strlen(name);
	struct counter *c = calloc(1, sizeof(*c) + len + 1);

	if (!c)
		return NULL;
	memcpy(c->name, name, len);
	HASH_ADD_STR(counters, name, c);
	if (!c->hh.tbl) {
		free(c);
		return NULL;
	}
	return c;
}

int fnd__counter_add(const char *name, int64_t n, int64_t *ret_value)
{
	struct counter *c;
	int ret = 0;

	pthread_mutex_lock(&lock);
	HASH_FIND_STR(counters, name, c);
	if (!c)
		c = add_locked(name);
	if (!c)
		ret = -ENOMEM;
	else if (__builtin_add_overflow(c->value, n, ret_value))
		ret = -EOVERFLOW;
	else
		c->value = *ret_value;
	pthread_mutex_unlock(&lock);
	if (ret == -EOVERFLOW)
		return sup_set_error(ret, "n: \"%s\" would be too great, or "
				     "too small", name);
	return ret ? fnd__nomem("a counter") : 0;
}

int fnd__counter_get(const char *name, int64_t *ret_value)
{
	struct counter *c;

	pthread_mutex_lock(&lock);
	HASH_FIND_STR(counters, name, c);
	*ret_value = c ? c->value : 0;
	pthread_mutex_unlock(&lock);
	return 0;
}

int fnd__counter_remove(const char *name)
{
	struct counter *c;

	pthread_mutex_lock(&lock);
	HASH_FIND_STR(counters, name, c);
	if (c)
		HASH_DEL(counters, c);
	pthread_mutex_unlock(&lock);
	if (!c)
		return sup_set_error(-ENOENT, "name: there is no counter "
				     "\"%s\"", name);
	free(c);
	return 0;
}
