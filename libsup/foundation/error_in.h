/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What errors and their contexts share: strings of fixed size, and lines. */
#ifndef SUP_FOUNDATION_ERROR_IN_H
#define SUP_FOUNDATION_ERROR_IN_H

#include <foundation/error.h>

/* Copies it; what is too long is cut between two characters of UTF-8. */
void fnd__cut(char *to, size_t size, const char *from);

/* The value of a key, or NULL. */
const char *fnd__pair_get(const struct fnd_error_pair *pairs, size_t n,
			  const char *key);

/* As fnd_error_add(). */
int fnd__pair_put(struct fnd_error_pair *pairs, size_t *n, const char *key,
		  const char *value);

/* A line that is written piece by piece, as far as there is room. */
struct fnd__line {
	char *buf;
	size_t len, at;
};

void fnd__line_add(struct fnd__line *line, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "1.5 ms": with one decimal, in the unit that leaves 1 to 999 before it. */
void fnd__line_add_time(struct fnd__line *line, int64_t ns);

/* Control characters become '?'. Returns buf. */
const char *fnd__line_end(struct fnd__line *line);

#endif
