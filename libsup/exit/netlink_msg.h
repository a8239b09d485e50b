/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests to the module's netlink family and messages from it. Errors are
 * negative errnos, with the kernel's own sentence (extack) in sup_error().
 */
#ifndef SUP_EXIT_NETLINK_MSG_H
#define SUP_EXIT_NETLINK_MSG_H

#include <stdbool.h>
#include <stdint.h>

struct genlmsghdr;
struct nl_cb;
struct nl_msg;
struct nl_sock;
struct nlattr;

/* A socket. Not to be used by two threads at once. Zeroed: not open. */
struct sup__nl {
	struct nl_sock *sock;
	struct nl_cb *cb;
	int family;
	bool overrun;		/* the kernel had to drop messages to it */
	bool empty;		/* the last read found nothing */
};

/* Called for each message of the family. A negative return ends the reading. */
typedef int (*sup__nl_cb)(const struct genlmsghdr *hdr, void *arg);

/*
 * Connects and finds the family. -ENOENT the module is not loaded;
 * -EOPNOTSUPP, -EMFILE, -ENOMEM, ... On error nl is as before.
 */
int sup__nl_open(struct sup__nl *nl);

/* Safe on zeroed memory, and twice. */
void sup__nl_close(struct sup__nl *nl);

int sup__nl_fd(const struct sup__nl *nl);

/* A request of the family; flags as NLM_F_DUMP. NULL for want of memory. */
struct nl_msg *sup__nl_new(const struct sup__nl *nl, int cmd, int flags);

/*
 * Sends msg, which it frees and which may be NULL (-ENOMEM), and waits for all
 * that answers it; what comes meanwhile without being asked for reaches cb,
 * which may be NULL, too. what names the request in sup_error(). -EINTR: a
 * dump that met changes.
 */
int sup__nl_request(struct sup__nl *nl, struct nl_msg *msg, const char *what,
		    sup__nl_cb cb, void *arg);

/* Sends msg, which it frees, and waits for nothing: an error is read later. */
int sup__nl_post(struct sup__nl *nl, struct nl_msg *msg);

/*
 * Reads one datagram without waiting. Sets empty if there was none, and
 * overrun if some were lost; overrun is the caller's to clear. Returns what cb
 * did, if it was negative.
 */
int sup__nl_read(struct sup__nl *nl, sup__nl_cb cb, void *arg);

/* attrs[1..max] of a message, or of a nest; what is missing is NULL. */
int sup__nl_parse(const struct genlmsghdr *hdr, struct nlattr **attrs, int max);
int sup__nl_parse_nest(struct nlattr *nest, struct nlattr **attrs, int max);

/*
 * Copies a name, "" if the attribute is missing. Any task can call itself what
 * it likes, so what is not printable ASCII becomes a question mark.
 */
void sup__nl_comm(struct nlattr *attr, char ret_comm[16]);

/* The value, or 0 if the attribute is missing or too short for one. */
uint32_t sup__nl_u32(struct nlattr *attr);
uint64_t sup__nl_u64(struct nlattr *attr);

#endif
