/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/output.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

int sup__output_init(struct sup__output *o, size_t size,
		     unsigned int max_lines)
{
	memset(o, 0, sizeof(*o));
	o->bytes = sup__alloc(size);
	if (!o->bytes)
		return sup__error_nomem("what is captured");
	o->size = size;
	o->max_lines = max_lines;
	return 0;
}

void sup__output_fini(struct sup__output *o)
{
	sup__free(o->bytes);
	memset(o, 0, sizeof(*o));
}

static char byte_at(const struct sup__output *o, size_t i)
{
	return o->bytes[(o->begin + i) % o->size];
}

void sup__output_add(struct sup__output *o, const char *bytes, size_t n)
{
	size_t at, part, over;

	if (n > o->size) {
		bytes += n - o->size;
		n = o->size;
		o->len = 0;
		o->cut = bytes[-1] != '\n';
	}
	over = o->len + n > o->size ? o->len + n - o->size : 0;
	if (over)
		o->cut = byte_at(o, over - 1) != '\n';
	o->begin = (o->begin + over) % o->size;
	o->len -= over;
	at = (o->begin + o->len) % o->size;
	part = n < o->size - at ? n : o->size - at;
	memcpy(o->bytes + at, bytes, part);
	memcpy(o->bytes, bytes + part, n - part);
	o->len += n;
}

/* Where the last max_lines lines begin; the last may have no newline yet. */
static size_t begin_of_lines(const struct sup__output *o)
{
	unsigned int lines = 0;
	size_t i = o->len;

	if (i && byte_at(o, i - 1) == '\n')
		i--;
	for (; i > 0; i--)
		if (byte_at(o, i - 1) == '\n' && ++lines == o->max_lines)
			break;
	return i;
}

/* The first after i that begins a line, or i if there is none. */
static size_t next_line(const struct sup__output *o, size_t i)
{
	size_t at;

	for (at = i; at + 1 < o->len; at++)
		if (byte_at(o, at) == '\n')
			return at + 1;
	return i;
}

static char printable(char c)
{
	unsigned char u = c;

	return (u < ' ' && c != '\t') || u == 0x7f ? '?' : c;
}

size_t sup__output_copy(const struct sup__output *o, char *buf, size_t size)
{
	size_t i = begin_of_lines(o), n = 0;

	if (o->len - i > size - 1)
		i = next_line(o, o->len - (size - 1) - 1);
	else if (!i && o->cut)
		i = next_line(o, 0);
	if (o->len - i > size - 1)
		i = o->len - (size - 1);
	for (; i < o->len; i++)
		buf[n++] = byte_at(o, i) == '\n' ? '\n' :
			   printable(byte_at(o, i));
	buf[n] = '\0';
	return n;
}

static bool end_line(struct sup__line *l)
{
	l->text[l->len] = '\0';
	l->len = 0;
	return true;
}

bool sup__line_next(struct sup__line *l, const char **bytes, size_t *n)
{
	while (*n) {
		if (**bytes != '\n' && l->len == SUP__LINE_MAX - 1)
			return end_line(l);
		(*n)--;
		if (*(*bytes)++ == '\n')
			return end_line(l);
		l->text[l->len++] = printable((*bytes)[-1]);
	}
	return false;
}

bool sup__line_last(struct sup__line *l)
{
	return l->len && end_line(l);
}
