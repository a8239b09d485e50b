// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads answers and events; counts them, and learns from them. */
#include "fuzz.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY	(NLMSG_HDRLEN + GENL_HDRLEN)

static const struct attr *attr_of(const struct attr_set *set, uint16_t type)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (set->attrs[i].type == (type & NLA_TYPE_MASK))
			return &set->attrs[i];
	return NULL;
}

static void take_value(struct thing *t, const struct attr *a,
		       const void *data, size_t len)
{
	uint64_t number = 0;

	if (a->kind == KIND_DATA && len <= MAX_DATA) {
		t->has |= 1ull << a->class;
		memcpy(t->values[a->class].data, data, len);
		return;
	}
	if (a->kind != KIND_NUMBER || len > sizeof(number))
		return;
	memcpy(&number, data, len);
	if (number)
		thing_put_number(t, a->class, number);
}

/* What t has from outside is replaced, what is told first is kept. */
static void take_attrs(struct fuzz *f, const struct attr_set *set,
		       const uint8_t *attrs, size_t size, struct thing *t,
		       int level)
{
	uint64_t own = 0;
	const struct attr *a;
	struct thing inner;
	struct nlattr nla;

	while (size >= NLA_HDRLEN) {
		memcpy(&nla, attrs, NLA_HDRLEN);
		if (nla.nla_len < NLA_HDRLEN || nla.nla_len > size)
			return;
		a = attr_of(set, nla.nla_type);
		if (a && a->kind == KIND_NEST && level < 4) {
			inner = *t;
			take_attrs(f, &spec_sets[a->nest], attrs + NLA_HDRLEN,
				   nla.nla_len - NLA_HDRLEN, &inner, level + 1);
			if (chance(f, 15))
				learn(f, &inner);
		} else if (a && a->class != CLASS_NONE &&
			   !(own & (1ull << a->class))) {
			take_value(t, a, attrs + NLA_HDRLEN,
				   nla.nla_len - NLA_HDRLEN);
			own |= 1ull << a->class;
		}
		if (NLA_ALIGN(nla.nla_len) >= size)
			return;
		attrs += NLA_ALIGN(nla.nla_len);
		size -= NLA_ALIGN(nla.nla_len);
	}
}

static void take_message(struct fuzz *f, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	struct thing t = {};
	const struct op *op;

	op = nlh->nlmsg_len < BODY ? NULL : op_of_cmd(genl->cmd);
	if (!op) {
		fail("a message of an unknown command came");
		return;
	}
	if (op->event) {
		add(&shared->events[op - spec_ops]);
		/* It mostly tells of what is over. */
		if (chance(f, 80))
			return;
	}
	take_attrs(f, &spec_sets[op->set], (const uint8_t *)nlh + BODY,
		   nlh->nlmsg_len - BODY, &t, 0);
	learn(f, &t);
}

/* The attributes of a request that was accepted are worth another try. */
static void keep_request(struct fuzz *f, uint32_t seq)
{
	const struct sent *s = &f->sent[(seq >> 9) % NSENT];
	uint32_t at;

	if (s->seq != seq || s->op >= spec_nops)
		return;
	if (s->group)
		f->group = s->group;
	at = __atomic_fetch_add(&shared->nmasks[s->op][s->mode], 1,
				__ATOMIC_RELAXED);
	shared->masks[s->op][s->mode][at % 8] = s->mask;
}

static void take_result(struct fuzz *f, uint32_t seq, int error)
{
	uint32_t op = seq & 0xff, mode = seq >> 8 & 1;
	struct counts *c;

	if (op > spec_nops) {
		fail("an answer came to what was not asked");
		return;
	}
	c = &shared->counts[op][mode];
	if (!error) {
		add(&c->accepted);
		keep_request(f, seq);
	} else if (-error > 0 && -error < MAX_ERRORS) {
		add(&c->errors[-error]);
	} else {
		fail("%s was refused with %d, which is no error of ours",
		     op < spec_nops ? spec_ops[op].name : "garbage", error);
	}
}

/* Cut after an odd length, less than none is left in the end. */
static void take_datagram(struct fuzz *f, uint8_t *buf, int len)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int error;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == shared->family) {
			take_message(f, nlh);
		} else if ((nlh->nlmsg_type == NLMSG_ERROR ||
			    nlh->nlmsg_type == NLMSG_DONE) &&
			   nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(error))) {
			memcpy(&error, NLMSG_DATA(nlh), sizeof(error));
			take_result(f, nlh->nlmsg_seq, error);
		}
	}
}

void socket_drain(struct fuzz *f, int fd, int max)
{
	uint8_t buf[32768] __attribute__((aligned(8)));
	ssize_t n;

	while (max-- > 0) {
		n = recv(fd, buf, chance(f, 97) ? sizeof(buf) : below(f, 300),
			 MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS)
			add(&shared->overruns);
		else if (n <= 0)
			return;
		else
			take_datagram(f, buf, n);
	}
}
