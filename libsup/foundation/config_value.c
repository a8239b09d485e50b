/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sup/error.h>

#include "foundation/service.h"

static const char *const kinds[] = {
	[FND_CONFIG_BOOLEAN] = "a boolean", [FND_CONFIG_INTEGER] = "an integer",
	[FND_CONFIG_REAL] = "a real number", [FND_CONFIG_STRING] = "a string",
};

static bool is_kind(enum fnd_config_kind kind)
{
	return kind > FND_CONFIG_NONE && kind <= FND_CONFIG_STRING;
}

static locale_t plain_locale;

static void make_locale(void)
{
	/* Of C alone: that is always there, and takes no memory. */
	plain_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The decimal point is that of the program's locale, but in here. */
static locale_t begin_plain(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_locale);
	return uselocale(plain_locale);
}

/* The shortest text that is read as the same number. */
static void format_real(double real, char *text)
{
	locale_t own = begin_plain();
	int digits;

	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, FND__CONFIG_TEXT, "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	uselocale(own);
}

void fnd__config_format(const struct fnd_config_value *v, char *text)
{
	switch (v->kind) {
	case FND_CONFIG_BOOLEAN:
		strcpy(text, v->boolean ? "true" : "false");
		break;
	case FND_CONFIG_INTEGER:
		snprintf(text, FND__CONFIG_TEXT, "%" PRId64, v->integer);
		break;
	case FND_CONFIG_REAL:
		format_real(v->real, text);
		break;
	case FND_CONFIG_STRING:
		strcpy(text, v->string);
		break;
	case FND_CONFIG_NONE:
		text[0] = '\0';
		break;
	}
}

static bool parse_boolean(const char *text, bool *ret_boolean)
{
	*ret_boolean = !strcmp(text, "true");
	return *ret_boolean || !strcmp(text, "false");
}

/* No space before it, which strtoll() and strtod() would pass over. */
static bool begins_number(const char *text)
{
	return *text && strchr("+-.0123456789", *text);
}

static bool parse_integer(const char *text, int64_t *ret_integer)
{
	char *end;

	errno = 0;
	*ret_integer = strtoll(text, &end, 10);
	return begins_number(text) && end != text && !*end && !errno;
}

static bool parse_real(const char *text, double *ret_real)
{
	locale_t own = begin_plain();
	char *end;

	*ret_real = strtod(text, &end);
	uselocale(own);
	return begins_number(text) && end != text && !*end;
}

int fnd__config_parse(const char *path, enum fnd_config_kind kind,
		      const char *text, struct fnd_config_value *ret_value)
{
	struct fnd_config_value v = { .kind = kind };
	bool good = true;

	switch (kind) {
	case FND_CONFIG_BOOLEAN:
		good = parse_boolean(text, &v.boolean);
		break;
	case FND_CONFIG_INTEGER:
		good = parse_integer(text, &v.integer);
		break;
	case FND_CONFIG_REAL:
		good = parse_real(text, &v.real);
		break;
	default:
		v.string = text;
		break;
	}
	if (!good)
		return sup_set_error(-EINVAL, "%s: \"%.64s\" is not %s", path,
				     text, kinds[kind]);
	*ret_value = v;
	return 0;
}

/* How many bytes follow a first one, and its bits; -1: it is none. */
static int utf8_more(unsigned char first, int32_t *ret_bits)
{
	static const struct {
		unsigned char mask, is;
	} firsts[] = { { 0x80, 0 }, { 0xe0, 0xc0 }, { 0xf0, 0xe0 },
		       { 0xf8, 0xf0 } };
	int i;

	for (i = 0; i < 4; i++) {
		if ((first & firsts[i].mask) == firsts[i].is) {
			*ret_bits = first & ~firsts[i].mask;
			return i;
		}
	}
	return -1;
}

