/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source that needs no module: a pidfd becomes readable when its process
 * has ended, and the process stays a zombie until it is reaped, by which its
 * number, which is also that of its process group, stays its own. So the rest
 * of the group can be signalled by number, and looked for, until then.
 */
#include "exit/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "exit/pgroup.h"
#include "exit/proc.h"

#define LACKS (SUP_LACKS_DESCENDANTS | SUP_LACKS_LINEAGE_KILL | \
	       SUP_LACKS_SENDER | SUP_LACKS_KERNEL_TIME | SUP_LACKS_THREADS | \
	       SUP_LACKS_OWNER_DEATH | SUP_LACKS_ADOPTION | SUP_LACKS_AUDIT)

struct watched;

/* One pidfd in the epoll set: of a child, or of one left in its group. */
struct fd_ref {
	struct watched *owner;
	int fd;
	struct fd_ref *prev, *next;	/* in owner->rest */
};

struct watched {
	struct sup__proc proc;		/* its pidfd is our duplicate */
	struct fd_ref ref;		/* of the child itself */
	bool told;			/* below: the runtime's thread only */
	struct fd_ref *rest;		/* of its group, still alive */
	struct watched *prev, *next;
};

struct source {
	struct sup__exit_source base;
	int epfd;

	struct sup__lock lock;		/* protects all */
	struct watched *all;
};

static struct source *to_source(struct sup__exit_source *src)
{
	return (struct source *)src;
}

static void warn_if_nobody_waits(void)
{
	struct sigaction sa;

	if (sigaction(SIGCHLD, NULL, &sa))
		return;
	if (sa.sa_handler == SIG_IGN || (sa.sa_flags & SA_NOCLDWAIT))
		sup__log(LOG_WARNING, "SIGCHLD is ignored: how children end "
			 "will be lost");
}

static int source_open(const struct sup_options *opts,
		       struct sup__exit_source **ret_src)
{
	struct source *s;
	int ret;

	(void)opts;
	s = sup__zalloc(sizeof(*s));
	if (!s)
		return sup__error_nomem("the pidfd source");
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0) {
		ret = sup__error_sys(-errno, "epoll");
		sup__free(s);
		return ret;
	}
	sup__lock_init(&s->lock);
	s->base.ops = &sup__exit_pidfd;
	s->base.info = (struct sup_source_info){
		.source = SUP_SOURCE_PIDFD, .name = "pidfd", .lacks = LACKS,
		.why = s->base.why,
	};
	warn_if_nobody_waits();
	*ret_src = &s->base;
	return 0;
}

static int poll_fd(struct source *s, struct fd_ref *ref)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ref };

	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, ref->fd, &ev))
		return sup__error_sys(-errno, "epoll");
	return 0;
}

/* A copy in a child that is being started keeps the set's entry: delete it. */
static void unpoll_fd(struct source *s, struct fd_ref *ref)
{
	epoll_ctl(s->epfd, EPOLL_CTL_DEL, ref->fd, NULL);
	close(ref->fd);
	ref->fd = -1;
}

static void drop_rest(struct source *s, struct watched *w, struct fd_ref *ref)
{
	DL_DELETE(w->rest, ref);
	unpoll_fd(s, ref);
	sup__free(ref);
}

static void watched_free(struct source *s, struct watched *w)
{
	while (w->rest)
		drop_rest(s, w, w->rest);
	if (w->ref.fd >= 0)
		unpoll_fd(s, &w->ref);
	sup__free(w);
}

static void source_close(struct sup__exit_source *src)
{
	struct source *s = to_source(src);
	struct watched *w, *next;

	DL_FOREACH_SAFE(s->all, w, next)
		watched_free(s, w);
	close(s->epfd);
	sup__lock_fini(&s->lock);
	sup__free(s);
}

static int source_fd(struct sup__exit_source *src)
{
	return to_source(src)->epfd;
}

static int source_watch(struct sup__exit_source *src, struct sup__proc *p)
{
	struct source *s = to_source(src);
	struct watched *w;
	int ret;

	w = sup__zalloc(sizeof(*w));
	if (!w)
		return sup__error_nomem("a process");
	w->ref.owner = w;
	w->ref.fd = fcntl(p->pidfd, F_DUPFD_CLOEXEC, 0);
	if (w->ref.fd < 0) {
		ret = sup__error_sys(-errno, "pidfd of pid %d", (int)p->pid);
		goto free_watched;
	}
	w->proc = (struct sup__proc)SUP__PROC_INIT;
	w->proc.pid = p->pid;
	w->proc.pidfd = w->ref.fd;
	/* First into the list: once polled, the other thread may free it. */
	sup__lock(&s->lock);
	DL_APPEND(s->all, w);
	sup__unlock(&s->lock);
	ret = poll_fd(s, &w->ref);
	if (ret)
		goto unlist;
	return 0;

unlist:
	sup__lock(&s->lock);
	DL_DELETE(s->all, w);
	sup__unlock(&s->lock);
	close(w->ref.fd);
free_watched:
	sup__free(w);
	return ret;
}

static int add_rest(pid_t pid, int pidfd, void *arg)
{
	struct watched *w = arg;
	struct fd_ref *ref;

	(void)pid;
	ref = sup__zalloc(sizeof(*ref));
	if (!ref) {
		close(pidfd);
		return sup__error_nomem("a process group");
	}
	ref->owner = w;
	ref->fd = pidfd;
	DL_APPEND(w->rest, ref);
	return 0;
}

