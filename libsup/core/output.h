/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of what somebody writes, bounded, and its lines. Plain data. */
#ifndef SUP_CORE_OUTPUT_H
#define SUP_CORE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#define SUP__LINE_MAX 1024

/* The last size bytes: a ring. */
struct sup__output {
	char *bytes;
	size_t size, begin, len;
	unsigned int max_lines;
	bool cut;		/* it begins within a line */
};

/* A line under way. */
struct sup__line {
	char text[SUP__LINE_MAX];
	size_t len;
};

/* 0 or -ENOMEM. fini: safe on zeroed, and twice. */
int sup__output_init(struct sup__output *o, size_t size,
		     unsigned int max_lines);
void sup__output_fini(struct sup__output *o);

void sup__output_add(struct sup__output *o, const char *bytes, size_t n);

/*
 * Copies the last lines that fit into size bytes, of which the last is the
 * terminator, printable; no more than max_lines, none without its beginning
 * unless it is the only one. Returns the length.
 */
size_t sup__output_copy(const struct sup__output *o, char *buf, size_t size);

/*
 * Takes the next line out of *bytes, which moves on: true, and l->text is it,
 * terminated, printable, without its newline. One that is longer comes in
 * pieces. False: it is not complete. The next call begins a new one.
 */
bool sup__line_next(struct sup__line *l, const char **bytes, size_t *n);

/* The same for what has no newline and is all there will be. */
bool sup__line_last(struct sup__line *l);

#endif
