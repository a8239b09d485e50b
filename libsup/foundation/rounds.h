/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rounds: what a monitor does again and again, each a job under the task
 * supervisor, linked with its server. Servers that have them trap exits.
 */
#ifndef SUP_FOUNDATION_ROUNDS_H
#define SUP_FOUNDATION_ROUNDS_H

#include <foundation/service_registry.h>
#include <sup/call.h>
#include <sup/job.h>
#include <sup/request.h>

struct fnd__rounds_asker;

/* Zeroed, then the first two are set. Memory of the server's task. */
struct fnd__rounds {
	int64_t interval_ms;	/* from the end of one to the next */
	int (*run)(void *arg, struct sup_msg *ret_result);

	struct sup_async *job;	/* of the one that is under way, or NULL */
	struct sup_request waits_for_tasks;	/* or 0 */
	struct fnd__rounds_asker *askers;	/* of the one under way */
	struct fnd__rounds_asker *later;	/* of the one after it */
	uint64_t over;		/* how many have been */
};

/* The first one begins at once, or as soon as there is a task supervisor. */
int fnd__rounds_begin(void);

/*
 * Somebody wants to be told when one is over: join: one that is under way will
 * do, else it begins from now on. -ENOMEM.
 */
int fnd__rounds_ask(struct fnd__rounds *r, struct sup_from from, bool join);

/*
 * Shows it what the server has been told. True: a round is over, *ret_result,
 * the caller's, is what it came to, unless *ret_error says that it failed.
 * fnd__rounds_tell() has to follow.
 */
bool fnd__rounds_info(struct fnd__rounds *r, struct sup_info *info,
		      struct sup_msg *ret_result, int *ret_error);

/* Answers who has asked for the round that is over, and goes on. */
void fnd__rounds_tell(struct fnd__rounds *r, const struct sup_msg *reply,
		      int error);

/* In a job: what its server answers to an empty message of that tag. */
int fnd__rounds_options(const char *server, uint64_t tag, void *ret_options,
			size_t size);

/*
 * In a job: has all services of a namespace checked at once, waits so long, and
 * hands out what is known of them then, in memory of the task. A safe point.
 * -ENOTCONN the ServiceRegistry does not run; -ENOMEM.
 */
int fnd__services_check(struct fnd_namespace ns, int64_t timeout_ms,
			struct fnd_service **ret_services, size_t *ret_n);

/* The first dependency of s that is not up, or NULL. */
const char *fnd__service_lacks(const struct fnd_service *s,
			       const struct fnd_service *all, size_t n);

#endif
