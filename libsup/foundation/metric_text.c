/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Figures as text for who collects them: Prometheus's own format, and
 * OpenMetrics, which came of it. They differ in little: the name of a counter's
 * family, what is escaped, and the end.
 */
#include "foundation/metric_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foundation/figure.h"
#include "foundation/family.h"
#include "foundation/service.h"

#define NUMBER_MAX 40

void fnd__text_bytes(struct fnd__text *t, const char *bytes, size_t len)
{
	size_t size = t->size ? t->size : 4096;
	char *data;

	while (size <= t->len + len)
		size *= 2;
	if (size != t->size && !t->failed) {
		data = realloc(t->data, size);
		t->failed = !data;
		t->data = data ? data : t->data;
		t->size = data ? size : t->size;
	}
	if (t->failed)
		return;
	memcpy(t->data + t->len, bytes, len);
	t->len += len;
	t->data[t->len] = '\0';
}

static void put(struct fnd__text *t, const char *s)
{
	fnd__text_bytes(t, s, strlen(s));
}

/* The shortest that is the same number, with a point in any locale. */
static void put_double(struct fnd__text *t, double value)
{
	char buf[NUMBER_MAX], *p;

	if (isnan(value) || isinf(value)) {
		put(t, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	snprintf(buf, sizeof(buf), "%.15g", value);
	if (strtod(buf, NULL) != value)
		snprintf(buf, sizeof(buf), "%.17g", value);
	for (p = buf; *p; p++)
		if (!strchr("0123456789+-e", *p))
			*p = '.';
	put(t, buf);
	if (!strpbrk(buf, ".e"))
		put(t, ".0");
}

static void put_count(struct fnd__text *t, uint64_t n)
{
	char buf[NUMBER_MAX];

	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
	put(t, buf);
}

/* How many bytes of UTF-8 begin here; 0: none. */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead, low, high;
	} forms[] = {
		{ 0x80, 0x00, 0, 0 }, { 0xe0, 0xc0, 0, 0 },
		{ 0xf0, 0xe0, 0, 0 }, { 0xf8, 0xf0, 0, 0 },
	};
	size_t n, i;

	for (n = 0; n < 4 && (s[0] & forms[n].mask) != forms[n].lead; n++)
		;
	for (i = 1; n < 4 && i <= n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed; a half of a pair; above the last. */
	if (n == 4 || (n == 1 && s[0] < 0xc2) ||
	    (n == 2 && s[0] == 0xe0 && s[1] < 0xa0) ||
	    (n == 2 && s[0] == 0xed && s[1] > 0x9f) ||
	    (n == 3 && s[0] == 0xf0 && s[1] < 0x90) ||
	    (n == 3 && (s[0] > 0xf4 || (s[0] == 0xf4 && s[1] > 0x8f))))
		return 0;
	return n + 1;
}

/* What is no text is written as the number of its byte. */
static void put_escaped(struct fnd__text *t, const char *s, bool quotes)
{
	char buf[8];
	size_t n;

	for (; *s; s += n ? n : 1) {
		n = utf8_len((const unsigned char *)s);
		if (*s == '\\')
			put(t, "\\\\");
		else if (*s == '\n')
			put(t, "\\n");
		else if (*s == '"' && quotes)
			put(t, "\\\"");
		else if (n)
			fnd__text_bytes(t, s, n);
		else {
			snprintf(buf, sizeof(buf), "\\\\x%02x",
				 (unsigned char)*s);
			put(t, buf);
		}
	}
}

static bool is_open(const struct fnd__text *t)
{
	return t->format == FND_METRIC_OPENMETRICS;
}

void fnd__text_family(struct fnd__text *t, const char *name, const char *help,
		      enum fnd_metric_kind kind)
{
	const char *suffix = kind == FND_METRIC_COUNTER && !is_open(t) ?
		"_total" : "";

	put(t, "# HELP ");
	put(t, name);
	put(t, suffix);
	put(t, " ");
	put_escaped(t, help, is_open(t));
	put(t, "\n# TYPE ");
	put(t, name);
	put(t, suffix);
	put(t, " ");
	put(t, fnd__kind_name(kind));
	put(t, "\n");
}

static void put_label(struct fnd__text *t, const char *key, const char *value,
		      bool *first)
{
	put(t, *first ? "{" : ",");
	*first = false;
	put(t, key);
	put(t, "=\"");
	put_escaped(t, value, true);
	put(t, "\"");
}

/* All of a line but its value. extra: one more label, or NULL. */
static void begin_line(struct fnd__text *t, const char *name,
		       const char *suffix, const struct fnd_metadata *labels,
		       const struct fnd_pair *extra)
{
	bool first = true;
	size_t i;

	put(t, name);
	put(t, suffix);
	for (i = 0; labels && i < labels->n; i++)
		put_label(t, labels->pairs[i].key, labels->pairs[i].value,
			  &first);
	if (extra)
		put_label(t, extra->key, extra->value, &first);
	put(t, first ? " " : "} ");
}

void fnd__text_count(struct fnd__text *t, const char *name, const char *suffix,
		     const struct fnd_metadata *labels, uint64_t n)
{
	begin_line(t, name, suffix, labels, NULL);
	put_count(t, n);
	put(t, "\n");
}

void fnd__text_value(struct fnd__text *t, const char *name, const char *suffix,
		     const struct fnd_metadata *labels, double value)
{
	begin_line(t, name, suffix, labels, NULL);
	put_double(t, value);
	put(t, "\n");
}

/* The text of a number, as a label. */
static const char *number(double value, char *buf)
{
	struct fnd__text t = { .data = buf, .size = NUMBER_MAX };

	put_double(&t, value);
	return buf;
}

static void put_buckets(struct fnd__text *t, const char *name,
			const struct fnd_figure *f)
{
	struct fnd_pair le = { .key = "le" };
	char buf[NUMBER_MAX];
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i <= f->n_bounds; i++) {
		le.value = number(i < f->n_bounds ? f->bounds[i] : INFINITY,
				  buf);
		begin_line(t, name, "_bucket", &f->labels, &le);
		put_count(t, sum += f->buckets[i]);
		put(t, "\n");
	}
}

