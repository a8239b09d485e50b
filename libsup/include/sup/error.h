/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors of libraries that are built on libsup, and keep its laws. */
#ifndef SUP_ERROR_H
#define SUP_ERROR_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets the sentence of sup_error(), formatted as by printf(3), and returns
 * error. sup_error() may be among the arguments. Any thread.
 */
SUP_API int sup_set_error(int error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