/* Looks for what is left of a group, and polls it. True if there is any. */
static bool find_rest(struct source *s, struct watched *w)
{
	struct fd_ref *ref, *next;
	int ret;

	ret = sup__pgroup_members(w->proc.pid, add_rest, w);
	DL_FOREACH_SAFE(w->rest, ref, next) {
		if (!poll_fd(s, ref))
			continue;
		ret = -ENOMEM;
		DL_DELETE(w->rest, ref);
		close(ref->fd);
		sup__free(ref);
	}
	if (ret)
		sup__log(LOG_ERR, "the rest of the process group of pid %d is "
			 "not watched: %s", (int)w->proc.pid, sup_error());
	return w->rest;
}

static void forget(struct source *s, struct watched *w)
{
	sup__lock(&s->lock);
	DL_DELETE(s->all, w);
	sup__unlock(&s->lock);
	watched_free(s, w);
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return tv->tv_sec * UINT64_C(1000000000) + tv->tv_usec * 1000;
}

static void child_ended(struct source *s, struct watched *w, sup__exit_cb cb,
			void *arg)
{
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_PROCESS, .pid = w->proc.pid,
		.reason.kind = SUP_REASON_LOST, .exit_ns = sup__now_ns(),
	};
	struct rusage usage = { 0 };
	int ret;

	ret = sup__proc_peek(&w->proc, &ev.reason, &usage);
	if (ret == -EAGAIN)
		return;
	ev.reaped = ret;	/* by somebody else, or by SIGCHLD ignored */
	ev.utime_ns = timeval_ns(&usage.ru_utime);
	ev.stime_ns = timeval_ns(&usage.ru_stime);
	ev.max_rss = usage.ru_maxrss * UINT64_C(1024);
	w->told = true;
	unpoll_fd(s, &w->ref);
	cb(&ev, arg);
	if (!w->rest)
		forget(s, w);
}

static void one_of_rest_ended(struct source *s, struct fd_ref *ref,
			      sup__exit_cb cb, void *arg)
{
	struct watched *w = ref->owner;
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_LINEAGE, .pid = w->proc.pid,
		.exit_ns = sup__now_ns(),
	};

	drop_rest(s, w, ref);
	if (w->rest || find_rest(s, w))
		return;
	cb(&ev, arg);
	forget(s, w);
}

static int source_dispatch(struct sup__exit_source *src, sup__exit_cb cb,
			   void *arg)
{
	struct source *s = to_source(src);
	struct epoll_event events[64];
	struct fd_ref *ref;
	int i, n;

	do {
		n = epoll_wait(s->epfd, events, 64, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sup__error_sys(-errno, "epoll");
		for (i = 0; i < n; i++) {
			ref = events[i].data.ptr;
			if (ref == &ref->owner->ref)
				child_ended(s, ref->owner, cb, arg);
			else
				one_of_rest_ended(s, ref, cb, arg);
		}
	} while (n);
	return 0;
}

/* Every child has its pidfd. */
static int source_doubt(struct sup__exit_source *src, struct sup__proc *p)
{
	(void)src;
	(void)p;
	return 0;
}

/*
 * The group's number is only used while its first process was not reaped. A
 * child that has not left our group yet is reached through its pidfd alone.
 */
static int source_kill(struct sup__exit_source *src, const struct sup__proc *p,
		       uint64_t lineage, int signo, bool whole_lineage)
{
	struct sup_reason reason;
	int ret;

	(void)src;
	(void)lineage;
	if (!whole_lineage)
		return sup__proc_signal(p, signo);
	ret = sup__proc_peek(p, &reason, NULL);
	if (ret == -ECHILD)
		return sup__error(-ESRCH, "pid %d has been reaped",
				  (int)p->pid);
	if (!kill(-p->pid, signo))
		return 0;
	if (errno == ESRCH)
		return sup__proc_signal(p, signo);
	return sup__error_sys(-errno, "signal %d to process group %d", signo,
			      (int)p->pid);
}

static bool source_lineage_alive(struct sup__exit_source *src,
				 const struct sup__proc *p, uint64_t lineage)
{
	struct source *s = to_source(src);
	struct watched *w;

	(void)lineage;
	sup__lock(&s->lock);
	DL_FOREACH(s->all, w)
		if (w->proc.pid == p->pid)
			break;
	sup__unlock(&s->lock);
	if (!w)
		return false;
	return !w->told || w->rest || find_rest(s, w);
}

static bool source_descends(struct sup__exit_source *src,
			    const struct sup__proc *p, uint64_t lineage,
			    pid_t pid)
{
	(void)src;
	(void)lineage;
	return sup__pgroup_descends(pid, p->pid);
}

static int source_find(struct sup__exit_source *src, uint64_t lineage,
		       struct sup__proc *ret_p)
{
	(void)src;
	(void)lineage;
	(void)ret_p;
	return sup__error(-EOPNOTSUPP, "adoption needs the module");
}

static int source_token(struct sup__exit_source *src, uint64_t *ret_group,
			unsigned char ret_token[SUP_TOKEN_SIZE])
{
	(void)src;
	(void)ret_group;
	(void)ret_token;
	return sup__error(-EOPNOTSUPP, "a token needs the module");
}

static int source_orphans(struct sup__exit_source *src,
			  int (*cb)(const struct sup_orphan *o, void *arg),
			  void *arg)
{
	(void)src;
	(void)cb;
	(void)arg;
	return sup__error(-EOPNOTSUPP, "adoption needs the module");
}

static int source_members(struct sup__exit_source *src,
			  struct sup__members *ret_members)
{
	(void)src;
	(void)ret_members;
	return sup__error(-EOPNOTSUPP, "an audit needs the module");
}

static bool source_is_adopted(struct sup__exit_source *src,
			      const struct sup__member *m)
{
	(void)src;
	(void)m;
	return false;
}

static int source_catch_up(struct sup__exit_source *src, int64_t deadline)
{
	(void)src;
	(void)deadline;
	return 0;
}

const struct sup__exit_ops sup__exit_pidfd = {
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
