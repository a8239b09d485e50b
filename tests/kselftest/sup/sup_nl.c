// SPDX-License-Identifier: GPL-2.0
#include "sup_nl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 10000

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

static void parse_record(const void *attrs, size_t len, struct record *r)
{
	memset(r, 0, sizeof(*r));
	for_each_attr(a, attrs, len) {
		uint64_t v = value_of(a);

		switch (a->nla_type) {
		case SUP_A_RECORD_KIND: r->kind = v; break;
		case SUP_A_RECORD_SEQ: r->seq = v; break;
		case SUP_A_RECORD_TIME: r->time = v; break;
		case SUP_A_RECORD_MEMBER: r->member = v; break;
		case SUP_A_RECORD_MEMBER_KIND: r->member_kind = v; break;
		case SUP_A_RECORD_COOKIE: r->cookie = v; break;
		case SUP_A_RECORD_LINEAGE: r->lineage = v; break;
		case SUP_A_RECORD_PID: r->pid = v; break;
		case SUP_A_RECORD_TGID: r->tgid = v; break;
		case SUP_A_RECORD_CODE: r->code = v; break;
		case SUP_A_RECORD_SIGNAL: r->signal = v; break;
		case SUP_A_RECORD_FLAGS: r->flags = v; break;
		case SUP_A_RECORD_UTIME: r->utime = v; break;
		case SUP_A_RECORD_STIME: r->stime = v; break;
		case SUP_A_RECORD_MAX_RSS: r->max_rss = v; break;
		case SUP_A_RECORD_START_TIME: r->start_time = v; break;
		case SUP_A_RECORD_START_BOOTTIME: r->start_boottime = v; break;
		case SUP_A_RECORD_SENDER_PID: r->sender_pid = v; break;
		case SUP_A_RECORD_SENDER_UID: r->sender_uid = v; break;
		case SUP_A_RECORD_CAUSE: r->cause = v; break;
		case SUP_A_RECORD_KILLED: r->killed = v; break;
		case SUP_A_RECORD_UNTRACKED: r->untracked = v; break;
		case SUP_A_RECORD_COUNT: r->count = v; break;
		case SUP_A_RECORD_COMM:
			text_of(a, r->comm, sizeof(r->comm));
			break;
		}
	}
}

