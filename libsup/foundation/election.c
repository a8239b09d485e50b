/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elections of this process. Who leads is the task under the election's name in
 * a registry of libsup, with its term and what it has proclaimed as the value;
 * who observes is in another one. Both are the truth, which the server cannot
 * take into its grave: a new one reads them, watches those whom it finds, and
 * tells all observers how things are. An entry goes with its task, before the
 * server hears of its end and puts that of the next one.
 *
 * The server alone puts entries, so terms grow. A task that the server has
 * ended on cannot know whether it leads: it removes its entry, and lets the
 * next server look, which may have found it; one that comes later does not.
 *
 * A message to an observer is the whole of what is known. To one who has no
 * room the newest is sent when he has some; nobody else waits for that.
 */
#include <foundation/election.h>

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/election_in.h"
#include "foundation/service.h"
#include "foundation/token.h"
#include "foundation/waiters.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup_alloc(size)
#define uthash_free(p, size) sup_free(p)
#include <uthash.h>

/* The timer after which those who had no room are told. */
#define AGAIN 1
#define AGAIN_MS 10

struct election {
	UT_hash_handle hh;
	struct fnd_leader now;		/* what observers know, or will */
	struct fnd__waiter *leader;	/* watched; it waits for nothing */
	struct fnd__waiter *queue;
	struct fnd__waiter *observers;	/* watched; they wait for nothing */
};

enum role {
	CANDIDATE, LEADER, OBSERVER,
};

/* The place of each waiter. */
struct party {
	struct election *of;
	enum role role;
	bool late;		/* an observer who had no room */
	char proclaimed[];
};

struct state {
	struct election *elections;
	struct fnd__waiters waiters;
	bool comes_again;	/* the timer */
};

static struct election *find(struct state *s, const char *name)
{
	struct election *e;

	HASH_FIND_STR(s->elections, name, e);
	return e;
}

static struct election *find_or_add(struct state *s, const char *name)
{
	struct election *e = find(s, name);

	if (e)
		return e;
	e = sup_alloc(sizeof(*e));
	if (!e)
		return NULL;
	strcpy(e->now.name, name);
	HASH_ADD_STR(s->elections, now.name, e);
	if (!e->hh.tbl) {
		sup_free(e);
		return NULL;
	}
	return e;
}

static void forget_if_idle(struct state *s, struct election *e)
{
	if (e->leader || e->queue || e->observers)
		return;
	HASH_DEL(s->elections, e);
	sup_free(e);
}

static struct party *party_of(const struct fnd__waiter *w)
{
	return w->place;
}

/* It is in no list yet. */
static int join(struct state *s, struct election *e, enum role role,
		const struct fnd__waiter *who, const char *proclaimed,
		struct fnd__waiter **ret_waiter)
{
	size_t len = strlen(proclaimed);
	struct party *p = sup_alloc(sizeof(*p) + len + 1);
	int ret;

	if (!p)
		return -ENOMEM;
	p->of = e;
	p->role = role;
	memcpy(p->proclaimed, proclaimed, len);
	ret = fnd__waiter_add(&s->waiters, who->from, who->deadline, p,
			      ret_waiter);
	if (ret)
		sup_free(p);
	return ret;
}

/* Of whatever role: it is in no list any more. The election stays. */
static void leave(struct state *s, struct fnd__waiter *w)
{
	struct election *e = party_of(w)->of;

	switch (party_of(w)->role) {
	case CANDIDATE:
		DL_DELETE(e->queue, w);
		break;
	case OBSERVER:
		DL_DELETE(e->observers, w);
		break;
	case LEADER:
		e->leader = NULL;
		break;
	}
	sup_free(w->place);
	fnd__waiter_del(&s->waiters, w);
}

static int tell_one(struct state *s, struct fnd__waiter *w)
{
	struct party *p = party_of(w);
	struct sup_msg msg = {
		.tag = FND_ELECTION, .data = &p->of->now,
		.len = sizeof(p->of->now),
	};
	int ret;

	ret = sup_send(w->from.pid, &msg, SUP_TRY);
	p->late = ret && ret != -ESRCH;
	if (p->late && !s->comes_again)
		s->comes_again = !sup_server_timer(AGAIN, AGAIN_MS);
	return ret;
}

/* Those who are late wait for the timer. */
static void tell(struct state *s, const struct election *e)
{
	struct fnd__waiter *w;

	DL_FOREACH(e->observers, w) {
		if (!party_of(w)->late)
			tell_one(s, w);
	}
}

static void tell_the_late(struct state *s)
{
	struct election *e, *next;
	struct fnd__waiter *w;

	s->comes_again = false;
	HASH_ITER(hh, s->elections, e, next) {
		DL_FOREACH(e->observers, w) {
			if (party_of(w)->late)
				tell_one(s, w);
		}
	}
}

