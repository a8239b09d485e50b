// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes requests as the spec wants them: which attributes a request has is by
 * chance, or as in one that was accepted before; values are what was learned,
 * or any that the spec permits.
 */
#include "fuzz.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sup.h>
#include <string.h>

/* What there is to take values from: from the first, if that has it. */
struct source {
	const struct thing *first, *second;
};

void message_put(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(m->buf))
		return;
	memcpy(m->buf + m->len, &attr, NLA_HDRLEN);
	memset(m->buf + m->len + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (len)
		memcpy(m->buf + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

/* A number on the edge of something. */
uint64_t odd_number(struct fuzz *f)
{
	switch (below(f, 6)) {
	case 0:
		return below(f, 4);
	case 1:
		return below(f, 1000);
	case 2:
		return (1ull << below(f, 64)) - below(f, 2);
	case 3:
		return -(uint64_t)below(f, 4);
	case 4:
		return 1u << below(f, 18);
	default:
		return rnd(f) >> below(f, 64);
	}
}

static uint64_t make_number(struct fuzz *f, const struct attr *a)
{
	uint64_t number = odd_number(f);

	if (a->mask && chance(f, 35))
		return a->mask;
	if (a->mask)
		return rnd(f) & (chance(f, 50) ? a->mask : a->mask & rnd(f));
	if (number >= a->min && number <= a->max)
		return number;
	/* Small ranges are those of enums and signals: all of them alike. */
	return a->min + rnd(f) % (a->max - a->min < 4096 ?
				  a->max - a->min + 1 : 4096);
}

static const struct thing *source_of(struct fuzz *f, const struct source *s,
				     const struct attr *a)
{
	if (thing_has(s->first, a->class) && !chance(f, 3))
		return s->first;
	if (thing_has(s->second, a->class) && !chance(f, 10))
		return s->second;
	return NULL;
}

static void put_data(struct fuzz *f, struct message *m, const struct attr *a,
		     const struct thing *t)
{
	uint8_t data[1024];
	size_t i, len;

	len = a->min_len + below(f, a->max_len - a->min_len + 1);
	if (len > sizeof(data))
		len = sizeof(data);
	for (i = 0; i < len; i++)
		data[i] = rnd(f);
	if (t)
		memcpy(data, t->values[a->class].data,
		       len < MAX_DATA ? len : MAX_DATA);
	message_put(m, a->type, data, len);
}

static void put(struct fuzz *f, struct message *m, const struct attr *a,
		const struct source *s, int level);

static void put_nest(struct fuzz *f, struct message *m, const struct attr *a,
		     const struct source *s, int level)
{
	const struct attr_set *set = &spec_sets[a->nest];
	size_t i, start = m->len;
	uint16_t len;

	message_put(m, a->type | NLA_F_NESTED, NULL, 0);
	for (i = 0; i < set->n && level < 4; i++)
		if (chance(f, 40))
			put(f, m, &set->attrs[i], s, level + 1);
	len = m->len - start;
	if (len)
		memcpy(m->buf + start, &len, sizeof(len));
}

static void put(struct fuzz *f, struct message *m, const struct attr *a,
		const struct source *s, int level)
{
	const struct thing *t = source_of(f, s, a);
	uint64_t number;

	switch (a->kind) {
	case KIND_NUMBER:
		number = t ? t->values[a->class].number : make_number(f, a);
		if (a->class == CLASS_GROUP)
			m->group = number;
		message_put(m, a->type, &number, a->size);
		break;
	case KIND_FLAG:
	case KIND_PAD:
		message_put(m, a->type, NULL, 0);
		break;
	case KIND_DATA:
		put_data(f, m, a, t);
		break;
	case KIND_NEST:
		put_nest(f, m, a, s, level);
		break;
	}
}

/*
 * Which attributes of the list of the request there are. Nearly every request
 * is about a group.
 */
static uint32_t choose(struct fuzz *f, const struct message *m)
{
	const struct op *op = &spec_ops[m->op];
	const struct attr *attrs = spec_sets[op->set].attrs;
	uint32_t n = shared->nmasks[m->op][m->mode], mask = 0;
	uint32_t density = 15 + 15 * below(f, 5);
	int i;

	if (n && chance(f, 60))
		return shared->masks[m->op][m->mode][below(f, n < 8 ? n : 8)];
	for (i = 0; i < op->requests[m->mode].n; i++) {
		const struct attr *a = &attrs[op->requests[m->mode].attrs[i]];

		if (chance(f, a->class == CLASS_GROUP ? 95 : density))
			mask |= 1u << i;
	}
	return mask;
}

static void put_header(struct fuzz *f, struct message *m)
{
	struct nlmsghdr nlh = {
		.nlmsg_type = shared->family,
		.nlmsg_flags = NLM_F_REQUEST |
			(m->mode == MODE_DUMP ? NLM_F_DUMP : NLM_F_ACK),
	};
	struct genlmsghdr genl = {
		.cmd = spec_ops[m->op].cmd,
		.version = 1,
	};

	memcpy(m->buf, &nlh, NLMSG_HDRLEN);
	memcpy(m->buf + NLMSG_HDRLEN, &genl, GENL_HDRLEN);
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

static void any_op(struct fuzz *f, struct message *m)
{
	do {
		m->op = below(f, spec_nops);
		m->mode = below(f, NMODES);
	} while (!spec_ops[m->op].requests[m->mode].exists);
}

/* A request that is about no group makes one, say. */
static bool is_about_group(const struct message *m)
{
	const struct op *op = &spec_ops[m->op];
	const struct attr *attrs = spec_sets[op->set].attrs;
	int i;

	for (i = 0; i < op->requests[m->mode].n; i++)
		if (attrs[op->requests[m->mode].attrs[i]].class == CLASS_GROUP)
			return true;
	return false;
}

static uint64_t accepted(const struct message *m)
{
	return shared->counts[m->op][m->mode].accepted;
}

/*
 * Of two, mostly the one that was accepted more rarely until now; and now and
 * then one that needs to know of nothing.
 */
static void choose_op(struct fuzz *f, struct message *m)
{
	struct message other;
	int tries;

	any_op(f, m);
	any_op(f, &other);
	tries = chance(f, 12) ? 50 : 0;
	while (tries-- > 0 && is_about_group(m))
		any_op(f, m);
	if (is_about_group(m) && accepted(&other) < accepted(m) &&
	    chance(f, 70)) {
		m->op = other.op;
		m->mode = other.mode;
	}
}

/* Of a few things, the one that has most of what is wanted. */
static const struct thing *recall_for(struct fuzz *f, uint64_t wanted)
{
	const struct thing *best = recall(f), *t;
	int i;

	for (i = 0; best && i < 4; i++) {
		t = recall(f);
		if (t && __builtin_popcountll(t->has & wanted) >
			 __builtin_popcountll(best->has & wanted))
			best = t;
	}
	return best;
}

static void put_all(struct fuzz *f, struct message *m)
{
	const struct op *op = &spec_ops[m->op];
	const struct attr *attrs = spec_sets[op->set].attrs;
	const uint8_t *list = op->requests[m->mode].attrs;
	struct thing again = {};
	uint64_t wanted = 0;
	struct source s;
	int i;

	for (i = 0; i < op->requests[m->mode].n; i++)
		if (m->mask & (1u << i))
			wanted |= 1ull << attrs[list[i]].class;
	s.first = recall_for(f, wanted);
	s.second = recall_for(f, s.first ? wanted & ~s.first->has : wanted);
	/* What is done to one group after the other leads further. */
	if (f->group && chance(f, 30)) {
		thing_put_number(&again, CLASS_GROUP, f->group);
		s.second = s.first;
		s.first = &again;
	}
	for (i = 0; i < op->requests[m->mode].n; i++)
		if (m->mask & (1u << i))
			put(f, m, &attrs[list[i]], &s, 0);
}

void message_make(struct fuzz *f, struct message *m)
{
	choose_op(f, m);
	m->mask = choose(f, m);
	m->group = 0;
	put_header(f, m);
	put_all(f, m);
}
