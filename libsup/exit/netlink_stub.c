/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In place of netlink.c in a build without libnl. */
#include <errno.h>

#include "base/error.h"
#include "exit/exit.h"

static int stub_open(const struct sup_options *opts,
		     struct sup__exit_source **ret_src)
{
	(void)opts;
	(void)ret_src;
	return sup__error(-EOPNOTSUPP, "this libsup was built without libnl");
}

const struct sup__exit_ops sup__exit_netlink = {
	.open = stub_open,
};
