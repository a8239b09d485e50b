/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void line_is_bad(const char *line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bad line: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", line);
	exit(100);
}

/* What follows "key":, or NULL. */
static const char *find(const char *line, const char *key)
{
	char quoted[TEXT_MAX + 4];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(line, quoted);
	return at ? at + strlen(quoted) : NULL;
}

const char *line_text(const char *line, const char *key, const char *otherwise,
		      char buf[TEXT_MAX])
{
	const char *at = find(line, key);
	size_t len;

	if (!at) {
		snprintf(buf, TEXT_MAX, "%s", otherwise);
		return buf;
	}
	len = *at == '"' ? strcspn(at + 1, "\"") : TEXT_MAX;
	if (len >= TEXT_MAX)
		line_is_bad(line, "\"%s\" is no short string", key);
	memcpy(buf, at + 1, len);
	buf[len] = '\0';
	return buf;
}

long line_number(const char *line, const char *key, long otherwise)
{
	const char *at = find(line, key);
	char *end;
	long n;

	if (!at)
		return otherwise;
	n = strtol(at, &end, 10);
	if (end == at)
		line_is_bad(line, "\"%s\" is no number", key);
	return n;
}

int line_word(const char *line, const char *key, const char *const *words)
{
	char text[TEXT_MAX];
	int i;

	line_text(line, key, words[0], text);
	for (i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	line_is_bad(line, "\"%s\" cannot be \"%s\"", key, text);
}
