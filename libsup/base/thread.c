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

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"

struct start {
	char name[16];
	void *(*run)(void *arg);
	void *arg;
};

static void *begin(void *arg)
{
	struct start start = *(struct start *)arg;

	sup__free(arg);
	if (start.name[0])
		pthread_setname_np(pthread_self(), start.name);
	return start.run(start.arg);
}

static int set_stack(pthread_attr_t *attr, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t min = sysconf(_SC_THREAD_STACK_MIN);

	if (!size)
		return 0;
	if (size > SIZE_MAX / 2)
		return EINVAL;
	if (size < min)
		size = min;
	return pthread_attr_setstacksize(attr,
					 (size + page - 1) / page * page);
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
		      pthread_t *ret_thread)
{
	struct start *start;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	start = sup__zalloc(sizeof(*start));
	if (!start)
		return sup__error_nomem("a thread");
	snprintf(start->name, sizeof(start->name), "%s", name ? name : "");
	start->run = run;
	start->arg = arg;
	ret = pthread_attr_init(&attr);
	if (ret)
		goto free_start;
	ret = set_stack(&attr, stack_size);
	if (!ret)
		ret = set_mask(&attr);
	if (!ret)
		ret = pthread_create(&thread, &attr, begin, start);
	pthread_attr_destroy(&attr);
	if (ret)
		goto free_start;
	*ret_thread = thread;
	return 0;

free_start:
	sup__free(start);
	return sup__error_sys(-ret, "thread \"%s\", stack_size %zu",
			      name ? name : "", stack_size);
}

void sup__thread_join(pthread_t thread)
{
	int err = pthread_join(thread, NULL);

	if (!err)
		return;
	sup__log(LOG_CRIT, "join of a thread failed: %s",
		 strerrordesc_np(err));
	abort();
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
