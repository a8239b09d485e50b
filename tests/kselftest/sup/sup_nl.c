// SPDX-License-Identifier: GPL-2.0
#include "sup_nl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 60000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void put_data(struct request *r, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if (r->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(r->buf))
		abort();
	memcpy(r->buf + r->len, &attr, NLA_HDRLEN);
	if (len)
		memcpy(r->buf + r->len + NLA_HDRLEN, data, len);
	r->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void put_flag(struct request *r, uint16_t type)
{
	put_data(r, type, NULL, 0);
}

void put_u32(struct request *r, uint16_t type, uint32_t value)
{
	put_data(r, type, &value, sizeof(value));
}

void put_u64(struct request *r, uint16_t type, uint64_t value)
{
	put_data(r, type, &value, sizeof(value));
}

void request_init(struct request *r, struct sup *s, uint8_t cmd, bool dump)
{
	struct nlmsghdr nlh = {
		.nlmsg_type = s->family,
		.nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK),
		.nlmsg_seq = ++s->seq,
	};
	struct genlmsghdr genl = { .cmd = cmd, .version = 1 };

	memset(r, 0, sizeof(*r));
	memcpy(r->buf, &nlh, NLMSG_HDRLEN);
	memcpy(r->buf + NLMSG_HDRLEN, &genl, GENL_HDRLEN);
	r->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

#define for_each_attr(a, attrs, size)					\
	for (const struct nlattr *a = (attrs);				\
	     (size_t)((const char *)a - (const char *)(attrs)) +	\
		     NLA_HDRLEN <= (size);				\
	     a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len)))

static uint64_t value_of(const struct nlattr *a)
{
	const void *data = (const char *)a + NLA_HDRLEN;
	uint32_t v32;
	uint64_t v64;

	if (a->nla_len == NLA_HDRLEN + sizeof(v64)) {
		memcpy(&v64, data, sizeof(v64));
		return v64;
	}
	if (a->nla_len != NLA_HDRLEN + sizeof(v32))
		return 0;
	memcpy(&v32, data, sizeof(v32));
	return v32;
}

static void text_of(const struct nlattr *a, char *text, size_t size)
{
	snprintf(text, size, "%.*s", (int)(a->nla_len - NLA_HDRLEN),
		 (const char *)a + NLA_HDRLEN);
}

/* Where an attribute goes: a number by the size of its field, or bytes. */
struct field {
	uint16_t type;
	uint16_t offset, size;
	bool bytes;
};

#define FIELD(set, SET, ATTR, name) \
	{ SUP_A_##SET##_##ATTR, offsetof(struct set, name), \
	  sizeof(((struct set *)0)->name), false }
#define BYTES(set, SET, ATTR, name) \
	{ SUP_A_##SET##_##ATTR, offsetof(struct set, name), \
	  sizeof(((struct set *)0)->name), true }

static void store(const struct nlattr *a, const struct field *f, void *object)
{
	size_t len = a->nla_len - NLA_HDRLEN;
	char *where = (char *)object + f->offset;
	uint64_t v64 = value_of(a);
	uint32_t v32 = v64;

	if (f->bytes)
		memcpy(where, (const char *)a + NLA_HDRLEN,
		       len < f->size ? len : f->size);
	else
		memcpy(where, f->size == sizeof(v64) ? (void *)&v64 :
						       (void *)&v32, f->size);
}

static void parse(const void *attrs, size_t len, const struct field *fields,
		  size_t n, void *object)
{
	for_each_attr(a, attrs, len)
		for (size_t i = 0; i < n; i++)
			if (fields[i].type == a->nla_type)
				store(a, &fields[i], object);
}

#define PARSE(attrs, len, fields, object) \
	parse(attrs, len, fields, sizeof(fields) / sizeof((fields)[0]), object)

