/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mutexes that survive their owners (POSIX robust mutexes, of tasks instead of
 * threads). If a task ends, in whatever way, while it holds one, the next to
 * lock it is told, and if a thread that is no task ends, too. Who waits for a
 * mutex can be killed, and is an edge in the search for deadlocks, as a call.
 * Those who wait get it in the order in which they came.
 */
#ifndef SUP_MUTEX_H
#define SUP_MUTEX_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * In memory of the user that no task owns: at the end of a task its memory
 * goes. All zero it is free and ready. It holds nothing: it may be forgotten
 * when nobody has it nor waits for it, and zeroed to begin anew.
 */
struct sup_mutex {
	uint64_t opaque[16];
};

#define SUP_MUTEX_INIT { { 0 } }

/*
 * Takes it, waiting until the deadline. A safe point. Any thread.
 * With -EOWNERDEAD the caller has it, too, but the last owner ended while it
 * had it: repair what it guards, and call sup_mutex_consistent(). Unlocked
 * without that, it is lost: who waits and who comes later gets
 * -ENOTRECOVERABLE. Other errors: -EAGAIN it is taken (SUP_TRY); -ETIMEDOUT;
 * -EDEADLK its owner is the caller, or waits, perhaps through others, for the
 * caller; -ENOMEM a thread's first wait.
 */
SUP_API int sup_mutex_lock(struct sup_mutex *mutex, int64_t deadline);

/* Any thread, also after the caller was told to end. -EPERM not its owner. */
SUP_API int sup_mutex_unlock(struct sup_mutex *mutex);

/*
 * What it guards is in order again. -EPERM not its owner; -EINVAL it did not
 * come with -EOWNERDEAD.
 */
SUP_API int sup_mutex_consistent(struct sup_mutex *mutex);

#ifdef __cplusplus
}
#endif

#endif
