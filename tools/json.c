/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct reader {
	struct json *j;
	const char *p, *end, *start;
	char *out;		/* next free byte of j->text */
	const char *why;
};

static int fail(struct reader *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
				 *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static int expect(struct reader *r, char c, const char *why)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return fail(r, why);
	r->p++;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One \u escape, of the basic plane, as UTF-8. */
static int read_unicode(struct reader *r)
{
	unsigned int v = 0;
	int i, d;

	for (i = 0; i < 4; i++) {
		d = r->p < r->end ? hex_digit(*r->p) : -1;
		if (d < 0)
			return fail(r, "four hexadecimal digits expected");
		v = v << 4 | (unsigned int)d;
		r->p++;
	}
	if (v == 0 || (v >= 0xd800 && v <= 0xdfff))
		return fail(r, "a character that is not allowed");
	if (v < 0x80) {
		*r->out++ = (char)v;
	} else if (v < 0x800) {
		*r->out++ = (char)(0xc0 | v >> 6);
		*r->out++ = (char)(0x80 | (v & 0x3f));
	} else {
		*r->out++ = (char)(0xe0 | v >> 12);
		*r->out++ = (char)(0x80 | (v >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (v & 0x3f));
	}
	return 0;
}

static int read_escape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	char c;

	if (r->p == r->end)
		return fail(r, "the text ends inside a string");
	c = *r->p++;
	if (c == 'u')
		return read_unicode(r);
	at = c != '\0' ? strchr(from, c) : NULL;
	if (at == NULL)
		return fail(r, "unknown escape in a string");
	*r->out++ = to[at - from];
	return 0;
}

/* A decoded string is never longer than its text, so j->text has room. */
static int read_string(struct reader *r, const char **ret_s)
{
	const char *s = r->out;
	int ret;

	ret = expect(r, '"', "a string expected");
	while (ret == 0) {
		if (r->p == r->end)
			return fail(r, "the text ends inside a string");
		if (*r->p == '"')
			break;
		if ((unsigned char)*r->p < 0x20)
			return fail(r, "a control character in a string");
		if (*r->p == '\\') {
			r->p++;
			ret = read_escape(r);
		} else {
			*r->out++ = *r->p++;
		}
	}
	if (ret < 0)
		return ret;
	r->p++;
	*r->out++ = '\0';
	*ret_s = s;
	return 0;
}

static bool read_word(struct reader *r, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
		return false;
	r->p += len;
	return true;
}

static int read_int(struct reader *r, int64_t *ret_v)
{
	bool negative = read_word(r, "-");
	int64_t v = 0;
	int digits = 0;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, *r->p - '0', &v))
			return fail(r, "a number out of range");
		r->p++;
		digits++;
	}
	if (digits == 0)
		return fail(r, "a string, whole number, true, false or null "
			    "expected");
	if (!negative && __builtin_sub_overflow(0, v, &v))
		return fail(r, "a number out of range");
	if (r->p < r->end && (*r->p == '.' || *r->p == 'e' || *r->p == 'E'))
		return fail(r, "only whole numbers are known");
	*ret_v = v;
	return 0;
}

static int read_value(struct reader *r, struct json_field *f)
{
	skip_space(r);
	if (r->p < r->end && *r->p == '"') {
		f->type = JSON_STRING;
		return read_string(r, &f->str);
	}
	if (r->p < r->end && (*r->p == '{' || *r->p == '['))
		return fail(r, "nesting is not known here");
	f->type = JSON_BOOL;
	f->num = 1;
	if (read_word(r, "true"))
		return 0;
	f->num = 0;
	if (read_word(r, "false"))
		return 0;
	f->type = JSON_NULL;
	if (read_word(r, "null"))
		return 0;
	f->type = JSON_INT;
	return read_int(r, &f->num);
}

