/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source that is the kernel module. One socket owns the group: requests
 * that make or take it over go there, records arrive there, and only the
 * runtime's thread reads it. Another is for requests, under a lock, from any
 * thread; a third for the runtime's thread to ask for records again, with which
 * it may be busy while what it tells of them leads to requests.
 *
 * Records carry a gapless number. What was told is acknowledged, once for all
 * that was read; after a gap, or when the kernel says that it dropped messages,
 * those that are not acknowledged are asked for, oldest first.
 *
 * A child is a member by birth, so nothing is asked when one is started. One
 * for which there was no room was killed at birth, or, if it is beyond the
 * group's power, runs unrecorded: both are in doubt until they have ended.
 */
#include "exit/exit.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "base/log.h"
#include "exit/netlink_doubt.h"
#include "exit/netlink_group.h"
#include "exit/netlink_msg.h"
#include "exit/netlink_record.h"
#include "exit/pgroup.h"
#include "exit/proc.h"

struct source {
	struct sup__exit_source base;
	struct sup__nl owner;		/* the runtime's thread */
	struct sup__nl again;		/* the runtime's thread */
	int epfd;			/* owner's socket, and: */
	int wake_fd;			/* something is to be asked for */
	struct sup__group group;
	struct sup__doubts doubts;
	uint64_t seen;			/* number of the last record taken */
	uint64_t acked;
	bool gap;			/* below: runtime's thread */
	sup__exit_cb cb;
	void *arg;

	struct sup__lock lock;		/* protects request */
	struct sup__nl request;

	_Atomic bool ended;		/* by the administrator: see below */
	_Atomic uint64_t told;		/* seen, when all that is dealt with */
	_Atomic uint32_t n_waiting;	/* for that to rise */
	_Atomic uint32_t rises;		/* futex */
};

static struct source *to_source(struct sup__exit_source *src)
{
	return (struct source *)src;
}

static int open_poll(struct source *s)
{
	struct epoll_event ev = { .events = EPOLLIN };

	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->doubts.epfd = s->epfd;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->epfd < 0 || s->wake_fd < 0 ||
	    epoll_ctl(s->epfd, EPOLL_CTL_ADD, s->wake_fd, &ev) ||
	    epoll_ctl(s->epfd, EPOLL_CTL_ADD, sup__nl_fd(&s->owner), &ev))
		return sup__error_sys(-errno, "epoll");
	return 0;
}

