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
#include "base/log.h"
#include "base/stack.h"

static _Thread_local struct sup__stack *own_stack
	__attribute__((tls_model("initial-exec")));

static void *begin(void *arg)
{
	own_stack = arg;
	if (own_stack->name[0])
		pthread_setname_np(pthread_self(), own_stack->name);
	return own_stack->run(own_stack->arg);
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

int sup__thread_start(const char *name, size_t stack_size,
		      void *(*run)(void *arg), void *arg,
		      struct sup__thread *ret_thread)
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
		snprintf(stack->name, sizeof(stack->name), "%s",
			 name ? name : "");
		stack->run = run;
		stack->arg = arg;
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

void sup__thread_trim(void)
{
	sup__stack_trim();
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
