/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module source against a made-up kernel that loses and repeats things. */
#include "unit.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <poll.h>
#include <pthread.h>
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
static unsigned int n_acks, n_asked, n_requests;
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
int __wrap_sup__group_seq(const struct sup__group *g, struct sup__nl *request,
			  uint64_t *ret_seq);
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

/* The pid of a record that is not the usual one, and its member. */
static struct {
	uint64_t seq, member;
	pid_t pid;
} special;

static void put_exit(struct nl_msg *msg, uint64_t seq)
{
	bool is_special = seq == special.seq;

	struct nlattr *nest = nla_nest_start(msg, SUP_A_BATCH_RECORD);

	nla_put_u64(msg, SUP_A_RECORD_SEQ, seq);
	nla_put_u32(msg, SUP_A_RECORD_KIND, SUP_RECORD_KIND_EXIT);
	nla_put_u32(msg, SUP_A_RECORD_MEMBER_KIND, SUP_MEMBER_KIND_PROCESS);
	nla_put_u32(msg, SUP_A_RECORD_PID, is_special ? (uint32_t)special.pid :
		    1000 + seq);
	nla_put_u64(msg, SUP_A_RECORD_LINEAGE, 5);
	nla_put_u64(msg, SUP_A_RECORD_MEMBER, is_special ? special.member : 5);
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
	n_requests++;
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

static pid_t member_pid;
static uint64_t member_id;

int __wrap_sup__group_member_of(const struct sup__group *g,
				struct sup__nl *request, pid_t pid,
				struct sup__member *ret_member)
{
	(void)g;
	(void)request;
	n_requests++;
	if (pid != member_pid)
		return -ESRCH;
	*ret_member = (struct sup__member){ .id = member_id, .lineage = 5 };
	return 0;
}

static uint64_t killed_lineage;
static int killed_signo;

int __wrap_sup__group_kill(const struct sup__group *g, struct sup__nl *request,
			   uint64_t lineage, int signo)
{
	(void)g;
	(void)request;
	n_requests++;
	killed_lineage = lineage;
	killed_signo = signo;
	return 0;
}

int __wrap_sup__group_seq(const struct sup__group *g, struct sup__nl *request,
			  uint64_t *ret_seq)
{
	(void)g;
	(void)request;
	*ret_seq = kernel_last;
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
	n_batches = n_read = n_acks = n_asked = n_requests = 0;
	member_pid = 0;
	member_id = 5;
	memset(&special, 0, sizeof(special));
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

static struct sup__exit_event kept[8];
static unsigned int n_kept;

static void keep(const struct sup__exit_event *ev, void *arg)
{
	(void)arg;
	assert_true(n_kept < 8);
	kept[n_kept++] = *ev;
}

static void dispatch_keeping(void)
{
	n_kept = 0;
	assert_int_equal(src->ops->dispatch(src, keep, NULL), 0);
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

/* A child that waits to be killed. */
static struct sup__proc fork_child(void)
{
	struct sup__proc p = SUP__PROC_INIT;
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(1);
	}
	assert_int_equal(sup__proc_open(pid, &p), 0);
	return p;
}

static void kill_child(const struct sup__proc *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };

	assert_int_equal(sup__proc_signal(p, SIGKILL), 0);
	assert_int_equal(poll(&fd, 1, 30000), 1);
}

static void reap_child(struct sup__proc *p)
{
	struct sup_reason reason;

	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	sup__proc_close(p);
}

static void start_asks_nothing(void **state)
{
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.argv = (const char *const[]){ "true", NULL },
	};
	struct sup__proc_start start = { .spec = &spec, .src = src };
	struct sup__proc p = SUP__PROC_INIT;
	struct pollfd fd = { .events = POLLIN };

	(void)state;
	dispatch();
	n_requests = n_read = 0;
	assert_int_equal(sup__proc_spawn(&start, &p), 0);
	assert_int_equal(n_requests, 0);
	fd.fd = p.pidfd;
	assert_int_equal(poll(&fd, 1, 30000), 1);
	special.seq = 1;
	special.pid = p.pid;
	special.member = 5;
	deliver(1, 1);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].pid, p.pid);
	assert_int_equal(n_requests, 0);
	reap_child(&p);
}

/* It ended, is no member, and no record tells of it. */
static void child_without_a_record_is_told(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	dispatch();
	assert_int_equal(src->ops->doubt(src, &p), 0);
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	kill_child(&p);
	deliver(1, 2);
	dispatch_keeping();
	assert_int_equal(n_kept, 3);
	assert_int_equal(kept[2].kind, SUP__EXIT_PROCESS);
	assert_int_equal(kept[2].pid, p.pid);
	assert_true(kept[2].unrecorded);
	assert_int_equal(kept[2].reason.signo, SIGKILL);
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	reap_child(&p);
}

