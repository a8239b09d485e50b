/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/log.h"
#include "base/stack.h"

static _Thread_local struct sup__stack *own_stack
	__attribute__((tls_model("initial-exec")));

#define WARM ((size_t)12 * 1024)

/* What a thread's first call of malloc, and its first pages, cost it. */
static void __attribute__((noinline)) warm_up(void)
{
	void *volatile p = malloc(1);
	volatile char room[WARM];
	size_t i;

	free(p);
	for (i = 0; i < sizeof(room); i += 1024)
		room[i] = 0;
}

static void wait_for_use(struct sup__stack *stack)
{
	pthread_setname_np(pthread_self(), "sup-spare");
	warm_up();
	while (!atomic_load_explicit(&stack->used, memory_order_acquire))
		sup__futex_wait(&stack->used, 0, SUP_FOREVER);
}

static void *begin(void *arg)
{
	struct sup__stack *stack = arg;

	own_stack = stack;
	/* Acquire, here and above: then its use is known. */
	if (!atomic_load_explicit(&stack->used, memory_order_acquire))
		wait_for_use(stack);
	if (stack->name[0])
		pthread_setname_np(pthread_self(), stack->name);
	return stack->run(stack->arg);
}

/* At least the system's minimum, or its default; 0: too large. */
static size_t stack_size_of(const pthread_attr_t *attr, size_t size)
{
	size_t min = sysconf(_SC_THREAD_STACK_MIN);

	if (!size)
		pthread_attr_getstacksize(attr, &size);
	if (size > SIZE_MAX / 2)
		return 0;
	return size < min ? min : size;
}

static int set_stack(pthread_attr_t *attr, size_t size,
		     struct sup__stack **ret_stack)
{
	struct sup__stack *stack;

	size = stack_size_of(attr, size);
	if (!size)
		return EINVAL;
	stack = sup__stack_get(size);
	if (!stack)
		return ENOMEM;
	*ret_stack = stack;
	return pthread_attr_setstack(attr, sup__stack_low(stack),
				     sup__stack_size(stack));
}

static int set_mask(pthread_attr_t *attr)
{
	static const int own[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
	};
	sigset_t mask;
	size_t i;

	sigfillset(&mask);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&mask, own[i]);
	return pthread_attr_setsigmask_np(attr, &mask);
}

static void set_use(struct sup__stack *stack, const char *name,
		    void *(*run)(void *arg), void *arg)
{
	snprintf(stack->name, sizeof(stack->name), "%s", name ? name : "");
	stack->run = run;
	stack->arg = arg;
}

/* run NULL: its use is not known yet. */
static int start(const char *name, size_t stack_size, void *(*run)(void *arg),
		 void *arg, struct sup__thread *ret_thread)
{
	struct sup__stack *stack = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	ret = pthread_attr_init(&attr);
	if (ret)
		goto fail;
	ret = set_stack(&attr, stack_size, &stack);
	if (!ret)
		ret = set_mask(&attr);
	if (!ret) {
		set_use(stack, name, run, arg);
		atomic_store(&stack->used, run != NULL);
		ret = pthread_create(&thread, &attr, begin, stack);
	}
	pthread_attr_destroy(&attr);
	if (ret)
		goto put_stack;
	*ret_thread = (struct sup__thread){ .id = thread, .stack = stack };
	return 0;

put_stack:
	if (stack)
		sup__stack_put(stack);
fail:
	return sup__error_sys(-ret, "thread \"%s\", stack_size %zu",
			      name ? name : "", stack_size);
}

int sup__thread_start(const char *name, size_t stack_size,
		      void *(*run)(void *arg), void *arg,
		      struct sup__thread *ret_thread)
{
	return start(name, stack_size, run, arg, ret_thread);
}

int sup__thread_spare(size_t stack_size, struct sup__thread *ret_thread)
{
	return start(NULL, stack_size, NULL, NULL, ret_thread);
}

void sup__thread_use(struct sup__thread thread, const char *name,
		     void *(*run)(void *arg), void *arg)
{
	struct sup__stack *stack = thread.stack;

	set_use(stack, name, run, arg);
	/* Release: pairs with its look. It may be gone before the wake. */
	atomic_store_explicit(&stack->used, 1, memory_order_release);
	sup__futex_wake(&stack->used, 1);
}

/* The clock of a thread has its id in its own, by the kernel's interface. */
pid_t sup__thread_tid(struct sup__thread thread)
{
	clockid_t clock;

	if (pthread_getcpuclockid(thread.id, &clock))
		return 0;
	return ~(clock >> 3);
}

static bool finish_join(struct sup__thread thread, int err)
{
	if (err == EBUSY)
		return false;
	if (err) {
		sup__log(LOG_CRIT, "join of a thread failed: %s",
			 strerrordesc_np(err));
		abort();
	}
	sup__stack_put(thread.stack);
	return true;
}

void sup__thread_join(struct sup__thread thread)
{
	finish_join(thread, pthread_join(thread.id, NULL));
}

bool sup__thread_try_join(struct sup__thread thread)
{
	return finish_join(thread, pthread_tryjoin_np(thread.id, NULL));
}

struct sup__thread sup__thread_self(void)
{
	return (struct sup__thread){
		.id = pthread_self(), .stack = own_stack,
	};
}

/* Since Linux 6.16. */
#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_SET_SLOTS 1
#define PR_FUTEX_HASH_GET_SLOTS 2
#endif
#define FUTEX_SLOTS 1024

void sup__thread_make_room(bool has_threads)
{
	int slots = prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_GET_SLOTS, 0, 0, 0);

	if (slots >= 0 && slots < FUTEX_SLOTS && (slots > 0) == has_threads)
		prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, FUTEX_SLOTS, 0,
		      0);
}

size_t sup__thread_trim(void)
{
	return sup__stack_trim();
}

pid_t sup__gettid(void)
{
	return gettid();
}

#define EXACT 1UL	/* nanoseconds; 0 would mean the default */

/* What a thread had before the first one became exact; 0: none has. */
static _Atomic unsigned long usual_slack;

int sup__thread_exact_waits(void)
{
	unsigned long none = 0;
	long slack = prctl(PR_GET_TIMERSLACK);

	if (slack > 0)
		atomic_compare_exchange_strong(&usual_slack, &none,
					       (unsigned long)slack);
	return prctl(PR_SET_TIMERSLACK, EXACT) ? -errno : 0;
}

/* By what it has and not by what it asked for: it is inherited. */
bool sup__thread_begin_clone(void)
{
	unsigned long usual = atomic_load(&usual_slack);

	return usual && prctl(PR_GET_TIMERSLACK) == (int)EXACT &&
	       !prctl(PR_SET_TIMERSLACK, usual);
}

void sup__thread_end_clone(bool was_exact)
{
	if (was_exact)
		prctl(PR_SET_TIMERSLACK, EXACT);
}
