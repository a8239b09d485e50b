/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flat JSON that supd and supctl speak: one object of strings, whole
 * numbers, true, false and null, no nesting. What is written can be read back.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_FIELDS_MAX	40
#define JSON_TEXT_MAX	8192

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_STRING,
};

struct json_field {
	const char *key;	/* into text */
	enum json_type type;
	int64_t num;		/* INT, BOOL */
	const char *str;	/* STRING, into text */
};

struct json {
	size_t n;
	struct json_field fields[JSON_FIELDS_MAX];
	char text[JSON_TEXT_MAX + 1];	/* the strings, decoded */
};

/*
 * Reads an object of len bytes. Returns 0, or -EINVAL with a sentence in
 * *ret_why and the offset it is about in *ret_at.
 */
int json_parse(struct json *j, const char *text, size_t len,
	       const char **ret_why, size_t *ret_at);

/* The field, or NULL. */
const struct json_field *json_find(const struct json *j, const char *key);

/* The value, or the default where the key is missing or of another type. */
const char *json_string(const struct json *j, const char *key,
			const char *otherwise);
int64_t json_int(const struct json *j, const char *key, int64_t otherwise);
bool json_bool(const struct json *j, const char *key);

/* A writer into a buffer of the caller's. */
struct json_writer {
	char *buf;
	size_t size, len;
	bool overflow;		/* the object is not whole */
};

void json_open(struct json_writer *w, char *buf, size_t size);
void json_put_string(struct json_writer *w, const char *key, const char *s);
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_bool(struct json_writer *w, const char *key, bool v);

/* Ends the object. Returns its length, or -ENOSPC. */
int json_close(struct json_writer *w);

#endif
