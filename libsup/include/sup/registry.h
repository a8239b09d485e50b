/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of tasks, unique in the process (OTP register/2, whereis/1). */
#ifndef SUP_REGISTRY_H
#define SUP_REGISTRY_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUP_NAME_MAX 63

/*
 * Gives a living task a name, until it ends or is unregistered; it is free
 * before anyone is told of the end. Any thread. Errors: -EEXIST it is taken
 * by a living task; -ESRCH no such task; -EINVAL empty; -ENAMETOOLONG;
 * -ENOMEM.
 */
SUP_API int sup_register(const char *name, struct sup_pid pid);

/* Takes a name away. -ENOENT nobody has it. Any thread. */
SUP_API int sup_unregister(const char *name);

/*
 * The task with that name, or SUP_PID_NONE. Any thread. Waits for nobody but
 * who is changing or looking up a name in the same moment.
 */
SUP_API struct sup_pid sup_whereis(const char *name);

#ifdef __cplusplus
}
#endif

#endif
