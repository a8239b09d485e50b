/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/fake_exit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "exit/members.h"
#include "exit/proc.h"

#define N_MAX 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* all below */
static pthread_cond_t killed = PTHREAD_COND_INITIALIZER;
static pthread_cond_t taken = PTHREAD_COND_INITIALIZER;
static struct sup__exit_event queue[N_MAX];
static unsigned int n_pushed, n_told;
static struct {
	pid_t pid;
	uint64_t lineage;
	unsigned int doubts;
} children[N_MAX];
static unsigned int n_children;
static struct {
	uint64_t lineage;
	int signo;
} kills[N_MAX];
static unsigned int n_kills;
static struct sup__member members[N_MAX];
static unsigned int n_members;
static bool gone_after;
static uint64_t find_lineage, leftover;
static pid_t find_pid;
static int watch_error;
static bool no_room, wait_for_end, tells_threads;
static int event_fd = -1;

void fake_exit_reset(void)
{
	pthread_mutex_lock(&lock);
	n_pushed = n_told = n_children = n_kills = n_members = 0;
	gone_after = false;
	find_lineage = leftover = 0;
	find_pid = 0;
	watch_error = 0;
	no_room = wait_for_end = tells_threads = false;
	pthread_mutex_unlock(&lock);
}

static void push_locked(const struct sup__exit_event *ev)
{
	uint64_t one = 1;

	if (n_pushed == N_MAX)
		abort();
	queue[n_pushed++] = *ev;
	if (write(event_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void fake_exit_push(const struct sup__exit_event *ev)
{
	pthread_mutex_lock(&lock);
	push_locked(ev);
	pthread_mutex_unlock(&lock);
}

/* When the next one is taken, the one before has been dealt with. */
void fake_exit_wait_told(void)
{
	const struct sup__exit_event last = { .kind = SUP__EXIT_LINEAGE };

	pthread_mutex_lock(&lock);
	push_locked(&last);
	while (n_told < n_pushed)
		pthread_cond_wait(&taken, &lock);
	pthread_mutex_unlock(&lock);
}

static struct sup__exit_event end_of(pid_t pid)
{
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_PROCESS, .pid = pid, .exit_ns = 1,
	};
	siginfo_t info;

	if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		abort();
	if (info.si_code != CLD_EXITED) {
		ev.reason.kind = SUP_REASON_SIGNAL;
		ev.reason.signo = info.si_status;
	} else if (info.si_status) {
		ev.reason.kind = SUP_REASON_EXIT;
		ev.reason.code = info.si_status;
	}
	return ev;
}

uint64_t fake_exit_push_end(pid_t pid)
{
	struct sup__exit_event ev = end_of(pid);

	ev.lineage = fake_exit_lineage_of(pid);
	fake_exit_push(&ev);
	return ev.lineage;
}

void fake_exit_push_lineage(uint64_t lineage)
{
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_LINEAGE, .lineage = lineage, .exit_ns = 1,
	};

	fake_exit_push(&ev);
}

uint64_t fake_exit_lineage_of(pid_t pid)
{
	uint64_t lineage = 0;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < n_children; i++)
		if (children[i].pid == pid)
			lineage = children[i].lineage;
	if (!lineage && find_pid == pid)
		lineage = find_lineage;
	pthread_mutex_unlock(&lock);
	return lineage;
}

void fake_exit_set_watch(int error)
{
	pthread_mutex_lock(&lock);
	watch_error = error;
	pthread_mutex_unlock(&lock);
}

void fake_exit_set_tells_threads(void)
{
	pthread_mutex_lock(&lock);
	tells_threads = true;
	pthread_mutex_unlock(&lock);
}

void fake_exit_set_no_room(bool no_room_, bool ended)
{
	pthread_mutex_lock(&lock);
	no_room = no_room_;
	wait_for_end = ended;
	pthread_mutex_unlock(&lock);
}

unsigned int fake_exit_doubts_of(pid_t pid)
{
	unsigned int i, n = 0;

	pthread_mutex_lock(&lock);
	for (i = 0; i < n_children; i++)
		if (children[i].pid == pid)
			n = children[i].doubts;
	pthread_mutex_unlock(&lock);
	return n;
}

void fake_exit_add_member(const struct sup__member *m)
{
	pthread_mutex_lock(&lock);
	if (n_members == N_MAX)
		abort();
	members[n_members++] = *m;
	pthread_mutex_unlock(&lock);
}

void fake_exit_reset_members(void)
{
	pthread_mutex_lock(&lock);
	n_members = 0;
	pthread_mutex_unlock(&lock);
}

void fake_exit_members_end(void)
{
	pthread_mutex_lock(&lock);
	gone_after = true;
	pthread_mutex_unlock(&lock);
}

void fake_exit_set_find(uint64_t lineage, pid_t pid)
{
	pthread_mutex_lock(&lock);
	find_lineage = lineage;
	find_pid = pid;
	pthread_mutex_unlock(&lock);
}

void fake_exit_set_leftover(uint64_t lineage)
{
	pthread_mutex_lock(&lock);
	leftover = lineage;
	pthread_mutex_unlock(&lock);
}

void fake_exit_wait_kill(uint64_t lineage, int signo)
{
	unsigned int i = 0;

	pthread_mutex_lock(&lock);
	for (;; i++) {
		while (i == n_kills)
			pthread_cond_wait(&killed, &lock);
		if (kills[i].lineage == lineage && kills[i].signo == signo)
			break;
	}
	pthread_mutex_unlock(&lock);
}

static int fake_open(const struct sup_options *opts,
		     struct sup__exit_source **ret_src)
{
	struct sup__exit_source *src = calloc(1, sizeof(*src));

