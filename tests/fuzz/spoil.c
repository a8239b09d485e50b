// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes a valid request an invalid one, by one to three small changes. */
#include "fuzz.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sup.h>
#include <string.h>

#define BODY	(NLMSG_HDRLEN + GENL_HDRLEN)

/* One of the attributes by chance; NULL if there is none. */
static struct nlattr *any_attr(struct fuzz *f, struct message *m)
{
	struct nlattr *found = NULL, *a;
	size_t at = BODY;
	int n = 0;

	while (at + NLA_HDRLEN <= m->len) {
		a = (struct nlattr *)(m->buf + at);
		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > m->len)
			break;
		if (!below(f, ++n))
			found = a;
		at += NLA_ALIGN(a->nla_len);
	}
	return found;
}

static void flip_bits(struct fuzz *f, struct message *m)
{
	int n = 1 + below(f, 4);

	while (n-- && m->len > BODY)
		m->buf[BODY + below(f, m->len - BODY)] ^= 1 << below(f, 8);
}

static void change_length(struct fuzz *f, struct message *m)
{
	struct nlattr *a = any_attr(f, m);

	if (a)
		a->nla_len += below(f, 17) - 8;
}

static void change_type(struct fuzz *f, struct message *m)
{
	struct nlattr *a = any_attr(f, m);

	if (!a)
		return;
	switch (below(f, 4)) {
	case 0:
		a->nla_type ^= NLA_F_NESTED;
		break;
	case 1:
		a->nla_type ^= NLA_F_NET_BYTEORDER;
		break;
	case 2:
		a->nla_type = below(f, 48);
		break;
	default:
		a->nla_type = rnd(f);
	}
}

static void repeat(struct fuzz *f, struct message *m)
{
	struct nlattr *a = any_attr(f, m);
	uint8_t data[256];
	size_t len;

	if (!a)
		return;
	len = a->nla_len - NLA_HDRLEN;
	if (len > sizeof(data))
		len = sizeof(data);
	memcpy(data, (uint8_t *)a + NLA_HDRLEN, len);
	message_put(m, a->nla_type, data, len);
}

/* Another number, which the spec may not permit. */
static void change_number(struct fuzz *f, struct message *m)
{
	struct nlattr *a = any_attr(f, m);
	uint64_t number = odd_number(f);

	if (a && a->nla_len > NLA_HDRLEN)
		memcpy((uint8_t *)a + NLA_HDRLEN, &number,
		       a->nla_len < NLA_HDRLEN + sizeof(number) ?
		       a->nla_len - NLA_HDRLEN : sizeof(number));
}

/* One of any type and length, with anything in it. */
static void append(struct fuzz *f, struct message *m)
{
	uint8_t data[2048];
	size_t i, len = below(f, chance(f, 10) ? sizeof(data) : 40);

	for (i = 0; i < len; i++)
		data[i] = rnd(f);
	message_put(m, below(f, 40), data, len);
}

static void truncate_it(struct fuzz *f, struct message *m)
{
	if (m->len > NLMSG_HDRLEN)
		m->len -= below(f, m->len - NLMSG_HDRLEN);
}

static void add_garbage(struct fuzz *f, struct message *m)
{
	int n = 1 + below(f, 24);

	while (n-- && m->len < sizeof(m->buf))
		m->buf[m->len++] = rnd(f);
}

/* Nests all attributes in one, or in one in one in one. */
static void wrap(struct fuzz *f, struct message *m)
{
	struct nlattr attr = { .nla_type = below(f, 24) | NLA_F_NESTED };
	int n = 1 + below(f, 12);

	while (n-- && m->len + NLA_HDRLEN <= sizeof(m->buf)) {
		attr.nla_len = NLA_HDRLEN + m->len - BODY;
		memmove(m->buf + BODY + NLA_HDRLEN, m->buf + BODY,
			m->len - BODY);
		memcpy(m->buf + BODY, &attr, NLA_HDRLEN);
		m->len += NLA_HDRLEN;
	}
}

static void change_header(struct fuzz *f, struct message *m)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)m->buf;
	struct genlmsghdr *genl = (struct genlmsghdr *)(m->buf + NLMSG_HDRLEN);

	switch (below(f, 6)) {
	case 0:
		nlh->nlmsg_flags ^= 1 << below(f, 16);
		break;
	case 1:
		nlh->nlmsg_flags = rnd(f) | NLM_F_REQUEST;
		break;
	case 2:
		nlh->nlmsg_pid = rnd(f);
		break;
	case 3:
		genl->version = rnd(f);
		break;
	case 4:
		genl->reserved = rnd(f);
		break;
	default:
		genl->cmd = chance(f, 80) ? below(f, spec_nops + 4) : rnd(f);
	}
}

/* Everything behind the headers is anything. */
static void fill(struct fuzz *f, struct message *m)
{
	size_t i;

	m->len = BODY + below(f, 200);
	for (i = BODY; i < m->len; i++)
		m->buf[i] = rnd(f);
}

static void (*const changes[])(struct fuzz *f, struct message *m) = {
	flip_bits, change_length, change_type, repeat, change_number,
	change_number, append, wrap, change_header,
};

/* After these an attribute cannot be found any more. */
static void (*const last_changes[])(struct fuzz *f, struct message *m) = {
	truncate_it, add_garbage, fill,
};

void message_spoil(struct fuzz *f, struct message *m)
{
	int n = 1 + below(f, 3);

	while (n--)
		changes[below(f, ARRAY_SIZE(changes))](f, m);
	if (chance(f, 20))
		last_changes[below(f, ARRAY_SIZE(last_changes))](f, m);
}
