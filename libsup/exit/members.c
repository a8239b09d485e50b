/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/members.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

int sup__members_add(struct sup__members *m, const struct sup__member *member)
{
	size_t room = m->room ? 2 * m->room : 16;
	struct sup__member *at;

	if (m->n == m->room) {
		at = sup__realloc(m->at, room * sizeof(*at));
		if (!at)
			return sup__error_nomem("members");
		m->at = at;
		m->room = room;
	}
	m->at[m->n++] = *member;
	return 0;
}

static int by_id(const void *key, const void *member)
{
	const uint64_t *id = key;
	const struct sup__member *m = member;

	return (*id > m->id) - (*id < m->id);
}

const struct sup__member *sup__members_find(const struct sup__members *m,
					    uint64_t id)
{
	return m->n ? bsearch(&id, m->at, m->n, sizeof(*m->at), by_id) : NULL;
}

void sup__members_fini(struct sup__members *m)
{
	sup__free(m->at);
	memset(m, 0, sizeof(*m));
}
