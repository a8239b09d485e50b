/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/runtime.h>

#include "base/error.h"
#include "base/stack.h"
#include "base/thread.h"

static bool no_mapping;

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	errno = ENOMEM;
	return no_mapping ? MAP_FAILED :
	       __real_mmap(addr, len, prot, flags, fd, offset);
}

struct seen {
	void *low;
	char name[16];
	size_t stack;
	sigset_t mask;
	pid_t tid;
};

static void *look(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;

	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &seen->low, &seen->stack);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_BLOCK, NULL, &seen->mask);
	seen->tid = sup__gettid();
	return NULL;
}

static void run_look(const char *name, size_t stack, struct seen *seen)
{
	struct sup__thread thread;

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(sup__thread_start(name, stack, look, seen, &thread),
			 0);
	sup__thread_join(thread);
}

static void it_has_its_name_and_stack(void **state)
{
	struct seen seen;

	(void)state;
	run_look("a-name-that-is-too-long", 1000001, &seen);
	assert_string_equal(seen.name, "a-name-that-is-");
	assert_true(seen.stack >= 1000001);
	assert_true(seen.stack < 1200000 + SUP__STACK_EXTRA);
	assert_true(seen.tid > 0 && seen.tid != sup__gettid());
	run_look(NULL, 1, &seen);
	assert_true(seen.stack >= 16384);
}

static void spare_does_what_it_is_used_for(void **state)
{
	struct sup__thread thread;
	struct seen seen;
	char name[16];
	pid_t tid;

	(void)state;
	assert_int_equal(sup__thread_spare(1000001, &thread), 0);
	tid = sup__thread_tid(thread);
	assert_true(tid > 0 && tid != sup__gettid());
	do {
		pthread_getname_np(thread.id, name, sizeof(name));
	} while (strcmp(name, "sup-spare"));
	assert_false(sup__thread_try_join(thread));
	sup__thread_use(thread, "used", look, &seen);
	sup__thread_join(thread);
	assert_string_equal(seen.name, "used");
	assert_true(seen.stack >= 1000001);
	assert_int_equal(seen.tid, tid);
}

/* Its use may be there before it looks. */
static void spares_are_used_at_once(void **state)
{
	struct sup__thread thread;
	struct seen seen;
	int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		seen.tid = 0;
		assert_int_equal(sup__thread_spare(0, &thread), 0);
		sup__thread_use(thread, "used", look, &seen);
		sup__thread_join(thread);
		assert_string_equal(seen.name, "used");
	}
}

#define PR_FUTEX_HASH_IS 78

static int slots(void)
{
	return prctl(PR_FUTEX_HASH_IS, 2, 0, 0, 0);
}

/* 0, or the number of what is not as it should be. */
static int check_slots(void)
{
	struct sup__thread thread;
	struct seen seen;
	int before;

	if (sup__thread_start("first", 0, look, &seen, &thread))
		return 1;
	sup__thread_join(thread);
	before = slots();
	sup__thread_make_room(false);
	if (slots() != before)
		return 2;
	sup__thread_make_room(true);
	if (slots() < 1024)
		return 3;
	if (prctl(PR_FUTEX_HASH_IS, 1, 4096, 0, 0))
		return 4;
	sup__thread_make_room(true);
	return slots() == 4096 ? 0 : 5;
}

/* TSan has a thread of its own, even here. */
static int check_first_slots(void)
{
	int before = slots();

	sup__thread_make_room(false);
	return before ? slots() != before : slots() < 1024;
}

