/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/unit.h"

#include "lib/fake_module.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

struct fake_kernel kernel;
static int fake_fd[2] = { -1, -1 };

int __wrap_sup__nl_open(struct sup__nl *nl)
{
	nl->family = 30;
	return 0;
}

void __wrap_sup__nl_close(struct sup__nl *nl)
{
	(void)nl;
}

int __wrap_sup__nl_fd(const struct sup__nl *nl)
{
	(void)nl;
	return fake_fd[0];
}

static void put_exit(struct nl_msg *msg, uint64_t seq)
{
	struct nlattr *nest = nla_nest_start(msg, SUP_A_BATCH_RECORD);
	bool is_special = seq == kernel.special.seq;

	nla_put_u64(msg, SUP_A_RECORD_SEQ, seq);
	nla_put_u32(msg, SUP_A_RECORD_KIND, SUP_RECORD_KIND_EXIT);
	nla_put_u32(msg, SUP_A_RECORD_MEMBER_KIND, SUP_MEMBER_KIND_PROCESS);
	nla_put_u32(msg, SUP_A_RECORD_PID, is_special ?
		    (uint64_t)kernel.special.pid : 1000 + seq);
	nla_put_u64(msg, SUP_A_RECORD_LINEAGE, 5);
	nla_put_u64(msg, SUP_A_RECORD_MEMBER,
		    is_special ? kernel.special.member : 5);
	nla_nest_end(msg, nest);
}

static int give(uint64_t first, uint64_t n, int cmd, sup__nl_cb cb, void *arg)
{
	struct nl_msg *msg = nlmsg_alloc();
	uint64_t i;
	int ret;

	genlmsg_put(msg, 0, 0, 30, 0, 0, cmd, 1);
	nla_put_u64(msg, SUP_A_BATCH_GROUP, FAKE_GROUP);
	for (i = 0; i < n; i++)
		put_exit(msg, first + i);
	ret = cb(genlmsg_hdr(nlmsg_hdr(msg)), arg);
	nlmsg_free(msg);
	return ret;
}

/* An informative record has no number. */
static int give_ended(sup__nl_cb cb, void *arg)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlattr *nest;
	int ret;

	genlmsg_put(msg, 0, 0, 30, 0, 0, SUP_CMD_INFORM_NTF, 1);
	nest = nla_nest_start(msg, SUP_A_BATCH_RECORD);
	nla_put_u32(msg, SUP_A_RECORD_KIND, SUP_RECORD_KIND_ENDED);
	nla_nest_end(msg, nest);
	ret = cb(genlmsg_hdr(nlmsg_hdr(msg)), arg);
	nlmsg_free(msg);
	return ret;
}

int __wrap_sup__nl_read(struct sup__nl *nl, sup__nl_cb cb, void *arg)
{
	struct fake_batch *b = &kernel.batches[kernel.n_read];

	nl->empty = kernel.n_read == kernel.n_batches;
	if (nl->empty)
		return 0;
	kernel.n_read++;
	nl->overrun = nl->overrun || b->overrun;
	if (b->ended)
		return give_ended(cb, arg);
	return b->n ? give(b->first, b->n, SUP_CMD_RECORD_NTF, cb, arg) : 0;
}

int __wrap_sup__nl_post(struct sup__nl *nl, struct nl_msg *msg)
{
	struct nlattr *a[SUP_A_BATCH_MAX + 1];

	(void)nl;
	assert_int_equal(genlmsg_parse(nlmsg_hdr(msg), 0, a, SUP_A_BATCH_MAX,
				       NULL), 0);
	assert_int_equal(genlmsg_hdr(nlmsg_hdr(msg))->cmd, SUP_CMD_RECORD_ACK);
	assert_int_equal(nla_get_u64(a[SUP_A_BATCH_GROUP]), FAKE_GROUP);
	assert_true(nla_get_u64(a[SUP_A_BATCH_SEQ]) > kernel.acked);
	kernel.acked = nla_get_u64(a[SUP_A_BATCH_SEQ]);
	assert_true(kernel.acked <= kernel.last);
	kernel.n_acks++;
	nlmsg_free(msg);
	return 0;
}

/* record-get: the oldest that are not acknowledged, three to a message. */
int __wrap_sup__nl_request(struct sup__nl *nl, struct nl_msg *msg,
			   const char *what, sup__nl_cb cb, void *arg)
{
	uint64_t n = kernel.last - kernel.acked;

	(void)nl;
	assert_string_equal(what, "record-get");
	nlmsg_free(msg);
	kernel.n_asked++;
	kernel.n_requests++;
	return give(kernel.acked + 1, n > 3 ? 3 : n, SUP_CMD_RECORD_GET, cb,
		    arg);
}

int __wrap_sup__group_open(struct sup__group *g, struct sup__nl *owner,
			   struct sup__nl *request,
			   const struct sup_options *opts)
{
	(void)owner;
	(void)request;
	(void)opts;
	if (kernel.group_says)
		return sup__error(kernel.group_says, "group");
	memset(g, 0, sizeof(*g));
	g->id = FAKE_GROUP;
	g->acked = kernel.acked;
	memset(g->token, 5, sizeof(g->token));
	return 0;
}

int __wrap_sup__group_close(struct sup__group *g, struct sup__nl *request)
{
	(void)g;
	(void)request;
	return 0;
}

int __wrap_sup__group_member_of(const struct sup__group *g,
				struct sup__nl *request, pid_t pid,
				struct sup__member *ret_member)
{
	(void)g;
	(void)request;
	kernel.n_requests++;
	if (pid != kernel.member_pid)
		return -ESRCH;
	*ret_member = (struct sup__member){
		.id = kernel.member_id, .lineage = 5,
	};
	return 0;
}

int __wrap_sup__group_kill(const struct sup__group *g, struct sup__nl *request,
			   uint64_t lineage, int signo)
{
	(void)g;
	(void)request;
	kernel.n_requests++;
	kernel.killed_lineage = lineage;
	kernel.killed_signo = signo;
	return 0;
}

int __wrap_sup__group_seq(const struct sup__group *g, struct sup__nl *request,
			  uint64_t *ret_seq)
{
	(void)g;
	(void)request;
	*ret_seq = kernel.last;
	return 0;
}

int __wrap_sup__group_members(const struct sup__group *g,
			      struct sup__nl *request,
			      struct sup__members *ret_members)
{
	(void)g;
	(void)request;
	memset(ret_members, 0, sizeof(*ret_members));
	return 0;
}

int fake_module_open(uint64_t acked, uint64_t last,
		     struct sup__exit_source **ret_src)
{
	struct sup_options opts = { .size = sizeof(opts) };
	int says = kernel.group_says;

	memset(&kernel, 0, sizeof(kernel));
	kernel.group_says = says;
	kernel.acked = acked;
	kernel.last = last;
	kernel.member_id = 5;
	if (fake_fd[0] < 0 && pipe(fake_fd))
		return -errno;
	return sup__exit_netlink.open(&opts, ret_src);
}

void fake_module_close(struct sup__exit_source *src)
{
	src->ops->close(src);
	close(fake_fd[0]);
	close(fake_fd[1]);
	fake_fd[0] = fake_fd[1] = -1;
}

void fake_module_deliver(uint64_t first, uint64_t n)
{
	kernel.batches[kernel.n_batches++] = (struct fake_batch){
		.first = first, .n = n,
	};
	if (first + n - 1 > kernel.last)
		kernel.last = first + n - 1;
}
