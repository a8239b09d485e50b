/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and what answers them, as datagrams of a made-up kernel. */
#include "unit.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sup.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"
#include "exit/netlink_msg.h"

#define FAMILY 30
#define SEQ 42

/* One read each: a datagram, or an error. */
static struct datagram {
	char data[512];
	size_t len;
	int err;
	uint32_t from;
} queue[8];
static unsigned int n_queued, n_received, n_sent;
static int resolve_says, connect_says;

int __wrap_genl_connect(struct nl_sock *sock);
int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name);
int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t len, int flags,
			struct sockaddr *addr, socklen_t *addr_len);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int __wrap_genl_connect(struct nl_sock *sock)
{
	(void)sock;
	return connect_says;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	(void)sock;
	assert_string_equal(name, "sup");
	return resolve_says;
}

int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg)
{
	(void)sock;
	nlmsg_hdr(msg)->nlmsg_seq = SEQ;
	n_sent++;
	return 0;
}

ssize_t __wrap_recvfrom(int fd, void *buf, size_t len, int flags,
			struct sockaddr *addr, socklen_t *addr_len)
{
	struct sockaddr_nl *from = (struct sockaddr_nl *)addr;
	struct datagram *d = &queue[n_received];

	(void)fd;
	assert_true(flags & MSG_DONTWAIT);
	assert_true(len >= sizeof(d->data));
	if (n_received == n_queued) {
		errno = EAGAIN;
		return -1;
	}
	n_received++;
	errno = d->err;
	if (d->err)
		return -1;
	memset(from, 0, sizeof(*from));
	from->nl_family = AF_NETLINK;
	from->nl_pid = d->from;
	*addr_len = sizeof(*from);
	memcpy(buf, d->data, d->len);
	return d->len;
}

/* To wait for what does not come would be for ever. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)fds;
	(void)n;
	(void)timeout;
	fail_msg("waits with nothing to come");
	return -1;
}

static struct sup__nl nl;

static int open_nl(void **state)
{
	(void)state;
	memset(queue, 0, sizeof(queue));
	n_queued = n_received = n_sent = 0;
	connect_says = 0;
	resolve_says = FAMILY;
	return sup__nl_open(&nl);
}

static int close_nl(void **state)
{
	(void)state;
	sup__nl_close(&nl);
	sup__nl_close(&nl);
	return 0;
}

/* Puts a message behind what the datagram has; data is its payload. */
static void *put_msg(struct datagram *d, int type, int flags, uint32_t seq,
		     const void *data, size_t len)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)(d->data + d->len);

	*hdr = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(len), .nlmsg_type = type,
		.nlmsg_flags = flags, .nlmsg_seq = seq,
	};
	memcpy(NLMSG_DATA(hdr), data, len);
	d->len += NLMSG_ALIGN(hdr->nlmsg_len);
	return NLMSG_DATA(hdr);
}

static struct datagram *add(void)
{
	return &queue[n_queued++];
}

static void put_reply(struct datagram *d, uint32_t seq, int cmd)
{
	struct genlmsghdr hdr = { .cmd = cmd };

	put_msg(d, FAMILY, 0, seq, &hdr, sizeof(hdr));
}

static void put_part(struct datagram *d, uint32_t seq, int cmd)
{
	struct genlmsghdr hdr = { .cmd = cmd };

	put_msg(d, FAMILY, NLM_F_MULTI, seq, &hdr, sizeof(hdr));
}

static void put_error(struct datagram *d, uint32_t seq, int error,
		      const char *text, bool capped)
{
	struct nlmsgerr err = {
		.error = error, .msg = { .nlmsg_len = 40, .nlmsg_seq = seq },
	};
	char buf[256] = { 0 };
	struct nlattr *attr;
	size_t len = sizeof(err);

	memcpy(buf, &err, sizeof(err));
	if (!capped)
		len += 40 - sizeof(struct nlmsghdr);
	if (text) {
		attr = (struct nlattr *)(buf + len);
		attr->nla_type = NLMSGERR_ATTR_MSG;
		attr->nla_len = NLA_HDRLEN + strlen(text) + 1;
		strcpy((char *)attr + NLA_HDRLEN, text);
		len += NLA_ALIGN(attr->nla_len);
	}
	put_msg(d, NLMSG_ERROR, (text ? NLM_F_ACK_TLVS : 0) |
		(capped ? NLM_F_CAPPED : 0), seq, buf, len);
}

static int cmds[8], n_cmds;

static int note_cmd(const struct genlmsghdr *hdr, void *arg)
{
	assert_ptr_equal(arg, &nl);
	cmds[n_cmds++] = hdr->cmd;
	return hdr->cmd == 99 ? -EBADMSG : 0;
}

static int request(void)
{
	n_cmds = 0;
	return sup__nl_request(&nl, sup__nl_new(&nl, SUP_CMD_GROUP_GET, 0),
			       "group-get", note_cmd, &nl);
}

static void absent_module_is_told_apart(void **state)
{
	struct sup__nl other = { 0 };

	(void)state;
	resolve_says = -NLE_OBJ_NOTFOUND;
	assert_int_equal(sup__nl_open(&other), -ENOENT);
	assert_non_null(strstr(sup_error(), "module sup is not loaded"));
	resolve_says = -NLE_NOMEM;
	assert_int_equal(sup__nl_open(&other), -ENOMEM);
	connect_says = -NLE_AF_NOSUPPORT;
	assert_int_equal(sup__nl_open(&other), -EOPNOTSUPP);
	assert_null(other.sock);
}

