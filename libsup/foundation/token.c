/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/token.h"

#include <time.h>

_Atomic uint64_t fnd__last_token;

void fnd__tokens_begin(void)
{
	struct timespec ts;
	uint64_t none = 0;

	clock_gettime(CLOCK_REALTIME, &ts);
	atomic_compare_exchange_strong(&fnd__last_token, &none, ts.tv_sec *
				       UINT64_C(1000000) + ts.tv_nsec / 1000);
}
