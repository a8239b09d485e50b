/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/exit.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"

/*
 * Only what says that the module cannot be used at all lets AUTO go on to the
 * next source. A wrong token or want of memory is the caller's to know.
 */
static bool cannot_be_used(int err)
{
	return err == -ENOENT || err == -EPERM || err == -EOPNOTSUPP ||
	       err == -EPROTONOSUPPORT || err == -ESHUTDOWN;
}

static int open_pidfd(const struct sup_options *opts, const char *why,
		      struct sup__exit_source **ret_src)
{
	if (opts->adopt_token)
		return sup__error(-EOPNOTSUPP, "adopt_token: adoption needs "
				  "the module%s%s", why[0] ? ": " : "", why);
	return sup__exit_pidfd.open(opts, ret_src);
}

int sup__exit_open(const struct sup_options *opts,
		   struct sup__exit_source **ret_src)
{
	static const char not_asked[] = "pidfds were asked for";
	struct sup__exit_source *src;
	char why[SUP__EXIT_WHY_MAX];
	int ret;

	switch (opts->source) {
	case SUP_SOURCE_MODULE:
		return sup__exit_netlink.open(opts, ret_src);
	case SUP_SOURCE_PIDFD:
		snprintf(why, sizeof(why), "%s", not_asked);
		break;
	case SUP_SOURCE_AUTO:
		ret = sup__exit_netlink.open(opts, ret_src);
		if (!cannot_be_used(ret))
			return ret;
		snprintf(why, sizeof(why), "%s", sup_error());
		break;
	default:
		return sup__error(-EINVAL, "source %d is unknown",
				  (int)opts->source);
	}
	ret = open_pidfd(opts, why, &src);
	if (ret)
		return ret;
	snprintf(src->why, sizeof(src->why), "%s", why);
	src->info.why = src->why;
	*ret_src = src;
	return 0;
}

const char *sup_lacks_text(uint32_t bit)
{
	switch (bit) {
	case SUP_LACKS_DESCENDANTS:
		return "ends of children's children are not told";
	case SUP_LACKS_LINEAGE_KILL:
		return "a child that ends or is killed takes only its process "
		       "group with it";
	case SUP_LACKS_SENDER:
		return "who sent a fatal signal is not known";
	case SUP_LACKS_KERNEL_TIME:
		return "the time of an end is when it was noticed";
	case SUP_LACKS_THREADS:
		return "a thread that ends without passing through libsup is "
		       "not noticed";
	case SUP_LACKS_OWNER_DEATH:
		return "children live on if this process is killed";
	case SUP_LACKS_ADOPTION:
		return "children cannot be taken over by another process";
	case SUP_LACKS_AUDIT:
		return "tasks that nobody supervises cannot be listed";
	}
	return "nothing that is known";
}
