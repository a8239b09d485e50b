/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a supd leaves for the one after it under --policy retain: the token of
 * its group, and which process is which child. Without keep_open() every call
 * does nothing.
 */
#ifndef TOOLS_KEEP_H
#define TOOLS_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <sup/process.h>
#include <sup/runtime.h>

/*
 * Reads what an earlier supd left in state_dir. *ret_found: there is a group
 * to adopt, and opts are set so that sup_open() does it. -ENOMEM, or an error
 * of the file. Before sup_open().
 */
int keep_open(const char *state_dir, struct sup_options *opts,
	      bool *ret_found);

/*
 * After sup_open(): writes the token of the group. If it was adopted, finds
 * the children among what lives, and kills the rest: nobody would know what
 * it is for.
 */
int keep_begin(bool adopted);

/*
 * Takes a child over that lives on from the supd before, once. -ENOENT: there
 * is none, start it. Any thread.
 */
int keep_adopt(const char *path, const struct sup_process_spec *spec,
	       struct sup_pid *ret_pid);

/* Once the tree is up: kills what no child was there to take over. */
void keep_settle(void);

/* Remembers which process a child is. Any thread. */
void keep_note(const char *path, struct sup_pid pid);

/* After an orderly end: nothing is left to adopt. */
void keep_end(void);

#endif
