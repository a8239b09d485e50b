/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mutex that knows who holds it and counts, per thread, how many are held
 * or waited for: a thread that faults with a count above zero is not contained.
 * In a struct it stands above what it guards. clang checks SUP__REQUIRES().
 */
#ifndef SUP_BASE_LOCK_H
#define SUP_BASE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __clang__
#define SUP__TSA(x) __attribute__((x))
#else
#define SUP__TSA(x)
#endif

#define SUP__REQUIRES(l) SUP__TSA(requires_capability(l))
#define SUP__ACQUIRES(l) SUP__TSA(acquire_capability(l))
#define SUP__RELEASES(l) SUP__TSA(release_capability(l))
#define SUP__ASSERTS(l) SUP__TSA(assert_capability(l))

struct SUP__TSA(capability("mutex")) sup__lock {
	pthread_mutex_t mutex;
	unsigned int *_Atomic holder;	/* its &sup__locks_held, NULL: free */
};

#define SUP__LOCK_INIT { .mutex = PTHREAD_MUTEX_INITIALIZER }

/* Locks the calling thread holds or waits for. Read by fault handlers. */
extern _Thread_local unsigned int sup__locks_held
	__attribute__((tls_model("initial-exec")));

/*
 * Round a callback of the user that is not a task's own code: a jump must not
 * leave it, no more than if a lock were held.
 */
static inline void sup__stay_begin(void)
{
	sup__locks_held++;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void sup__stay_end(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	sup__locks_held--;
}

/* Cannot fail. The caller's storage; fini only while nobody holds it. */
void sup__lock_init(struct sup__lock *l);
void sup__lock_fini(struct sup__lock *l);

void sup__lock(struct sup__lock *l) SUP__ACQUIRES(*l);
void sup__unlock(struct sup__lock *l) SUP__RELEASES(*l);

/* Ends the process with a report if the calling thread does not hold it. */
void sup__assert_held(const struct sup__lock *l) SUP__ASSERTS(*l);

#endif
