/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sentence behind sup_error(): one buffer per thread. */
#ifndef SUP_BASE_ERROR_H
#define SUP_BASE_ERROR_H

#include <sup/types.h>

#define SUP__ERROR_MAX 512

/*
 * Sets the calling thread's sentence and returns err. It should name what was
 * attempted and which field was wrong. sup_error() may be an argument, to put
 * words before what a lower layer said.
 */
int sup__error(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* As sup__error(), and adds ": " and the text of err. */
int sup__error_sys(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* sup__error() for want of memory: "no memory for WHAT". */
int sup__error_nomem(const char *what);

/* There is no sentence. */
void sup__error_clear(void);

#endif
