/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of services begin with: how they are registered, and checked. */
#ifndef TESTS_FOUNDATION_SERVICES_H
#define TESTS_FOUNDATION_SERVICES_H

#include "names.h"

#define SPEC(...) (&(struct fnd_service_spec){ \
	.size = sizeof(struct fnd_service_spec), __VA_ARGS__ })

static inline int serve(struct fnd_namespace ns, const char *name,
			struct sup_pid pid,
			const struct fnd_service_spec *spec)
{
	return fnd_service_register(ns, name, pid, spec, NULL);
}

static inline struct fnd_health_report check(struct fnd_namespace ns,
					     const char *name)
{
	struct fnd_health_report r;

	assert_int_equal(fnd_service_check(ns, name, &r, LONG), 0);
	assert_true(r.at_ns > 0 && r.at_ns <= sup_deadline_ms(0));
	return r;
}

static inline struct fnd_service *get(struct fnd_namespace ns, const char *name)
{
	struct fnd_service *s;

	assert_int_equal(fnd_service_get(ns, name, &s), 0);
	return s;
}

static inline int is_well(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return 0;
}

static inline int is_late(void *arg, struct sup_msg *ret_result)
{
	(void)ret_result;
	return stays(arg);
}

#endif
