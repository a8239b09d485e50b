/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elections of a leader, each by a name: of the tasks that want to one leads,
 * and others are told which. The back end is that of
 * <foundation/coordination.h>.
 */
#ifndef FOUNDATION_ELECTION_H
#define FOUNDATION_ELECTION_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The service, a start function of a child, as sup_server_start(); options is
 * NULL. -EEXIST it runs; -ENOSPC there are too many registries; -ENOMEM.
 */
SUP_API int fnd_elections_start(const void *options, struct sup_pid *ret_pid);

#define FND_PROCLAIMED_MAX 255

/* What is known of an election. */
struct fnd_leader {
	struct sup_pid pid;	/* SUP_PID_NONE: nobody leads */
	uint64_t term;		/* 0: nobody leads */
	char name[FND_NAME_MAX + 1];
	char proclaimed[FND_PROCLAIMED_MAX + 1];	/* by the leader */
};

/* The tag of what an observer is sent: its data is a struct fnd_leader. */
#define FND_ELECTION UINT64_C(0x666e642d656c6563)

/*
 * Waits until the calling task leads; of those who want to, who came first does
 * so first. It leads until it resigns or ends, however it ends. proclaimed is
 * for others to see, such as an address; NULL is "". *ret_term is greater than
 * that of any leader before, of any election, as the tokens of locks are
 * (fencing). If the service ends meanwhile who leads does so still, by the same
 * term, and who waits gets -EPIPE. A safe point. Errors: -EAGAIN another leads
 * (SUP_TRY); -ETIMEDOUT; -EDEADLK the caller leads; -EPERM not in a task;
 * -ENOTCONN the service does not run; -EPIPE; -EINVAL an empty name;
 * -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_election_campaign(const char *name, const char *proclaimed,
				  int64_t deadline, uint64_t *ret_term);

/*
 * The leader proclaims something else. When it returns observers have been
 * sent that. A safe point. Errors: -EPERM the caller does not lead, or not by
 * this term; -ENOTCONN the service does not run; -EPIPE it has ended meanwhile,
 * and whether it was proclaimed is not known: do it again; -EINVAL;
 * -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_election_proclaim(const char *name, uint64_t term,
				  const char *proclaimed);

/*
 * The leader leads no more; also while the service does not run. A safe point.
 * Errors: -EPERM as above; -EINVAL; -ENAMETOOLONG; -ENOMEM: it still leads.
 */
SUP_API int fnd_election_resign(const char *name, uint64_t term);

/*
 * Who leads; also while the service does not run. Any thread, a safe point.
 * -ENOENT nobody; -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_election_leader(const char *name,
				struct fnd_leader *ret_leader);

/*
 * How many wait to lead; as fnd_lock_waiting(). -ENOTCONN; -EPIPE; -EINVAL;
 * -ENAMETOOLONG; -EDEADLK; -ENOMEM.
 */
SUP_API int fnd_election_waiting(const char *name, unsigned int *ret_n);

/*
 * From now on the calling task, which may be a server, is sent what is known of
 * the election: before this returns, and then of each change, in order, until
 * it ends or observes no more. A leader whose place another takes at once is
 * followed by that one, without a message that nobody leads. Who has no room
 * is sent nothing until there is some, and then only what is so by then; a new
 * service tells all observers again. Observing twice is no error, and tells
 * again. A safe point. Errors, and it does not observe: -EPERM not in a task;
 * -EAGAIN the caller has no room; -ENOTCONN; -EPIPE; -EINVAL; -ENAMETOOLONG;
 * -EDEADLK; -ENOMEM.
 */
SUP_API int fnd_election_observe(const char *name);

/*
 * No more is sent when it returns; what was sent is still there to receive. Who
 * does not observe gets 0, too. A safe point. -EPERM not in a task; -EINVAL;
 * -ENAMETOOLONG; -EDEADLK, -ENOMEM: it still observes.
 */
SUP_API int fnd_election_unobserve(const char *name);

#ifdef __cplusplus
}
#endif

#endif
