/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks of threads, with room for the handlers of faults, kept for the next
 * thread when one has gone: without that each start maps memory, and each end
 * gives some back, for which the kernel interrupts all other CPUs.
 */
#ifndef SUP_BASE_STACK_H
#define SUP_BASE_STACK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SUP__STACK_ALT ((size_t)64 * 1024)

/* TSan keeps its own things at the top of each thread's stack. */
#if defined(__SANITIZE_THREAD__)
#define SUP__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SUP__TSAN 1
#endif
#endif
#ifdef SUP__TSAN
#define SUP__STACK_EXTRA ((size_t)2 * 1024 * 1024)
#else
#define SUP__STACK_EXTRA ((size_t)0)
#endif

/* Lies at the top of it, beside what libc keeps there of the thread. */
struct sup__stack {
	struct sup__stack *next;
	char *map;		/* alternate stack, guard, stack, and this */
	size_t map_size;
	/* What the thread does, from when it is used on. */
	_Atomic uint32_t used;		/* a futex */
	void *(*run)(void *arg);
	void *arg;
	char name[16];
};

/* With at least that much room, or NULL: no memory. Any thread. */
struct sup__stack *sup__stack_get(size_t size);

/* Its thread has gone. What it used of it, but for the top, is given back. */
void sup__stack_put(struct sup__stack *s);

/* What a thread is told to use. */
void *sup__stack_low(const struct sup__stack *s);
size_t sup__stack_size(const struct sup__stack *s);
/* SUP__STACK_ALT bytes. */
void *sup__stack_alt(const struct sup__stack *s);

/* Gives back all that nobody uses: how many bytes. */
size_t sup__stack_trim(void);

#endif
