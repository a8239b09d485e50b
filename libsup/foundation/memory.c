/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run is a job that goes through a table of steps. Between two of them is a
 * safe point, and a look at its limit; within one it cannot be ended, for
 * malloc_trim(3) holds locks that others wait for. So a run that is late is
 * asked to end, and never killed.
 *
 * Which run there is, is its pid: one that has ended, however, is in nobody's
 * way.
 */
#include <foundation/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sup/sup.h>

#include "foundation/event_store_in.h"
#include "foundation/rate.h"
#include "foundation/service.h"

#define NS_PER_MS INT64_C(1000000)

static _Atomic uint64_t running;

static uint64_t resident(void)
{
	unsigned long long pages = 0;
	char text[64];
	ssize_t len;
	int fd;

	fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	sscanf(text, "%*s %llu", &pages);
	return pages * sysconf(_SC_PAGESIZE);
}

static void forget_rates(struct fnd_memory_report *r, int64_t deadline)
{
	size_t before = fnd__rate_count(), after;

	(void)deadline;
	fnd__rate_clean_up(sup_deadline_ms(0));
	after = fnd__rate_count();
	r->pairs = before > after ? before - after : 0;
}

/* If it does not run it has nothing. */
static void trim_events(struct fnd_memory_report *r, int64_t deadline)
{
	fnd__event_store_trim(&r->cache_bytes, deadline);
}

static void trim_stacks(struct fnd_memory_report *r, int64_t deadline)
{
	(void)deadline;
	r->stack_bytes = sup_trim();
}

static void trim_arenas(struct fnd_memory_report *r, int64_t deadline)
{
	(void)r;
	(void)deadline;
	malloc_trim(0);
}

/* ORDER: what the first ones free the last one gives back. */
static void (*const steps[])(struct fnd_memory_report *r, int64_t deadline) = {
	forget_rates, trim_events, trim_stacks, trim_arenas,
};

static bool is_the_only_one(void)
{
	uint64_t other = atomic_load(&running);

	do {
		if (sup_is_alive((struct sup_pid){ other }))
			return false;
	} while (!atomic_compare_exchange_weak(&running, &other,
					       sup_self().v));
	return true;
}

/* arg: the limit, as a number, so that nobody has to free it. */
static int clean_up(void *arg, struct sup_msg *ret_result)
{
	int64_t limit_ms = (intptr_t)arg, began = sup_deadline_ms(0);
	int64_t deadline = began + limit_ms * NS_PER_MS;
	struct fnd_memory_report *r;
	size_t i;

	if (!is_the_only_one())
		return EBUSY;
	r = sup_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	r->resident_before = resident();
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		sup_checkpoint();
		if (sup_deadline_ms(0) >= deadline)
			return ETIME;
		steps[i](r, deadline);
	}
	r->resident_after = resident();
	r->took_ns = sup_deadline_ms(0) - began;
	sup_give(r);
	*ret_result = (struct sup_msg){
		.data = r, .len = sizeof(*r), .free = sup_free,
	};
	return 0;
}

_Static_assert(sizeof(intptr_t) >= sizeof(int64_t), "a limit in a pointer");

static int make_spec(int64_t *limit_ms, struct sup_job_spec *spec)
{
	if (*limit_ms < 0 || *limit_ms > INT64_MAX / NS_PER_MS / 2)
		return sup_set_error(-EINVAL, "limit_ms: %lld",
				     (long long)*limit_ms);
	if (!*limit_ms)
		*limit_ms = FND_MEMORY_LIMIT_MS;
	*spec = (struct sup_job_spec){
		.size = sizeof(*spec), .name = "fnd_memory", .run = clean_up,
		.arg = (void *)(intptr_t)*limit_ms,
	};
	return 0;
}

static int started(int error)
{
	return error == -ESRCH ? sup_set_error(-ENOTCONN, "%s does not run",
					       FND__TASKS) : error;
}

int fnd_memory_cleanup(int64_t limit_ms, struct sup_pid *ret_pid)
{
	struct sup_job_spec spec;
	struct sup_pid pid;
	int ret;

	ret = make_spec(&limit_ms, &spec);
	if (ret)
		return ret;
	ret = started(sup_start_job(sup_whereis(FND__TASKS), &spec, &pid));
	if (!ret && ret_pid)
		*ret_pid = pid;
	return ret;
}

int fnd_memory_cleanup_async(int64_t limit_ms, struct sup_async **ret_async)
{
	struct sup_job_spec spec;
	int ret;

	ret = make_spec(&limit_ms, &spec);
	return ret ? ret : started(sup_async_nolink(sup_whereis(FND__TASKS),
						    &spec, ret_async));
}

static int in_vain(int error, const struct sup_reason *reason)
{
	int code = error == -EPIPE && reason->kind == SUP_REASON_EXIT ?
		reason->code : 0;

	if (code == EBUSY)
		return sup_set_error(-EBUSY, "another one runs");
	if (code == ENOMEM)
		return fnd__nomem("a report");
	if (code == ETIME || error == -ETIMEDOUT)
		return sup_set_error(-ETIMEDOUT, "limit_ms: it was not over in "
				     "time");
	return error;
}

int fnd_memory_cleanup_sync(int64_t limit_ms,
			    struct fnd_memory_report *ret_report)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	struct sup_async *async;
	struct sup_msg result;
	struct sup_pid pid;
	int ret;

	ret = fnd_memory_cleanup_async(limit_ms, &async);
	if (ret)
		return ret;
	pid = sup_async_pid(async);
	if (!limit_ms)
		limit_ms = FND_MEMORY_LIMIT_MS;
	ret = sup_async_await(async, &result, &reason,
			      sup_deadline_ms(limit_ms));
	if (ret == -ETIMEDOUT)
		sup_exit(pid, &SUP_SHUTDOWN);
	if (ret)
		return in_vain(ret, &reason);
	memcpy(ret_report, result.data, sizeof(*ret_report));
	sup_msg_free(&result);
	return 0;
}
