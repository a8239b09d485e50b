/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes with a task: memory and descriptors that are released at its end,
 * however it ends: by a return, a kill, a contained fault, pthread_exit() or a
 * bare system call. At an end descriptors are closed, the last one first; then
 * the task's mutexes are passed on (<sup/mutex.h>); then memory is freed; then
 * names go; then whoever waits for the end is told. Key destructors of the
 * thread run after that: they must not use what the task owned.
 *
 * All calls but sup_free() are for the task's own thread. Children of a task
 * must not use its memory: they may outlive it.
 */
#ifndef SUP_RESOURCE_H
#define SUP_RESOURCE_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * size bytes, zeroed, aligned for any type, of the calling task. NULL, with a
 * sentence in sup_error(): no memory, or not in a task.
 */
SUP_API void *sup_alloc(size_t size);

/*
 * As realloc(3): p is NULL or of the calling task, the bytes that are kept may
 * move, new ones are not set. On failure p is as it was.
 */
SUP_API void *sup_realloc(void *p, size_t size);

/*
 * Frees a block of the calling task, or one that has been given away, on any
 * thread. NULL is fine. A block of another task, or none of sup_alloc(), ends
 * the process with a report; so does, at the end of a task, a block whose head
 * has been written over.
 */
SUP_API void sup_free(void *p);

/*
 * The block is no task's any more: it stays until somebody calls sup_free().
 * So a message may carry it, with sup_free as its free. NULL is fine.
 */
SUP_API void sup_give(void *p);

/*
 * The open descriptor is closed at the end of the calling task. Until then it
 * must not be closed but by sup_close_fd(): its number may be another file's.
 * On error it is the caller's as before. -EBADF; -EALREADY the task owns it;
 * -EPERM not in a task; -ENOMEM.
 */
SUP_API int sup_own_fd(int fd);

/* It stays open. -ENOENT the calling task does not own it. */
SUP_API int sup_disown_fd(int fd);

/*
 * Closes what the calling task owns. -ENOENT it does not; else, as close(2)
 * has them, -EIO, -ENOSPC, -EDQUOT: it is closed all the same.
 */
SUP_API int sup_close_fd(int fd);

#ifdef __cplusplus
}
#endif

#endif