static void keep_records(struct sup *s, const void *attrs, size_t len)
{
	for_each_attr(a, attrs, len) {
		if ((a->nla_type & NLA_TYPE_MASK) != SUP_A_BATCH_RECORD)
			continue;
		if (s->nrecords == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 64;
			s->records = realloc(s->records,
					     s->cap * sizeof(*s->records));
			if (!s->records)
				abort();
		}
		parse_record((const char *)a + NLA_HDRLEN,
			     a->nla_len - NLA_HDRLEN,
			     &s->records[s->nrecords++]);
	}
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
		if (genl->cmd == SUP_CMD_RECORD_NTF &&
		    nlh->nlmsg_type == s->family) {
			s->messages++;
			keep_records(s, (const char *)genl + GENL_HDRLEN,
				     nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN));
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

void parse_group(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	struct group *g = arg;

	for_each_attr(a, attrs, len) {
		uint64_t v = value_of(a);

		switch (a->nla_type) {
		case SUP_A_GROUP_ID: g->id = v; break;
		case SUP_A_GROUP_FLAGS: g->flags = v; break;
		case SUP_A_GROUP_POLICY: g->policy = v; break;
		case SUP_A_GROUP_GRACE_MS: g->grace_ms = v; break;
		case SUP_A_GROUP_CREDIT: g->credit = v; break;
		case SUP_A_GROUP_PARENT: g->parent = v; break;
		case SUP_A_GROUP_PARENT_LINEAGE: g->parent_lineage = v; break;
		case SUP_A_GROUP_STATE: g->state = v; break;
		case SUP_A_GROUP_OWNER_PID: g->owner_pid = v; break;
		case SUP_A_GROUP_OWNER_UID: g->owner_uid = v; break;
		case SUP_A_GROUP_PROCESSES: g->processes = v; break;
		case SUP_A_GROUP_THREADS: g->threads = v; break;
		case SUP_A_GROUP_SUBGROUPS: g->subgroups = v; break;
		case SUP_A_GROUP_RECORDS: g->records = v; break;
		case SUP_A_GROUP_SEQ: g->seq = v; break;
		case SUP_A_GROUP_ACKED: g->acked = v; break;
		case SUP_A_GROUP_SIGNALLED: g->signalled = v; break;
		case SUP_A_GROUP_REFUSED: g->refused = v; break;
		case SUP_A_GROUP_TOKEN:
			memcpy(g->token, (const char *)a + NLA_HDRLEN,
			       SUP_TOKEN_SIZE);
			break;
		}
	}
}

void parse_member(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	struct member *m = arg;

	for_each_attr(a, attrs, len) {
		uint64_t v = value_of(a);

		switch (a->nla_type) {
		case SUP_A_MEMBER_GROUP: m->group = v; break;
		case SUP_A_MEMBER_ID: m->id = v; break;
		case SUP_A_MEMBER_KIND: m->kind = v; break;
		case SUP_A_MEMBER_PID: m->pid = v; break;
		case SUP_A_MEMBER_TGID: m->tgid = v; break;
		case SUP_A_MEMBER_LINEAGE: m->lineage = v; break;
		case SUP_A_MEMBER_COOKIE: m->cookie = v; break;
		case SUP_A_MEMBER_START_BOOTTIME: m->start_boottime = v; break;
		case SUP_A_MEMBER_STATE: m->state = v; break;
		case SUP_A_MEMBER_ADDED: m->added = v; break;
		case SUP_A_MEMBER_COMM:
			text_of(a, m->comm, sizeof(m->comm));
			break;
		}
	}
}

int group_new(struct sup *s, uint32_t flags, uint32_t policy,
	      uint32_t grace_ms, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_NEW, false);
	if (flags)
		put_u32(&r, SUP_A_GROUP_FLAGS, flags);
	if (policy)
		put_u32(&r, SUP_A_GROUP_POLICY, policy);
	if (grace_ms)
		put_u32(&r, SUP_A_GROUP_GRACE_MS, grace_ms);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_del(struct sup *s, uint64_t id, bool release)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_DEL, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	if (release)
		put_data(&r, SUP_A_GROUP_RELEASE, NULL, 0);
	return call(s, &r, NULL, NULL);
}

