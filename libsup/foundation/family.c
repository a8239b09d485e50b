/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Families of figures, and what names and labels may be. The table is by the
 * name as it is written for others, so that no two are written alike.
 */
#include "foundation/family.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sup/error.h>

#include "foundation/figure.h"
#include "foundation/metric_text.h"
#include "foundation/service.h"

static const double default_bounds[] = {
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
};
#define N_DEFAULT (sizeof(default_bounds) / sizeof(default_bounds[0]))

/* What is written behind a name, of figures of some kinds. */
#define IS(kind) (1u << FND_METRIC_##kind)
static const struct {
	const char *text;
	unsigned int kinds;
} suffixes[] = {
	{ "_total", IS(COUNTER) },
	{ "_bucket", IS(HISTOGRAM) },
	{ "_count", IS(HISTOGRAM) | IS(SUMMARY) },
	{ "_sum", IS(HISTOGRAM) | IS(SUMMARY) },
};
#define N_SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))
#define SUFFIX_MAX 7

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fnd__family *families;

const char *fnd__kind_name(enum fnd_metric_kind kind)
{
	static const char *const names[] = {
		[FND_METRIC_COUNTER] = "counter", [FND_METRIC_GAUGE] = "gauge",
		[FND_METRIC_HISTOGRAM] = "histogram",
		[FND_METRIC_SUMMARY] = "summary",
	};

	return names[kind];
}

void fnd__write_name(const char *name, char *to)
{
	do
		*to++ = *name == '.' ? '_' : *name;
	while (*name++);
}

static bool begins_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_in_word(char c)
{
	return begins_word(c) || (c >= '0' && c <= '9');
}

int fnd__check_words(const char *what, const char *words)
{
	const char *p;
	int ret;

	ret = fnd__check_name(what, words);
	if (ret)
		return ret;
	for (p = words; *p; p++) {
		if (p == words || p[-1] == '.' ? begins_word(*p) :
		    is_in_word(*p) || (*p == '.' && p[1]))
			continue;
		return sup_set_error(-EINVAL, "%s: \"%s\" is not of words",
				     what, words);
	}
	return 0;
}

bool fnd__has_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return !n || (!strncmp(name, prefix, n) &&
		      (!name[n] || name[n] == '.'));
}

static int check_label(const struct fnd_pair *p)
{
	int ret;

	ret = fnd__check_words("label", p->key);
	if (ret)
		return ret;
	if (strchr(p->key, '.') || !strcmp(p->key, "le") ||
	    !strcmp(p->key, "quantile"))
		return sup_set_error(-EINVAL, "label: it may not be \"%s\"",
				     p->key);
	if (!p->value)
		return sup_set_error(-EINVAL, "label: \"%s\" has no value",
				     p->key);
	if (strlen(p->value) > FND_NAME_MAX)
		return sup_set_error(-ENAMETOOLONG, "label: the value of "
				     "\"%s\" has more than %d bytes", p->key,
				     FND_NAME_MAX);
	return 0;
}

/* Puts one where it belongs among those before it. */
static int sort_in(const struct fnd_pair **sorted, size_t n,
		   const struct fnd_pair *p)
{
	size_t i;
	int order;

	for (i = n; i; i--) {
		order = strcmp(sorted[i - 1]->key, p->key);
		if (!order)
			return sup_set_error(-EINVAL, "label: \"%s\" is there "
					     "twice", p->key);
		if (order < 0)
			break;
		sorted[i] = sorted[i - 1];
	}
	sorted[i] = p;
	return 0;
}

static size_t put_string(char *to, const char *from)
{
	size_t n = strlen(from) + 1;

	memcpy(to, from, n);
	return n;
}

int fnd__labels_pack(const struct fnd_metadata *metadata,
		     struct fnd__labels *labels)
{
	const struct fnd_pair *sorted[FND_METRIC_LABELS_MAX];
	size_t i, n = metadata ? metadata->n : 0;
	int ret = 0;

	if (n > FND_METRIC_LABELS_MAX)
		return sup_set_error(-EINVAL, "labels: %zu, of %d at most", n,
				     FND_METRIC_LABELS_MAX);
	for (i = 0; !ret && i < n; i++) {
		ret = check_label(&metadata->pairs[i]);
		if (!ret)
			ret = sort_in(sorted, i, &metadata->pairs[i]);
	}
	if (ret)
		return ret;
	labels->n = n;
	labels->len = 0;
	for (i = 0; i < n; i++) {
		labels->len += put_string(labels->bytes + labels->len,
					  sorted[i]->key);
		labels->len += put_string(labels->bytes + labels->len,
					  sorted[i]->value);
	}
	return 0;
}

