/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_SIGNALS_H
#define TOOLS_SIGNALS_H

/* The number of "TERM", "SIGTERM", "term" or "15"; -1: there is none. */
int signal_number(const char *text);

#endif
