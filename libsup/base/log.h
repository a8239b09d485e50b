/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages for people, to the sink of <sup/log.h>. */
#ifndef SUP_BASE_LOG_H
#define SUP_BASE_LOG_H

#include <syslog.h>

#include <sup/log.h>

/*
 * Formats and hands one message to the sink; the text has no newline at its
 * end. Log an error once, where it is born. Hold no lock. Any thread.
 */
void sup__log(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
