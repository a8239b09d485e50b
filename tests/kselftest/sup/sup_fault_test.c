// SPDX-License-Identifier: GPL-2.0
/* Where and how a process faulted that ended of it. */
#include <setjmp.h>
#include <stdio.h>

#include "sup_test.h"

#define IS_FAULT(r) ((r).flags & SUP_RECORD_FLAG_FAULT)

static bool is_user_mode_linux(void)
{
	static char text[4096];
	FILE *f = fopen("/proc/cpuinfo", "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = 0;
	if (f)
		fclose(f);
	return strstr(text, "User Mode Linux");
}

/* Only x86 has numbers, and User-Mode Linux, which is x86, does not. */
static bool trap_is(const struct record *r, uint32_t trap)
{
#if defined(__x86_64__) || defined(__i386__)
	if (!is_user_mode_linux())
		return r->fault_trap == trap;
#endif
	return !r->fault_trap;
}

static void no_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){});
}

/* The compiler is not to know that the address is none. */
__attribute__((noipa))
static void write_to(void *arg)
{
	no_core();
	*(volatile char *)arg = 1;
}

static void expect_fault(struct __test_metadata *_metadata,
			 const struct record *r, int signal, uint64_t addr,
			 int code, int trap)
{
	EXPECT_EQ(signal, r->signal);
	EXPECT_TRUE(IS_FAULT(*r));
	EXPECT_TRUE(has(r, SUP_A_RECORD_FAULT_ADDR));
	EXPECT_EQ(addr, r->fault_addr);
	EXPECT_EQ(code, r->fault_code);
	EXPECT_TRUE(trap_is(r, trap));
	EXPECT_EQ(SUP_SENDER_KERNEL, r->sender_kind);
	EXPECT_EQ(0, r->flags & SUP_RECORD_FLAG_SENDER);
}

TEST_F(sup, address_where_nothing_is_mapped)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(write_to, NULL), &r));
	expect_fault(_metadata, &r, SIGSEGV, 0, SEGV_MAPERR, 14);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(write_to, (void *)0x9L),
				    &r));
	expect_fault(_metadata, &r, SIGSEGV, 9, SEGV_MAPERR, 14);
}

TEST_F(sup, address_in_a_protected_page)
{
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(write_to, page + 123), &r));
	expect_fault(_metadata, &r, SIGSEGV, (uintptr_t)page + 123,
		     SEGV_ACCERR, 14);
}

TEST_F(sup, address_beyond_the_end_of_a_file)
{
	int fd = memfd_create("short", 0);
	struct record r;
	char *two;

	ASSERT_EQ(0, ftruncate(fd, 4096));
	two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, two);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(write_to, two + 4100),
				    &r));
	expect_fault(_metadata, &r, SIGBUS, (uintptr_t)two + 4100, BUS_ADRERR,
		     14);
}

#ifdef __x86_64__
extern char divide_here[], stop_here[];

static void divide(void *arg)
{
	long high = 0, low = 1;

	no_core();
	asm volatile(".global divide_here\ndivide_here:\n\tdivq %2"
		     : "+a"(low), "+d"(high) : "r"(0L));
}

static void stop(void *arg)
{
	no_core();
	asm volatile(".global stop_here\nstop_here:\n\tud2");
}

TEST_F(sup, address_of_an_instruction)
{
	struct record r;

	if (is_user_mode_linux())
		SKIP(return, "User-Mode Linux gives another si_addr");
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(divide, NULL), &r));
	expect_fault(_metadata, &r, SIGFPE, (uintptr_t)divide_here, FPE_INTDIV,
		     0);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(stop, NULL), &r));
	expect_fault(_metadata, &r, SIGILL, (uintptr_t)stop_here, ILL_ILLOPN,
		     6);
}
#endif

static void raise_it(void *arg)
{
	no_core();
	raise(SIGSEGV);
}

TEST_F(sup, signal_that_somebody_sent_is_none)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	no_core();
	pid = spawn_waiting();
	ASSERT_EQ(0, kill(pid, SIGSEGV));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGSEGV, r.signal);
	EXPECT_FALSE(IS_FAULT(r));
	EXPECT_FALSE(has(&r, SUP_A_RECORD_FAULT_ADDR));
	EXPECT_FALSE(has(&r, SUP_A_RECORD_FAULT_CODE));
	EXPECT_EQ(getpid(), r.sender_pid);
	pid = spawn(raise_it, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGSEGV, r.signal);
	EXPECT_FALSE(IS_FAULT(r));
	EXPECT_EQ(pid, r.sender_pid);
}

