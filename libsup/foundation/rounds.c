/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/rounds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/service.h"
#include "foundation/services.h"

/* The name of the timer that begins one. */
#define NEXT UINT64_C(0x666e642d6e657874)

struct fnd__rounds_asker {
	struct fnd__rounds_asker *next;
	struct sup_from from;
};

static void answer(struct fnd__rounds_asker *askers,
		   const struct sup_msg *reply, int error)
{
	struct fnd__rounds_asker *a, *next;

	LL_FOREACH_SAFE(askers, a, next) {
		if (error || sup_reply(a->from, reply))
			sup_reply_error(a->from, error ? error : -ENOMEM);
		sup_free(a);
	}
}

/* The ServiceRegistry tells when it is there; the next interval tries again. */
static void wait_for_tasks(struct fnd__rounds *r)
{
	struct fnd__service_id id;

	if (r->waits_for_tasks.v ||
	    fnd__service_id(FND_PRODUCTION, "task_supervisor", &id))
		return;
	fnd__service_await_send(&id, &r->waits_for_tasks);
}

static void start(struct fnd__rounds *r)
{
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .name = "fnd_round", .run = r->run,
	};
	int ret;

	sup_server_timer(NEXT, -1);
	ret = sup_async_start(sup_whereis(FND__TASKS), &spec, &r->job);
	if (!ret)
		return;
	r->job = NULL;
	if (ret == -ESRCH) {
		ret = -ENOTCONN;
		wait_for_tasks(r);
	}
	fnd__rounds_tell(r, NULL, ret);
}

int fnd__rounds_begin(void)
{
	int ret;

	ret = sup_trap_exits(true, NULL);
	return ret ? ret : sup_server_timer(NEXT, 0);
}

int fnd__rounds_ask(struct fnd__rounds *r, struct sup_from from, bool join)
{
	struct fnd__rounds_asker *a = sup_alloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->from = from;
	if (r->job && !join)
		LL_PREPEND(r->later, a);
	else
		LL_PREPEND(r->askers, a);
	if (!r->job)
		start(r);
	return 0;
}

bool fnd__rounds_info(struct fnd__rounds *r, struct sup_info *info,
		      struct sup_msg *ret_result, int *ret_error)
{
	struct sup_async *job = r->job;

	if (info->kind == SUP_INFO_RESPONSE &&
	    info->request.v == r->waits_for_tasks.v) {
		r->waits_for_tasks.v = 0;
		if (!job && !info->error)
			start(r);
	} else if (info->kind == SUP_INFO_TIMER && info->msg.tag == NEXT) {
		if (!job)
			start(r);
	} else if (info->kind == SUP_INFO_EXIT && job &&
		   info->pid.v == sup_async_pid(job).v) {
		r->job = NULL;
		*ret_error = sup_async_await(job, ret_result, &info->reason,
					     SUP_FOREVER);
		if (*ret_error)
			*ret_error = info->reason.kind == SUP_REASON_EXIT &&
				info->reason.code < 0 ? info->reason.code :
				-ECHILD;
		r->over++;
		return true;
	}
	return false;
}

void fnd__rounds_tell(struct fnd__rounds *r, const struct sup_msg *reply,
		      int error)
{
	answer(r->askers, reply, error);
	r->askers = r->later;
	r->later = NULL;
	if (r->askers)
		start(r);
	else
		sup_server_timer(NEXT, r->interval_ms);
}

/* What the answers are is noted where services are known. */
static int check_all(const struct fnd_service *s, struct sup_request *requests,
		     size_t n, int64_t deadline)
{
	struct sup_response response;
	struct fnd__service_id id;
	size_t i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = fnd__service_id(s[i].ns, s[i].name, &id);
		if (!ret)
			ret = fnd__service_check_send(&id, false,
						      &requests[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < n; i++)
		if (!sup_request_receive(requests[i], &response, deadline))
			sup_msg_free(&response.reply);
	return 0;
}

int fnd__services_check(struct fnd_namespace ns, int64_t timeout_ms,
			struct fnd_service **ret_services, size_t *ret_n)
{
	int64_t deadline = sup_deadline_ms(timeout_ms);
	struct sup_request *requests;
	struct fnd_service *s;
	size_t n;
	int ret;

	ret = fnd__service_list(ns, sup_alloc, &s, &n);
	if (ret)
		return ret;
	requests = sup_alloc((n + 1) * sizeof(*requests));
	ret = requests ? check_all(s, requests, n, deadline) : -ENOMEM;
	sup_free(requests);
	sup_free(s);
	return ret ? ret : fnd__service_list(ns, sup_alloc, ret_services,
					     ret_n);
}

int fnd__rounds_options(const char *server, uint64_t tag, void *ret_options,
			size_t size)
{
	const struct sup_msg req = { .tag = tag };
	struct sup_msg reply;
	int ret;

	ret = fnd__call(server, &req, &reply, SUP_FOREVER);
	if (ret)
		return ret;
	memcpy(ret_options, reply.data, size);
	sup_msg_free(&reply);
	return 0;
}

static int by_name(const void *name, const void *service)
{
	return strcmp(name, ((const struct fnd_service *)service)->name);
}

const char *fnd__service_lacks(const struct fnd_service *s,
			       const struct fnd_service *all, size_t n)
{
	const char *const *d = s->depends_on;
	const struct fnd_service *found;

	for (; d && *d; d++) {
		found = n ? bsearch(*d, all, n, sizeof(*all), by_name) : NULL;
		if (!found || !found->pid.v)
			return *d;
	}
	return NULL;
}
