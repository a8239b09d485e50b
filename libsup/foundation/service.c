/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/service.h"

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

int fnd__nomem(const char *what)
{
	return sup_set_error(-ENOMEM, "no memory for %s", what);
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
