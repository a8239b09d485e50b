/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory. The blocks are malloc(3)'s, so what the public API hands out may be
 * freed with free(3). All of libsup allocates here, so that a test can make
 * the Nth allocation fail.
 */
#ifndef SUP_BASE_ALLOC_H
#define SUP_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#define SUP__CACHE_LINE 64

/* Each returns NULL for want of memory. Any thread. */
void *sup__alloc(size_t size);
void *sup__zalloc(size_t size);
void *sup__calloc(size_t n, size_t size);
/* Of whole cache lines, and at the beginning of one. */
void *sup__alloc_lines(size_t n);
void *sup__realloc(void *p, size_t size);	/* p stays valid on failure */
void *sup__memdup(const void *p, size_t size);
char *sup__strdup(const char *s);

void sup__free(void *p);

/*
 * Tests: the nth allocation from now on (1 is the next), of any thread, fails
 * once; 0 switches this off.
 */
void sup__alloc_fail_nth(unsigned int n);

/* Tests: true if the failure asked for has happened. */
bool sup__alloc_has_failed(void);

#endif
