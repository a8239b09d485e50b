/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mabeam/agent.h>
#include <sup/sup.h>

int mab__nomem(const char *what)
{
	return sup_set_error(-ENOMEM, "no memory for %s", what);
}

/* SplitMix64. */
uint64_t mab__random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

int mab__check_name(const char *what, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len)
		return sup_set_error(-EINVAL, "%s: it is empty", what);
	if (len > MAB_NAME_MAX)
		return sup_set_error(-ENAMETOOLONG, "%s: \"%.16s...\" has more "
				     "than %d bytes", what, name, MAB_NAME_MAX);
	return 0;
}

int mab__copy_options(void *to, size_t size, const void *from)
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

void *mab__alloc(size_t size)
{
	return sup_self().v ? sup_alloc(size) : malloc(size);
}

void mab__free(void *p)
{
	if (sup_self().v)
		sup_free(p);
	else
		free(p);
}

int mab__service_do(const char *name, uint64_t tag, int64_t deadline)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	const struct sup_msg req = { .tag = tag };
	struct sup_msg reply;
	int ret;

	ret = sup_call(sup_whereis(name), &req, &reply, &reason, deadline);
	if (ret == -EPIPE && reason.kind == SUP_REASON_NOPROC)
		return sup_set_error(-ENOTCONN, "%s does not run", name);
	if (!ret)
		sup_msg_free(&reply);
	return ret;
}
