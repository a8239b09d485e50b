/* SPDX-License-Identifier: 0BSD */
/* Runs a program and tells how each process that it starts has ended. */
#include <linux/sup.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct nl_sock *sock;
static uint64_t group, last;	/* our group; the last record's number */
static bool empty;

static int check(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", what, nl_geterror(ret));
		exit(1);
	}
	return ret;
}

static void on_record(struct nlattr *record)
{
	struct nlattr *a[SUP_A_RECORD_MAX + 1];

	check(nla_parse_nested(a, SUP_A_RECORD_MAX, record, NULL), "record");
	last = nla_get_u64(a[SUP_A_RECORD_SEQ]);
	if (nla_get_u32(a[SUP_A_RECORD_KIND]) == SUP_RECORD_KIND_GROUP_EMPTY)
		empty = true;
	if (nla_get_u32(a[SUP_A_RECORD_KIND]) == SUP_RECORD_KIND_EXIT)
		printf("%s, pid %u: code %u, signal %u\n",
		       nla_get_string(a[SUP_A_RECORD_COMM]),
		       nla_get_u32(a[SUP_A_RECORD_PID]),
		       nla_get_u32(a[SUP_A_RECORD_CODE]),
		       nla_get_u32(a[SUP_A_RECORD_SIGNAL]));
}

/* An answer or an event; from the kernel, if it is from port 0. */
static int on_message(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *attr;
	int rest;

	(void)arg;
	if (nlmsg_get_src(msg)->nl_pid)
		return NL_SKIP;
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0),
			  genlmsg_attrlen(hdr, 0), rest) {
		if (hdr->cmd == SUP_CMD_GROUP_NEW &&
		    nla_type(attr) == SUP_A_GROUP_ID)
			group = nla_get_u64(attr);
		if (hdr->cmd == SUP_CMD_RECORD_NTF &&
		    nla_type(attr) == SUP_A_BATCH_RECORD)
			on_record(attr);
	}
	return NL_OK;
}

static struct nl_msg *request(int family, int cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, 0, 0, family, 0, 0, cmd,
				 SUP_FAMILY_VERSION))
		check(-NLE_NOMEM, "request");
	return msg;
}

static void receive(void)
{
	check(nl_recvmsgs_default(sock), "receive");
}

int main(int argc, char **argv)
{
	struct nl_msg *msg;
	pid_t child;
	int family;

	sock = nl_socket_alloc();
	if (argc < 2 || !sock)
		return 2;
	check(genl_connect(sock), "connect");
	family = check(genl_ctrl_resolve(sock, SUP_FAMILY_NAME), "sup");
	nl_socket_disable_auto_ack(sock);
	nl_socket_disable_seq_check(sock);	/* events have none */
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, NULL);

	msg = request(family, SUP_CMD_GROUP_NEW);
	nla_put_u32(msg, SUP_A_GROUP_FLAGS, SUP_GROUP_FLAG_INHERIT_CHILDREN);
	check(nl_send_auto(sock, msg), "group-new");
	nlmsg_free(msg);
	while (!group)
		receive();

	child = fork();		/* a member from birth */
	if (child == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while (child > 0 && !empty) {
		receive();
		msg = request(family, SUP_CMD_RECORD_ACK);
		nla_put_u64(msg, SUP_A_BATCH_GROUP, group);
		nla_put_u64(msg, SUP_A_BATCH_SEQ, last);
		check(nl_send_auto(sock, msg), "record-ack");
		nlmsg_free(msg);
	}
	nl_socket_free(sock);
	return waitpid(child, NULL, 0) != child;
}