/* Whatever part of it is open. */
static void source_free(struct source *s)
{
	sup__doubts_fini(&s->doubts);
	if (s->epfd >= 0)
		close(s->epfd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	sup__nl_close(&s->request);
	sup__nl_close(&s->again);
	sup__nl_close(&s->owner);
	sup__group_fini(&s->group);
	sup__lock_fini(&s->lock);
	sup__free(s);
}

static int open_sockets(struct source *s)
{
	int ret;

	ret = sup__nl_open(&s->owner);
	if (!ret)
		ret = sup__nl_open(&s->request);
	if (!ret)
		ret = sup__nl_open(&s->again);
	return ret ? ret : open_poll(s);
}

static int source_open(const struct sup_options *opts,
		       struct sup__exit_source **ret_src)
{
	uint64_t one = 1;
	struct source *s;
	int ret;

	s = sup__zalloc(sizeof(*s));
	if (!s)
		return sup__error_nomem("the module source");
	s->epfd = -1;
	s->wake_fd = -1;
	sup__lock_init(&s->lock);
	sup__doubts_init(&s->doubts, -1);
	s->base.ops = &sup__exit_netlink;
	s->base.info = (struct sup_source_info){
		.source = SUP_SOURCE_MODULE, .name = "module",
		.why = s->base.why,
	};
	ret = open_sockets(s);
	if (!ret)
		ret = sup__group_open(&s->group, &s->owner, &s->request, opts);
	if (ret) {
		source_free(s);
		return ret;
	}
	/* What arrived during the requests has been read over. */
	s->gap = true;
	s->seen = s->acked = s->group.acked;
	atomic_store(&s->told, s->seen);
	if (write(s->wake_fd, &one, sizeof(one)) != sizeof(one))
		sup__log(LOG_ERR, "eventfd: %s", strerrordesc_np(errno));
	*ret_src = &s->base;
	return 0;
}

static void source_close(struct sup__exit_source *src)
{
	struct source *s = to_source(src);

	if (!atomic_load(&s->ended) &&
	    sup__group_close(&s->group, &s->request))
		sup__log(LOG_WARNING, "%s", sup_error());
	source_free(s);
}

static int source_fd(struct sup__exit_source *src)
{
	return to_source(src)->epfd;
}

/* Each record once and in order; what comes after a gap is read again. */
static int tell_record(struct source *s, struct nlattr *nest)
{
	struct sup__record record;
	int ret;

	ret = sup__record_parse(nest, &record);
	if (ret)
		return ret;
	if (record.seq <= s->seen)
		return 0;
	if (record.seq != s->seen + 1) {
		s->gap = true;
		return 0;
	}
	s->seen = record.seq;
	if (record.ev.kind == SUP__EXIT_PROCESS && !record.ev.descendant)
		sup__doubts_drop(&s->doubts, record.ev.pid);
	if (record.tell)
		s->cb(&record.ev, s->arg);
	return 0;
}

/*
 * The module is to be unloaded, and has nothing to do with us any more. What we
 * still can do is to poll pidfds: so everybody is in doubt from now on.
 */
static void tell_ended(struct source *s)
{
	const struct sup__exit_event ev = { .kind = SUP__EXIT_ENDED };

	if (atomic_exchange(&s->ended, true))
		return;
	sup__log(LOG_CRIT, "the administrator has ended the module's group: "
		 "processes run on without it, descendants are not tracked");
	s->cb(&ev, s->arg);
}

static int tell_batch(const struct genlmsghdr *hdr, void *arg)
{
	struct nlattr *attr;
	struct source *s = arg;
	int rest, ret = 0;

	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0),
			  genlmsg_attrlen(hdr, 0), rest) {
		if (nla_type(attr) != SUP_A_BATCH_RECORD || ret)
			continue;
		if (hdr->cmd == SUP_CMD_RECORD_NTF ||
		    hdr->cmd == SUP_CMD_RECORD_GET)
			ret = tell_record(s, attr);
		else if (hdr->cmd == SUP_CMD_INFORM_NTF &&
			 sup__record_is_ended(attr))
			tell_ended(s);
	}
	return ret;
}

static int acknowledge(struct source *s)
{
	struct nl_msg *msg;
	int ret;

	if (s->acked == s->seen || atomic_load(&s->ended))
		return 0;
	msg = sup__nl_new(&s->owner, SUP_CMD_RECORD_ACK, 0);
	if (msg && (nla_put_u64(msg, SUP_A_BATCH_GROUP, s->group.id) ||
		    nla_put_u64(msg, SUP_A_BATCH_SEQ, s->seen))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = sup__nl_post(&s->owner, msg);
	if (!ret)
		s->acked = s->seen;
	return ret;
}

/* The oldest that are not acknowledged, until there are none. */
static int ask_again(struct source *s)
{
	struct nl_msg *msg;
	uint64_t before;
	int ret;

	if (atomic_load(&s->ended))
		return 0;
	do {
		before = s->seen;
		msg = sup__nl_new(&s->again, SUP_CMD_RECORD_GET, 0);
		if (msg && nla_put_u64(msg, SUP_A_BATCH_GROUP, s->group.id)) {
			nlmsg_free(msg);
			msg = NULL;
		}
		ret = sup__nl_request(&s->again, msg, "record-get", tell_batch,
				      s);
		if (!ret)
			ret = acknowledge(s);
	} while (!ret && s->seen != before);
	return ret;
}

static void tell_unrecorded(struct source *s, const struct sup__doubt *doubt)
{
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_PROCESS,
		.pid = doubt->pid,
		.reason = doubt->reason,
		.reaped = doubt->reaped,
		.unrecorded = true,
		.exit_ns = sup__now_ns(),
	};

	s->cb(&ev, s->arg);
}