/* The first in the queue who can leads. */
static void elect(struct state *s, struct election *e)
{
	struct fnd_leader next = e->now;
	struct fnd__waiter *w;
	int ret;

	while ((w = e->queue)) {
		next.pid = w->from.pid;
		next.term = fnd__draw_token();
		strcpy(next.proclaimed, party_of(w)->proclaimed);
		ret = fnd__leader_put(&next);
		if (ret) {
			sup_reply_error(w->from, ret);
			leave(s, w);
			continue;
		}
		DL_DELETE(e->queue, w);
		party_of(w)->role = LEADER;
		w->deadline = SUP_FOREVER;
		e->leader = w;
		e->now = next;
		/* If it cannot be told it removes its entry, and we look. */
		if (sup_reply(w->from, &(struct sup_msg){ .tag = next.term }))
			sup_reply_error(w->from, -ENOMEM);
		return;
	}
}

/* Whether who leads does still; else another does, or nobody. */
static void look(struct state *s, struct election *e)
{
	struct sup_bytes key = fnd__election_key(e->now.name);
	bool did = e->leader;

	if (did && sup_registry_whereis(fnd__leaders(), key).v ==
	    e->now.pid.v)
		return;
	if (did)
		leave(s, e->leader);
	e->now.pid = SUP_PID_NONE;
	e->now.term = 0;
	e->now.proclaimed[0] = '\0';
	elect(s, e);
	if (did || e->leader)
		tell(s, e);
}

static int campaign(struct state *s, struct sup_from from,
		    const struct fnd__election_request *req)
{
	struct fnd__waiter who = { .from = from, .deadline = req->deadline };
	struct election *e = find_or_add(s, req->name);
	struct fnd__waiter *w;
	int ret = 0;

	if (!e)
		return -ENOMEM;
	look(s, e);
	if (e->leader && req->deadline == SUP_TRY)
		ret = -EAGAIN;
	if (!ret)
		ret = join(s, e, CANDIDATE, &who, req->proclaimed, &w);
	if (!ret) {
		DL_APPEND(e->queue, w);
		look(s, e);
	}
	forget_if_idle(s, e);
	return ret;
}

static bool leads(const struct election *e, struct sup_pid pid, uint64_t term)
{
	return e && e->now.pid.v == pid.v && e->now.term == term;
}

