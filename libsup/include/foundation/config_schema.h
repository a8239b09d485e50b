/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The schema of a program's settings, for <foundation/config_server.h>. */
#ifndef FOUNDATION_CONFIG_SCHEMA_H
#define FOUNDATION_CONFIG_SCHEMA_H

#include <foundation/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FND_CONFIG_STRING_MAX 1023	/* bytes, without the terminator */

enum fnd_config_kind {
	FND_CONFIG_NONE,
	FND_CONFIG_BOOLEAN,
	FND_CONFIG_INTEGER,
	FND_CONFIG_REAL,	/* a finite number */
	FND_CONFIG_STRING,	/* UTF-8 */
};

struct fnd_config_value {
	enum fnd_config_kind kind;
	union {
		bool boolean;
		int64_t integer;
		double real;
		const char *string;
	};
};

#define FND_BOOLEAN(v) { .kind = FND_CONFIG_BOOLEAN, { .boolean = (v) } }
#define FND_INTEGER(v) { .kind = FND_CONFIG_INTEGER, { .integer = (v) } }
#define FND_REAL(v) { .kind = FND_CONFIG_REAL, { .real = (v) } }
#define FND_STRING(v) { .kind = FND_CONFIG_STRING, { .string = (v) } }

/* One setting of a schema. */
struct fnd_config_entry {
	/* Names of letters, digits, _, -, dots between: "dev.debug_mode". */
	const char *path;
	struct fnd_config_value value;	/* its default, and its kind */
	struct fnd_config_value min, max;	/* NONE: no bound */
	const char *const *choices;	/* STRING: up to a NULL; NULL: any */
	bool updatable;		/* else the file alone can set it */
};

struct fnd_config_options {
	size_t size;
	const struct fnd_config_entry *schema;	/* copied */
	size_t n;
	/*
	 * YAML; FILE-new and FILE-lock stand next to it. One service at a time
	 * has it. It is read when the process first starts a service with this
	 * schema and file, and by fnd_config_reload(). NULL: the process alone
	 * keeps the settings.
	 */
	const char *file;
	int history;	/* versions kept; default 100; < 0: none */
};

#ifdef __cplusplus
}
#endif

#endif
