/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/later.h"

#include <stddef.h>

#include <sup/supervisor.h>

static _Thread_local struct {
	bool allowed, wanted;
	struct sup__later *left;
	struct sup__later *pending;
} later;

void sup__later_allow(bool wanted)
{
	later.allowed = true;
	later.wanted = wanted;
	later.left = NULL;
}

struct sup__later *sup__later_take(void)
{
	struct sup__later *left = later.left;

	later.allowed = later.wanted = false;
	later.left = NULL;
	return left;
}

void sup_start_async(void)
{
	later.wanted = later.allowed;
}

bool sup__later_is_wanted(void)
{
	bool wanted = later.wanted;

	if (wanted)
		later.allowed = later.wanted = false;
	return wanted;
}

void sup__later_leave(struct sup__later *l)
{
	later.left = l;
	l->next = later.pending;
	later.pending = l;
}

struct sup__later *sup__later_pending(void)
{
	return later.pending;
}

static void forget(struct sup__later *l)
{
	struct sup__later **link = &later.pending;

	while (*link != l)
		link = &(*link)->next;
	*link = l->next;
}

bool sup__later_release(void (*release)(void *arg), void *arg)
{
	if (!later.left || later.left->release)
		return false;
	later.left->release = release;
	later.left->release_arg = arg;
	return true;
}

int sup__later_finish(struct sup__later *l)
{
	void (*release)(void *arg) = l->release;
	void *arg = l->release_arg;
	int ret;

	forget(l);
	ret = l->finish(l);

	if (release)
		release(arg);
	return ret;
}
