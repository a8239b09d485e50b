/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module source against a made-up kernel that loses and repeats things. */
#include "unit.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "exit/exit.h"
#include "exit/netlink_group.h"
#include "exit/netlink_msg.h"
#include "exit/proc.h"

#define GROUP 77

/* What the next reads of the owner's socket give, each a batch. */
static struct batch {
	uint64_t first, n;
	bool overrun;
} batches[8];
static unsigned int n_batches, n_read;

static uint64_t kernel_last;	/* records there are */
static uint64_t kernel_acked;
static unsigned int n_acks, n_asked;
static int group_says, fake_fd[2];

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
int __wrap_sup__group_members(const struct sup__group *g,
			      struct sup__nl *request,
			      struct sup__members *ret_members);

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

	nla_put_u64(msg, SUP_A_RECORD_SEQ, seq);
	nla_put_u32(msg, SUP_A_RECORD_KIND, SUP_RECORD_KIND_EXIT);
	nla_put_u32(msg, SUP_A_RECORD_MEMBER_KIND, SUP_MEMBER_KIND_PROCESS);
	nla_put_u32(msg, SUP_A_RECORD_PID, 1000 + seq);
	nla_nest_end(msg, nest);
}

static int give(uint64_t first, uint64_t n, int cmd, sup__nl_cb cb, void *arg)
{
	struct nl_msg *msg = nlmsg_alloc();
	uint64_t i;
	int ret;

	genlmsg_put(msg, 0, 0, 30, 0, 0, cmd, 1);
	nla_put_u64(msg, SUP_A_BATCH_GROUP, GROUP);
	for (i = 0; i < n; i++)
		put_exit(msg, first + i);
	ret = cb(genlmsg_hdr(nlmsg_hdr(msg)), arg);
	nlmsg_free(msg);
	return ret;
}

int __wrap_sup__nl_read(struct sup__nl *nl, sup__nl_cb cb, void *arg)
{
	struct batch *b = &batches[n_read];

	nl->empty = n_read == n_batches;
	if (nl->empty)
		return 0;
	n_read++;
	nl->overrun = nl->overrun || b->overrun;
	return b->n ? give(b->first, b->n, SUP_CMD_RECORD_NTF, cb, arg) : 0;
}

int __wrap_sup__nl_post(struct sup__nl *nl, struct nl_msg *msg)
{
	struct nlattr *a[SUP_A_BATCH_MAX + 1];

	(void)nl;
	assert_int_equal(genlmsg_parse(nlmsg_hdr(msg), 0, a, SUP_A_BATCH_MAX,
				       NULL), 0);
	assert_int_equal(genlmsg_hdr(nlmsg_hdr(msg))->cmd, SUP_CMD_RECORD_ACK);
	assert_int_equal(nla_get_u64(a[SUP_A_BATCH_GROUP]), GROUP);
	assert_true(nla_get_u64(a[SUP_A_BATCH_SEQ]) > kernel_acked);
	kernel_acked = nla_get_u64(a[SUP_A_BATCH_SEQ]);
	assert_true(kernel_acked <= kernel_last);
	n_acks++;
	nlmsg_free(msg);
	return 0;
}

/* record-get: the oldest that are not acknowledged, three to a message. */
int __wrap_sup__nl_request(struct sup__nl *nl, struct nl_msg *msg,
			   const char *what, sup__nl_cb cb, void *arg)
{
	uint64_t n = kernel_last - kernel_acked;

	(void)nl;
	assert_string_equal(what, "record-get");
	nlmsg_free(msg);
	n_asked++;
	return give(kernel_acked + 1, n > 3 ? 3 : n, SUP_CMD_RECORD_GET, cb,
		    arg);
}

int __wrap_sup__group_open(struct sup__group *g, struct sup__nl *owner,
			   struct sup__nl *request,
			   const struct sup_options *opts)
{
	(void)owner;
	(void)request;
	(void)opts;
	if (group_says)
		return sup__error(group_says, "group");
	memset(g, 0, sizeof(*g));
	g->id = GROUP;
	g->acked = kernel_acked;
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
	if (pid != 1)
		return -ENOENT;
	*ret_member = (struct sup__member){ .id = 5, .lineage = 5 };
	return 0;
}

static uint64_t killed_lineage;
static int killed_signo;

