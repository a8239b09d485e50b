/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUP_BASE_BUILD_H
#define SUP_BASE_BUILD_H

#include <stdint.h>

/*
 * A number of what the linker has called this build of the program and of
 * libsup (NT_GNU_BUILD_ID): two processes that have the same agree on every
 * struct. Where it has left nothing there the number says nothing. Any thread.
 */
uint64_t sup__build_number(void);

#endif
