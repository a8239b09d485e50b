/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of a trace: a JSON object whose values are strings without escapes,
 * and numbers (README.md).
 */
#ifndef TESTS_CONFORMANCE_LINE_H
#define TESTS_CONFORMANCE_LINE_H

#define TEXT_MAX 32

/* Copies the string of key to buf, or otherwise if there is none. */
const char *line_text(const char *line, const char *key, const char *otherwise,
		      char buf[TEXT_MAX]);
long line_number(const char *line, const char *key, long otherwise);

/* The place of the string of key in words, which end with NULL; 0 if none. */
int line_word(const char *line, const char *key, const char *const *words);

/* Ends the program: a trace is not what README.md says. */
void __attribute__((format(printf, 2, 3), noreturn))
line_is_bad(const char *line, const char *fmt, ...);

#endif
