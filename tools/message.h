/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What supd says on stderr. */
#ifndef TOOLS_MESSAGE_H
#define TOOLS_MESSAGE_H

/*
 * level is syslog's; to the journal it is written as sd-daemon(3) says. Any
 * thread.
 */
void message(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
