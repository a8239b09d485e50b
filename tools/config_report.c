/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_report.h"

#include <stdarg.h>

static void report(struct config_report *r, struct place at, const char *fmt,
		   va_list args)
{
	fprintf(r->out, "%s:%zu:%zu: ", r->file, at.line, at.column);
	vfprintf(r->out, fmt, args);
	fputc('\n', r->out);
	r->n++;
}

void config_report_at(struct config_report *r, struct place at,
		      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, at, fmt, args);
	va_end(args);
}

bool config_path_push(struct config_path *path, const char *key,
		      unsigned int index)
{
	if (path->n == CONFIG_STEPS_MAX)
		return false;
	path->steps[path->n++] = (struct step){ key, index };
	return true;
}

void config_report(struct config_report *r, const struct config_path *path,
		   const char *key, enum place_of of, const char *fmt, ...)
{
	struct config_path full = *path;
	struct place at;
	va_list args;

	if (key != NULL)
		config_path_push(&full, key, 0);
	locator_find(r->loc, full.steps, full.n, of, &at);
	va_start(args, fmt);
	report(r, at, fmt, args);
	va_end(args);
}

bool config_has(struct config_report *r, const struct config_path *path,
		const char *key)
{
	struct config_path full = *path;
	struct place at;

	return config_path_push(&full, key, 0) &&
	       locator_find(r->loc, full.steps, full.n, PLACE_KEY, &at);
}
