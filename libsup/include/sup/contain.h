/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which code may stand on the stack of a fault that is contained, besides the
 * program's (SUP_CONTAIN of <sup/task.h>). All of a process: what has been said
 * once stays.
 */
#ifndef SUP_CONTAIN_H
#define SUP_CONTAIN_H

#include <sup/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Opts the object that holds addr (a function of it) in to containment; for
 * a library, from its constructor. Any thread. -ENOENT no object holds it;
 * -ENOSPC there are too many.
 */
SUP_API int sup_contain_object(const void *addr);

/*
 * Code from start up to end, of a library that calls what a program has given
 * it on a task: it may stand below that, as libsup's own does, and what it does
 * then is left half done by a fault there, so it must hold nothing that others
 * wait for. A fault of its own ends the process. From its constructor. Any
 * thread. -EINVAL end is not above start; -ENOSPC there are too many.
 */
SUP_API int sup_contain_below(const void *start, const void *end);

#ifdef __cplusplus
}
#endif

#endif
