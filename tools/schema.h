/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a tree file, for libcyaml and for messages. */
#ifndef TOOLS_SCHEMA_H
#define TOOLS_SCHEMA_H

#include <cyaml/cyaml.h>

extern const cyaml_schema_value_t schema_root;

/* The schema of a member of v, or NULL: no such key, or v is no mapping. */
const cyaml_schema_value_t *schema_field(const cyaml_schema_value_t *v,
					 const char *key);

/* What v may be, in words: "one of a, b", "a whole number". */
void schema_describe(const cyaml_schema_value_t *v, char *buf, size_t size);

/* The keys of a mapping, or "" where it is none. */
void schema_keys(const cyaml_schema_value_t *v, char *buf, size_t size);

#endif