static int read_field(struct reader *r)
{
	struct json_field f = { 0 };
	int ret;

	if (r->j->n == JSON_FIELDS_MAX)
		return fail(r, "too many fields");
	ret = read_string(r, &f.key);
	if (ret < 0)
		return ret;
	if (json_find(r->j, f.key) != NULL)
		return fail(r, "a key stands twice");
	ret = expect(r, ':', "':' expected after a key");
	if (ret < 0)
		return ret;
	ret = read_value(r, &f);
	if (ret < 0)
		return ret;
	r->j->fields[r->j->n++] = f;
	return 0;
}

static int read_object(struct reader *r)
{
	int ret;

	ret = expect(r, '{', "'{' expected");
	if (ret < 0)
		return ret;
	skip_space(r);
	if (!read_word(r, "}")) {
		do {
			ret = read_field(r);
			if (ret < 0)
				return ret;
			skip_space(r);
		} while (read_word(r, ","));
		ret = expect(r, '}', "',' or '}' expected");
		if (ret < 0)
			return ret;
	}
	skip_space(r);
	return r->p == r->end ? 0 : fail(r, "text after the object");
}

int json_parse(struct json *j, const char *text, size_t len,
	       const char **ret_why, size_t *ret_at)
{
	struct reader r = { .j = j, .p = text, .start = text, .out = j->text };
	int ret;

	r.end = text + len;
	j->n = 0;
	ret = len > JSON_TEXT_MAX ? fail(&r, "too long") : read_object(&r);
	if (ret < 0) {
		j->n = 0;
		*ret_why = r.why;
		*ret_at = (size_t)(r.p - r.start);
	}
	return ret;
}

const struct json_field *json_find(const struct json *j, const char *key)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		if (strcmp(j->fields[i].key, key) == 0)
			return &j->fields[i];
	return NULL;
}

const char *json_string(const struct json *j, const char *key,
			const char *otherwise)
{
	const struct json_field *f = json_find(j, key);

	return f != NULL && f->type == JSON_STRING ? f->str : otherwise;
}

int64_t json_int(const struct json *j, const char *key, int64_t otherwise)
{
	const struct json_field *f = json_find(j, key);

	return f != NULL && f->type == JSON_INT ? f->num : otherwise;
}

bool json_bool(const struct json *j, const char *key)
{
	const struct json_field *f = json_find(j, key);

	return f != NULL && f->type == JSON_BOOL && f->num != 0;
}

static void put(struct json_writer *w, const char *s, size_t len)
{
	if (w->overflow || len >= w->size - w->len) {
		w->overflow = true;
		return;
	}
	memcpy(w->buf + w->len, s, len);
	w->len += len;
	w->buf[w->len] = '\0';
}

static void put_quoted(struct json_writer *w, const char *s)
{
	char esc[8];

	put(w, "\"", 1);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\') {
			esc[0] = '\\';
			esc[1] = *s;
			put(w, esc, 2);
		} else if ((unsigned char)*s < 0x20) {
			snprintf(esc, sizeof(esc), "\\u%04x", *s);
			put(w, esc, 6);
		} else {
			put(w, s, 1);
		}
	}
	put(w, "\"", 1);
}

static void put_key(struct json_writer *w, const char *key)
{
	if (w->len > 1)
		put(w, ",", 1);
	put_quoted(w, key);
	put(w, ":", 1);
}

void json_open(struct json_writer *w, char *buf, size_t size)
{
	w->buf = buf;
	w->size = size;
	w->len = 0;
	w->overflow = false;
	put(w, "{", 1);
}

void json_put_string(struct json_writer *w, const char *key, const char *s)
{
	put_key(w, key);
	put_quoted(w, s);
}

void json_put_int(struct json_writer *w, const char *key, int64_t v)
{
	char num[24];

	put_key(w, key);
	put(w, num, (size_t)snprintf(num, sizeof(num), "%" PRId64, v));
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
	put_key(w, key);
	if (v)
		put(w, "true", 4);
	else
		put(w, "false", 5);
}

int json_close(struct json_writer *w)
{
	put(w, "}", 1);
	return w->overflow ? -ENOSPC : (int)w->len;
}