int group_get(struct sup *s, uint64_t id, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_GET, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_kill(struct sup *s, uint64_t id, int sig, uint64_t lineage,
	       uint64_t member, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_KILL, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	put_u32(&r, SUP_A_GROUP_SIGNAL, sig);
	if (lineage)
		put_u64(&r, SUP_A_GROUP_LINEAGE, lineage);
	if (member)
		put_u64(&r, SUP_A_GROUP_MEMBER, member);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_adopt(struct sup *s, uint64_t id, const unsigned char *token,
		uint32_t flags, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_ADOPT, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	if (token)
		put_data(&r, SUP_A_GROUP_TOKEN, token, SUP_TOKEN_SIZE);
	if (flags)
		put_u32(&r, SUP_A_GROUP_FLAGS, flags);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

struct list {
	void *items;
	size_t size;
	int max, n;
	reply_cb parse;
};

static void add_to_list(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	struct list *list = arg;
	char *item = (char *)list->items + list->n * list->size;

	if (list->n++ >= list->max)
		return;
	memset(item, 0, list->size);
	list->parse(cmd, attrs, len, item);
}

int group_dump(struct sup *s, struct group *ret, int max)
{
	struct list list = { ret, sizeof(*ret), max, 0, parse_group };
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_GET, true);
	return call(s, &r, add_to_list, &list) ?: list.n;
}

int member_dump(struct sup *s, uint64_t group, uint64_t lineage,
		struct member *ret, int max)
{
	struct list list = { ret, sizeof(*ret), max, 0, parse_member };
	struct request r;

	request_init(&r, s, SUP_CMD_MEMBER_GET, true);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	if (lineage)
		put_u64(&r, SUP_A_MEMBER_LINEAGE, lineage);
	return call(s, &r, add_to_list, &list) ?: list.n;
}

static void add_records(uint8_t cmd, const void *attrs, size_t len, void *arg)
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

int record_dump(struct sup *s, uint64_t group, struct record *ret, int max)
{
	struct list list = { ret, sizeof(*ret), max, 0, NULL };
	struct request r;

	request_init(&r, s, SUP_CMD_RECORD_GET, true);
	put_u64(&r, SUP_A_BATCH_GROUP, group);
	return call(s, &r, add_records, &list) ?: list.n;
}

static void begin_add(struct request *r, struct sup *s, uint64_t group,
		      uint64_t cookie)
{
	request_init(r, s, SUP_CMD_MEMBER_ADD, false);
	put_u64(r, SUP_A_MEMBER_GROUP, group);
	if (cookie)
		put_u64(r, SUP_A_MEMBER_COOKIE, cookie);
}

int member_add_self(struct sup *s, uint64_t group, uint64_t cookie,
		    struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, cookie);
	put_data(&r, SUP_A_MEMBER_SELF, NULL, 0);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_add_pid(struct sup *s, uint64_t group, pid_t pid, uint64_t ticks,
		   uint32_t kind, uint64_t cookie, struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, cookie);
	put_u32(&r, SUP_A_MEMBER_PID, pid);
	put_u64(&r, SUP_A_MEMBER_START_TICKS, ticks);
	put_u32(&r, SUP_A_MEMBER_KIND, kind);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_add_pidfd(struct sup *s, uint64_t group, int pidfd, uint64_t cookie,
		     struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, cookie);
	put_u32(&r, SUP_A_MEMBER_PIDFD, pidfd);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_get(struct sup *s, uint64_t group, pid_t pid, uint32_t kind,
	       struct member *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_MEMBER_GET, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	put_u32(&r, SUP_A_MEMBER_PID, pid);
	put_u32(&r, SUP_A_MEMBER_KIND, kind);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int record_ack(struct sup *s, uint64_t group, uint64_t seq)
{
	struct request r;

	request_init(&r, s, SUP_CMD_RECORD_ACK, false);
	put_u64(&r, SUP_A_BATCH_GROUP, group);
	put_u64(&r, SUP_A_BATCH_SEQ, seq);
	return call(s, &r, NULL, NULL);
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

uint64_t start_ticks(pid_t pid)
{
	char path[64], line[1024], *p;
	unsigned long long ticks = 0;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	/* Behind the name is the space before field 3. */
	for (i = 2; p && i < 22; i++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	fclose(f);
	return ticks;
}

bool alive(pid_t pid)
{
	char path[64], line[1024], *p;
	bool ret = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (p)
		ret = p[2] != 'Z' && p[2] != 'X';
	fclose(f);
	return ret;
}

bool eventually(bool (*cond)(void *arg), void *arg)
{
	int64_t end = now_ms() + DEADLINE_MS;

	while (!cond(arg)) {
		if (now_ms() > end)
			return false;
		sched_yield();
	}
	return true;
}

static bool is_gone(void *arg)
{
	return !alive(*(pid_t *)arg);
}

bool wait_gone(pid_t pid)
{
	return eventually(is_gone, &pid);
}

int param_set(const char *name, const char *value)
{
	char path[128];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "/sys/module/sup/parameters/%s", name);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	ret = fputs(value, f) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : ret;
}

int pidfd_of(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}