/* As it is chosen once for each process, in two of them. */
static void sleepers_have_room(void **state)
{
	int status, round;
	pid_t child;

	(void)state;
	if (slots() < 0) {
		print_message("skip: the kernel has one table for all\n");
		skip();
	}
	for (round = 0; round < 2; round++) {
		child = fork();
		assert_true(child >= 0);
		if (!child && round)
			_exit(check_slots());
		if (!child)
			_exit(check_first_slots());
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static void only_faults_reach_it(void **state)
{
	struct seen seen;

	(void)state;
	run_look("mask", 0, &seen);
	assert_true(sigismember(&seen.mask, SIGTERM));
	assert_true(sigismember(&seen.mask, SIGCHLD));
	assert_true(sigismember(&seen.mask, SIGRTMIN + 3));
	assert_false(sigismember(&seen.mask, SIGSEGV));
	assert_false(sigismember(&seen.mask, SIGABRT));
}

static void refusals_say_why(void **state)
{
	struct seen seen;
	struct sup__thread thread;

	(void)state;
	assert_int_equal(sup__thread_start("x", SIZE_MAX, look, &seen, &thread),
			 -EINVAL);
	assert_non_null(strstr(sup_error(), "stack_size"));
	sup__thread_trim();
	no_mapping = true;
	assert_int_equal(sup__thread_start("x", 0, look, &seen, &thread),
			 -ENOMEM);
	no_mapping = false;
}

/* Its stack is there for the next one that wants as much; and it is clean. */
static void the_next_one_has_its_stack(void **state)
{
	struct seen first, second, other;

	(void)state;
	run_look("first", 1 << 22, &first);
	run_look("second", 1 << 22, &second);
	run_look("other", 1 << 21, &other);
	assert_in_range(sup_trim(), (1 << 22) + (1 << 21), SIZE_MAX);
	assert_int_equal(sup_trim(), 0);
	assert_ptr_equal(first.low, second.low);
	assert_int_equal(first.stack, second.stack);
	assert_true(other.stack >= 1 << 21 && other.stack < first.stack);
	assert_ptr_not_equal(first.low, other.low);
}

static void *use_up(void *arg)
{
	struct sup__stack *stack = sup__thread_self().stack;
	char *low = sup__stack_low(stack);

	/* It grows down to here, and what is below is none of it. */
	memset(low, 1, sup__stack_size(stack) / 4);
	*(char **)arg = low;
	return NULL;
}

static void what_it_used_is_given_back(void **state)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct sup__thread thread;
	unsigned char resident;
	char *low;

	(void)state;
	assert_int_equal(sup__thread_start("deep", 1 << 22, use_up, &low,
					   &thread), 0);
	sup__thread_join(thread);
	assert_int_equal(mincore(low, 1, &resident), 0);
	assert_false(resident & 1);
	/* It may be used again; the page below is the guard. */
	assert_int_equal(madvise(low, page, MADV_POPULATE_WRITE), 0);
	assert_int_equal(madvise(low - page, page, MADV_POPULATE_WRITE), -1);
	assert_int_equal(errno, EINVAL);
	sup__thread_trim();
	assert_int_equal(mincore(low, 1, &resident), -1);
	assert_int_equal(errno, ENOMEM);
}

/* Whether the area of the calling process at an address has a flag, proc(5). */
static bool area_has(const void *at, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end;
	bool is_it = false, has = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_it = (uintptr_t)at >= start && (uintptr_t)at < end;
		else if (is_it && !strncmp(line, "VmFlags:", 8))
			has = strstr(line, flag);
	}
	fclose(f);
	return has;
}

static void *look_at_area(void *arg)
{
	struct sup__stack *stack = sup__thread_self().stack;

	*(bool *)arg = area_has(&stack, " nh") &&
		       area_has(sup__stack_alt(stack), " nh");
	return NULL;
}

/* Where those are made unasked, each thread would have one. */
static void its_stack_has_no_huge_pages(void **state)
{
	struct sup__thread thread;
	bool has_none = false;

	(void)state;
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK)) {
		print_message("skip: no huge pages here\n");
		skip();
	}
	assert_int_equal(sup__thread_start("area", 0, look_at_area, &has_none,
					   &thread), 0);
	sup__thread_join(thread);
	assert_true(has_none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_its_name_and_stack),
		cmocka_unit_test(spare_does_what_it_is_used_for),
		cmocka_unit_test(spares_are_used_at_once),
		cmocka_unit_test(sleepers_have_room),
		cmocka_unit_test(only_faults_reach_it),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(the_next_one_has_its_stack),
		cmocka_unit_test(what_it_used_is_given_back),
		cmocka_unit_test(its_stack_has_no_huge_pages),
	};

	return RUN_TESTS(tests);
}
