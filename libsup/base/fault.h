/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of what a fault's si_code says. */
#ifndef SUP_BASE_FAULT_H
#define SUP_BASE_FAULT_H

/* "SEGV_MAPERR", as sigaction(2) has it, or NULL. Signal handlers may ask. */
const char *sup__fault_name(int signo, int code);

#endif
