/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling whoever runs supd how it stands, by the protocol of sd_notify(3). */
#ifndef TOOLS_NOTIFY_H
#define TOOLS_NOTIFY_H

/* Takes NOTIFY_SOCKET out of the environment: it is not for the children. */
void notify_init(void);

/* Sends lines such as "READY=1"; nothing happens if nobody asked. */
void notify(const char *text);

#endif
