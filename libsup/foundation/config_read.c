/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What callers read of the settings, without the service. */
#include <foundation/config_server.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/error.h>

#include "foundation/config_store.h"
#include "foundation/config_value.h"

static int no_settings(void)
{
	return sup_set_error(-ENOTCONN, "no service with settings has been "
			     "started yet");
}

static int find(const char *path, struct fnd__config **ret_config,
		struct fnd__setting **ret_setting)
{
	struct fnd__config *c = fnd__config_current();

	if (!c)
		return no_settings();
	*ret_config = c;
	*ret_setting = path ? fnd__config_find(c, path) : NULL;
	return *ret_setting ? 0 : sup_set_error(-ENOENT, "%.64s: there is no "
						"such setting",
						path ? path : "path");
}

int fnd_config_get(const char *path, struct fnd_config_value *ret_value,
		   char *buf, size_t size)
{
	char text[FND__CONFIG_TEXT];
	struct fnd_config_value v;
	struct fnd__setting *s;
	struct fnd__config *c;
	size_t len;
	int ret;

	ret = find(path, &c, &s);
	if (ret)
		return ret;
	fnd__config_read(c, s, &v, text);
	if (v.kind == FND_CONFIG_STRING) {
		len = strlen(text) + 1;
		if (!buf || len > size)
			return sup_set_error(-EMSGSIZE, "%s: it takes %zu "
					     "bytes", path, len);
		memcpy(buf, text, len);
		v.string = buf;
	}
	*ret_value = v;
	return 0;
}

static bool is_of(const char *path, enum fnd_config_kind kind,
		  struct fnd_config_value *ret_value)
{
	struct fnd__config *c = fnd__config_current();
	struct fnd__setting *s;

	s = c && path ? fnd__config_find(c, path) : NULL;
	if (!s || s->entry.value.kind != kind)
		return false;
	fnd__config_read(c, s, ret_value, NULL);
	return true;
}

bool fnd_config_boolean(const char *path, bool otherwise)
{
	struct fnd_config_value v;

	return is_of(path, FND_CONFIG_BOOLEAN, &v) ? v.boolean : otherwise;
}

int64_t fnd_config_integer(const char *path, int64_t otherwise)
{
	struct fnd_config_value v;

	return is_of(path, FND_CONFIG_INTEGER, &v) ? v.integer : otherwise;
}

double fnd_config_real(const char *path, double otherwise)
{
	struct fnd_config_value v;

	return is_of(path, FND_CONFIG_REAL, &v) ? v.real : otherwise;
}

int fnd_config_check(const struct fnd_config_setting *setting)
{
	struct fnd__setting *s;
	struct fnd__config *c;
	int ret;

	ret = find(setting->path, &c, &s);
	if (ret)
		return ret;
	if (!s->entry.updatable)
		return sup_set_error(-EPERM, "%s: it is not updatable",
				     setting->path);
	return fnd__config_check_value(&s->entry, &setting->value);
}

/* Where texts go, in the block of what is returned. */
static char *put(char **at, const char *text)
{
	char *begin = *at;

	*at = stpcpy(begin, text) + 1;
	return begin;
}

/* In the history there may be one of a kind that it has no more: a string. */
static struct fnd_config_value value_of(const struct fnd__setting *s,
					const char *text, char **at)
{
	struct fnd_config_value v = { .kind = FND_CONFIG_STRING };

	v.string = put(at, text);
	fnd__config_parse(s->entry.path, s->entry.value.kind, v.string, &v);
	return v;
}

static size_t size_of_items(const struct fnd__config *c)
{
	size_t size = c->n * sizeof(struct fnd_config_item);
	const struct fnd__setting *s;

	for (s = c->settings; s < c->settings + c->n; s++)
		size += strlen(s->entry.path) + strlen(s->text) +
			strlen(s->initial) + 3;
	return size;
}

static void fill_items(const struct fnd__config *c,
		       struct fnd_config_item *items)
{
	char *at = (char *)(items + c->n);
	const struct fnd__setting *s;

	for (s = c->settings; s < c->settings + c->n; s++)
		*items++ = (struct fnd_config_item){
			.path = put(&at, s->entry.path),
			.value = value_of(s, s->text, &at),
			.initial = value_of(s, s->initial, &at),
			.min = s->entry.min, .max = s->entry.max,
			.updatable = s->entry.updatable,
		};
}

int fnd_config_list(struct fnd_config_item **ret_items, size_t *ret_n)
{
	struct fnd__config *c = fnd__config_current();
	struct fnd_config_item *items = NULL;

	if (!c)
		return no_settings();
	pthread_mutex_lock(&c->lock);
	if (c->n)
		items = malloc(size_of_items(c));
	if (items)
		fill_items(c, items);
	pthread_mutex_unlock(&c->lock);
	if (c->n && !items)
		return sup_set_error(-ENOMEM, "no memory for settings");
	*ret_items = items;
	*ret_n = c->n;
	return 0;
}

static size_t size_of_changes(const struct fnd__config *c, size_t *ret_n)
{
	const struct fnd__change *change;
	size_t size = 0, n = 0;

	DL_FOREACH(c->changes, change) {
		size += strlen(change->of->entry.path) + strlen(change->from) +
			strlen(change->to) + 3;
		n++;
	}
	*ret_n = n;
	return n * sizeof(struct fnd_config_change) + size;
}

static void fill_changes(const struct fnd__config *c,
			 struct fnd_config_change *changes, size_t n)
{
	char *at = (char *)(changes + n);
	const struct fnd__change *change;

	DL_FOREACH(c->changes, change)
		*changes++ = (struct fnd_config_change){
			.version = change->version, .time = change->time,
			.cause = change->cause,
			.path = put(&at, change->of->entry.path),
			.from = value_of(change->of, change->from, &at),
			.to = value_of(change->of, change->to, &at),
		};
}

int fnd_config_history(struct fnd_config_change **ret_changes, size_t *ret_n)
{
	struct fnd__config *c = fnd__config_current();
	struct fnd_config_change *changes = NULL;
	size_t n, size;

	if (!c)
		return no_settings();
	pthread_mutex_lock(&c->lock);
	size = size_of_changes(c, &n);
	if (n)
		changes = malloc(size);
	if (changes)
		fill_changes(c, changes, n);
	pthread_mutex_unlock(&c->lock);
	if (n && !changes)
		return sup_set_error(-ENOMEM, "no memory for a history");
	*ret_changes = changes;
	*ret_n = n;
	return 0;
}
