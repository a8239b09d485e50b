/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/agent_json.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include <sup/sup.h>

#define READING (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define WRITING (JSON_ENCODE_ANY | JSON_COMPACT)

static int read_body(const struct mab_message *m, json_t **ret_body)
{
	json_error_t error;

	if (!m->len)
		*ret_body = json_null();
	else
		*ret_body = json_loadb(m->body, m->len, READING, &error);
	return *ret_body ? 0 : -EINVAL;
}

/* The text of a value with one more character behind it: to sup_free(). */
static char *dump(const json_t *value, char last, size_t *ret_len)
{
	size_t len = json_dumpb(value, NULL, 0, WRITING);
	char *text;

	if (!len)
		return NULL;
	text = sup_alloc(len + 1);
	if (!text)
		return NULL;
	json_dumpb(value, text, len, WRITING);
	text[len] = last;
	*ret_len = len + 1;
	return text;
}

int mab__json_write(uint64_t nr, const struct mab_message *m, char **ret_line,
		    size_t *ret_len)
{
	json_t *body, *root;
	int ret;

	ret = read_body(m, &body);
	if (ret)
		return ret;
	if (nr)
		root = json_pack("{s:I,s:s,s:o}", "id", (json_int_t)nr,
				 "method", m->method, "params", body);
	else
		root = json_pack("{s:s,s:o}", "method", m->method, "params",
				 body);
	if (!root)
		return -EINVAL;
	*ret_line = dump(root, '\n', ret_len);
	json_decref(root);
	return *ret_line ? 0 : -ENOMEM;
}

/* A value as the body of what was said; a string as its own text, if plain. */
static int take_body(const json_t *value, bool plain, struct mab__said *said)
{
	size_t len = 0;

	if (!value)
		return 0;
	if (plain && json_is_string(value)) {
		len = json_string_length(value) + 1;
		said->body = sup_alloc(len);
		if (said->body)
			memcpy(said->body, json_string_value(value), len);
	} else {
		said->body = dump(value, '\0', &len);
	}
	said->len = len ? len - 1 : 0;
	return said->body ? 0 : -ENOMEM;
}

static int read_answer(const json_t *root, const json_t *id,
		       struct mab__said *said)
{
	const json_t *result = json_object_get(root, "result");
	const json_t *error = json_object_get(root, "error");

	if (!json_is_integer(id) || json_integer_value(id) <= 0 ||
	    !result == !error)
		return -EPROTO;
	said->nr = json_integer_value(id);
	said->kind = result ? MAB__SAID_REPLY : MAB__SAID_ERROR;
	return take_body(result ? result : error, !result, said);
}

static int read_notification(const json_t *root, struct mab__said *said)
{
	const char *method = json_string_value(json_object_get(root, "method"));

	if (!method || !*method || strlen(method) > MAB_NAME_MAX)
		return -EPROTO;
	strcpy(said->method, method);
	said->kind = MAB__SAID_NOTIFY;
	if (!strcmp(method, "ready"))
		said->kind = MAB__SAID_READY;
	if (!strcmp(method, "heartbeat"))
		said->kind = MAB__SAID_HEARTBEAT;
	return take_body(json_object_get(root, "params"), false, said);
}

int mab__json_read(const char *line, size_t len, struct mab__said *ret_said)
{
	json_error_t error;
	const json_t *id;
	json_t *root;
	int ret;

	*ret_said = (struct mab__said){ .nr = 0 };
	root = json_loadb(line, len, JSON_ALLOW_NUL, &error);
	if (!root)
		return -EPROTO;
	id = json_object_get(root, "id");
	if (!json_is_object(root))
		ret = -EPROTO;
	else if (id)
		ret = read_answer(root, id, ret_said);
	else
		ret = read_notification(root, ret_said);
	json_decref(root);
	return ret;
}
