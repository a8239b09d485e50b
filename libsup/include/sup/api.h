/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands before each call that the library has for its users. */
#ifndef SUP_API_H
#define SUP_API_H

#define SUP_API __attribute__((visibility("default")))

#endif
