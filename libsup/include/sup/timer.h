/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Timers (OTP erlang:send_after/3): a message that comes later. It comes as
 * SUP_INFO_TIMER, with the signals: before all data, and never refused for want
 * of room. Never early; timers of one task come in the order of their times,
 * those of the same time in the order in which they were started.
 */
#ifndef SUP_TIMER_H
#define SUP_TIMER_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sends msg to a thread task at a time, of CLOCK_MONOTONIC as that of a
 * deadline: sup_deadline_ms(ms), or SUP_TRY for at once. The message is copied
 * or moved, as in sup_send(). The end of the task cancels the timer; if it has
 * ended already this still returns 0, and the timer is gone. ret_ref may be
 * NULL. Any thread. Errors: -EINVAL to is a process, or at is SUP_FOREVER or
 * negative; -ENOMEM: msg still is the caller's.
 */
SUP_API int sup_timer_start(struct sup_pid to, const struct sup_msg *msg,
			    int64_t at, struct sup_ref *ret_ref);

/*
 * The same to whoever has the name then; nobody, or a process: the message is
 * dropped. Any thread. Also -EINVAL no name, -ENAMETOOLONG, and -ENOTCONN: the
 * runtime keeps it, and drops it in sup_close().
 */
SUP_API int sup_timer_start_name(const char *name, const struct sup_msg *msg,
				 int64_t at, struct sup_ref *ret_ref);

/*
 * Takes a timer back: its message will not come, and what it owns is freed. How
 * many nanoseconds were left goes to *ret_left, which may be NULL; 0: its time
 * had come. Any thread. -ENOENT: it has been received, is under way to a name,
 * was cancelled before, or never was.
 */
SUP_API int sup_timer_cancel(struct sup_ref ref, int64_t *ret_left);

/* As sup_timer_cancel(), but lets it run. */
SUP_API int sup_timer_read(struct sup_ref ref, int64_t *ret_left);

/*
 * In a server: starts its timer of that name, which is a number of its own
 * vocabulary, or starts it anew; info gets a SUP_INFO_TIMER with msg.tag the
 * name in ms milliseconds. Other messages do not change it, unlike that of
 * sup_server_timeout(). ms < 0 takes it back: after the return it does not
 * come, even if its time had come. (OTP gen_statem's named time-outs.)
 * Errors: -EPERM not in a server; -ENOMEM.
 */
SUP_API int sup_server_timer(uint64_t name, int64_t ms);

#ifdef __cplusplus
}
#endif

#endif