static void put_quantiles(struct fnd__text *t, const char *name,
			  const struct fnd_figure *f)
{
	static const double q[] = FND_METRIC_QUANTILE_LIST;
	struct fnd_pair quantile = { .key = "quantile" };
	char buf[NUMBER_MAX];
	size_t i;

	for (i = 0; i < FND_METRIC_QUANTILES; i++) {
		quantile.value = number(q[i], buf);
		begin_line(t, name, "", &f->labels, &quantile);
		put_double(t, f->count ? f->quantiles[i] : NAN);
		put(t, "\n");
	}
}

static void put_figure(struct fnd__text *t, const char *name,
		       const struct fnd_figure *f)
{
	switch (f->kind) {
	case FND_METRIC_COUNTER:
		fnd__text_count(t, name, "_total", &f->labels, f->count);
		return;
	case FND_METRIC_GAUGE:
		fnd__text_value(t, name, "", &f->labels, f->value);
		return;
	case FND_METRIC_HISTOGRAM:
		put_buckets(t, name, f);
		break;
	case FND_METRIC_SUMMARY:
		put_quantiles(t, name, f);
		break;
	}
	fnd__text_value(t, name, "_sum", &f->labels, f->value);
	fnd__text_count(t, name, "_count", &f->labels, f->count);
}

int fnd_metric_write(enum fnd_metric_text format, char **ret_text,
		     size_t *ret_len)
{
	struct fnd__text t = { .format = format };
	char name[FND_NAME_MAX + 1];
	struct fnd_figure *figures;
	size_t i, n;
	int ret;

	ret = fnd_metric_list("", &figures, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		fnd__write_name(figures[i].name, name);
		if (!i || strcmp(figures[i].name, figures[i - 1].name))
			fnd__text_family(&t, name, figures[i].help,
					 figures[i].kind);
		put_figure(&t, name, &figures[i]);
	}
	free(figures);
	fnd__text_own(&t);
	put(&t, is_open(&t) ? "# EOF\n" : "");
	if (t.failed) {
		free(t.data);
		return fnd__nomem("text");
	}
	*ret_text = t.data;
	*ret_len = t.len;
	return 0;
}
