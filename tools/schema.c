/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"
#include "config.h"

#include <stdio.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const cyaml_strval_t strategies[] = {
	{ "one_for_one", SUP_ONE_FOR_ONE },
	{ "one_for_all", SUP_ONE_FOR_ALL },
	{ "rest_for_one", SUP_REST_FOR_ONE },
};

static const cyaml_strval_t restarts[] = {
	{ "permanent", SUP_PERMANENT },
	{ "transient", SUP_TRANSIENT },
	{ "temporary", SUP_TEMPORARY },
};

static const cyaml_strval_t readiness[] = {
	{ "exec", SUP_READY_EXEC },
	{ "notify", SUP_READY_NOTIFY },
	{ "fd", SUP_READY_FD },
};

static const cyaml_strval_t captures[] = {
	{ "no", SUP_CAPTURE_NONE },
	{ "output", SUP_CAPTURE_OUTPUT },
	{ "errors", SUP_CAPTURE_ERRORS },
};

static const cyaml_strval_t services[] = {
	{ "echo", CONFIG_SERVICE_ECHO },
	{ "counter", CONFIG_SERVICE_COUNTER },
};

/* Enumerations: libcyaml takes any word it does not know for true. */
static const cyaml_strval_t containment[] = {
	{ "no", SUP_CONTAIN_NEVER },
	{ "yes", SUP_CONTAIN },
};

static const cyaml_strval_t answers[] = {
	{ "no", CONFIG_NO },
	{ "yes", CONFIG_YES },
};

static const cyaml_strval_t auto_shutdowns[] = {
	{ "never", SUP_AUTO_SHUTDOWN_NEVER },
	{ "any_significant", SUP_AUTO_SHUTDOWN_ANY },
	{ "all_significant", SUP_AUTO_SHUTDOWN_ALL },
};

static const cyaml_strval_t spent[] = {
	{ "as_all", SUP_SPENT_AS_ALL },
	{ "stop", SUP_SPENT_STOP },
};

static const cyaml_schema_value_t word = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_value_t schema_child;

#define OPTIONAL	CYAML_FLAG_OPTIONAL
#define OPTIONAL_PTR	(CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)

#define STRING(key, flags, member) \
	CYAML_FIELD_STRING_PTR(key, flags, struct config_child, member, 0, \
			       CYAML_UNLIMITED)
#define WORDS(key, member) \
	CYAML_FIELD_SEQUENCE_COUNT(key, OPTIONAL_PTR, struct config_child, \
				   member, n_##member, &word, 0, \
				   CYAML_UNLIMITED)
#define ENUM(key, member, strings) \
	CYAML_FIELD_ENUM(key, OPTIONAL | CYAML_FLAG_STRICT, \
			 struct config_child, member, strings, \
			 ARRAY_SIZE(strings))
#define SUPERVISOR_FIELDS(flags) \
	ENUM("strategy", strategy, strategies), \
	CYAML_FIELD_UINT_PTR("intensity", OPTIONAL_PTR, struct config_child, \
			     intensity), \
	STRING("period", OPTIONAL_PTR, period), \
	STRING("hold", OPTIONAL_PTR, hold), \
	ENUM("auto_shutdown", auto_shutdown, auto_shutdowns), \
	CYAML_FIELD_SEQUENCE_COUNT("children", flags, struct config_child, \
				   children, n_children, &schema_child, 0, \
				   CYAML_UNLIMITED)