int __wrap_sup__group_kill(const struct sup__group *g, struct sup__nl *request,
			   uint64_t lineage, int signo)
{
	(void)g;
	(void)request;
	killed_lineage = lineage;
	killed_signo = signo;
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

static struct sup__exit_source *src;

static int open_at(uint64_t acked, uint64_t last)
{
	struct sup_options opts = { .size = sizeof(opts) };

	kernel_acked = acked;
	kernel_last = last;
	n_batches = n_read = n_acks = n_asked = 0;
	memset(batches, 0, sizeof(batches));
	return sup__exit_netlink.open(&opts, &src);
}

static int open_source(void **state)
{
	(void)state;
	return pipe(fake_fd) || open_at(0, 0);
}

static int close_source(void **state)
{
	(void)state;
	src->ops->close(src);
	close(fake_fd[0]);
	close(fake_fd[1]);
	return 0;
}

static uint64_t told, told_n;

static void expect_next(const struct sup__exit_event *ev, void *arg)
{
	(void)arg;
	assert_int_equal(ev->kind, SUP__EXIT_PROCESS);
	assert_int_equal(ev->pid, 1000 + told + 1);
	told++;
	told_n++;
}

static void dispatch(void)
{
	told = kernel_acked;
	told_n = 0;
	assert_int_equal(src->ops->dispatch(src, expect_next, NULL), 0);
}

static void deliver(uint64_t first, uint64_t n)
{
	batches[n_batches++] = (struct batch){ first, n, false };
	if (first + n - 1 > kernel_last)
		kernel_last = first + n - 1;
}

static void told_in_order_and_acknowledged(void **state)
{
	(void)state;
	dispatch();
	assert_int_equal(told_n, 0);
	assert_int_equal(n_acks, 0);
	deliver(1, 3);
	deliver(4, 2);
	n_asked = 0;
	dispatch();
	assert_int_equal(told_n, 5);
	assert_int_equal(kernel_acked, 5);
	assert_int_equal(n_acks, 2);
	assert_int_equal(n_asked, 0);
	dispatch();
	assert_int_equal(told_n, 0);
}

static void repeated_ones_are_told_once(void **state)
{
	(void)state;
	deliver(1, 3);
	deliver(1, 3);
	deliver(2, 4);
	dispatch();
	assert_int_equal(told_n, 5);
}

static void after_a_gap_it_asks(void **state)
{
	(void)state;
	dispatch();
	n_asked = 0;
	deliver(1, 2);
	deliver(12, 3);
	dispatch();
	assert_int_equal(told_n, 14);
	assert_int_equal(kernel_acked, 14);
	assert_true(n_asked >= 4);
	/* What was on its way meanwhile comes late, and is known. */
	deliver(3, 9);
	dispatch();
	assert_int_equal(told_n, 0);
}

static void after_lost_messages_it_asks(void **state)
{
	(void)state;
	dispatch();
	deliver(1, 2);
	batches[n_batches++] = (struct batch){ 0, 0, true };
	kernel_last = 9;
	n_asked = 0;
	dispatch();
	assert_int_equal(told_n, 9);
	assert_int_equal(kernel_acked, 9);
	n_asked = 0;
	dispatch();
	assert_int_equal(n_asked, 0);
}

/* An adopted group starts where its dead owner had stopped. */
static void adopted_records_are_asked_for(void **state)
{
	(void)state;
	src->ops->close(src);
	assert_int_equal(open_at(40, 47), 0);
	dispatch();
	assert_int_equal(told_n, 7);
	assert_int_equal(kernel_acked, 47);
}

static void refusal_leaves_nothing_open(void **state)
{
	struct sup__exit_source *other = src;

	(void)state;
	group_says = -EPERM;
	assert_int_equal(open_at(0, 0), -EPERM);
	group_says = 0;
	src = other;
}

static void child_without_a_record_is_refused(void **state)
{
	struct sup__proc p = SUP__PROC_INIT;

	(void)state;
	p.pid = 1;
	assert_int_equal(src->ops->watch(src, &p), 0);
	assert_int_equal(p.lineage, 5);
	p.pid = 2;
	assert_int_equal(src->ops->watch(src, &p), -EAGAIN);
	assert_non_null(strstr(sup_error(), "no room"));
}

static void kill_goes_to_the_lineage(void **state)
{
	struct sup__proc p = SUP__PROC_INIT;

	(void)state;
	p.lineage = 5;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), 0);
	assert_int_equal(killed_lineage, 5);
	assert_int_equal(killed_signo, SIGKILL);
	assert_int_equal(src->ops->kill(src, &p, 6, SIGTERM, true), 0);
	assert_int_equal(killed_lineage, 6);
	/* One process: by its pidfd, and it has none here. */
	assert_int_equal(src->ops->kill(src, &p, 6, SIGTERM, false), -ESRCH);
	assert_true(src->ops->lineage_alive(src, &p, 6));
}

static void token_is_that_of_the_group(void **state)
{
	unsigned char token[SUP_TOKEN_SIZE];
	uint64_t group;

	(void)state;
	assert_int_equal(src->ops->token(src, &group, token), 0);
	assert_int_equal(group, GROUP);
	assert_int_equal(token[0], 5);
	assert_int_equal(token[SUP_TOKEN_SIZE - 1], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_source, close_source)
		T(told_in_order_and_acknowledged),
		T(repeated_ones_are_told_once),
		T(after_a_gap_it_asks),
		T(after_lost_messages_it_asks),
		T(adopted_records_are_asked_for),
		T(refusal_leaves_nothing_open),
		T(child_without_a_record_is_refused),
		T(kill_goes_to_the_lineage),
		T(token_is_that_of_the_group),
	};

	return RUN_TESTS(tests);
}
