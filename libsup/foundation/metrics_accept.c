/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accept of HTTP (RFC 9110, 12.5.1): ranges of media with commas between them,
 * each with parameters behind semicolons, of which q is its weight. What is
 * malformed is a range that nobody wants; nothing is an error.
 */
#include "foundation/metrics_accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define OPENMETRICS "application/openmetrics-text"
#define VERSION "1.0.0"
#define ALL 1000

/* Some bytes of a header. */
struct word {
	const char *at;
	size_t len;
};

static bool is(struct word w, const char *text)
{
	return w.len == strlen(text) && !strncasecmp(w.at, text, w.len);
}

static struct word trim(struct word w)
{
	while (w.len && strchr(" \t", *w.at)) {
		w.at++;
		w.len--;
	}
	while (w.len && strchr(" \t", w.at[w.len - 1]))
		w.len--;
	return w;
}

/* Takes what stands before the next end, or all; not an end that is quoted. */
static struct word take(struct word *rest, char end)
{
	struct word w = { rest->at, 0 };
	bool quoted = false;

	for (; w.len < rest->len; w.len++) {
		if (w.at[w.len] == '"')
			quoted = !quoted;
		else if (w.at[w.len] == '\\' && quoted)
			w.len += w.len + 1 < rest->len;
		else if (w.at[w.len] == end && !quoted)
			break;
	}
	rest->at += w.len;
	rest->len -= w.len;
	if (rest->len) {
		rest->at++;
		rest->len--;
	}
	return trim(w);
}

static struct word unquote(struct word w)
{
	if (w.len >= 2 && w.at[0] == '"' && w.at[w.len - 1] == '"') {
		w.at++;
		w.len -= 2;
	}
	return w;
}

/* "1", "0.75": in thousandths; 0 for what is no weight. */
static int weight(struct word w)
{
	int q, unit = 100;
	size_t i;

	if (!w.len || w.len > 5 || (w.at[0] != '0' && w.at[0] != '1') ||
	    (w.len > 1 && w.at[1] != '.'))
		return 0;
	q = (w.at[0] - '0') * ALL;
	for (i = 2; i < w.len; i++, unit /= 10) {
		if (w.at[i] < '0' || w.at[i] > '9')
			return 0;
		q += (w.at[i] - '0') * unit;
	}
	return q <= ALL ? q : 0;
}

static void take_range(struct fnd__accept *a, struct word range)
{
	struct word type = take(&range, ';'), value, name;
	bool is_known = true;
	int q = ALL;

	while (range.len) {
		value = take(&range, ';');
		name = take(&value, '=');
		value = unquote(trim(value));
		if (is(name, "q"))
			q = weight(value);
		else if (is(name, "version") && is(type, OPENMETRICS))
			is_known = is(value, VERSION);
	}
	if (is(type, OPENMETRICS) && is_known && q > a->open)
		a->open = q;
	if ((is(type, "text/plain") || is(type, "text/*") || is(type, "*/*")) &&
	    q > a->plain)
		a->plain = q;
}

void fnd__accept_header(struct fnd__accept *a, const char *value)
{
	struct word rest = { value, strlen(value) };

	while (rest.len)
		take_range(a, take(&rest, ','));
}

enum fnd_metric_text fnd__accept_text(const struct fnd__accept *a)
{
	return a->open && a->open >= a->plain ? FND_METRIC_OPENMETRICS :
		FND_METRIC_PROMETHEUS;
}
