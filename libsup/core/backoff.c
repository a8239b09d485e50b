/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/backoff.h"

#include <errno.h>

#include <sup/supervisor.h>

#include "base/error.h"

#define NS_PER_MS INT64_C(1000000)
#define DEFAULT_MAX_MS 30000u
#define DEFAULT_FACTOR 200u

static uint32_t max_ms(const struct sup_backoff *b)
{
	uint32_t max = b->max_ms ? b->max_ms : DEFAULT_MAX_MS;

	return max > b->min_ms ? max : b->min_ms;
}

int sup__backoff_check(const struct sup_backoff *b, const char *id)
{
	if (b->max_ms && b->max_ms < b->min_ms)
		return sup__error(-EINVAL, "child \"%s\": backoff.max_ms %u is "
				  "less than min_ms %u", id, b->max_ms,
				  b->min_ms);
	if (b->factor && b->factor < 100)
		return sup__error(-EINVAL, "child \"%s\": backoff.factor %u is "
				  "less than 100 percent", id, b->factor);
	if (b->jitter > 100)
		return sup__error(-EINVAL, "child \"%s\": backoff.jitter %u is "
				  "more than 100 percent", id, b->jitter);
	return 0;
}

int64_t sup__backoff_delay(const struct sup_backoff *b, unsigned int n,
			   uint64_t random)
{
	uint64_t factor = b->factor ? b->factor : DEFAULT_FACTOR;
	int64_t max = max_ms(b) * NS_PER_MS, delay = b->min_ms * NS_PER_MS;
	int64_t spread;

	/* A factor of 100 never gets to the maximum. */
	while (n-- > 1 && delay < max && factor > 100)
		delay = delay > max / (int64_t)factor * 100 ? max :
			delay / 100 * (int64_t)factor;
	if (delay > max)
		delay = max;
	spread = delay / 100 * b->jitter;
	if (spread)
		delay += (int64_t)(random % (uint64_t)(2 * spread + 1)) -
			 spread;
	return delay;
}

bool sup__backoff_is_stable(const struct sup_backoff *b, int64_t ran_ns)
{
	uint32_t ms = b->stable_ms ? b->stable_ms : max_ms(b);

	return ran_ns >= ms * NS_PER_MS;
}
