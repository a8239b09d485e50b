/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mapping, from low to high: the alternate stack, which is touched by a
 * handler only; the guard; the stack; struct sup__stack. The alternate stack
 * is mapped like the stack, and mostly becomes one area with that of the
 * thread that was mapped before, so that it costs the process none.
 */
#include "base/stack.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/lock.h"

#define GUARD ((size_t)64 * 1024)
#define KEPT 64			/* stacks at most */
#define KEPT_TOP ((size_t)64 * 1024)	/* of each, at least */

static struct sup__lock lock = SUP__LOCK_INIT;	/* the next two */
static struct sup__stack *kept;
static size_t n_kept;

static struct sup__stack *take_kept(size_t map_size)
{
	struct sup__stack **at, *s;

	sup__lock(&lock);
	for (at = &kept; (s = *at) && s->map_size != map_size; )
		at = &s->next;
	if (s) {
		*at = s->next;
		n_kept--;
	}
	sup__unlock(&lock);
	return s;
}

static struct sup__stack *map(size_t map_size)
{
	struct sup__stack *s;
	char *p;

	p = mmap(NULL, map_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* Else a thread may cost 2 MiB. Since Linux 6.7 MAP_STACK says so. */
	madvise(p, map_size, MADV_NOHUGEPAGE);
	if (mprotect(p + SUP__STACK_ALT, GUARD, PROT_NONE)) {
		munmap(p, map_size);
		return NULL;
	}
	s = (struct sup__stack *)(p + map_size) - 1;
	s->map = p;
	s->map_size = map_size;
	return s;
}

struct sup__stack *sup__stack_get(size_t size)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	size_t map_size = SUP__STACK_ALT + GUARD + SUP__STACK_EXTRA +
			  sizeof(struct sup__stack);
	struct sup__stack *s;

	if (size > SIZE_MAX - map_size - page)
		return NULL;
	map_size = (map_size + size + page - 1) / page * page;
	s = take_kept(map_size);
	return s ? s : map(map_size);
}

void sup__stack_put(struct sup__stack *s)
{
	size_t size = sup__stack_size(s);
	bool keep;

	/* Its low end is that of a page; the kernel rounds the length up. */
	if (size > 2 * KEPT_TOP)
		madvise(sup__stack_low(s), size - 2 * KEPT_TOP, MADV_DONTNEED);
	madvise(s->map, SUP__STACK_ALT, MADV_DONTNEED);
	sup__lock(&lock);
	keep = n_kept < KEPT;
	if (keep) {
		s->next = kept;
		kept = s;
		n_kept++;
	}
	sup__unlock(&lock);
	if (!keep)
		munmap(s->map, s->map_size);
}

void *sup__stack_low(const struct sup__stack *s)
{
	return s->map + SUP__STACK_ALT + GUARD;
}

size_t sup__stack_size(const struct sup__stack *s)
{
	return (const char *)s - (const char *)sup__stack_low(s);
}

void *sup__stack_alt(const struct sup__stack *s)
{
	return s->map;
}

size_t sup__stack_trim(void)
{
	struct sup__stack *list, *next;
	size_t bytes = 0;

	sup__lock(&lock);
	list = kept;
	kept = NULL;
	n_kept = 0;
	sup__unlock(&lock);
	for (; list; list = next) {
		next = list->next;
		bytes += list->map_size;
		munmap(list->map, list->map_size);
	}
	return bytes;
}
