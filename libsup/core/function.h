/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of functions, as those see it who start them. */
#ifndef SUP_CORE_FUNCTION_H
#define SUP_CORE_FUNCTION_H

/*
 * 0; -EPERM there is no table yet, or this process has got rights by its
 * execve; -ENOENT the table has no such function.
 */
int sup__function_check(const char *name);

/*
 * -EPERM: this process was started to run a function, but main() goes on, and
 * would start everything once more.
 */
int sup__function_check_main(void);

#endif
