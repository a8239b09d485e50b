/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a tree file, collected as lines for people. */
#ifndef TOOLS_CONFIG_REPORT_H
#define TOOLS_CONFIG_REPORT_H

#include "locate.h"

#include <stdio.h>

#define CONFIG_DEPTH_MAX 16
#define CONFIG_STEPS_MAX (2 * CONFIG_DEPTH_MAX + 4)

struct config_report {
	const char *file;
	FILE *out;
	struct locator *loc;
	unsigned int n;		/* of errors so far */
};

/* A way to something in the file, from the root. */
struct config_path {
	struct step steps[CONFIG_STEPS_MAX];
	size_t n;
};

void config_report_at(struct config_report *r, struct place at,
		      const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reports what is wrong with a key below path, or with path: key NULL. */
void config_report(struct config_report *r, const struct config_path *path,
		   const char *key, enum place_of of, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* True if the key was written below path. */
bool config_has(struct config_report *r, const struct config_path *path,
		const char *key);

/* Adds a step; false if it is too deep. */
bool config_path_push(struct config_path *path, const char *key,
		      unsigned int index);

#endif
