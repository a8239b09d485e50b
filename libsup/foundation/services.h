/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ServiceRegistry from within: the table of services, which is the
 * process's, and what its server and the monitors do with it. None of these is
 * a safe point.
 */
#ifndef SUP_FOUNDATION_SERVICES_H
#define SUP_FOUNDATION_SERVICES_H

#include <foundation/service_registry.h>
#include <sup/call.h>
#include <sup/request.h>

/* A service by its name, as a key: zeroed, then set. */
struct fnd__service_id {
	struct fnd_namespace ns;
	char name[FND_NAME_MAX + 1];
};

/* Checks the name. -EINVAL; -ENAMETOOLONG. */
int fnd__service_id(struct fnd_namespace ns, const char *name,
		    struct fnd__service_id *ret_id);

/* How a service is asked whether it is well. */
struct fnd__health {
	struct sup_pid pid;
	bool up;
	int (*fn)(void *arg, struct sup_msg *ret_result);
	void *arg;
	enum sup_containment containment;
	int64_t timeout_ms;
};

/* -ENOENT no such service. */
int fnd__service_health(const struct fnd__service_id *id,
			struct fnd__health *ret_health);

/* Notes what a check of a life of a service came to, if it still is that. */
void fnd__service_checked(const struct fnd__service_id *id,
			  const struct fnd_health_report *report);

/*
 * 0: it is up, and *ret_pid its task. -EAGAIN: whoever registers it will answer
 * the call, with the pid as the reply's tag, unless the deadline has come. A
 * deadline of SUP_TRY is not waited for. -ENOMEM.
 */
int fnd__service_await(const struct fnd__service_id *id, struct sup_from from,
		       int64_t deadline, struct sup_pid *ret_pid);

/* Nobody waits any more: the server has begun anew. */
void fnd__service_await_none(void);

/* As fnd_service_list(), but the block is one of alloc. */
int fnd__service_list(struct fnd_namespace ns, void *(*alloc)(size_t size),
		      struct fnd_service **ret_services, size_t *ret_n);

/*
 * Sends a request for a check, whose response is the report, or to be told, as
 * a SUP_INFO_RESPONSE, when a service is up. -ENOTCONN the ServiceRegistry does
 * not run; as sup_request_send() otherwise.
 */
int fnd__service_check_send(const struct fnd__service_id *id, bool as_info,
			    struct sup_request *ret_request);
int fnd__service_await_send(const struct fnd__service_id *id,
			    struct sup_request *ret_request);

/* The task that restarts a service, until that is over; or SUP_PID_NONE. */
void fnd__service_restart_begins(struct fnd_namespace ns, const char *name,
				 struct sup_pid by);
void fnd__service_restart_is_over(struct fnd_namespace ns, const char *name,
				  struct sup_pid by);
struct sup_pid fnd__service_restarted_by(struct fnd_namespace ns,
					 const char *name);
bool fnd__service_any_restart(void);

/* -ENOENT, with a sentence. */
int fnd__service_unknown(const struct fnd__service_id *id);

#endif
