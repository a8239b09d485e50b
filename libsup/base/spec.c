/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/spec.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

int sup__spec_copy_least(void *spec, size_t size, const void *from,
			 size_t least, const char *what)
{
	size_t theirs = from ? *(const size_t *)from : 0;

	if (theirs < least || theirs < sizeof(size_t))
		return sup__error(-EINVAL, "size is not that of a %s", what);
	memset(spec, 0, size);
	memcpy(spec, from, theirs < size ? theirs : size);
	*(size_t *)spec = size;
	return 0;
}

int sup__spec_copy(void *spec, size_t size, const void *from,
		   const char *what)
{
	return sup__spec_copy_least(spec, size, from, sizeof(size_t), what);
}
