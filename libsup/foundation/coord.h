/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a back end of <foundation/coordination.h>, <foundation/election.h> and
 * <foundation/consensus.h> does. Names, what is proclaimed and what is put to
 * the vote have been checked; who acquires, releases, leads, observes or votes
 * is a task.
 */
#ifndef SUP_FOUNDATION_COORD_H
#define SUP_FOUNDATION_COORD_H

#include <foundation/consensus.h>
#include <foundation/election.h>

struct fnd__coord_ops {
	int (*lock_acquire)(const char *name, int64_t deadline,
			    uint64_t *ret_token);
	int (*lock_release)(const char *name, uint64_t token);
	int (*lock_holder)(const char *name, struct sup_pid *ret_pid,
			   uint64_t *ret_token);
	int (*lock_waiting)(const char *name, unsigned int *ret_n);
	/* -ETIMEDOUT: *ret_arrived is set. */
	int (*barrier_wait)(const char *name, unsigned int n, int64_t deadline,
			    unsigned int *ret_arrived);
	int (*barrier_waiting)(const char *name, unsigned int *ret_n);
	int (*counter_add)(const char *name, int64_t n, int64_t *ret_value);
	int (*counter_get)(const char *name, int64_t *ret_value);
	int (*counter_remove)(const char *name);
	int (*election_campaign)(const char *name, const char *proclaimed,
				 int64_t deadline, uint64_t *ret_term);
	int (*election_proclaim)(const char *name, uint64_t term,
				 const char *proclaimed);
	int (*election_resign)(const char *name, uint64_t term);
	int (*election_leader)(const char *name, struct fnd_leader *ret_leader);
	int (*election_waiting)(const char *name, unsigned int *ret_n);
	int (*election_observe)(const char *name);
	int (*election_unobserve)(const char *name);
	int (*consensus_propose)(const char *name,
				 const struct fnd_consensus *consensus,
				 int64_t deadline,
				 struct fnd_consensus_result *ret_result);
	int (*consensus_vote)(const struct fnd_proposal *proposal,
			      bool in_favour);
	int (*consensus_get)(const char *name, void **ret_value,
			     size_t *ret_len, uint64_t *ret_number);
	int (*consensus_remove)(const char *name);
};

/*
 * That of this process: lock.c, barrier.c, counter.c, election.c, consensus.c.
 */
int fnd__lock_acquire(const char *name, int64_t deadline, uint64_t *ret_token);
int fnd__lock_release(const char *name, uint64_t token);
int fnd__lock_holder(const char *name, struct sup_pid *ret_pid,
		     uint64_t *ret_token);
int fnd__lock_waiting(const char *name, unsigned int *ret_n);
int fnd__barrier_wait(const char *name, unsigned int n, int64_t deadline,
		      unsigned int *ret_arrived);
int fnd__barrier_waiting(const char *name, unsigned int *ret_n);
int fnd__counter_add(const char *name, int64_t n, int64_t *ret_value);
int fnd__counter_get(const char *name, int64_t *ret_value);
int fnd__counter_remove(const char *name);
int fnd__election_campaign(const char *name, const char *proclaimed,
			   int64_t deadline, uint64_t *ret_term);
int fnd__election_proclaim(const char *name, uint64_t term,
			   const char *proclaimed);
int fnd__election_resign(const char *name, uint64_t term);
int fnd__election_leader(const char *name, struct fnd_leader *ret_leader);
int fnd__election_waiting(const char *name, unsigned int *ret_n);
int fnd__election_observe(const char *name);
int fnd__election_unobserve(const char *name);
int fnd__consensus_propose(const char *name,
			   const struct fnd_consensus *consensus,
			   int64_t deadline,
			   struct fnd_consensus_result *ret_result);
int fnd__consensus_vote(const struct fnd_proposal *proposal, bool in_favour);
int fnd__consensus_get(const char *name, void **ret_value, size_t *ret_len,
		       uint64_t *ret_number);
int fnd__consensus_remove(const char *name);

#endif