static const cyaml_schema_field_t child_fields[] = {
	STRING("id", CYAML_FLAG_POINTER, id),
	WORDS("argv", argv),
	WORDS("env", env),
	STRING("cwd", OPTIONAL_PTR, cwd),
	STRING("output", OPTIONAL_PTR, output),
	ENUM("capture", capture, captures),
	ENUM("ready", ready, readiness),
	CYAML_FIELD_UINT_PTR("ready_fd", OPTIONAL_PTR, struct config_child,
			     ready_fd),
	STRING("ready_timeout", OPTIONAL_PTR, ready_timeout),
	STRING("watchdog", OPTIONAL_PTR, watchdog),
	STRING("stop_signal", OPTIONAL_PTR, stop_signal),
	ENUM("service", service, services),
	CYAML_FIELD_UINT_PTR("port", OPTIONAL_PTR, struct config_child, port),
	ENUM("contain", contain, containment),
	ENUM("restart", restart, restarts),
	ENUM("significant", significant, answers),
	STRING("shutdown", OPTIONAL_PTR, shutdown),
	WORDS("depends_on", depends_on),
	STRING("backoff", OPTIONAL_PTR, backoff),
	STRING("backoff_max", OPTIONAL_PTR, backoff_max),
	CYAML_FIELD_UINT_PTR("backoff_factor", OPTIONAL_PTR,
			     struct config_child, backoff_factor),
	CYAML_FIELD_UINT_PTR("backoff_jitter", OPTIONAL_PTR,
			     struct config_child, backoff_jitter),
	STRING("backoff_stable", OPTIONAL_PTR, backoff_stable),
	CYAML_FIELD_UINT_PTR("budget", OPTIONAL_PTR, struct config_child,
			     budget),
	STRING("budget_period", OPTIONAL_PTR, budget_period),
	ENUM("budget_spent", budget_spent, spent),
	CYAML_FIELD_UINT_PTR("flapping", OPTIONAL_PTR, struct config_child,
			     flapping),
	STRING("flapping_period", OPTIONAL_PTR, flapping_period),
	STRING("flapping_stable", OPTIONAL_PTR, flapping_stable),
	SUPERVISOR_FIELDS(OPTIONAL_PTR),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t schema_child = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_child,
			    child_fields),
};

static const cyaml_schema_field_t root_fields[] = {
	STRING("name", CYAML_FLAG_POINTER, id),
	SUPERVISOR_FIELDS(CYAML_FLAG_POINTER),
	CYAML_FIELD_END
};

const cyaml_schema_value_t schema_root = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_child,
			    root_fields),
};

const cyaml_schema_value_t *schema_field(const cyaml_schema_value_t *v,
					 const char *key)
{
	const cyaml_schema_field_t *f;

	if (v == NULL || v->type != CYAML_MAPPING)
		return NULL;
	for (f = v->mapping.fields; f->key != NULL; f++)
		if (strcmp(f->key, key) == 0)
			return &f->value;
	return NULL;
}

static void append(char *buf, size_t size, const char *text)
{
	size_t len = strlen(buf);

	if (len < size)
		snprintf(buf + len, size - len, "%s", text);
}

void schema_keys(const cyaml_schema_value_t *v, char *buf, size_t size)
{
	const cyaml_schema_field_t *f;

	buf[0] = '\0';
	if (v == NULL || v->type != CYAML_MAPPING)
		return;
	for (f = v->mapping.fields; f->key != NULL; f++) {
		append(buf, size, f == v->mapping.fields ? "" : ", ");
		append(buf, size, f->key);
	}
}

static void describe_enum(const cyaml_schema_value_t *v, char *buf,
			  size_t size)
{
	uint32_t i;

	append(buf, size, "one of ");
	for (i = 0; i < v->enumeration.count; i++) {
		append(buf, size, i == 0 ? "" : ", ");
		append(buf, size, v->enumeration.strings[i].str);
	}
}

void schema_describe(const cyaml_schema_value_t *v, char *buf, size_t size)
{
	buf[0] = '\0';
	switch (v->type) {
	case CYAML_ENUM:
		describe_enum(v, buf, size);
		break;
	case CYAML_UINT:
		snprintf(buf, size, "a whole number from 0 to %llu",
			 v->data_size >= 8 ? ~0ULL :
			 (1ULL << (8 * v->data_size)) - 1);
		break;
	case CYAML_STRING:
		append(buf, size, "a string");
		break;
	case CYAML_SEQUENCE:
		append(buf, size, "a list");
		break;
	case CYAML_MAPPING:
		append(buf, size, "a mapping with the keys ");
		schema_keys(v, buf + strlen(buf), size - strlen(buf));
		break;
	default:
		append(buf, size, "something else");
		break;
	}
}