#define R(ATTR, name) FIELD(record, RECORD, ATTR, name)
static const struct field record_fields[] = {
	R(KIND, kind), R(SEQ, seq), R(TIME, time), R(MEMBER, member),
	R(MEMBER_KIND, member_kind), R(COOKIE, cookie), R(LINEAGE, lineage),
	R(PID, pid), R(TGID, tgid), R(CODE, code), R(SIGNAL, signal),
	R(FLAGS, flags), R(UTIME, utime), R(STIME, stime), R(MAX_RSS, max_rss),
	R(START_TIME, start_time), R(START_BOOTTIME, start_boottime),
	R(SENDER_PID, sender_pid), R(SENDER_UID, sender_uid), R(CAUSE, cause),
	R(KILLED, killed), R(UNTRACKED, untracked), R(COUNT, count),
	R(SENDER_KIND, sender_kind), R(FAULT_CODE, fault_code),
	R(FAULT_TRAP, fault_trap), R(OLD_TID, old_tid), R(STAGE, stage),
	R(LEADER_CODE, leader_code), R(LEADER_SIGNAL, leader_signal),
	R(LAST_TID, last_tid), R(LAST_CODE, last_code),
	R(LAST_SIGNAL, last_signal), R(OWNER_LOSS, owner_loss),
	R(LIFETIME, lifetime), R(FAULT_ADDR, fault_addr), R(PARENT, parent),
	BYTES(record, RECORD, COMM, comm),
	BYTES(record, RECORD, EXEC_NAME, exec_name),
	BYTES(record, RECORD, SENDER_COMM, sender_comm),
};

#define G(ATTR, name) FIELD(group, GROUP, ATTR, name)
static const struct field group_fields[] = {
	G(ID, id), G(FLAGS, flags), G(POLICY, policy), G(GRACE_MS, grace_ms),
	G(CREDIT, credit), G(PARENT, parent),
	G(PARENT_LINEAGE, parent_lineage), G(STATE, state),
	G(OWNER_PID, owner_pid), G(OWNER_UID, owner_uid),
	G(PROCESSES, processes), G(THREADS, threads), G(SUBGROUPS, subgroups),
	G(RECORDS, records), G(SEQ, seq), G(ACKED, acked),
	G(SIGNALLED, signalled), G(REFUSED, refused), G(EVENTS, events),
	G(FATAL, fatal), G(STUCK_MS, stuck_ms), G(MAX_RECORDS, max_records),
	G(OBSERVERS, observers), G(LOST, lost),
	BYTES(group, GROUP, TOKEN, token),
};

#define M(ATTR, name) FIELD(member, MEMBER, ATTR, name)
static const struct field member_fields[] = {
	M(GROUP, group), M(ID, id), M(KIND, kind), M(PID, pid), M(TGID, tgid),
	M(LINEAGE, lineage), M(COOKIE, cookie),
	M(START_BOOTTIME, start_boottime), M(STATE, state), M(ADDED, added),
	BYTES(member, MEMBER, COMM, comm),
};

static void parse_record(const void *attrs, size_t len, struct record *r)
{
	memset(r, 0, sizeof(*r));
	PARSE(attrs, len, record_fields, r);
	for_each_attr(a, attrs, len)
		r->attrs |= 1ULL << (a->nla_type & 63);
}

void parse_group(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	PARSE(attrs, len, group_fields, arg);
}

void parse_member(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	PARSE(attrs, len, member_fields, arg);
}

static void keep_records(struct sup *s, uint8_t cmd, const void *attrs,
			 size_t len)
{
	struct record *r;
	uint64_t group = 0, lost = 0;

	for_each_attr(a, attrs, len) {
		if (a->nla_type == SUP_A_BATCH_GROUP)
			group = value_of(a);
		if (a->nla_type == SUP_A_BATCH_LOST)
			lost = value_of(a);
		if ((a->nla_type & NLA_TYPE_MASK) != SUP_A_BATCH_RECORD)
			continue;
		if (s->nrecords == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 64;
			s->records = realloc(s->records,
					     s->cap * sizeof(*s->records));
			if (!s->records)
				abort();
		}
		r = &s->records[s->nrecords++];
		parse_record((const char *)a + NLA_HDRLEN,
			     a->nla_len - NLA_HDRLEN, r);
		r->group = group;
		r->lost = lost;
		r->cmd = cmd;
	}
}

static bool is_news(uint8_t cmd)
{
	return cmd == SUP_CMD_RECORD_NTF || cmd == SUP_CMD_INFORM_NTF ||
	       cmd == SUP_CMD_OBSERVE_NTF;
}

static void parse_error(struct sup *s, const struct nlmsghdr *nlh,
			const struct nlmsgerr *err)
{
	const char *start = (const char *)nlh;
	size_t skip = NLMSG_HDRLEN + sizeof(*err);

	s->extack[0] = 0;
	s->extack_attr = 0;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(err->msg.nlmsg_len) - NLMSG_HDRLEN;
	for_each_attr(a, (const void *)(start + skip), nlh->nlmsg_len - skip) {
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			text_of(a, s->extack, sizeof(s->extack));
		else if (a->nla_type == NLMSGERR_ATTR_OFFS)
			s->extack_attr = value_of(a);
	}
}

