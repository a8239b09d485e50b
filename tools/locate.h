/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things stand in a YAML text. libcyaml knows no more than the place of
 * the value before the one it stumbles over, and nothing after the load.
 */
#ifndef TOOLS_LOCATE_H
#define TOOLS_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

struct locator;

/* A key of a mapping, or with key == NULL an entry of a list. */
struct step {
	const char *key;
	unsigned int index;
};

struct place {
	size_t line, column;	/* from 1 */
};

enum place_of {
	PLACE_KEY,		/* where the last key stands */
	PLACE_KEY_AGAIN,	/* where it stands a second time */
	PLACE_VALUE,
};

/*
 * Reads a text of one document. -EINVAL: it is no YAML, more than one document,
 * or has a NUL byte in a scalar; *ret_place and *ret_why, for free(3), say
 * where and why. -ENOMEM.
 */
int locator_new(const char *text, size_t len, struct locator **ret_loc,
		struct place *ret_place, char **ret_why);

/*
 * False: nothing is there; then *ret_place is that of the deepest thing that
 * is on the way.
 */
bool locator_find(struct locator *loc, const struct step *steps, size_t n,
		  enum place_of of, struct place *ret_place);

/* The text of a scalar, or NULL. Belongs to the locator. */
const char *locator_scalar(struct locator *loc, const struct step *steps,
			   size_t n);

void locator_free(struct locator *loc);

#endif