/* A child's own: another's has taken the number of one that was reaped. */
static int find_child(struct source *s, struct sup__nl *nl, pid_t pid,
		      struct sup__member *ret_member)
{
	struct sup__member member;
	int ret;

	if (atomic_load(&s->ended))
		return -ESRCH;
	ret = sup__group_member_of(&s->group, nl, pid, &member);
	if (!ret && member.id != member.lineage)
		ret = -ESRCH;
	if (!ret)
		*ret_member = member;
	return ret == -ENOENT ? -ESRCH : ret;
}

/*
 * A member that has ended stays one until its record is there. So one that has
 * ended and is none has its record among those that wait, or will get none.
 */
static int settle_doubts(struct source *s)
{
	struct sup__member member;
	struct sup__doubt doubt;
	int ret = 0;

	while (!ret && sup__doubts_ended(&s->doubts, &doubt)) {
		ret = find_child(s, &s->again, doubt.pid, &member);
		if (!ret)
			sup__doubts_drop(&s->doubts, doubt.pid);
		if (ret != -ESRCH)
			continue;
		ret = ask_again(s);
		if (!ret && sup__doubts_drop(&s->doubts, doubt.pid))
			tell_unrecorded(s, &doubt);
	}
	return ret;
}

static int read_records(struct source *s)
{
	int ret;

	do {
		ret = sup__nl_read(&s->owner, tell_batch, s);
		if (!ret)
			ret = acknowledge(s);
	} while (!ret && !s->owner.empty);
	if (ret || (!s->gap && !s->owner.overrun))
		return ret;
	s->owner.overrun = false;
	s->gap = false;
	return ask_again(s);
}

/* Pairs with source_catch_up(): one of both sees the other. */
static void say_told(struct source *s)
{
	atomic_store(&s->told, s->seen);
	if (!atomic_load(&s->n_waiting))
		return;
	atomic_fetch_add(&s->rises, 1);
	sup__futex_wake_all(&s->rises);
}

