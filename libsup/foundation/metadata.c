/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/metadata.h"

#include <errno.h>
#include <string.h>

#include <sup/error.h>

#include "foundation/service.h"

int fnd__metadata_check(const struct fnd_metadata *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (!m->pairs[i].key || !m->pairs[i].key[0] ||
		    !m->pairs[i].value)
			return sup_set_error(-EINVAL, "metadata: pair %zu has "
					     "no key, or no value", i);
	return 0;
}

int fnd__metadata_pack(const struct fnd_metadata *m,
		       struct sup_bytes *ret_packed)
{
	size_t i, len = 0;
	char *bytes, *at;

	for (i = 0; i < m->n; i++)
		len += strlen(m->pairs[i].key) + strlen(m->pairs[i].value) + 2;
	bytes = fnd__alloc(len + 1);
	if (!bytes)
		return fnd__nomem("metadata");
	at = bytes;
	for (i = 0; i < m->n; i++) {
		at = stpcpy(at, m->pairs[i].key) + 1;
		at = stpcpy(at, m->pairs[i].value) + 1;
	}
	*ret_packed = (struct sup_bytes){ bytes, len };
	return 0;
}

bool fnd__pair_next(const struct sup_bytes *packed, size_t *at,
			struct fnd_pair *ret_pair)
{
	const char *bytes = packed->data;

	if (*at >= packed->len)
		return false;
	ret_pair->key = bytes + *at;
	*at += strlen(ret_pair->key) + 1;
	ret_pair->value = bytes + *at;
	*at += strlen(ret_pair->value) + 1;
	return true;
}

size_t fnd__metadata_count(const struct sup_bytes *packed)
{
	struct fnd_pair p;
	size_t at = 0, n = 0;

	while (fnd__pair_next(packed, &at, &p))
		n++;
	return n;
}

bool fnd__pair_is_in(const struct sup_bytes *packed, size_t end,
		       const struct fnd_pair *wanted)
{
	struct fnd_pair p;
	size_t at = 0;

	while (at < end && fnd__pair_next(packed, &at, &p))
		if (!strcmp(p.key, wanted->key) &&
		    !strcmp(p.value, wanted->value))
			return true;
	return false;
}
