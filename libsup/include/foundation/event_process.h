/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An EventStore in a process of its own, fnd_event_store_options.in_process: a
 * thread that is killed, or a program that breaks, then never meets SQLite. All
 * calls, their errors, and what they promise are those of
 * <foundation/event_store.h>; calls do not fail for being large.
 */
#ifndef FOUNDATION_EVENT_PROCESS_H
#define FOUNDATION_EVENT_PROCESS_H

#include <sup/function.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the table that main() gives sup_functions() must have for it:
 * { FND_EVENT_STORE_FUNCTION, fnd_event_store_run }.
 */
#define FND_EVENT_STORE_FUNCTION "fnd_event_store"

/*
 * It is called in the process alone, by that table, with what the service has
 * started it with. The status that it returns is 0 if it was told to end.
 */
SUP_API int fnd_event_store_run(const void *arg, size_t len);

/*
 * fnd_event_store_start() then starts a task that has the process as its child
 * and ends when that ends, with its reason; its calls get -EPIPE. Killed, or
 * gone with the whole program, it leaves the process to notice that, at once or
 * after the commit that it is at; the next store waits for it, up to 5 s,
 * before it says -EBUSY. Its errors are also those of sup_process_start() of a
 * function: -EPERM sup_functions() was not called, -ENOENT not with this one.
 */

#ifdef __cplusplus
}
#endif

#endif
