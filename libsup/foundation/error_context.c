/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The current context is a pointer of the thread's, to memory of who called
 * fnd_context_run(), which puts back what was there before. A thread runs one
 * task in its life; when that ends the pointer goes with the thread, and there
 * is nothing else.
 */
#include <foundation/error_context.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/error_in.h"
#include "foundation/service.h"

static _Thread_local struct fnd_context *current;

static _Atomic uint64_t last_operation;

/* A UUID of version 4, variant 1. */
static int make_correlation(char *to, size_t size)
{
	unsigned char r[16];
	ssize_t n;

	do
		n = getrandom(r, sizeof(r), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(r))
		return sup_set_error(n < 0 ? -errno : -EIO,
				     "correlation: nothing is random");
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	snprintf(to, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4],
		 r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13],
		 r[14], r[15]);
	return 0;
}

static int copy_word(char *to, const char *what, const char *word)
{
	if (!word || !*word)
		return sup_set_error(-EINVAL, "%s: it is empty", what);
	if (strlen(word) > FND_ERROR_WORD_MAX)
		return sup_set_error(-ENAMETOOLONG, "%s: \"%.16s...\" has more "
				     "than %d bytes", what, word,
				     FND_ERROR_WORD_MAX);
	strcpy(to, word);
	return 0;
}

int fnd_context_step(struct fnd_context *context, const char *module,
		     const char *operation)
{
	struct fnd_context *c = context ? context : current;
	struct fnd_breadcrumb crumb = { .time = sup_deadline_ms(0) };
	int ret;

	if (!c)
		return sup_set_error(-ENOENT, "there is no current context");
	ret = copy_word(crumb.module, "module", module);
	if (!ret)
		ret = copy_word(crumb.operation, "operation", operation);
	if (ret)
		return ret;
	if (c->n_crumbs == FND_BREADCRUMBS_MAX) {
		memmove(c->crumbs, c->crumbs + 1,
			--c->n_crumbs * sizeof(crumb));
		c->crumbs_lost++;
	}
	c->crumbs[c->n_crumbs++] = crumb;
	return 0;
}

int fnd_context_add(struct fnd_context *context, const char *key,
		    const char *value)
{
	struct fnd_context *c = context ? context : current;

	if (!c)
		return sup_set_error(-ENOENT, "there is no current context");
	return fnd__pair_put(c->pairs, &c->n_pairs, key, value);
}

static int set_correlation(struct fnd_context *c, const char *given)
{
	int ret;

	if (!given && c->correlation[0])
		return 0;
	if (!given)
		return make_correlation(c->correlation, sizeof(c->correlation));
	ret = fnd__check_name("correlation", given);
	if (!ret)
		strcpy(c->correlation, given);
	return ret;
}

static int fill(struct fnd_context *c, const struct fnd_context_spec *spec)
{
	size_t i;
	int ret;

	ret = copy_word(c->module, "module", spec->module);
	if (!ret)
		ret = copy_word(c->operation, "operation", spec->operation);
	if (!ret)
		ret = set_correlation(c, spec->correlation);
	for (i = 0; !ret && i < spec->metadata.n; i++)
		ret = fnd_context_add(c, spec->metadata.pairs[i].key,
				      spec->metadata.pairs[i].value);
	return ret ? ret : fnd_context_step(c, c->module, c->operation);
}

int fnd_context_init(struct fnd_context *ret_context,
		     const struct fnd_context_spec *spec)
{
	struct fnd_context_spec s = { .size = sizeof(s) };
	const struct fnd_context *parent;
	struct fnd_context c = { .operation_id = 0 };
	int ret;

	ret = fnd__copy_options(&s, sizeof(s), spec);
	if (ret)
		return ret;
	parent = s.parent ? s.parent : current;
	if (parent) {
		c = *parent;
		c.parent_id = parent->operation_id;
	}
	c.area = s.area;
	ret = fill(&c, &s);
	if (ret)
		return ret;
	c.operation_id = atomic_fetch_add(&last_operation, 1) + 1;
	c.began = c.crumbs[c.n_crumbs - 1].time;
	*ret_context = c;
	return 0;
}

const struct fnd_context *fnd_context_current(void)
{
	return current;
}

int64_t fnd_context_duration(const struct fnd_context *context)
{
	return sup_deadline_ms(0) - context->began;
}

int fnd_context_enrich(const struct fnd_context *context,
		       struct fnd_error *error)
{
	const struct fnd_context *c = context ? context : current;
	size_t i;

	if (!c)
		return sup_set_error(-ENOENT, "there is no current context");
	if (!error->correlation[0])
		strcpy(error->correlation, c->correlation);
	for (i = 0; i < c->n_pairs && error->n_pairs < FND_ERROR_PAIRS_MAX; i++)
		if (!fnd_error_get(error, c->pairs[i].key))
			error->pairs[error->n_pairs++] = c->pairs[i];
	if (error->operation_id)
		return 0;
	error->operation_id = c->operation_id;
	strcpy(error->module, c->module);
	strcpy(error->operation, c->operation);
	error->duration_ns = fnd_context_duration(c);
	error->n_crumbs = c->n_crumbs;
	memcpy(error->crumbs, c->crumbs, sizeof(error->crumbs));
	return 0;
}

static void tell_duration(const struct fnd_context *c, int result)
{
	const struct fnd_pair pairs[] = {
		{ "module", c->module }, { "function", c->operation },
		{ "result", result < 0 ? "error" : "ok" },
	};

	fnd_telemetry_duration("foundation.operations.duration",
			       fnd_context_duration(c),
			       &(struct fnd_metadata){ pairs, 3 });
}

int fnd_context_run(struct fnd_context *context,
		    int (*fn)(struct fnd_error *error, void *arg), void *arg,
		    struct fnd_error *ret_error)
{
	struct fnd_context *outer = current;
	struct fnd_error e = { .code = 0 };
	int result;

	current = context;
	sup_set_error(0, "%s", "");
	result = fn(&e, arg);
	current = outer;
	if (result < 0 && !e.code)
		fnd_error_of_errno(context->area, result, &e);
	tell_duration(context, result);
	if (result >= 0)
		return result;
	if (!e.error)
		e.error = result;
	fnd_context_enrich(context, &e);
	fnd_error_emit(&e);
	if (ret_error)
		*ret_error = e;
	return sup_set_error(result, "%s", e.message);
}

const char *fnd_context_format(const struct fnd_context *context, char *buf,
			       size_t len)
{
	struct fnd__line line = { buf, len, 0 };
	int64_t now = sup_deadline_ms(0);
	size_t i;

	if (len)
		buf[0] = '\0';
	for (i = 0; i < context->n_crumbs; i++) {
		fnd__line_add(&line, "%s%s.%s (", i ? " -> " : "",
			      context->crumbs[i].module,
			      context->crumbs[i].operation);
		fnd__line_add_time(&line, now - context->crumbs[i].time);
		fnd__line_add(&line, " ago)");
	}
	return fnd__line_end(&line);
}