int32_t fnd__utf8_next(const unsigned char **at)
{
	static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = *at;
	int32_t c = 0;
	int i, more;

	more = utf8_more(*p++, &c);
	for (i = 0; i < more; i++) {
		if ((*p & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (*p++ & 0x3f);
	}
	if (more < 0 || c < least[more] || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*at = p;
	return c;
}

static int check_string(const struct fnd_config_entry *e, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	const char *const *c;

	if (!string)
		return sup_set_error(-EINVAL, "%s: it is NULL", e->path);
	if (strlen(string) > FND_CONFIG_STRING_MAX)
		return sup_set_error(-EMSGSIZE, "%s: \"%.16s...\" has more "
				     "than %d bytes", e->path, string,
				     FND_CONFIG_STRING_MAX);
	while (*at)
		if (fnd__utf8_next(&at) < 0)
			return sup_set_error(-EILSEQ, "%s: it is not UTF-8",
					     e->path);
	for (c = e->choices; c && *c; c++)
		if (!strcmp(*c, string))
			return 0;
	return e->choices ? sup_set_error(-EINVAL, "%s: \"%.64s\" is none of "
					  "its choices", e->path, string) : 0;
}

static int out_of_range(const struct fnd_config_entry *e,
			const struct fnd_config_value *v, const char *how,
			const struct fnd_config_value *bound)
{
	char text[FND__CONFIG_TEXT], limit[FND__CONFIG_TEXT];

	fnd__config_format(v, text);
	fnd__config_format(bound, limit);
	return sup_set_error(-ERANGE, "%s: %s is %s than %s", e->path, text,
			     how, limit);
}

static bool is_less(const struct fnd_config_value *a,
		    const struct fnd_config_value *b)
{
	return a->kind == FND_CONFIG_INTEGER ? a->integer < b->integer :
		a->real < b->real;
}

static int check_range(const struct fnd_config_entry *e,
		       const struct fnd_config_value *v)
{
	if (v->kind == FND_CONFIG_REAL && !isfinite(v->real))
		return sup_set_error(-ERANGE, "%s: it is no finite number",
				     e->path);
	if (e->min.kind && is_less(v, &e->min))
		return out_of_range(e, v, "less", &e->min);
	if (e->max.kind && is_less(&e->max, v))
		return out_of_range(e, v, "more", &e->max);
	return 0;
}

int fnd__config_check_value(const struct fnd_config_entry *e,
			    const struct fnd_config_value *v)
{
	if (v->kind != e->value.kind)
		return sup_set_error(-EINVAL, "%s: it is %s, not %s", e->path,
				     kinds[e->value.kind], is_kind(v->kind) ?
				     kinds[v->kind] : "of no kind");
	switch (v->kind) {
	case FND_CONFIG_STRING:
		return check_string(e, v->string);
	case FND_CONFIG_INTEGER:
	case FND_CONFIG_REAL:
		return check_range(e, v);
	default:
		return 0;
	}
}

static int check_path(const char *path)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *at;
	size_t n;
	int ret;

	ret = fnd__check_name("path", path);
	if (ret)
		return ret;
	for (at = path; ; at += n + 1) {
		n = strspn(at, names);
		if (!n || *at == '-' || (at[n] && at[n] != '.'))
			return sup_set_error(-EINVAL, "path: \"%.64s\" is not "
					     "of names with dots between",
					     path);
		if (!at[n])
			return 0;
	}
}

static int check_bound(const struct fnd_config_entry *e, const char *which,
		       const struct fnd_config_value *bound)
{
	bool has = e->value.kind == FND_CONFIG_INTEGER ||
		   e->value.kind == FND_CONFIG_REAL;

	if (!bound->kind || (has && bound->kind == e->value.kind))
		return 0;
	return sup_set_error(-EINVAL, "%s: %s is not of its kind", e->path,
			     which);
}

int fnd__config_check_entry(const struct fnd_config_entry *e)
{
	int ret;

	ret = check_path(e->path);
	if (ret)
		return ret;
	if (!is_kind(e->value.kind))
		return sup_set_error(-EINVAL, "%s: kind: %d is none", e->path,
				     (int)e->value.kind);
	if (e->choices && e->value.kind != FND_CONFIG_STRING)
		return sup_set_error(-EINVAL, "%s: choices: it is no string",
				     e->path);
	ret = check_bound(e, "min", &e->min);
	if (!ret)
		ret = check_bound(e, "max", &e->max);
	/* That there is a default also says that min is not above max. */
	return ret ? ret : fnd__config_check_value(e, &e->value);
}
