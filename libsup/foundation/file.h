/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that services keep: one service at a time, and never half of one. */
#ifndef SUP_FOUNDATION_FILE_H
#define SUP_FOUNDATION_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define FND__FILE_MAX 4096

/*
 * Takes FILE-lock for the calling task, which has it until it ends. On a
 * foreign thread it is the process's, as of a store that is one, and waited for
 * up to 5 s: one of a program that was killed may be at its last. -EBUSY;
 * -ENAMETOOLONG; what open(2) and flock(2) say, with a sentence.
 */
int fnd__file_lock(const char *file);

/*
 * The whole of a file: text is the caller's, to free(3), with a zero behind it.
 * NULL: there is no file. What open(2) and read(2) say, with a sentence;
 * -EFBIG.
 */
int fnd__file_read(const char *file, char **ret_text, size_t *ret_len);

/*
 * Puts a text in the place of a file, by way of FILE-new: whatever happens, one
 * of the two is there wholly. 0: it is the new one, and on the disk. An error:
 * what open(2), write(2), fsync(2) and rename(2) say, with a sentence, and it
 * is the old one, unless *ret_is_new; then it is the new one, and a loss of
 * power may yet take it away. Not a safe point.
 */
int fnd__file_replace(const char *file, const char *text, size_t len,
		      bool *ret_is_new);

#endif
