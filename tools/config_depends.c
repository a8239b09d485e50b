/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom the children of a supervisor depend on. */
#include "config_check.h"

#include <stdlib.h>
#include <string.h>

/* Its number, or that of children: there is none of that id. */
static unsigned int find(const struct config_child *s, const char *id)
{
	unsigned int i = 0;

	while (i < s->n_children && strcmp(s->children[i].id, id) != 0)
		i++;
	return i;
}

/* What is wrong with the nth that it depends on, or NULL. */
static const char *wrong(const struct config_child *s,
			 const struct config_child *child, unsigned int n)
{
	unsigned int on = find(s, child->depends_on[n]), i;

	if (on == s->n_children)
		return "is no child of the same supervisor";
	if (&s->children[on] == child)
		return "is the child itself";
	if (s->children[on].restart == SUP_TEMPORARY)
		return "is temporary, and goes when it ends";
	for (i = 0; i < n; i++)
		if (strcmp(child->depends_on[i], child->depends_on[n]) == 0)
			return "stands there twice";
	return NULL;
}

static struct config_path place(const struct config_path *path,
				unsigned int child)
{
	struct config_path at = *path;

	config_path_push(&at, "children", 0);
	config_path_push(&at, NULL, child);
	return at;
}

/* False: there is a report. */
static bool check_names(struct config_report *r, const struct config_path *path,
			const struct config_child *s, unsigned int number)
{
	const struct config_child *child = &s->children[number];
	struct config_path at = place(path, number), entry;
	bool right = true;
	const char *why;
	unsigned int i;

	config_path_push(&at, "depends_on", 0);
	for (i = 0; i < child->n_depends_on; i++) {
		why = wrong(s, child, i);
		if (why == NULL)
			continue;
		entry = at;
		config_path_push(&entry, NULL, i);
		config_report(r, &entry, NULL, PLACE_VALUE, "child \"%s\": "
			      "\"depends_on\": \"%s\" %s", child->id,
			      child->depends_on[i], why);
		right = false;
	}
	return right;
}

static bool may_start(const struct config_child *s, unsigned int number,
		      const bool *started)
{
	const struct config_child *child = &s->children[number];
	unsigned int i;

	for (i = 0; i < child->n_depends_on; i++)
		if (!started[find(s, child->depends_on[i])])
			return false;
	return true;
}

/* Starts all that may, again and again; who is left is in a circle. */
static void check_circles(struct config_report *r,
			  const struct config_path *path,
			  const struct config_child *s)
{
	bool *started = calloc(s->n_children + 1, sizeof(*started)), again;
	struct config_path at;
	unsigned int i;

	if (started == NULL)
		return;
	do {
		again = false;
		for (i = 0; i < s->n_children; i++)
			if (!started[i] && may_start(s, i, started))
				started[i] = again = true;
	} while (again);
	for (i = 0; i < s->n_children && started[i]; i++)
		;
	if (i < s->n_children) {
		at = place(path, i);
		config_report(r, &at, "depends_on", PLACE_VALUE, "child \"%s\": "
			      "\"depends_on\" leads in a circle",
			      s->children[i].id);
	}
	free(started);
}

void config_check_depends(struct config_report *r,
			  const struct config_path *path,
			  const struct config_child *s)
{
	bool right = true;
	unsigned int i;

	for (i = 0; i < s->n_children; i++)
		right &= check_names(r, path, s, i);
	if (right)
		check_circles(r, path, s);
}