/* One that ended, whose record is among those that were not read yet. */
static void doubt_meets_the_record(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	dispatch();
	assert_int_equal(src->ops->doubt(src, &p), 0);
	kill_child(&p);
	special.seq = kernel_last = 2;
	special.pid = p.pid;
	special.member = 5;
	dispatch_keeping();
	assert_int_equal(n_kept, 2);
	assert_int_equal(kept[1].pid, p.pid);
	assert_false(kept[1].unrecorded);
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	reap_child(&p);
}

/* Its record is not there yet, but will be. */
static void doubt_ends_with_a_member(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	dispatch();
	assert_int_equal(src->ops->doubt(src, &p), 0);
	assert_int_equal(src->ops->doubt(src, &p), 0);
	kill_child(&p);
	member_pid = p.pid;
	dispatch_keeping();
	assert_int_equal(n_kept, 0);
	member_pid = 0;
	special.seq = 1;
	special.pid = p.pid;
	special.member = 5;
	deliver(1, 1);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_false(kept[0].unrecorded);
	reap_child(&p);
}

/* A record of a descendant that once had the same number is none of it. */
static void doubt_outlives_a_namesake(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	dispatch();
	assert_int_equal(src->ops->doubt(src, &p), 0);
	special.seq = 1;
	special.pid = p.pid;
	special.member = 6;
	deliver(1, 1);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_true(kept[0].descendant);
	kill_child(&p);
	member_pid = p.pid;
	member_id = 6;
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_true(kept[0].unrecorded);
	reap_child(&p);
}

static void one_that_was_reaped_is_lost(void **state)
{
	struct sup__proc p = fork_child();
	struct sup_reason reason;

	(void)state;
	dispatch();
	assert_int_equal(src->ops->doubt(src, &p), 0);
	kill_child(&p);
	assert_int_equal(sup__proc_reap(&p, &reason, NULL), 0);
	dispatch_keeping();
	assert_int_equal(n_kept, 1);
	assert_int_equal(kept[0].reason.kind, SUP_REASON_LOST);
	assert_true(kept[0].reaped);
	sup__proc_close(&p);
}

static void kill_goes_to_the_lineage(void **state)
{
	struct sup__proc p = fork_child();

	(void)state;
	killed_lineage = 0;
	assert_int_equal(src->ops->kill(src, &p, 6, SIGTERM, true), 0);
	assert_int_equal(killed_lineage, 6);
	assert_int_equal(killed_signo, SIGTERM);
	/* The same, if it has to be asked for first. */
	member_pid = p.pid;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), 0);
	assert_int_equal(killed_lineage, 5);
	assert_int_equal(killed_signo, SIGKILL);
	assert_true(src->ops->lineage_alive(src, &p, 6));
	/* One process: by its pidfd. */
	killed_lineage = 0;
	n_requests = 0;
	assert_int_equal(src->ops->kill(src, &p, 6, SIGKILL, false), 0);
	assert_int_equal(n_requests, 0);
	kill_child(&p);
	/* Reaped: the member with its number is another. */
	reap_child(&p);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), -ESRCH);
	assert_int_equal(killed_lineage, 0);
}

/* Nobody's lineage is meant by one that is no member, nor a descendant's. */
static void kill_without_a_lineage_goes_to_the_process(void **state)
{
	struct sup__proc p = fork_child();
	struct pollfd fd = { .fd = p.pidfd, .events = POLLIN };

	(void)state;
	killed_lineage = 0;
	member_pid = p.pid;
	member_id = 6;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGCONT, true), 0);
	member_pid = 0;
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), 0);
	assert_int_equal(killed_lineage, 0);
	assert_int_equal(poll(&fd, 1, 30000), 1);
	reap_child(&p);
}

static void *catch_up(void *arg)
{
	int *ret = arg;

	*ret = src->ops->catch_up(src, sup_deadline_ms(30000));
	return NULL;
}

static void who_waits_for_news_gets_up_when_they_are_told(void **state)
{
	pthread_t thread;
	int ret = 1;

	(void)state;
	dispatch();
	assert_int_equal(src->ops->catch_up(src, SUP_TRY), 0);
	deliver(1, 3);
	assert_int_equal(src->ops->catch_up(src, sup_deadline_ms(1)),
			 -ETIMEDOUT);
	assert_int_equal(pthread_create(&thread, NULL, catch_up, &ret), 0);
	dispatch();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(ret, 0);
	assert_int_equal(src->ops->catch_up(src, SUP_TRY), 0);
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
		T(start_asks_nothing),
		T(child_without_a_record_is_told),
		T(doubt_meets_the_record),
		T(doubt_ends_with_a_member),
		T(doubt_outlives_a_namesake),
		T(one_that_was_reaped_is_lost),
		T(kill_goes_to_the_lineage),
		T(kill_without_a_lineage_goes_to_the_process),
		T(who_waits_for_news_gets_up_when_they_are_told),
		T(token_is_that_of_the_group),
	};

	return RUN_TESTS(tests);
}
