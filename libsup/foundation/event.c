/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An event as bytes: a head, its strings with their terminators, its data, and
 * zeroes up to the alignment of the next head. Bytes may come from elsewhere:
 * whatever they are, nothing outside of them is read.
 */
#include "foundation/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/types.h>
#include <sup/error.h>

struct head {
	uint64_t id, parent;
	int64_t time;
	uint32_t type, source, correlation; /* lengths, with terminators */
	uint32_t data;
};

#define ALIGNED(n) (((n) + 7) & ~(size_t)7)

static int check_string(const char *where, const char *field, const char *s)
{
	if (!s || strlen(s) <= FND_NAME_MAX)
		return 0;
	return sup_set_error(-ENAMETOOLONG,
			     "%s.%s: \"%.16s...\" has more than %d bytes",
			     where, field, s, FND_NAME_MAX);
}

static int check_numbers(const char *where, const struct fnd_event *e)
{
	if (e->id > FND_EVENT_ID_MAX || e->parent > INT64_MAX)
		return sup_set_error(-EINVAL, "%s.%s: it is too large", where,
				     e->parent > INT64_MAX ? "parent" : "id");
	if (e->time < 0)
		return sup_set_error(-EINVAL, "%s.time: it is negative", where);
	if (e->data.len > FND_EVENT_DATA_MAX)
		return sup_set_error(-EMSGSIZE,
				     "%s.data: %zu bytes, of %d at most",
				     where, e->data.len, FND_EVENT_DATA_MAX);
	if (e->data.len && !e->data.data)
		return sup_set_error(-EINVAL, "%s.data: it is NULL", where);
	return 0;
}

int fnd__event_check(const char *where, const struct fnd_event *e)
{
	int ret;

	if (!e->type || !*e->type)
		return sup_set_error(-EINVAL, "%s.type: it is empty", where);
	ret = check_string(where, "type", e->type);
	if (!ret)
		ret = check_string(where, "source", e->source);
	if (!ret)
		ret = check_string(where, "correlation", e->correlation);
	return ret ? ret : check_numbers(where, e);
}

static uint32_t size_of(const char *s)
{
	return s ? (uint32_t)strlen(s) + 1 : 0;
}

static bool make_room(struct fnd__events *events, size_t more)
{
	size_t size = events->size ? events->size : 512;
	unsigned char *bytes;

	while (size - events->len < more)
		size *= 2;
	if (size == events->size)
		return true;
	bytes = realloc(events->bytes, size);
	if (!bytes)
		return false;
	events->bytes = bytes;
	events->size = size;
	return true;
}

static void put(struct fnd__events *events, const void *data, size_t len)
{
	if (len)
		memcpy(events->bytes + events->len, data, len);
	events->len += len;
}

bool fnd__events_add(struct fnd__events *events, const struct fnd_event *e)
{
	static const unsigned char zeroes[8];
	const struct head h = {
		.id = e->id, .parent = e->parent, .time = e->time,
		.type = size_of(e->type), .source = size_of(e->source),
		.correlation = size_of(e->correlation),
		.data = (uint32_t)e->data.len,
	};
	size_t len = sizeof(h) + h.type + h.source + h.correlation + h.data;

	if (!make_room(events, ALIGNED(len)))
		return false;
	put(events, &h, sizeof(h));
	put(events, e->type, h.type);
	put(events, e->source, h.source);
	put(events, e->correlation, h.correlation);
	put(events, e->data.data, h.data);
	put(events, zeroes, ALIGNED(len) - len);
	events->n++;
	return true;
}

/* A string of size bytes at *at, which moves; NULL if size is 0. */
static bool take_string(const char *bytes, size_t *at, uint32_t size,
			const char **ret_s)
{
	*ret_s = size ? bytes + *at : NULL;
	*at += size;
	return !size || !bytes[*at - 1];
}

bool fnd__events_next(const void *bytes, size_t len, size_t *at,
		      struct fnd_event *ret_event)
{
	size_t pos = *at, end;
	struct head h;

	if (pos > len || len - pos < sizeof(h))
		return false;
	memcpy(&h, (const char *)bytes + pos, sizeof(h));
	pos += sizeof(h);
	end = pos + h.type + h.source + h.correlation + h.data;
	if (ALIGNED(end) > len)
		return false;
	*ret_event = (struct fnd_event){
		.id = h.id, .parent = h.parent, .time = h.time,
		.data = { (const char *)bytes + end - h.data, h.data },
	};
	if (!take_string(bytes, &pos, h.type, &ret_event->type) ||
	    !take_string(bytes, &pos, h.source, &ret_event->source) ||
	    !take_string(bytes, &pos, h.correlation, &ret_event->correlation))
		return false;
	*at = ALIGNED(end);
	return true;
}

int fnd__events_unpack(const void *bytes, size_t len,
		       struct fnd_event **ret_events, size_t *ret_n)
{
	struct fnd_event e, *events;
	size_t at = 0, n = 0, i;
	char *copy;

	while (fnd__events_next(bytes, len, &at, &e))
		n++;
	if (at != len)
		return sup_set_error(-EBADMSG, "what came is no event");
	*ret_n = n;
	*ret_events = NULL;
	if (!n)
		return 0;
	events = malloc(n * sizeof(*events) + len);
	if (!events)
		return sup_set_error(-ENOMEM, "no memory for events");
	copy = memcpy(events + n, bytes, len);
	for (at = 0, i = 0; i < n; i++)
		fnd__events_next(copy, len, &at, &events[i]);
	*ret_events = events;
	return 0;
}
