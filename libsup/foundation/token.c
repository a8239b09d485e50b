/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/token.h"

#include "foundation/service.h"

_Atomic uint64_t fnd__last_token;

void fnd__tokens_begin(void)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(&fnd__last_token, &none,
				       (uint64_t)fnd__real_now());
}
