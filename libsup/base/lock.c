/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lock.h"

#include <stdlib.h>

#include "base/log.h"

_Thread_local unsigned int sup__locks_held
	__attribute__((tls_model("initial-exec")));

#define NO_ANALYSIS SUP__TSA(no_thread_safety_analysis)

void sup__lock_init(struct sup__lock *l)
{
	pthread_mutex_init(&l->mutex, NULL);
	atomic_init(&l->holder, NULL);
}

void sup__lock_fini(struct sup__lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

/*
 * A signal handler must see the count raised before the mutex can be held and
 * lowered after it cannot be: hence the compiler fences.
 */
NO_ANALYSIS void sup__lock(struct sup__lock *l)
{
	sup__locks_held++;
	atomic_signal_fence(memory_order_seq_cst);
	pthread_mutex_lock(&l->mutex);
	/* Only ever compared with the reader's own address: no order. */
	atomic_store_explicit(&l->holder, &sup__locks_held,
			      memory_order_relaxed);
}

NO_ANALYSIS void sup__unlock(struct sup__lock *l)
{
	atomic_store_explicit(&l->holder, NULL, memory_order_relaxed);
	pthread_mutex_unlock(&l->mutex);
	atomic_signal_fence(memory_order_seq_cst);
	sup__locks_held--;
}

NO_ANALYSIS void sup__assert_held(const struct sup__lock *l)
{
	if (atomic_load_explicit(&l->holder, memory_order_relaxed) ==
	    &sup__locks_held)
		return;
	sup__log(LOG_CRIT, "a lock that must be held is not");
	abort();
}
