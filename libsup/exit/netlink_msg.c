/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libnl folds ENOBUFS, which says that messages were dropped, into "out of
 * memory", so the sockets have a receive function of their own that tells.
 */
#include "exit/netlink_msg.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sup.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

/* The module allows half of it to records that are not acknowledged. */
#define RECEIVE_BUFFER (128 * 1024)
#define MESSAGE_MAX (64 * 1024)

/* One request, or one read without a request. */
struct exchange {
	struct sup__nl *nl;
	sup__nl_cb cb;
	void *arg;
	const char *what;	/* NULL: nobody waits */
	uint32_t seq;
	bool answered;		/* but not yet acknowledged */
	bool done;
	bool broken;		/* cannot be read on */
	int ret;
};

/* libnl hands its receive function nothing of ours. */
static _Thread_local struct exchange *current;

static int to_errno(int nlerr)
{
	switch (-nlerr) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_INTR:
	case NLE_DUMP_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_AF_NOSUPPORT:
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	}
	return -EIO;
}

static void wait_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	poll(&pfd, 1, -1);
}

/*
 * One datagram into memory that libnl frees; 0: none, and exchange says why.
 * Whatever does not come from the kernel is dropped.
 */
static int receive(struct nl_sock *sock, struct sockaddr_nl *from,
		   unsigned char **ret_buf, struct ucred **ret_creds)
{
	struct sockaddr_nl addr = { 0 };
	socklen_t len = sizeof(addr);
	unsigned char *buf;
	ssize_t n;

	(void)ret_creds;
	buf = malloc(MESSAGE_MAX);
	if (!buf)
		return -NLE_NOMEM;
	do {
		n = recvfrom(nl_socket_get_fd(sock), buf, MESSAGE_MAX,
			     MSG_DONTWAIT, (struct sockaddr *)&addr, &len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && addr.nl_pid));
	if (n > 0) {
		*from = addr;
		*ret_buf = buf;
		return n;
	}
	if (n < 0 && errno == ENOBUFS)
		current->nl->overrun = true;
	else
		current->nl->empty = true;
	free(buf);
	return 0;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct exchange *x = arg;
	int ret;

	/* Without a number: not asked for. Another: of a request given up. */
	if (hdr->nlmsg_type != x->nl->family || !x->cb ||
	    (hdr->nlmsg_seq && hdr->nlmsg_seq != x->seq))
		return NL_SKIP;
	/* What is asked for is sent when all has gone well; but parts. */
	if (hdr->nlmsg_seq && !(hdr->nlmsg_flags & NLM_F_MULTI))
		x->answered = true;
	ret = x->cb(genlmsg_hdr((struct nlmsghdr *)hdr), x->arg);
	if (ret < 0 && !x->ret)
		x->ret = ret;
	return NL_OK;
}

/* The sentence that the kernel sent with an error; NULL if none. */
static const char *extack_text(struct nlmsgerr *err)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)((char *)err - NLMSG_HDRLEN);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	int off = NLMSG_HDRLEN + sizeof(*err);

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		off += NLMSG_ALIGN(err->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (off > (int)hdr->nlmsg_len ||
	    nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)
		      ((char *)hdr + off), hdr->nlmsg_len - off, NULL))
		return NULL;
	return attrs[NLMSGERR_ATTR_MSG] ?
	       nla_get_string(attrs[NLMSGERR_ATTR_MSG]) : NULL;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	const char *text = extack_text(err);
	struct exchange *x = arg;

	(void)from;
	if (!x->what) {
		sup__log(LOG_ERR, "module sup: %s",
			 text ? text : strerrordesc_np(-err->error));
		return NL_SKIP;
	}
	if (err->msg.nlmsg_seq != x->seq)
		return NL_SKIP;
	x->done = true;
	x->ret = err->error;
	if (text)
		sup__error(x->ret, "%s: %s", x->what, text);
	else
		sup__error_sys(x->ret, "%s", x->what);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	if (nlmsg_hdr(msg)->nlmsg_seq == x->seq)
		x->done = true;
	return NL_OK;
}

