// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the exit of a task until its subscriber holds the cause: by the module,
 * and by what else tells of an exit.
 *
 * The task notes the time right before it exits, which it does not before its
 * subscriber sleeps. Peers take turns, so that they share what the kernel's
 * memory does meanwhile; a ratio is one of the medians of a round.
 */
#include "bench.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 2		/* of a round */
#define SAMPLES 32	/* of a turn, for each peer */
#define CODE 7

struct page {
	uint32_t go;
	uint32_t tid;
	uint64_t start;
};

static struct page *page;
static pid_t subscriber;

/* What one peer has open in its turn. */
struct peer {
	struct sup s;
	struct group g;
	uint64_t seq;		/* of the last record that was read */
	int fd;			/* epoll or the connector */
	int pidfd;
};

/* The task */

static void ready_to_exit(void)
{
	page->tid = gettid();
	word_wait(&page->go, 0);
	wait_asleep(subscriber);
	page->start = insns();
}

static pid_t start_process(void)
{
	pid_t pid;

	page->go = 0;
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		ready_to_exit();
		_exit(CODE);
	}
	return pid;
}

static void *run_thread(void *arg)
{
	ready_to_exit();
	return arg;
}

static pthread_t start_thread(void)
{
	pthread_t thread;

	page->go = 0;
	page->tid = 0;
	if (pthread_create(&thread, NULL, run_thread, NULL))
		die("thread");
	while (!__atomic_load_n(&page->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	return thread;
}

/* The peers */

static void module_open(struct peer *p)
{
	module_load("unhook_delay=0");
	own(&p->s, &p->g, CHILDREN | THREADS);
}

static void module_close(struct peer *p)
{
	if (group_del(&p->s, p->g.id, true))
		die("group-del");
	sup_close(&p->s);
	module_unload();
}

static void module_wait(struct peer *p, pid_t pid)
{
	struct cause c;

	do {
		cause_recv(&p->s, &c);
		p->seq = c.seq;
	} while (c.pid != (uint32_t)pid);
}

/* As libsup does, which has other descriptors to watch. */
static void polled_open(struct peer *p)
{
	struct epoll_event ev = { .events = EPOLLIN };

	module_open(p);
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd < 0 || epoll_ctl(p->fd, EPOLL_CTL_ADD, p->s.fd, &ev))
		die("epoll");
}

static void polled_close(struct peer *p)
{
	close(p->fd);
	module_close(p);
}

static void polled_wait(struct peer *p, pid_t pid)
{
	struct epoll_event ev;

	if (epoll_wait(p->fd, &ev, 1, -1) != 1)
		die("epoll_wait");
	module_wait(p, pid);
}

static void pidfd_open_peer(struct peer *p)
{
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd < 0)
		die("epoll");
}

static void pidfd_watch(struct peer *p, pid_t pid)
{
	struct epoll_event ev = { .events = EPOLLIN };

	p->pidfd = pidfd_of(pid);
	if (p->pidfd < 0 || epoll_ctl(p->fd, EPOLL_CTL_ADD, p->pidfd, &ev))
		die("pidfd");
}

static void pidfd_wait(struct peer *p, pid_t pid)
{
	struct epoll_event ev;
	siginfo_t info;

	if (epoll_wait(p->fd, &ev, 1, -1) != 1 ||
	    waitid(P_PIDFD, p->pidfd, &info, WEXITED) ||
	    info.si_pid != pid || info.si_status != CODE)
		die("pidfd");
}

static void close_fd(struct peer *p)
{
	close(p->fd);
}

static void connector_open_peer(struct peer *p)
{
	p->fd = connector_open();
}

static void connector_wait(struct peer *p, pid_t pid)
{
	while (connector_recv(p->fd, 0) != pid)
		;
}

struct ops {
	const char *name;
	bool thread;
	void (*open)(struct peer *p);
	void (*watch)(struct peer *p, pid_t pid);
	void (*wait)(struct peer *p, pid_t pid);
	void (*close)(struct peer *p);
	bool reaps;
};

enum {
	MODULE, POLLED, PIDFD, CONNECTOR, MODULE_THREAD, CONNECTOR_THREAD,
	NPEERS
};

static const struct ops peers[NPEERS] = {
	[MODULE] = { "exit_process_module", false, module_open, NULL,
		     module_wait, module_close, false },
	[POLLED] = { "exit_process_module_polled", false, polled_open, NULL,
		     polled_wait, polled_close, false },
	[PIDFD] = { "exit_process_pidfd", false, pidfd_open_peer, pidfd_watch,
		    pidfd_wait, close_fd, true },
	[CONNECTOR] = { "exit_process_connector", false, connector_open_peer,
			NULL, connector_wait, close_fd, false },
	[MODULE_THREAD] = { "exit_thread_module", true, module_open, NULL,
			    module_wait, module_close, false },
	[CONNECTOR_THREAD] = { "exit_thread_connector", true,
			       connector_open_peer, NULL, connector_wait,
			       close_fd, false },
};

static uint64_t sample_process(const struct ops *ops, struct peer *p)
{
	pid_t pid = start_process();
	uint64_t end;

	if (ops->watch)
		ops->watch(p, pid);
	word_set(&page->go, 1);
	ops->wait(p, pid);
	end = insns();
	if (!ops->reaps)
		waitpid(pid, NULL, 0);
	else
		close(p->pidfd);
	return end - page->start;
}

static uint64_t sample_thread(const struct ops *ops, struct peer *p)
{
	pthread_t thread = start_thread();
	uint64_t end;

	word_set(&page->go, 1);
	ops->wait(p, page->tid);
	end = insns();
	pthread_join(thread, NULL);
	return end - page->start;
}

static void one_turn(const struct ops *ops, uint64_t *samples)
{
	struct peer p = { .fd = -1 };
	int i;

	ops->open(&p);
	for (i = 0; i < SAMPLES; i++) {
		if (ops->thread)
			samples[i] = sample_thread(ops, &p);
		else
			samples[i] = sample_process(ops, &p);
		if (p.g.id && i % 8 == 7)
			drain(&p.s, p.g.id, p.seq);
	}
	ops->close(&p);
}

int main(void)
{
	static uint64_t samples[NPEERS][TURNS * SAMPLES];
	double value[NPEERS];
	int round, turn, i;

	page = shared(sizeof(*page));
	subscriber = getpid();
	for (round = 0; round <= ROUNDS; round++) {
		for (turn = 0; turn < TURNS; turn++)
			for (i = 0; i < NPEERS; i++)
				one_turn(&peers[i],
					 &samples[i][turn * SAMPLES]);
		for (i = 0; i < NPEERS; i++)
			value[i] = quantile(samples[i], TURNS * SAMPLES, 0.5);
		if (!round)
			continue;
		for (i = 0; i < NPEERS; i++)
			result(peers[i].name, round, value[i]);
		result("kmod_exit_process", round,
		       value[MODULE] / value[PIDFD]);
		result("kmod_exit_thread", round,
		       value[MODULE_THREAD] / value[CONNECTOR_THREAD]);
	}
	return 0;
}
