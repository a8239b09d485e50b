/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table that grows and is never given back, so that whoever has an index may
 * look at its element at any time, without a lock. Elements lie in chunks, and
 * these are only ever added.
 */
#ifndef SUP_BASE_CHUNKS_H
#define SUP_BASE_CHUNKS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SUP__CHUNK 64u		/* elements in one */
#define SUP__CHUNKS 32768u

/* Zeroes are one that is empty. size, below, is always that of an element. */
struct sup__chunks {
	_Atomic uint32_t n;	/* elements that can be found */
	_Atomic(unsigned char *) at[SUP__CHUNKS];
};

/* NULL: there is none with that index yet. Any thread. */
static inline void *sup__chunks_at(struct sup__chunks *c, size_t size,
				   uint32_t index)
{
	unsigned char *chunk;

	if (index / SUP__CHUNK >= SUP__CHUNKS)
		return NULL;
	/* Acquire: pairs with the chunk's publication. */
	chunk = atomic_load_explicit(&c->at[index / SUP__CHUNK],
				     memory_order_acquire);
	return chunk ? chunk + index % SUP__CHUNK * size : NULL;
}

/*
 * Adds a chunk of zeroes, which begins with a cache line. Its elements, from
 * the last to the first, go to init before anybody can find them. One thread at
 * a time. -ENOMEM; -ENOSPC: it is full.
 */
int sup__chunks_grow(struct sup__chunks *c, size_t size,
		     void (*init)(void *element, uint32_t index));

#endif