/* A dump can fail with its last message. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct exchange *x = arg;
	int err = 0;

	if (nlmsg_datalen(hdr) >= (int)sizeof(err))
		memcpy(&err, nlmsg_data(hdr), sizeof(err));
	if (err < 0 && !x->ret)
		x->ret = sup__error_sys(err, "%s", x->what ? x->what : "dump");
	x->done = true;
	return NL_STOP;
}

int sup__nl_open(struct sup__nl *nl)
{
	struct sup__nl new = { 0 };
	int ret, on = 1;

	new.sock = nl_socket_alloc();
	new.cb = nl_cb_alloc(NL_CB_CUSTOM);
	if (!new.sock || !new.cb) {
		ret = sup__error_nomem("a netlink socket");
		goto close;
	}
	ret = genl_connect(new.sock);
	if (ret) {
		ret = sup__error(to_errno(ret), "generic netlink: %s",
				 nl_geterror(ret));
		goto close;
	}
	new.family = genl_ctrl_resolve(new.sock, SUP_FAMILY_NAME);
	if (new.family < 0) {
		ret = to_errno(new.family);
		sup__error(ret, ret == -ENOENT ?
			   "module sup is not loaded: there is no generic "
			   "netlink family \"%s\"" : "generic netlink family "
			   "\"%s\" cannot be found", SUP_FAMILY_NAME);
		goto close;
	}
	nl_socket_set_buffer_size(new.sock, RECEIVE_BUFFER, 0);
	setsockopt(nl_socket_get_fd(new.sock), SOL_NETLINK, NETLINK_EXT_ACK,
		   &on, sizeof(on));
	setsockopt(nl_socket_get_fd(new.sock), SOL_NETLINK, NETLINK_CAP_ACK,
		   &on, sizeof(on));
	nl_socket_disable_seq_check(new.sock);
	nl_socket_disable_auto_ack(new.sock);
	nl_cb_overwrite_recv(new.cb, receive);
	*nl = new;
	return 0;

close:
	sup__nl_close(&new);
	return ret;
}

void sup__nl_close(struct sup__nl *nl)
{
	if (nl->cb)
		nl_cb_put(nl->cb);
	if (nl->sock)
		nl_socket_free(nl->sock);
	memset(nl, 0, sizeof(*nl));
}

int sup__nl_fd(const struct sup__nl *nl)
{
	return nl_socket_get_fd(nl->sock);
}

struct nl_msg *sup__nl_new(const struct sup__nl *nl, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
				flags, cmd, SUP_FAMILY_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int send_msg(struct sup__nl *nl, struct nl_msg *msg, const char *what,
		    int flags, uint32_t *ret_seq)
{
	int ret;

	if (!msg)
		return sup__error_nomem(what);
	nlmsg_hdr(msg)->nlmsg_flags |= flags;
	ret = nl_send_auto(nl->sock, msg);
	*ret_seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (ret < 0)
		return sup__error(to_errno(ret), "%s: %s", what,
				  nl_geterror(ret));
	return 0;
}

/* One datagram for an exchange. */
static void read_one(struct exchange *x)
{
	struct exchange *outer = current;
	struct sup__nl *nl = x->nl;
	int ret;

	nl_cb_set(nl->cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, x);
	nl_cb_set(nl->cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, x);
	nl_cb_set(nl->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, x);
	nl_cb_err(nl->cb, NL_CB_CUSTOM, on_error, x);
	nl->empty = false;
	current = x;
	ret = nl_recvmsgs(nl->sock, nl->cb);
	current = outer;
	if (ret >= 0 || x->ret)
		return;
	x->ret = sup__error(to_errno(ret), "%s: %s",
			    x->what ? x->what : "records", nl_geterror(ret));
	x->broken = ret != -NLE_DUMP_INTR;
}

int sup__nl_request(struct sup__nl *nl, struct nl_msg *msg, const char *what,
		    sup__nl_cb cb, void *arg)
{
	struct exchange x = { .nl = nl, .cb = cb, .arg = arg, .what = what };
	int ret;

	ret = send_msg(nl, msg, what, NLM_F_ACK, &x.seq);
	if (ret)
		return ret;
	while (!x.done && !x.broken) {
		read_one(&x);
		if (!nl->empty || x.done)
			continue;
		/* The kernel answers before send returns: or never. */
		if (nl->overrun && x.answered)
			break;
		if (nl->overrun)
			return sup__error(-ENOBUFS, "%s: the answer was "
					  "dropped", what);
		wait_readable(sup__nl_fd(nl));
	}
	return x.ret;
}

int sup__nl_post(struct sup__nl *nl, struct nl_msg *msg)
{
	uint32_t seq;

	return send_msg(nl, msg, "record-ack", 0, &seq);
}

int sup__nl_read(struct sup__nl *nl, sup__nl_cb cb, void *arg)
{
	struct exchange x = { .nl = nl, .cb = cb, .arg = arg };

	read_one(&x);
	return x.ret;
}

int sup__nl_parse(const struct genlmsghdr *hdr, struct nlattr **attrs, int max)
{
	int ret = nla_parse(attrs, max, genlmsg_attrdata(hdr, 0),
			    genlmsg_attrlen(hdr, 0), NULL);

	return ret ? sup__error(-EBADMSG, "module sup: %s", nl_geterror(ret)) :
		     0;
}

int sup__nl_parse_nest(struct nlattr *nest, struct nlattr **attrs, int max)
{
	int ret = nla_parse_nested(attrs, max, nest, NULL);

	return ret ? sup__error(-EBADMSG, "module sup: %s", nl_geterror(ret)) :
		     0;
}

void sup__nl_comm(struct nlattr *attr, char ret_comm[16])
{
	char *c;

	snprintf(ret_comm, 16, "%.*s", attr ? nla_len(attr) : 0,
		 attr ? (const char *)nla_data(attr) : "");
	for (c = ret_comm; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

uint32_t sup__nl_u32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

uint64_t sup__nl_u64(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}
