/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Option structs of programs that may be older, or newer, than the library. */
#ifndef SUP_BASE_SPEC_H
#define SUP_BASE_SPEC_H

#include <stddef.h>

/*
 * Copies an option struct, which begins with its own size, to spec, of size
 * bytes: what the caller's age does not know is zero, which means the default,
 * and what ours does not know is left out. spec's own size is ours afterwards.
 * least is how much of it any caller must have. -EINVAL names what it is.
 */
int sup__spec_copy_least(void *spec, size_t size, const void *from,
			 size_t least, const char *what);

/* The same for structs of which nothing but the size is mandatory. */
int sup__spec_copy(void *spec, size_t size, const void *from,
		   const char *what);

#endif
