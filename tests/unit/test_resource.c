/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a task owned is released at its end, whatever that is, and in order. */
#include "tasks.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/directory.h"
#include "core/mutex.h"

/* One of what is released: its head is what is freed. */
static void *_Atomic watched_block;
static _Atomic int watched_fd = -1;
static char order[16];
static _Atomic int n_order;

static void note(char c)
{
	int n = atomic_fetch_add(&n_order, 1);

	if (n < (int)sizeof(order) - 1)
		order[n] = c;
}

void __real_sup__free(void *p);
void __wrap_sup__free(void *p);
void __wrap_sup__free(void *p)
{
	char *block = atomic_load(&watched_block);

	if (block && p == block - 32)
		note('m');
	__real_sup__free(p);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	if (fd == atomic_load(&watched_fd))
		note('f');
	return __real_close(fd);
}

void __real_sup__mutex_owner_ends(struct sup__seat *seat);
void __wrap_sup__mutex_owner_ends(struct sup__seat *seat);
void __wrap_sup__mutex_owner_ends(struct sup__seat *seat)
{
	if (atomic_load(&watched_block))
		note('x');
	__real_sup__mutex_owner_ends(seat);
}

void __real_sup__directory_task_ending(struct sup__task *t);
void __wrap_sup__directory_task_ending(struct sup__task *t);
void __wrap_sup__directory_task_ending(struct sup__task *t)
{
	if (atomic_load(&watched_block))
		note('n');
	__real_sup__directory_task_ending(t);
}

enum ending { RETURN, FAIL, EXIT_SELF, KILLED, TOLD, PTHREAD_EXIT, FAULT };

struct plan {
	enum ending ending;
	int fd;				/* to be owned */
	_Atomic int ready;
};

static volatile uintptr_t bad_address = 0x10;

static int __attribute__((noinline)) write_badly(void)
{
	*(volatile int *)bad_address = 1;
	return 0;
}

static int end_so(enum ending ending)
{
	struct sup_reason reason = { .kind = SUP_REASON_EXIT, .code = 7 };
	struct sup_info info;

	switch (ending) {
	case RETURN:
		return 0;
	case FAIL:
		return 3;
	case EXIT_SELF:
		sup_exit_self(&reason);
	case KILLED:
	case TOLD:
		sup_receive(&info, SUP_FOREVER);
		return 99;
	case PTHREAD_EXIT:
		pthread_exit(NULL);
	case FAULT:
		return write_badly();
	}
	return 98;
}

static int own_and_end(void *arg)
{
	struct plan *p = arg;
	char *block = sup_alloc(100);
	int i;

	EXPECT(block && !((uintptr_t)block % _Alignof(max_align_t)));
	for (i = 0; i < 100; i++)
		EXPECT(!block[i]);
	/* More, round the one that is watched. */
	for (i = 1; i < 50; i++)
		EXPECT(sup_alloc(i));
	EXPECT(!sup_own_fd(p->fd));
	atomic_store(&watched_fd, p->fd);
	atomic_store(&watched_block, block);
	atomic_store(&p->ready, 1);
	return end_so(p->ending);
}

static struct sup_reason run_plan(struct plan *p)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "owner", .reg = true,
		.run = own_and_end, .arg = p, .containment = SUP_CONTAIN,
	};
	struct sup_pid pid = SUP_PID_NONE;
	struct sup_reason reason;

	atomic_store(&n_order, 0);
	memset(order, 0, sizeof(order));
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	if (p->ending == KILLED || p->ending == TOLD)
		while (!atomic_load(&p->ready))
			sched_yield();
	if (p->ending == KILLED)
		assert_int_equal(sup_kill(pid, LONG), 0);
	if (p->ending == TOLD)
		assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	atomic_store(&watched_block, NULL);
	atomic_store(&watched_fd, -1);
	return reason;
}

/* The runtime in the test itself: cmocka has handlers round each function. */
static void every_end_releases_all_in_order(void **state)
{
	static const enum sup_reason_kind kinds[] = {
		[RETURN] = SUP_REASON_NORMAL, [FAIL] = SUP_REASON_EXIT,
		[EXIT_SELF] = SUP_REASON_EXIT, [KILLED] = SUP_REASON_KILLED,
		[TOLD] = SUP_REASON_SHUTDOWN, [PTHREAD_EXIT] = SUP_REASON_LOST,
		[FAULT] = SUP_REASON_SIGNAL,
	};
	struct plan p;
	char c;
	int fds[2];
	size_t i;

	set_up(state);
	sup_set_log_level(-1);
	for (i = 0; i < N_OF(kinds); i++) {
		p = (struct plan){ .ending = i };
		assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
		p.fd = fds[1];
		assert_int_equal(run_plan(&p).kind, kinds[i]);
		/* Descriptors, mutexes, memory, names, and then we knew. */
		assert_string_equal(order, "fxmn");
		assert_int_equal(sup_whereis("owner").v, 0);
		assert_int_equal(read(fds[0], &c, 1), 0);
		close(fds[0]);
	}
	sup_set_log_level(LOG_WARNING);
	tear_down(state);
}

