/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vector clocks: nodes in the order of their names, without those at 0. */
#include <foundation/vector_clock.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/error.h>

#include "foundation/service.h"

struct node {
	char *name;
	uint64_t count;
};

struct fnd_clock {
	size_t n;
	struct node *nodes;
};

int fnd_clock_new(struct fnd_clock **ret_clock)
{
	struct fnd_clock *clock = calloc(1, sizeof(*clock));

	if (!clock)
		return fnd__nomem("a clock");
	*ret_clock = clock;
	return 0;
}

static void free_nodes(struct node *nodes, size_t n)
{
	while (n--)
		free(nodes[n].name);
	free(nodes);
}

void fnd_clock_free(struct fnd_clock *clock)
{
	if (!clock)
		return;
	free_nodes(clock->nodes, clock->n);
	free(clock);
}

/* Where a node is, or would be. */
static size_t place_of(const struct fnd_clock *clock, const char *name)
{
	size_t low = 0, high = clock->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (strcmp(clock->nodes[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct fnd_clock *clock, size_t at, const char *name)
{
	return at < clock->n && !strcmp(clock->nodes[at].name, name);
}

static int insert(struct fnd_clock *clock, size_t at, const char *name)
{
	struct node *nodes;
	char *copy;

	nodes = realloc(clock->nodes, (clock->n + 1) * sizeof(*nodes));
	if (!nodes)
		return fnd__nomem("a node");
	clock->nodes = nodes;
	copy = strdup(name);
	if (!copy)
		return fnd__nomem("a node");
	memmove(nodes + at + 1, nodes + at, (clock->n - at) * sizeof(*nodes));
	nodes[at] = (struct node){ copy, 0 };
	clock->n++;
	return 0;
}

int fnd_clock_increment(struct fnd_clock *clock, const char *node)
{
	size_t at;
	int ret;

	ret = fnd__check_name("node", node);
	if (ret)
		return ret;
	at = place_of(clock, node);
	if (!is_at(clock, at, node))
		ret = insert(clock, at, node);
	if (ret)
		return ret;
	if (clock->nodes[at].count == UINT64_MAX)
		return sup_set_error(-EOVERFLOW, "node: \"%s\" is at its end",
				     node);
	clock->nodes[at].count++;
	return 0;
}

uint64_t fnd_clock_get(const struct fnd_clock *clock, const char *node)
{
	size_t at;

	if (!node)
		return 0;
	at = place_of(clock, node);
	return is_at(clock, at, node) ? clock->nodes[at].count : 0;
}

int fnd_clock_merge(struct fnd_clock *clock, const struct fnd_clock *other)
{
	struct fnd_clock merged = { 0, NULL };
	size_t i, at;
	int ret = 0;

	for (i = 0; i < clock->n && !ret; i++) {
		ret = insert(&merged, i, clock->nodes[i].name);
		if (!ret)
			merged.nodes[i].count = clock->nodes[i].count;
	}
	for (i = 0; i < other->n && !ret; i++) {
		at = place_of(&merged, other->nodes[i].name);
		if (!is_at(&merged, at, other->nodes[i].name))
			ret = insert(&merged, at, other->nodes[i].name);
		if (!ret && merged.nodes[at].count < other->nodes[i].count)
			merged.nodes[at].count = other->nodes[i].count;
	}
	if (ret) {
		free_nodes(merged.nodes, merged.n);
		return ret;
	}
	free_nodes(clock->nodes, clock->n);
	*clock = merged;
	return 0;
}

/* Whether a is ahead of b at some node. */
static bool is_ahead(const struct fnd_clock *a, const struct fnd_clock *b)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (a->nodes[i].count > fnd_clock_get(b, a->nodes[i].name))
			return true;
	return false;
}

enum fnd_order fnd_clock_compare(const struct fnd_clock *a,
				 const struct fnd_clock *b)
{
	bool after = is_ahead(a, b), before = is_ahead(b, a);

	if (after && before)
		return FND_CONCURRENT;
	if (after)
		return FND_AFTER;
	return before ? FND_BEFORE : FND_EQUAL;
}