static sigjmp_buf env;

static void jump(int sig)
{
	siglongjmp(env, 1);
}

/* Handles a fault, and then, if so told, has another that it does not. */
static void handle(void *arg)
{
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = jump, .sa_flags = SA_ONSTACK };

	sigaltstack(&alt, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(env, 1))
		write_to((void *)8);
	if (!arg)
		_exit(5);
	signal(SIGSEGV, SIG_DFL);
	write_to(arg);
}

TEST_F(sup, handled_one_is_no_cause)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(handle, NULL), &r));
	EXPECT_EQ(5, r.code);
	EXPECT_FALSE(IS_FAULT(r));
	EXPECT_FALSE(has(&r, SUP_A_RECORD_FAULT_ADDR));
	EXPECT_FALSE(has(&r, SUP_A_RECORD_SENDER_KIND));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(handle, (void *)16L), &r));
	expect_fault(_metadata, &r, SIGSEGV, 16, SEGV_MAPERR, 14);
}

static void ignore(void *arg)
{
	signal(SIGSEGV, SIG_IGN);
	write_to(arg);
}

static void block(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	write_to(arg);
}

TEST_F(sup, is_neither_ignored_nor_blocked)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(ignore, (void *)24L), &r));
	expect_fault(_metadata, &r, SIGSEGV, 24, SEGV_MAPERR, 14);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(block, (void *)32L), &r));
	expect_fault(_metadata, &r, SIGSEGV, 32, SEGV_MAPERR, 14);
}

static void *idle(void *arg)
{
	tell(*(int *)arg);
	wait_for_signal(NULL);
	return NULL;
}

static void *fault_in_thread(void *arg)
{
	*(pid_t *)arg = gettid();
	write_to((void *)40);
	return NULL;
}

/* A thread that is idle, then one that faults. */
static void two_threads(void *arg)
{
	pthread_t thread;
	int up[2];

	if (pipe(up) || pthread_create(&thread, NULL, idle, &up[1]) ||
	    !told(up[0]) || pthread_create(&thread, NULL, fault_in_thread, arg))
		_exit(1);
	wait_for_signal(NULL);
}

TEST_F(sup, is_the_thread_s_that_had_it_and_the_process_s)
{
	pid_t *tid = shared_page(), pid;
	int i, faults = 0, threads = 0;
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN |
			       SUP_GROUP_FLAG_MEMBER_THREADS, 0, 0, &self->g));
	pid = spawn(two_threads, tid);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(SIGSEGV, r.signal);
		threads += r.member_kind == THREAD;
		EXPECT_EQ(pid, r.tgid);
		faults += !!IS_FAULT(r);
		if (r.member_kind == THREAD && r.pid != *tid) {
			EXPECT_FALSE(IS_FAULT(r));
			continue;
		}
		EXPECT_TRUE(IS_FAULT(r));
		EXPECT_EQ(40, r.fault_addr);
		EXPECT_EQ(SEGV_MAPERR, r.fault_code);
		EXPECT_TRUE(trap_is(&r, 14));
	}
	EXPECT_EQ(2, threads);
	EXPECT_EQ(2, faults);
}

/* Owns its own threads, and is survived by the group. */
static void fault_as_owner(void *arg)
{
	struct group *g = arg;
	struct member m;
	pthread_t thread;
	struct sup s;

	if (sup_open(&s) ||
	    group_new(&s, THREADS, SUP_POLICY_RETAIN, 0, g) ||
	    member_add_self(&s, g->id, 0, &m) ||
	    pthread_create(&thread, NULL, fault_in_thread, &g->owner_pid))
		_exit(1);
	wait_for_signal(NULL);
}

TEST_F(sup, thread_of_an_owner_is_told_to_the_adopter)
{
	struct group *g = shared_page(), got;
	int i, faults = 0, status;
	struct record r;
	pid_t pid;

	pid = spawn(fault_as_owner, g);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(SIGSEGV, WTERMSIG(status));
	ASSERT_EQ(0, group_adopt(&self->s, g->id, g->token, 0, &got));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(THREAD, r.member_kind);
		EXPECT_EQ(SIGSEGV, r.signal);
		EXPECT_EQ(r.pid == g->owner_pid, !!IS_FAULT(r));
		faults += !!IS_FAULT(r);
		if (IS_FAULT(r))
			EXPECT_EQ(40, r.fault_addr);
	}
	EXPECT_EQ(1, faults);
	EXPECT_EQ(0, group_del(&self->s, g->id, true));
}

TEST_HARNESS_MAIN