static int source_dispatch(struct sup__exit_source *src, sup__exit_cb cb,
			   void *arg)
{
	struct source *s = to_source(src);
	uint64_t count;
	int ret;

	s->cb = cb;
	s->arg = arg;
	if (read(s->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		sup__log(LOG_ERR, "eventfd: %s", strerrordesc_np(errno));
	ret = read_records(s);
	if (!ret)
		ret = settle_doubts(s);
	say_told(s);
	return ret;
}

/* It was born into the group, while there was one. */
static int source_watch(struct sup__exit_source *src, struct sup__proc *p)
{
	struct source *s = to_source(src);

	return atomic_load(&s->ended) ? sup__doubts_add(&s->doubts, p) : 0;
}

static int source_doubt(struct sup__exit_source *src, struct sup__proc *p)
{
	return sup__doubts_add(&to_source(src)->doubts, p);
}

/* That of a child which no record has told; 0: it has none, or is none. */
static uint64_t ask_lineage_locked(struct source *s, const struct sup__proc *p)
	SUP__REQUIRES(s->lock)
{
	struct sup__member member;

	if (find_child(s, &s->request, p->pid, &member))
		return 0;
	/* Not reaped: then the number was its own. */
	return sup__proc_signal(p, 0) == -ESRCH ? 0 : member.lineage;
}

static int source_kill(struct sup__exit_source *src, const struct sup__proc *p,
		       uint64_t lineage, int signo, bool whole_lineage)
{
	struct source *s = to_source(src);
	int ret;

	if (!whole_lineage)
		return sup__proc_signal(p, signo);
	sup__lock(&s->lock);
	if (atomic_load(&s->ended))
		lineage = 0;
	else if (!lineage)
		lineage = ask_lineage_locked(s, p);
	if (lineage)
		ret = sup__group_kill(&s->group, &s->request, lineage, signo);
	else
		ret = sup__proc_signal(p, signo);
	sup__unlock(&s->lock);
	return ret;
}

/* Each lineage has its last record, after those of its processes. */
static bool source_lineage_alive(struct sup__exit_source *src,
				 const struct sup__proc *p, uint64_t lineage)
{
	(void)p;
	return lineage && !atomic_load(&to_source(src)->ended);
}

/* Who has found another parent in the meantime is still of it. */
static bool source_descends(struct sup__exit_source *src,
			    const struct sup__proc *p, uint64_t lineage,
			    pid_t pid)
{
	struct source *s = to_source(src);
	struct sup__member member;
	bool is = false;

	if (atomic_load(&s->ended))
		return sup__pgroup_descends(pid, p->pid);
	sup__lock(&s->lock);
	if (!lineage)
		lineage = ask_lineage_locked(s, p);
	if (lineage &&
	    !sup__group_member_of(&s->group, &s->request, pid, &member))
		is = member.lineage == lineage;
	sup__unlock(&s->lock);
	return is;
}

/* Still the same member after the pidfd was opened: then that refers to it. */
static int source_find(struct sup__exit_source *src, uint64_t lineage,
		       struct sup__proc *ret_p)
{
	struct source *s = to_source(src);
	struct sup__proc p = SUP__PROC_INIT;
	struct sup__member member;
	int ret;

	sup__lock(&s->lock);
	ret = sup__group_member(&s->group, &s->request, lineage, &member);
	if (!ret)
		ret = sup__proc_open(member.pid, &p);
	if (!ret)
		ret = sup__group_member(&s->group, &s->request, lineage,
					&member);
	sup__unlock(&s->lock);
	if (ret) {
		sup__proc_close(&p);
		return ret == -ENOENT ? -ESRCH : ret;
	}
	*ret_p = p;
	return 0;
}

static int source_token(struct sup__exit_source *src, uint64_t *ret_group,
			unsigned char ret_token[SUP_TOKEN_SIZE])
{
	struct source *s = to_source(src);

	*ret_group = s->group.id;
	memcpy(ret_token, s->group.token, SUP_TOKEN_SIZE);
	return 0;
}

static int source_members(struct sup__exit_source *src,
			  struct sup__members *ret_members)
{
	struct source *s = to_source(src);
	int ret;

	sup__lock(&s->lock);
	ret = sup__group_members(&s->group, &s->request, ret_members);
	sup__unlock(&s->lock);
	return ret;
}

static bool source_is_adopted(struct sup__exit_source *src,
			      const struct sup__member *m)
{
	return !m->tid &&
	       sup__group_is_adopted(&to_source(src)->group, m->lineage);
}

static int source_orphans(struct sup__exit_source *src,
			  int (*cb)(const struct sup_orphan *o, void *arg),
			  void *arg)
{
	struct sup__members members;
	size_t i;
	int ret;

	ret = source_members(src, &members);
	if (ret)
		return ret;
	for (i = 0; i < members.n && !ret; i++)
		if (source_is_adopted(src, &members.at[i]))
			ret = sup__member_tell(&members.at[i], cb, arg);
	sup__members_fini(&members);
	return ret;
}

static int source_catch_up(struct sup__exit_source *src, int64_t deadline)
{
	struct source *s = to_source(src);
	uint32_t rises;
	uint64_t seq;
	int ret;

	sup__lock(&s->lock);
	ret = sup__group_seq(&s->group, &s->request, &seq);
	sup__unlock(&s->lock);
	if (ret)
		return ret;
	atomic_fetch_add(&s->n_waiting, 1);
	for (;;) {
		rises = atomic_load(&s->rises);
		if (atomic_load(&s->told) >= seq)
			break;
		ret = sup__futex_wait(&s->rises, rises, deadline);
		if (ret == -ETIMEDOUT)
			break;
	}
	atomic_fetch_sub(&s->n_waiting, 1);
	if (atomic_load(&s->told) >= seq)
		return 0;
	return sup__error(-ETIMEDOUT, "ends that have come are not told yet");
}

const struct sup__exit_ops sup__exit_netlink = {
	.open = source_open,
	.close = source_close,
	.fd = source_fd,
	.dispatch = source_dispatch,
	.watch = source_watch,
	.doubt = source_doubt,
	.kill = source_kill,
	.lineage_alive = source_lineage_alive,
	.descends = source_descends,
	.find = source_find,
	.token = source_token,
	.orphans = source_orphans,
	.members = source_members,
	.is_adopted = source_is_adopted,
	.catch_up = source_catch_up,
};
