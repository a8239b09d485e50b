/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fixtures: the runtime, with nothing left behind when it is closed. */
#ifndef TESTS_UNIT_RUNTIME_H
#define TESTS_UNIT_RUNTIME_H

#include <sup/runtime.h>

#include "lib/leftovers.h"

static struct sup_options pidfd = {
	.size = sizeof(pidfd), .source = SUP_SOURCE_PIDFD,
};

static struct leftovers before_test;

static inline int set_up(void **state)
{
	(void)state;
	before_test = leftovers_note();
	return sup_open(&pidfd);
}

static inline int tear_down(void **state)
{
	(void)state;
	return sup_close() ? -1 : leftovers_check(&before_test);
}

#endif
