/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rate, breaker and pool, from without to within: what is too often does not
 * come to the breaker, and what that refuses takes no connection. That none can
 * be had is a failure that the breaker sees.
 */
#include <foundation/protected.h>

#include <foundation/circuit_breaker.h>
#include <foundation/error.h>
#include <sup/sup.h>

#include "foundation/service.h"

struct run {
	const struct fnd_protection *protection;
	int (*fn)(const struct fnd_lease *lease, void *arg);
	void *arg;
	int error, result;
};

/* What the breaker guards. */
static int run_with_connection(void *arg)
{
	struct run *r = arg;

	if (r->protection->pool)
		r->error = fnd_pool_run(r->protection->pool, r->fn, r->arg,
					r->protection->pool_deadline,
					&r->result);
	else
		r->result = r->fn(NULL, r->arg);
	return r->error ? r->error : r->result;
}

/* Counts what has not been called, and returns why. */
static int refused(enum fnd_error_area area, int error)
{
	struct fnd_error e;

	fnd_error_of_errno(area, error, &e);
	if (fnd_error_emit(&e))
		sup_set_error(error, "%s", e.message);
	return error;
}

int fnd_protected_run(const struct fnd_protection *protection,
		      int (*fn)(const struct fnd_lease *lease, void *arg),
		      void *arg, int *ret_result)
{
	struct fnd_protection p = { .size = sizeof(p) };
	struct run r = { .protection = &p, .fn = fn, .arg = arg };
	int ret, result;

	ret = fnd__copy_options(&p, sizeof(p), protection);
	if (!ret && p.rate)
		ret = fnd_rate_check(p.entity, p.operation, p.rate, NULL);
	if (ret)
		return refused(FND_AREA_PROTECTION, ret);
	if (p.breaker)
		ret = fnd_breaker_run(p.breaker, run_with_connection, &r,
				      &result);
	else
		run_with_connection(&r);
	if (ret)
		return refused(FND_AREA_PROTECTION, ret);
	if (r.error)
		return refused(FND_AREA_ANY, r.error);
	*ret_result = r.result;
	return 0;
}
