/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands before each call that the library has for its users. */
#ifndef SUP_API_H
#define SUP_API_H

#define SUP_API __attribute__((visibility("default")))

/*
 * A public struct that ends in an array without a length has __extension__
 * before it, for C++ has none such: else -Wpedantic complains in each program.
 * It has to be there, not at the member, for clang.
 */

#endif
