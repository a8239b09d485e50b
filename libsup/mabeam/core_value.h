/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of variables: JSON text, and its type. None is a safe point. */
#ifndef SUP_MABEAM_CORE_VALUE_H
#define SUP_MABEAM_CORE_VALUE_H

#include <jansson.h>

#include <mabeam/variable.h>

/*
 * Reads a text; *ret_value is to json_decref(). -EINVAL it is NULL, or no JSON;
 * -EMSGSIZE it has more than max bytes; -ENOMEM.
 */
int mab__value_read(const char *text, size_t max, json_t **ret_value);

/* Whether a variable may have that. -EINVAL another type; -ERANGE. */
int mab__value_check(const struct mab_variable_spec *spec,
		     const json_t *value);

#endif