/* One datagram; 1 when the request with seq is answered, 0 when not yet. */
static int receive(struct sup *s, uint32_t seq, reply_cb cb, void *arg)
{
	static char buf[65536];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	const struct genlmsghdr *genl;
	const struct nlmsgerr *err;
	ssize_t n = recv(s->fd, buf, sizeof(buf), 0);
	size_t left;

	if (n < 0)
		return -errno;
	for (left = n; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left)) {
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			err = NLMSG_DATA(nlh);
			if (nlh->nlmsg_seq != seq)
				continue;
			parse_error(s, nlh, err);
			return err->error ?: 1;
		}
		if (nlh->nlmsg_type == NLMSG_DONE && nlh->nlmsg_seq == seq) {
			memcpy(&n, NLMSG_DATA(nlh), sizeof(int));
			return (int)n ?: 1;
		}
		genl = NLMSG_DATA(nlh);
		if (is_news(genl->cmd) && nlh->nlmsg_type == s->family) {
			s->messages++;
			keep_records(s, genl->cmd,
				     (const char *)genl + GENL_HDRLEN,
				     nlh->nlmsg_len -
				     NLMSG_LENGTH(GENL_HDRLEN));
		} else if (nlh->nlmsg_seq == seq && cb) {
			cb(genl->cmd, (const char *)genl + GENL_HDRLEN,
			   nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), arg);
		}
	}
	return 0;
}

int call(struct sup *s, struct request *r, reply_cb cb, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *nlh = (struct nlmsghdr *)r->buf;
	int ret;

	nlh->nlmsg_len = r->len;
	if (sendto(s->fd, r->buf, r->len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	do {
		ret = receive(s, nlh->nlmsg_seq, cb, arg);
	} while (!ret);
	return ret < 0 ? ret : 0;
}

static void parse_family(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	uint16_t id;

	for_each_attr(a, attrs, len) {
		if (a->nla_type != CTRL_ATTR_FAMILY_ID)
			continue;
		memcpy(&id, (const char *)a + NLA_HDRLEN, sizeof(id));
		*(uint16_t *)arg = id;
	}
}

int sup_open(struct sup *s)
{
	struct request r;
	uint16_t id = 0;
	int one = 1, ret;

	memset(s, 0, sizeof(*s));
	s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (s->fd < 0)
		return -errno;
	setsockopt(s->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(s->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	s->family = GENL_ID_CTRL;
	request_init(&r, s, CTRL_CMD_GETFAMILY, false);
	put_data(&r, CTRL_ATTR_FAMILY_NAME, SUP_FAMILY_NAME,
		 sizeof(SUP_FAMILY_NAME));
	ret = call(s, &r, parse_family, &id);
	s->family = id;
	if (ret)
		sup_close(s);
	return ret;
}

void sup_close(struct sup *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->records);
	s->records = NULL;
	s->nrecords = s->cap = 0;
}

void add_to_list(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	struct list *list = arg;
	char *item = (char *)list->items + list->n * list->size;

	if (list->n++ >= list->max)
		return;
	memset(item, 0, list->size);
	list->parse(cmd, attrs, len, item);
}

void add_records(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	struct list *list = arg;
	struct record *records = list->items;

	for_each_attr(a, attrs, len) {
		if ((a->nla_type & NLA_TYPE_MASK) == SUP_A_BATCH_RECORD &&
		    list->n++ < list->max)
			parse_record((const char *)a + NLA_HDRLEN,
				     a->nla_len - NLA_HDRLEN,
				     &records[list->n - 1]);
	}
}

int record_next(struct sup *s, struct record *ret, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int64_t left;
	int n;

	while (!s->nrecords) {
		left = end - now_ms();
		n = poll(&p, 1, left > 0 ? left : 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -ETIMEDOUT;
		n = receive(s, 0, NULL, NULL);
		if (n < 0)
			return n;
	}
	*ret = s->records[0];
	memmove(s->records, s->records + 1, --s->nrecords * sizeof(*ret));
	if (!s->ack || ++s->taken < 16)
		return 0;
	s->taken = 0;
	return record_ack(s, s->ack, ret->seq);
}

int record_wait(struct sup *s, uint32_t kind, struct record *ret)
{
	int err;

	do {
		err = record_next(s, ret, DEADLINE_MS);
	} while (!err && ret->kind != kind);
	return err;
}

int record_exit_of(struct sup *s, pid_t pid, struct record *ret)
{
	int err;

	do {
		err = record_wait(s, SUP_RECORD_KIND_EXIT, ret);
	} while (!err && ret->pid != pid);
	return err;
}
