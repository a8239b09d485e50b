/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic unsigned int countdown;
static _Atomic bool has_failed;

static bool must_fail(void)
{
	unsigned int left;

	left = atomic_load_explicit(&countdown, memory_order_relaxed);
	while (left)
		if (atomic_compare_exchange_weak(&countdown, &left, left - 1))
			break;
	if (left != 1)
		return false;
	atomic_store(&has_failed, true);
	return true;
}

void *sup__alloc(size_t size)
{
	return must_fail() ? NULL : malloc(size);
}

void *sup__zalloc(size_t size)
{
	return sup__calloc(1, size);
}

void *sup__calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : calloc(n, size);
}

void *sup__alloc_lines(size_t n)
{
	return must_fail() ? NULL :
	       aligned_alloc(SUP__CACHE_LINE, n * SUP__CACHE_LINE);
}

void *sup__realloc(void *p, size_t size)
{
	return must_fail() ? NULL : realloc(p, size);
}

void *sup__memdup(const void *p, size_t size)
{
	void *copy = sup__alloc(size);

	if (copy && size)
		memcpy(copy, p, size);
	return copy;
}

char *sup__strdup(const char *s)
{
	return sup__memdup(s, strlen(s) + 1);
}

void sup__free(void *p)
{
	free(p);
}

void sup__alloc_fail_nth(unsigned int n)
{
	atomic_store(&has_failed, false);
	atomic_store(&countdown, n);
}

bool sup__alloc_has_failed(void)
{
	return atomic_load(&has_failed);
}