static int change_sizes(void *arg)
{
	unsigned char *p, *q;
	int i;

	(void)arg;
	p = sup_realloc(NULL, 10);
	EXPECT(p);
	for (i = 0; i < 10; i++)
		p[i] = i;
	EXPECT(sup_alloc(5));
	p = sup_realloc(p, 100000);
	EXPECT(p);
	for (i = 0; i < 10; i++)
		EXPECT(p[i] == i);
	p = sup_realloc(p, 4);
	EXPECT(p && p[3] == 3);
	EXPECT(!sup_realloc(p, SIZE_MAX));
	EXPECT(strstr(sup_error(), "no memory"));
	EXPECT(!sup_alloc(SIZE_MAX - 16));
	q = sup_alloc(0);
	EXPECT(q);
	sup_free(q);
	sup_free(p);
	sup_free(NULL);
	sup_give(NULL);
	sup__alloc_fail_nth(1);
	EXPECT(!sup_alloc(1));
	EXPECT(sup__alloc_has_failed());
	return 0;
}

static void blocks_change_their_sizes(void **state)
{
	(void)state;
	run_with(change_sizes, NULL);
}

static int give_block(void *arg)
{
	char *text = sup_alloc(6), *other = sup_alloc(6);
	struct sup_msg msg = {
		.tag = 1, .data = text, .len = 6, .free = sup_free,
	};

	EXPECT(text && other);
	strcpy(text, "given");
	sup_give(text);
	sup_give(other);
	/* Its own again to free, on its own thread, too. */
	sup_free(other);
	return sup_send(*(struct sup_pid *)arg, &msg, LONG);
}

static int receive_block(void *arg)
{
	struct sup_pid self = sup_self(), giver;
	struct sup_info info;

	(void)arg;
	giver = start(give_block, &self);
	EXPECT(!sup_wait(giver, NULL, LONG));
	do {
		EXPECT(!sup_receive(&info, LONG));
	} while (info.kind != SUP_INFO_MSG);
	EXPECT(!strcmp(info.msg.data, "given"));
	sup_msg_free(&info.msg);
	return 0;
}

static void a_message_may_carry_a_block(void **state)
{
	(void)state;
	run_with(receive_block, NULL);
}

static int own_descriptors(void *arg)
{
	int fds[20], i;

	(void)arg;
	EXPECT(sup_own_fd(-1) == -EBADF);
	EXPECT(sup_own_fd(1000000) == -EBADF);
	for (i = 0; i < 20; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		EXPECT(fds[i] >= 0 && !sup_own_fd(fds[i]));
	}
	EXPECT(sup_own_fd(fds[3]) == -EALREADY);
	EXPECT(!sup_disown_fd(fds[3]));
	EXPECT(sup_disown_fd(fds[3]) == -ENOENT);
	EXPECT(sup_close_fd(fds[3]) == -ENOENT);
	EXPECT(fcntl(fds[3], F_GETFD) >= 0);
	EXPECT(!sup_close_fd(fds[4]));
	EXPECT(fcntl(fds[4], F_GETFD) < 0);
	EXPECT(!close(fds[3]));
	return 0;
}

static int own_but_no_memory(void *arg)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)arg;
	sup__alloc_fail_nth(1);
	EXPECT(sup_own_fd(fd) == -ENOMEM);
	EXPECT(fcntl(fd, F_GETFD) >= 0);
	EXPECT(!close(fd));
	return 0;
}

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void descriptors_are_owned_once(void **state)
{
	int before = count_fds();

	(void)state;
	run_with(own_descriptors, NULL);
	run_with(own_but_no_memory, NULL);
	assert_int_equal(count_fds(), before);
}

static void foreign_threads_own_nothing(void **state)
{
	(void)state;
	assert_null(sup_alloc(1));
	assert_non_null(strstr(sup_error(), "only a task"));
	assert_null(sup_realloc(NULL, 1));
	assert_int_equal(sup_own_fd(0), -EPERM);
	assert_int_equal(sup_disown_fd(0), -ENOENT);
	assert_int_equal(sup_close_fd(0), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_releases_all_in_order),
		CASE(blocks_change_their_sizes),
		CASE(a_message_may_carry_a_block),
		CASE(descriptors_are_owned_once),
		CASE(foreign_threads_own_nothing),
	};

	return RUN_TESTS(tests);
}
