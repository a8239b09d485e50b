/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of registries begin with. */
#ifndef TESTS_UNIT_REGISTRIES_H
#define TESTS_UNIT_REGISTRIES_H

#include "tasks.h"

#include <stdlib.h>
#include <string.h>

static inline struct sup_bytes bytes(const char *text)
{
	return (struct sup_bytes){ text, strlen(text) };
}

static inline struct sup_registry open_one(bool duplicate)
{
	struct sup_registry_spec spec = {
		.size = sizeof(spec), .name = "r", .duplicate = duplicate,
	};
	struct sup_registry r = { 0 };

	assert_int_equal(sup_registry_open(&spec, &r), 0);
	return r;
}

static inline int receives(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

static inline size_t count(struct sup_registry r, struct sup_pid pid,
			   const char *key)
{
	struct sup_bytes k = bytes(key ? key : "");
	struct sup_registry_query q = { .pid = pid, .key = key ? &k : NULL };
	size_t n = 99;

	sup_registry_select(r, &q, NULL, &n);
	return n;
}

/* All values of a key, or of a task, behind each other. */
static inline const char *values(struct sup_registry r, struct sup_pid pid,
				 const char *key)
{
	static char text[64];
	struct sup_bytes k = bytes(key ? key : "");
	struct sup_registry_query q = { .pid = pid, .key = key ? &k : NULL };
	struct sup_registry_entry *e;
	size_t i, n;

	text[0] = '\0';
	assert_int_equal(sup_registry_select(r, &q, &e, &n), 0);
	for (i = 0; i < n; i++)
		strncat(text, e[i].value.data, e[i].value.len);
	free(e);
	return text;
}

static inline int put(struct sup_registry r, struct sup_pid pid,
		      const char *key, const char *value)
{
	return sup_registry_put(r, pid, bytes(key), bytes(value), NULL);
}

#endif