static int proclaim(struct state *s, struct sup_from from,
		    const struct fnd__election_request *req)
{
	struct election *e = find(s, req->name);
	struct fnd_leader next;
	int ret;

	if (!leads(e, from.pid, req->term))
		return -EPERM;
	next = e->now;
	strcpy(next.proclaimed, req->proclaimed);
	ret = fnd__leader_update(&next);
	if (ret)
		return ret == -ENOKEY ? -EPERM : ret;
	e->now = next;
	tell(s, e);
	return sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int resign(struct state *s, struct sup_from from,
		  const struct fnd__election_request *req)
{
	struct election *e = find(s, req->name);
	int ret;

	if (!leads(e, from.pid, req->term))
		return -EPERM;
	ret = fnd__elections_remove(fnd__leaders(), req->name, from.pid);
	if (ret)
		return ret;
	look(s, e);
	forget_if_idle(s, e);
	return sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int waiting(struct state *s, struct sup_from from,
		   const struct fnd__election_request *req)
{
	struct election *e = find(s, req->name);
	struct fnd__waiter *w;
	unsigned int n = 0;

	if (e)
		DL_COUNT(e->queue, w, n);
	return sup_reply(from, &(struct sup_msg){ .tag = n });
}

static struct fnd__waiter *observer(const struct election *e,
				    struct sup_pid pid)
{
	struct fnd__waiter *w = NULL;

	if (e)
		DL_FOREACH(e->observers, w) {
			if (w->from.pid.v == pid.v)
				break;
		}
	return w;
}

/* The entry has been put, or is there already. */
static int add_observer(struct state *s, struct election *e,
			struct sup_pid pid, struct fnd__waiter **ret_waiter)
{
	struct fnd__waiter who = {
		.from = { .pid = pid }, .deadline = SUP_FOREVER,
	};
	int ret;

	ret = join(s, e, OBSERVER, &who, "", ret_waiter);
	if (!ret)
		DL_APPEND(e->observers, *ret_waiter);
	return ret;
}

static int observe(struct state *s, struct sup_from from,
		   const struct fnd__election_request *req)
{
	struct election *e = find_or_add(s, req->name);
	struct fnd__waiter *w = observer(e, from.pid);
	int ret = 0;

	if (!e)
		return -ENOMEM;
	if (!w) {
		ret = sup_registry_put(fnd__observers(), from.pid,
				       fnd__election_key(req->name),
				       (struct sup_bytes){ NULL, 0 }, NULL);
		if (!ret)
			ret = add_observer(s, e, from.pid, &w);
	}
	if (!ret)
		ret = tell_one(s, w);
	if (!ret)
		ret = sup_reply(from, &(struct sup_msg){ .tag = 0 });
	/* The caller removes its entry. */
	if (ret && w)
		leave(s, w);
	forget_if_idle(s, e);
	return ret;
}

static int unobserve(struct state *s, struct sup_from from,
		     const struct fnd__election_request *req)
{
	struct election *e = find(s, req->name);
	struct fnd__waiter *w = observer(e, from.pid);
	int ret;

	ret = fnd__elections_remove(fnd__observers(), req->name, from.pid);
	if (ret)
		return ret;
	if (w) {
		leave(s, w);
		forget_if_idle(s, e);
	}
	return sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	static int (*const calls[])(struct state *s, struct sup_from from,
				    const struct fnd__election_request *req) = {
		[FND__CAMPAIGN] = campaign, [FND__PROCLAIM] = proclaim,
		[FND__RESIGN] = resign, [FND__WAITING] = waiting,
		[FND__OBSERVE] = observe, [FND__UNOBSERVE] = unobserve,
	};
	int ret = -EINVAL;

	if (msg->len == sizeof(struct fnd__election_request) &&
	    msg->tag < sizeof(calls) / sizeof(calls[0]))
		ret = calls[msg->tag](state, from, msg->data);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	const struct fnd__election_request *req = msg->data;
	struct state *s = state;
	struct election *e;

	if (msg->tag != FND__LOOK || msg->len != sizeof(*req))
		return SUP_CONTINUE;
	e = find(s, req->name);
	if (e) {
		look(s, e);
		forget_if_idle(s, e);
	}
	return SUP_CONTINUE;
}

/* Who leads, would lead or observes; of the leader look() finds no entry. */
static void ended(void *state, struct fnd__waiter *w)
{
	struct election *e = party_of(w)->of;
	struct state *s = state;

	if (party_of(w)->role == LEADER)
		look(s, e);
	else
		leave(s, w);
	forget_if_idle(s, e);
}

static void late(void *state, struct fnd__waiter *w)
{
	struct election *e = party_of(w)->of;
	struct state *s = state;

	fnd__waiter_refuse(w);
	leave(s, w);
	forget_if_idle(s, e);
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;

	fnd__waiters_info(&s->waiters, info, ended, late, s);
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == AGAIN)
		tell_the_late(s);
	return SUP_CONTINUE;
}

/* Entries that are there: of tasks that lead, or observe. */
static int take_over(struct state *s, struct sup_registry r,
		     int (*one)(struct state *s, struct election *e,
				const struct sup_registry_entry *entry))
{
	struct sup_registry_query all = { .key = NULL };
	struct sup_registry_entry *entries = NULL;
	char name[FND_NAME_MAX + 1];
	struct election *e;
	size_t i, n = 0;
	int ret;

	ret = fnd__select(r, &all, &entries, &n);
	for (i = 0; !ret && i < n; i++) {
		memcpy(name, entries[i].key.data, entries[i].key.len);
		name[entries[i].key.len] = '\0';
		e = find_or_add(s, name);
		ret = e ? one(s, e, &entries[i]) : -ENOMEM;
	}
	fnd__free(entries);
	return ret;
}

static int leader_is_there(struct state *s, struct election *e,
			   const struct sup_registry_entry *entry)
{
	struct fnd__waiter who = {
		.from = { .pid = entry->pid }, .deadline = SUP_FOREVER,
	};

	fnd__leader_read(entry, &e->now);
	return join(s, e, LEADER, &who, "", &e->leader);
}

static int observer_is_there(struct state *s, struct election *e,
			     const struct sup_registry_entry *entry)
{
	struct fnd__waiter *w;

	return add_observer(s, e, entry->pid, &w);
}

static int init(void *arg, void **ret_state)
{
	struct state *s = sup_alloc(sizeof(*s));
	struct election *e, *next;
	int ret;

	(void)arg;
	if (!s)
		return -ENOMEM;
	ret = fnd__elections_open();
	if (!ret)
		ret = take_over(s, fnd__leaders(), leader_is_there);
	if (!ret)
		ret = take_over(s, fnd__observers(), observer_is_there);
	if (ret)
		return ret;
	HASH_ITER(hh, s->elections, e, next)
		tell(s, e);
	*ret_state = s;
	return 0;
}

int fnd_elections_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call,
		.cast = cast, .info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__ELECTIONS, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}
