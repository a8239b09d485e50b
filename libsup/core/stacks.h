/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose code the frames below a fault are. */
#ifndef SUP_CORE_STACKS_H
#define SUP_CORE_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#define SUP__FRAMES_MAX 48

/* Learns where the program, libsup and libc lie. Not in a signal handler. */
void sup__stacks_learn(void);

struct sup__frames {
	int n;
	uintptr_t pc[SUP__FRAMES_MAX];	/* the faulting one first */
};

/* In a signal handler: pc lies in the program, or in what opted in. */
bool sup__stacks_may_leave(uintptr_t pc);

/*
 * In a signal handler, on the thread that was interrupted at pc: looks at the
 * frames from there to the one that lies at or above top. NULL: every one may
 * be left by a jump; else why not, and the frames are there all the same.
 * by_abort: libc's abort() and what calls it there for an assertion may be on
 * top.
 */
const char *sup__stacks_judge(uintptr_t pc, const void *top, bool by_abort,
			      struct sup__frames *ret_frames);

#endif
