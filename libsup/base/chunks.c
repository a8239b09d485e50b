/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/chunks.h"

#include <errno.h>

#include "base/alloc.h"

int sup__chunks_grow(struct sup__chunks *c, size_t size,
		     void (*init)(void *element, uint32_t index))
{
	uint32_t i, base = atomic_load(&c->n);
	unsigned char *chunk;

	if (base / SUP__CHUNK >= SUP__CHUNKS)
		return -ENOSPC;
	chunk = sup__zalloc(SUP__CHUNK * size + SUP__CACHE_LINE);
	if (!chunk)
		return -ENOMEM;
	chunk += -(uintptr_t)chunk % SUP__CACHE_LINE;
	for (i = SUP__CHUNK; i-- > 0; )
		init(chunk + i * size, base + i);
	atomic_store_explicit(&c->at[base / SUP__CHUNK], chunk,
			      memory_order_release);
	atomic_store(&c->n, base + SUP__CHUNK);
	return 0;
}
