/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up kernel below the module source: it has exit records, a member, and
 * loses and repeats what a test tells it to. Linking it wraps what talks to
 * the real one.
 */
#ifndef TESTS_LIB_FAKE_MODULE_H
#define TESTS_LIB_FAKE_MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "exit/exit.h"
#include "exit/netlink_group.h"
#include "exit/netlink_msg.h"

#define FAKE_GROUP 77

struct fake_batch {
	uint64_t first, n;
	bool overrun;
	bool ended;		/* it is said that the group was ended */
};

extern struct fake_kernel {
	/* What the next reads of the owner's socket give. */
	struct fake_batch batches[8];
	unsigned int n_batches, n_read;

	uint64_t last;		/* number of the last record */
	uint64_t acked;
	unsigned int n_acks, n_asked, n_requests;
	int group_says;		/* what making a group fails with */

	/* Record n is of the child with pid 1000 + n, all in lineage 5. */
	struct {
		uint64_t seq, member;
		pid_t pid;
	} special;		/* but for this one */

	/* The living member of lineage 5; pid 0: none. */
	pid_t member_pid;
	uint64_t member_id;

	uint64_t killed_lineage;
	int killed_signo;
} kernel;

/* Opens the source on records acked + 1 to last. fake_module_close() it. */
int fake_module_open(uint64_t acked, uint64_t last,
		     struct sup__exit_source **ret_src);
void fake_module_close(struct sup__exit_source *src);

/* Some records come, in one batch. */
void fake_module_deliver(uint64_t first, uint64_t n);

int __wrap_sup__nl_open(struct sup__nl *nl);
void __wrap_sup__nl_close(struct sup__nl *nl);
int __wrap_sup__nl_fd(const struct sup__nl *nl);
int __wrap_sup__nl_read(struct sup__nl *nl, sup__nl_cb cb, void *arg);
int __wrap_sup__nl_post(struct sup__nl *nl, struct nl_msg *msg);
int __wrap_sup__nl_request(struct sup__nl *nl, struct nl_msg *msg,
			   const char *what, sup__nl_cb cb, void *arg);
int __wrap_sup__group_open(struct sup__group *g, struct sup__nl *owner,
			   struct sup__nl *request,
			   const struct sup_options *opts);
int __wrap_sup__group_close(struct sup__group *g, struct sup__nl *request);
int __wrap_sup__group_member_of(const struct sup__group *g,
				struct sup__nl *request, pid_t pid,
				struct sup__member *ret_member);
int __wrap_sup__group_kill(const struct sup__group *g, struct sup__nl *request,
			   uint64_t lineage, int signo);
int __wrap_sup__group_seq(const struct sup__group *g, struct sup__nl *request,
			  uint64_t *ret_seq);
int __wrap_sup__group_members(const struct sup__group *g,
			      struct sup__nl *request,
			      struct sup__members *ret_members);

#endif