static struct fnd__family *find_locked(const char *text)
{
	struct fnd__family *f;

	HASH_FIND_STR(families, text, f);
	return f;
}

static int mistaken(const char *name, const struct fnd__family *other)
{
	return sup_set_error(-EEXIST, "name: in text \"%s\" could not be told "
			     "from \"%s\"", name, other->name);
}

static bool has_suffix(enum fnd_metric_kind kind, size_t nth)
{
	return suffixes[nth].kinds >> kind & 1;
}

/* Whether one is written as another one is, with its suffix. */
static int check_suffixes_locked(const struct fnd_metric_spec *spec,
				 const char *text)
{
	char other[FND_NAME_MAX + SUFFIX_MAX + 1];
	size_t i, n, len = strlen(text);
	struct fnd__family *f;

	if (fnd__text_is_own(text))
		return sup_set_error(-EEXIST, "name: \"%s\" is a figure of "
				     "the process", spec->name);
	for (i = 0; i < N_SUFFIXES; i++) {
		n = strlen(suffixes[i].text);
		snprintf(other, sizeof(other), "%s%s", text, suffixes[i].text);
		f = find_locked(other);
		if (f && has_suffix(spec->kind, i))
			return mistaken(spec->name, f);
		if (len <= n || strcmp(text + len - n, suffixes[i].text))
			continue;
		snprintf(other, sizeof(other), "%.*s", (int)(len - n), text);
		f = find_locked(other);
		if (f && has_suffix(f->kind, i))
			return mistaken(spec->name, f);
	}
	return 0;
}

/* One block: the bounds, which are doubles, then the strings. */
static struct fnd__family *new_family(const struct fnd_metric_spec *s,
				      const char *text)
{
	const char *help = s->help ? s->help : s->name;
	size_t n_bounds = s->n_bounds, name = strlen(s->name) + 1;
	const double *bounds = s->bounds;
	struct fnd__family *f;
	char *at;

	if (s->kind == FND_METRIC_HISTOGRAM && !n_bounds) {
		bounds = default_bounds;
		n_bounds = N_DEFAULT;
	}
	f = calloc(1, sizeof(*f) + n_bounds * sizeof(*bounds) + 2 * name +
		   strlen(help) + 1);
	if (!f)
		return NULL;
	f->kind = s->kind;
	f->n_bounds = n_bounds;
	f->bounds = (double *)(f + 1);
	if (n_bounds)
		memcpy(f + 1, bounds, n_bounds * sizeof(*bounds));
	at = (char *)(f->bounds + n_bounds);
	f->name = memcpy(at, s->name, name);
	f->text = memcpy(at + name, text, name);
	f->help = strcpy(at + 2 * name, help);
	return f;
}

static int add_locked(const struct fnd_metric_spec *spec, const char *text,
		      struct fnd__family **ret_family)
{
	struct fnd__family *f;
	int ret;

	ret = check_suffixes_locked(spec, text);
	if (ret)
		return ret;
	f = new_family(spec, text);
	if (!f)
		return fnd__nomem("a figure");
	HASH_ADD_KEYPTR(hh, families, f->text, strlen(f->text), f);
	if (!f->hh.tbl) {
		free(f);
		return fnd__nomem("a figure");
	}
	*ret_family = f;
	return 0;
}

int fnd__family_fits(const struct fnd__family *f,
		     const struct fnd_metric_spec *s)
{
	if (strcmp(f->name, s->name))
		return mistaken(s->name, f);
	if (f->kind != s->kind)
		return sup_set_error(-EEXIST, "kind: \"%s\" is a %s", f->name,
				     fnd__kind_name(f->kind));
	if (s->n_bounds && (s->n_bounds != f->n_bounds ||
			    memcmp(s->bounds, f->bounds,
				   f->n_bounds * sizeof(*f->bounds))))
		return sup_set_error(-EEXIST, "bounds: \"%s\" has others",
				     f->name);
	return 0;
}

int fnd__family_get(const struct fnd_metric_spec *spec,
		    struct fnd__family **ret_family)
{
	char text[FND_NAME_MAX + 1];
	struct fnd__family *f;
	int ret;

	fnd__write_name(spec->name, text);
	pthread_mutex_lock(&lock);
	f = find_locked(text);
	ret = f ? fnd__family_fits(f, spec) : add_locked(spec, text, &f);
	if (!ret) {
		f->refs++;
		*ret_family = f;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

void fnd__family_put(struct fnd__family *f)
{
	bool last;

	pthread_mutex_lock(&lock);
	last = !--f->refs;
	if (last)
		HASH_DEL(families, f);
	pthread_mutex_unlock(&lock);
	if (last)
		free(f);
}
