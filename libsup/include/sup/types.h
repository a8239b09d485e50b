/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types that every part of libsup shares: names of tasks, reasons of ends,
 * messages, deadlines.
 *
 * Laws of this library, true of every call unless its comment says otherwise:
 *  - a call returns 0 (or a documented positive outcome) or a negative errno;
 *    results leave through trailing ret_ parameters, written only on success;
 *    after an error sup_error() holds a sentence that names field and reason;
 *  - option structs begin with their own size and grow at the end; a member
 *    that is zero means its default;
 *  - a blocking call takes an absolute deadline in nanoseconds of
 *    CLOCK_MONOTONIC: SUP_TRY never waits, SUP_FOREVER always does;
 *  - 0 from an asynchronous request promises exactly one completion, an error
 *    promises none;
 *  - a plain task that was told to end, and any that was killed, does so in its
 *    next call that is a safe point, and does not return from it; the manual
 *    pages say of each call whether it is, and for what it waits;
 *  - no call may be made in a signal handler. Those here: any thread.
 */
#ifndef SUP_TYPES_H
#define SUP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sup/api.h>
#include <sup/reason.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names a task, thread or process, for ever: a value is never used twice. */
struct sup_pid {
	uint64_t v;		/* 0: no task */
};

/* Names one monitor, or one timer. Never used twice. */
struct sup_ref {
	uint64_t v;
};

/* Names one request to a server. Never used twice. */
struct sup_request {
	uint64_t v;
};

#define SUP_PID_NONE ((struct sup_pid){ 0 })

#define SUP_TRY		INT64_C(0)
#define SUP_FOREVER	INT64_C(-1)

/*
 * A message. With free == NULL the bytes are copied when it is sent and stay
 * the caller's; else data moves with the message: on success it belongs to the
 * receiver's side, which calls free(data) once; on error it still is the
 * caller's. A callback that gets a message borrows it until it returns,
 * unless it calls sup_msg_take(), or gives it away: replies with it, or sends,
 * casts or calls with it, as it stands.
 */
struct sup_msg {
	uint64_t tag;		/* what it is, in the receiver's vocabulary */
	void *data;
	size_t len;
	void (*free)(void *data);
};

/* Moves a borrowed message out: *ret_msg is the caller's, who frees it. */
SUP_API void sup_msg_take(struct sup_msg *msg, struct sup_msg *ret_msg);

/* Frees what a message owns; safe on zeroed and on freed ones. */
SUP_API void sup_msg_free(struct sup_msg *msg);

/*
 * The absolute deadline ms milliseconds from now; SUP_FOREVER if ms < 0. Any
 * thread.
 */
SUP_API int64_t sup_deadline_ms(int64_t ms);

/*
 * The sentence that belongs to the last error a libsup call returned on this
 * thread; "" if none. Valid until the next libsup call on this thread.
 */
SUP_API const char *sup_error(void);

#ifdef __cplusplus
}
#endif

#endif
