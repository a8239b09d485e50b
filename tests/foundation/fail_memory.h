/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nth allocation of the calling thread fails, in what is linked here. */
#ifndef TESTS_FOUNDATION_FAIL_MEMORY_H
#define TESTS_FOUNDATION_FAIL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

static _Thread_local unsigned int fails_in;	/* 0: never */
static _Thread_local bool has_failed;

static inline void fail_nth(unsigned int n)
{
	fails_in = n;
	has_failed = false;
}

/* Whether it has. Some can be done without: that is no error. */
static inline bool fail_no_more(void)
{
	fails_in = 0;
	return has_failed;
}

static inline bool fails_now(void)
{
	if (!fails_in || --fails_in)
		return false;
	return has_failed = true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

#endif
