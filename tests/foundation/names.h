/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names in two namespaces, for tests of the ProcessRegistry. */
#ifndef TESTS_FOUNDATION_NAMES_H
#define TESTS_FOUNDATION_NAMES_H

#include "foundation.h"

#define N FND_TEST(1)
#define M FND_TEST(2)
#define META(...) (&(struct fnd_metadata){ \
	(struct fnd_pair[]){ __VA_ARGS__ }, \
	sizeof((struct fnd_pair[]){ __VA_ARGS__ }) / sizeof(struct fnd_pair) })

static inline int add(struct fnd_namespace ns, const char *name,
		      struct sup_pid pid)
{
	return fnd_process_register(ns, name, pid, NULL, NULL);
}

static inline size_t count(struct fnd_namespace ns,
			   const struct fnd_metadata *has)
{
	struct fnd_process_query q = { .match = NULL };
	size_t n = 99;

	if (has)
		q.has = *has;
	assert_int_equal(fnd_process_find(ns, &q, NULL, &n), 0);
	return n;
}

#endif
