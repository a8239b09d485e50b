/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values as text, and what a setting may be. */
#ifndef SUP_FOUNDATION_CONFIG_VALUE_H
#define SUP_FOUNDATION_CONFIG_VALUE_H

#include <foundation/config_schema.h>

/* What the text of a value has at most, with its terminator. */
#define FND__CONFIG_TEXT (FND_CONFIG_STRING_MAX + 1)

/*
 * One text for one value, whatever the locale; text has room for
 * FND__CONFIG_TEXT. The value has been checked.
 */
void fnd__config_format(const struct fnd_config_value *v, char *text);

/*
 * The value of a kind that a text has; that of a string is the text. -EINVAL,
 * with a sentence that begins with path.
 */
int fnd__config_parse(const char *path, enum fnd_config_kind kind,
		      const char *text, struct fnd_config_value *ret_value);

/*
 * Whether a setting may have a value, but for being updatable. -EINVAL,
 * -ERANGE, -EMSGSIZE, -EILSEQ, with a sentence that begins with its path.
 */
int fnd__config_check_value(const struct fnd_config_entry *e,
			    const struct fnd_config_value *v);

/* Whether it can stand in a schema. As above; -EINVAL, -ENAMETOOLONG. */
int fnd__config_check_entry(const struct fnd_config_entry *e);

/* A code point of UTF-8 at *at, which moves on; -1: there is none. */
int32_t fnd__utf8_next(const unsigned char **at);

#endif
