/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log sink. Levels are syslog's: LOG_ERR, LOG_WARNING, LOG_INFO, ... */
#ifndef SUP_LOG_H
#define SUP_LOG_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Replaces the sink, by default "<level>text" lines on stderr at LOG_WARNING
 * and above (sd-daemon(3)). cb runs on any thread, on several at once, with no
 * lock held, and must not block; text is valid until it returns. NULL puts the
 * default back. What runs on another thread meanwhile may still reach the old
 * one. Any thread.
 */
SUP_API void sup_set_log_sink(void (*cb)(int level, const char *text,
					 void *arg), void *arg);

/* Drops messages less urgent than level. Any thread. */
SUP_API void sup_set_log_level(int level);

#ifdef __cplusplus
}
#endif

#endif
