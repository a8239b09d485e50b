/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file that this process runs, held by a descriptor: by name it may be
 * another one, or gone, when it is to be executed again.
 */
#ifndef SUP_EXIT_PROGRAM_H
#define SUP_EXIT_PROGRAM_H

/* That it cannot be opened (no /proc) is for who wants it to tell. */
void sup__program_open(void);
void sup__program_close(void);

/*
 * The descriptor, good for execveat(2) alone, until close; or a negative errno.
 * Any thread that keeps it open.
 */
int sup__program_fd(void);

/* Tests: another file from now on, -1: ours. Before sup__program_open(). */
void sup__program_set(int fd);

#endif