	(void)opts;
	if (!src)
		return -ENOMEM;
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	src->ops = &fake_exit_ops;
	src->info = (struct sup_source_info){
		.source = SUP_SOURCE_MODULE, .name = "fake",
		.lacks = tells_threads ? 0 : SUP_LACKS_THREADS, .why = src->why,
	};
	*ret_src = src;
	return 0;
}

static void fake_close(struct sup__exit_source *src)
{
	close(event_fd);
	event_fd = -1;
	free(src);
}

static int fake_fd(struct sup__exit_source *src)
{
	(void)src;
	return event_fd;
}

static int fake_dispatch(struct sup__exit_source *src, sup__exit_cb cb,
			 void *arg)
{
	struct sup__exit_event ev;
	uint64_t count;

	(void)src;
	if (read(event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	for (;;) {
		pthread_mutex_lock(&lock);
		if (n_told == n_pushed)
			break;
		ev = queue[n_told++];
		pthread_cond_broadcast(&taken);
		pthread_mutex_unlock(&lock);
		cb(&ev, arg);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static int fake_watch(struct sup__exit_source *src, struct sup__proc *p)
{
	int ret;

	(void)src;
	pthread_mutex_lock(&lock);
	ret = watch_error;
	if (!ret) {
		children[n_children].pid = p->pid;
		children[n_children].lineage = 1000 + n_children;
		children[n_children].doubts = 0;
		n_children++;
	}
	if (!ret && no_room) {
		sup__proc_signal(p, SIGKILL);
		if (wait_for_end)
			end_of(p->pid);
	}
	pthread_mutex_unlock(&lock);
	return ret ? sup__error(ret, "watch") : 0;
}

static int fake_doubt(struct sup__exit_source *src, struct sup__proc *p)
{
	struct sup__exit_event ev;
	unsigned int i;

	(void)src;
	pthread_mutex_lock(&lock);
	for (i = 0; i < n_children; i++)
		if (children[i].pid == p->pid)
			children[i].doubts++;
	if (no_room) {
		ev = end_of(p->pid);
		ev.unrecorded = true;
		push_locked(&ev);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

/* A lineage that is its first process; and what was set to be left over. */
static int fake_kill(struct sup__exit_source *src, const struct sup__proc *p,
		     uint64_t lineage, int signo, bool whole_lineage)
{
	struct sup__exit_event ev = { .kind = SUP__EXIT_LINEAGE };
	bool left;

	(void)src;
	if (!lineage)
		lineage = fake_exit_lineage_of(p->pid);
	if (!whole_lineage)
		return sup__proc_signal(p, signo);
	pthread_mutex_lock(&lock);
	kills[n_kills].lineage = lineage;
	kills[n_kills++].signo = signo;
	pthread_cond_broadcast(&killed);
	left = leftover == lineage;
	if (left) {
		leftover = 0;
		ev.lineage = lineage;
		push_locked(&ev);
	}
	pthread_mutex_unlock(&lock);
	return left ? 0 : sup__proc_signal(p, signo);
}

static bool fake_lineage_alive(struct sup__exit_source *src,
			       const struct sup__proc *p, uint64_t lineage)
{
	(void)src;
	(void)p;
	return lineage;
}

static bool fake_descends(struct sup__exit_source *src,
			  const struct sup__proc *p, uint64_t lineage,
			  pid_t pid)
{
	(void)src;
	(void)p;
	(void)lineage;
	(void)pid;
	return false;
}

static int fake_find(struct sup__exit_source *src, uint64_t lineage,
		     struct sup__proc *ret_p)
{
	bool found;

	(void)src;
	pthread_mutex_lock(&lock);
	found = find_pid && find_lineage == lineage;
	pthread_mutex_unlock(&lock);
	return found ? sup__proc_open(find_pid, ret_p) :
		       sup__error(-ESRCH, "no such lineage");
}

static int fake_token(struct sup__exit_source *src, uint64_t *ret_group,
		      unsigned char ret_token[SUP_TOKEN_SIZE])
{
	(void)src;
	*ret_group = 1;
	memset(ret_token, 1, SUP_TOKEN_SIZE);
	return 0;
}

static int fake_orphans(struct sup__exit_source *src,
			int (*cb)(const struct sup_orphan *o, void *arg),
			void *arg)
{
	(void)src;
	(void)cb;
	(void)arg;
	return 0;
}

static int fake_members(struct sup__exit_source *src,
			struct sup__members *ret_members)
{
	unsigned int i;
	int ret = 0;

	(void)src;
	pthread_mutex_lock(&lock);
	for (i = 0; i < n_members && !ret; i++)
		ret = sup__members_add(ret_members, &members[i]);
	if (gone_after)
		n_members = 0;
	pthread_mutex_unlock(&lock);
	return ret;
}

static bool fake_is_adopted(struct sup__exit_source *src,
			    const struct sup__member *m)
{
	(void)src;
	return m->lineage && m->lineage == leftover;
}

static int fake_catch_up(struct sup__exit_source *src, int64_t deadline)
{
	(void)src;
	(void)deadline;
	fake_exit_wait_told();
	return 0;
}

const struct sup__exit_ops fake_exit_ops = {
	.open = fake_open,
	.close = fake_close,
	.fd = fake_fd,
	.dispatch = fake_dispatch,
	.watch = fake_watch,
	.doubt = fake_doubt,
	.kill = fake_kill,
	.lineage_alive = fake_lineage_alive,
	.descends = fake_descends,
	.find = fake_find,
	.token = fake_token,
	.orphans = fake_orphans,
	.members = fake_members,
	.is_adopted = fake_is_adopted,
	.catch_up = fake_catch_up,
};
