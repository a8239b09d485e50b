/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/core_value.h"

#include <errno.h>
#include <string.h>

#include <sup/error.h>

#include "mabeam/service.h"

#define READING (JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)

int mab__value_read(const char *text, size_t max, json_t **ret_value)
{
	json_error_t error;
	json_t *value;
	size_t len;

	if (!text)
		return sup_set_error(-EINVAL, "value: it is NULL");
	len = strnlen(text, max + 1);
	if (len > max)
		return sup_set_error(-EMSGSIZE, "value: it has more than %zu "
				     "bytes", max);
	value = json_loadb(text, len, READING, &error);
	if (!value && json_error_code(&error) == json_error_out_of_memory)
		return mab__nomem("a value");
	if (!value)
		return sup_set_error(-EINVAL, "value: %s, at byte %d",
				     error.text, error.position);
	*ret_value = value;
	return 0;
}

static int is_no(const char *type)
{
	return sup_set_error(-EINVAL, "value: it is no %s", type);
}

static int check_bounds(const struct mab_variable_spec *spec, double value)
{
	if (!spec->min && !spec->max)
		return 0;
	if (value < spec->min || value > spec->max)
		return sup_set_error(-ERANGE, "value: %g is not within %g and "
				     "%g", value, spec->min, spec->max);
	return 0;
}

static int check_choice(const struct mab_variable_spec *spec,
			const json_t *value)
{
	const char *string = json_string_value(value);
	const char *const *c;

	if (!string)
		return is_no("string");
	for (c = spec->choices; *c; c++)
		if (strlen(*c) == json_string_length(value) &&
		    !strcmp(*c, string))
			return 0;
	return sup_set_error(-EINVAL, "value: it is none of the choices");
}

int mab__value_check(const struct mab_variable_spec *spec, const json_t *value)
{
	switch (spec->type) {
	case MAB_ANY:
		return 0;
	case MAB_BOOL:
		return json_is_boolean(value) ? 0 : is_no("boolean");
	case MAB_INT:
		return json_is_integer(value) ?
			check_bounds(spec, json_integer_value(value)) :
			is_no("integer");
	case MAB_FLOAT:
		return json_is_number(value) ?
			check_bounds(spec, json_number_value(value)) :
			is_no("number");
	case MAB_STRING:
		return json_is_string(value) ? 0 : is_no("string");
	case MAB_CHOICE:
		return check_choice(spec, value);
	}
	return sup_set_error(-EINVAL, "type: %d is unknown", (int)spec->type);
}
