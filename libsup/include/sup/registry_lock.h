/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One at a time for each key (Elixir's Registry.lock/3). Such keys are names
 * within a registry, and have nothing to do with its entries; they need no
 * beginning and no end. Different keys do not wait for each other.
 */
#ifndef SUP_REGISTRY_LOCK_H
#define SUP_REGISTRY_LOCK_H

#include <sup/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Calls fn, in the calling thread, while no other fn is called for the same key
 * of this registry. Waits for that until the deadline; who comes first gets it
 * first. A safe point, as any call in fn may be. Any thread.
 * The key is free when fn has returned, or when the task or thread that called
 * it has ended in it; the next one is not told which. A fault in fn ends the
 * process, as in any callback of a call. Closing the registry takes the key
 * from nobody that has it or waits for it.
 * Errors, and fn has not been called: -ENOENT there is no such registry;
 * -EAGAIN somebody has it (SUP_TRY); -ETIMEDOUT; -EDEADLK who has it is the
 * caller, or waits, perhaps through others, for the caller; -EINVAL an empty
 * key, or fn is NULL; -ENOMEM.
 */
SUP_API int sup_registry_lock(struct sup_registry r, struct sup_bytes key,
			      int64_t deadline, void (*fn)(void *arg),
			      void *arg);

#ifdef __cplusplus
}
#endif

#endif
