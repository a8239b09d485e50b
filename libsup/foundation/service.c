/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/service.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sup/sup.h>

int fnd__nomem(const char *what)
{
	return sup_set_error(-ENOMEM, "no memory for %s", what);
}

int64_t fnd__real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int fnd__check_name(const char *what, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len)
		return sup_set_error(-EINVAL, "%s: it is empty", what);
	if (len > FND_NAME_MAX)
		return sup_set_error(-ENAMETOOLONG, "%s: \"%.16s...\" has more "
				     "than %d bytes", what, name, FND_NAME_MAX);
	return 0;
}

#define YEAR_MS (INT64_C(366) * 24 * 60 * 60 * 1000)

int fnd__check_ms(const char *what, int64_t *ms, int64_t standard)
{
	if (!*ms)
		*ms = standard;
	if (*ms < 0 || *ms > YEAR_MS)
		return sup_set_error(-EINVAL, "%s: it is not from 1 to a year",
				     what);
	return 0;
}

int fnd__copy_options(void *to, size_t size, const void *from)
{
	size_t given = from ? *(const size_t *)from : 0;

	if (from && (given < sizeof(given) || given > size))
		return sup_set_error(-EINVAL, "size: %zu, of %zu at most",
				     given, size);
	memset(to, 0, size);
	if (from)
		memcpy(to, from, given);
	return 0;
}

int fnd__call(const char *service, const struct sup_msg *req,
	      struct sup_msg *ret_reply, int64_t deadline)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	int ret;

	ret = sup_call(sup_whereis(service), req, ret_reply, &reason,
		       deadline);
	if (ret == -EPIPE && reason.kind == SUP_REASON_NOPROC)
		return sup_set_error(-ENOTCONN, "%s does not run", service);
	return ret;
}

int fnd__ask(const char *service, uint64_t tag, void *req, size_t len,
	     uint64_t *ret_tag)
{
	const struct sup_msg msg = { .tag = tag, .data = req, .len = len };
	struct sup_msg reply;
	int ret;

	ret = fnd__call(service, &msg, &reply, SUP_FOREVER);
	if (!ret && ret_tag)
		*ret_tag = reply.tag;
	return ret;
}

void fnd__tell(const char *service, const struct sup_msg *msg)
{
	int ret;

	do
		ret = sup_cast(sup_whereis(service), msg, SUP_FOREVER);
	while (ret == -ENOMEM || ret == -EINTR);
}

/* No server has a use for an empty message of this tag. */
#define PING UINT64_C(0x666e642d70696e67)

int fnd__ping(void *name, struct sup_msg *ret_result)
{
	const struct sup_msg ping = { .tag = PING };
	struct sup_msg reply;
	int ret;

	(void)ret_result;
	ret = fnd__call(name, &ping, &reply, SUP_FOREVER);
	if (!ret)
		sup_msg_free(&reply);
	return ret == -EINVAL || ret == -ENOSYS ? 0 : ret;
}

int fnd__ping_supervisor(void *name, struct sup_msg *ret_result)
{
	struct sup_child_counts counts;

	(void)ret_result;
	return sup_count_children(sup_whereis(name), &counts);
}

void *fnd__alloc(size_t size)
{
	return sup_self().v ? sup_alloc(size) : malloc(size);
}

void fnd__free(void *p)
{
	if (sup_self().v)
		sup_free(p);
	else
		free(p);
}

int fnd__registry_open(_Atomic uint64_t *id, bool duplicate)
{
	struct sup_registry_spec spec = {
		.size = sizeof(spec), .duplicate = duplicate,
	};
	struct sup_registry r;
	uint64_t none = 0;
	int ret;

	if (atomic_load(id))
		return 0;
	ret = sup_registry_open(&spec, &r);
	if (!ret && !atomic_compare_exchange_strong(id, &none, r.v))
		sup_registry_close(r);
	return ret;
}

static struct sup_bytes copy_bytes(struct sup_bytes from, char **at)
{
	struct sup_bytes to = { *at, from.len };

	if (from.len)
		memcpy(*at, from.data, from.len);
	*at += from.len;
	return to;
}

static struct sup_registry_entry *copy_entries(
		const struct sup_registry_entry *from, size_t n)
{
	struct sup_registry_entry *to;
	size_t i, size = n * sizeof(*to);
	char *at;

	for (i = 0; i < n; i++)
		size += from[i].key.len + from[i].value.len;
	to = fnd__alloc(size);
	if (!to)
		return NULL;
	at = (char *)(to + n);
	for (i = 0; i < n; i++)
		to[i] = (struct sup_registry_entry){
			.pid = from[i].pid,
			.key = copy_bytes(from[i].key, &at),
			.value = copy_bytes(from[i].value, &at),
		};
	return to;
}

int fnd__select(struct sup_registry r, const struct sup_registry_query *q,
		struct sup_registry_entry **ret_entries, size_t *ret_n)
{
	struct sup_registry_entry *found, *copy = NULL;
	int ret;

	ret = sup_registry_select(r, q, &found, ret_n);
	if (ret)
		return ret;
	if (*ret_n)
		copy = copy_entries(found, *ret_n);
	free(found);
	if (*ret_n && !copy)
		return fnd__nomem("entries");
	*ret_entries = copy;
	return 0;
}
