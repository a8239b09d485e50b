/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of contexts of errors begin with. */
#ifndef TESTS_FOUNDATION_CONTEXTS_H
#define TESTS_FOUNDATION_CONTEXTS_H

#include "handlers.h"

#define DURATION "foundation.operations.duration"

#define SPEC_OF(m, o, ...) (&(struct fnd_context_spec){ \
	.size = sizeof(struct fnd_context_spec), .module = m, .operation = o, \
	__VA_ARGS__ })

static inline int returns(struct fnd_error *error, void *arg)
{
	(void)error;
	return *(int *)arg;
}

#endif