static void reply_and_acknowledgement(void **state)
{
	(void)state;
	put_reply(add(), SEQ, 3);
	put_error(add(), SEQ, 0, NULL, true);
	assert_int_equal(request(), 0);
	assert_int_equal(n_cmds, 1);
	assert_int_equal(cmds[0], 3);
	assert_int_equal(n_sent, 1);
}

static void kernels_sentence_is_kept(void **state)
{
	(void)state;
	put_error(add(), SEQ, -EPERM, "caller does not own it", true);
	assert_int_equal(request(), -EPERM);
	assert_string_equal(sup_error(), "group-get: caller does not own it");
	put_error(add(), SEQ, -EACCES, "not capped", false);
	assert_int_equal(request(), -EACCES);
	assert_string_equal(sup_error(), "group-get: not capped");
	put_error(add(), SEQ, -EBUSY, NULL, true);
	assert_int_equal(request(), -EBUSY);
	assert_string_equal(sup_error(), "group-get: Device or resource busy");
}

/* What a request that was given up left behind, and what was not asked for. */
static void answers_of_others_are_skipped(void **state)
{
	struct datagram *d;

	(void)state;
	put_reply(add(), SEQ - 1, 5);
	put_error(add(), SEQ - 1, -EIO, "old", true);
	put_error(add(), SEQ - 1, 0, NULL, true);
	put_reply(add(), 0, SUP_CMD_RECORD_NTF);
	d = add();
	put_reply(d, SEQ, 4);
	d->from = 1234;		/* not the kernel */
	put_reply(add(), SEQ, 3);
	put_error(add(), SEQ, 0, NULL, true);
	assert_int_equal(request(), 0);
	assert_int_equal(n_cmds, 2);
	assert_int_equal(cmds[0], SUP_CMD_RECORD_NTF);
	assert_int_equal(cmds[1], 3);
}

static void dump_ends_with_its_last_message(void **state)
{
	struct datagram *d = add();
	int err = 0;

	(void)state;
	put_reply(d, SEQ, 3);
	put_reply(d, SEQ, 4);
	put_msg(add(), NLMSG_DONE, NLM_F_MULTI, SEQ, &err, sizeof(err));
	assert_int_equal(request(), 0);
	assert_int_equal(n_cmds, 2);
	err = -ENOENT;
	put_msg(add(), NLMSG_DONE, NLM_F_MULTI, SEQ, &err, sizeof(err));
	assert_int_equal(request(), -ENOENT);
}

static void error_of_the_callback_is_returned(void **state)
{
	(void)state;
	put_reply(add(), SEQ, 99);
	put_reply(add(), SEQ, 3);
	put_error(add(), SEQ, 0, NULL, true);
	assert_int_equal(request(), -EBADMSG);
	assert_int_equal(n_received, 3);
}

static void lost_messages_are_seen(void **state)
{
	(void)state;
	put_reply(add(), 0, SUP_CMD_RECORD_NTF);
	add()->err = ENOBUFS;
	n_cmds = 0;
	assert_int_equal(sup__nl_read(&nl, note_cmd, &nl), 0);
	assert_int_equal(n_cmds, 1);
	assert_false(nl.overrun);
	assert_int_equal(sup__nl_read(&nl, note_cmd, &nl), 0);
	assert_true(nl.overrun);
	assert_false(nl.empty);
	assert_int_equal(sup__nl_read(&nl, note_cmd, &nl), 0);
	assert_true(nl.empty);
	/* It is for the caller to clear. */
	assert_true(nl.overrun);
}

static void lost_answer_is_not_waited_for(void **state)
{
	(void)state;
	add()->err = ENOBUFS;
	assert_int_equal(request(), -ENOBUFS);
}

static void lost_acknowledgement_of_an_answer_is_none(void **state)
{
	(void)state;
	put_reply(add(), SEQ, 3);
	add()->err = ENOBUFS;
	assert_int_equal(request(), 0);
	/* But of one part of many it is not known what was lost. */
	put_part(add(), SEQ, 3);
	add()->err = ENOBUFS;
	assert_int_equal(request(), -ENOBUFS);
}

static char logged[128];

static void keep_log(int level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	strncpy(logged, text, sizeof(logged) - 1);
}

static void error_nobody_waits_for_is_logged(void **state)
{
	(void)state;
	put_error(add(), 5, -EINVAL, "seq is from the future", true);
	sup_set_log_sink(keep_log, NULL);
	assert_int_equal(sup__nl_read(&nl, note_cmd, &nl), 0);
	sup_set_log_sink(NULL, NULL);
	assert_string_equal(logged, "module sup: seq is from the future");
}

static void short_attributes_are_no_values(void **state)
{
	struct nl_msg *msg = nlmsg_alloc_simple(0, 0);
	struct nlattr *attr;

	(void)state;
	nla_put_u16(msg, 1, 7);
	attr = nlmsg_attrdata(nlmsg_hdr(msg), 0);
	assert_int_equal(sup__nl_u32(attr), 0);
	assert_int_equal(sup__nl_u64(attr), 0);
	assert_int_equal(sup__nl_u32(NULL), 0);
	nlmsg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_nl, close_nl)
		T(absent_module_is_told_apart),
		T(reply_and_acknowledgement),
		T(kernels_sentence_is_kept),
		T(answers_of_others_are_skipped),
		T(dump_ends_with_its_last_message),
		T(error_of_the_callback_is_returned),
		T(lost_messages_are_seen),
		T(lost_answer_is_not_waited_for),
		T(lost_acknowledgement_of_an_answer_is_none),
		T(error_nobody_waits_for_is_logged),
		T(short_attributes_are_no_values),
	};

	return RUN_TESTS(tests);
}
