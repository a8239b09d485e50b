/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handler of faults runs on the thread that faulted, on an alternate
 * stack. It either notes the fault and jumps to the top of the task, or passes
 * the signal on to whoever had it before us, by default to the kernel, which
 * ends the process and keeps a core: the faulting instruction is run again
 * without a handler. It allocates nothing and takes no lock. While it runs all
 * its signals are blocked, so a fault of its own ends the process.
 *
 * The handler of presses does the same for a task that was killed, where all
 * its frames have opted in.
 */
#include "core/contain.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"
#include "core/crash.h"
#include "core/stacks.h"
#include "core/table.h"
#include "core/thread.h"

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))
#define GUARD_MIN (64 * 1024)

/* TSan delivers signals where it likes: there, safe points have to do. */
#ifdef __has_feature
#define HAS_TSAN __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#else
#define HAS_TSAN 0
#endif
#define AT_ONCE (!HAS_TSAN)

static struct sigaction old_actions[N_SIGNALS];

struct sup__crash {
	uintptr_t stack_low, stack_high;	/* 0: not known */
	size_t guard;
	bool happened;
	int signo;
	int code;
	uintptr_t addr;
	struct sup__frames frames;
};

struct sup__crash *sup__contain_new(void)
{
	return sup__zalloc(sizeof(struct sup__crash));
}

void sup__contain_free(struct sup__crash *crash)
{
	sup__free(crash);
}

void sup__contain_prepare(struct sup__task *t)
{
	struct sup__crash *crash = t->crash;
	pthread_attr_t attr;
	size_t size;
	void *low;

	if (!t->contain)
		return;
	if (pthread_getattr_np(pthread_self(), &attr)) {
		sup__log(LOG_WARNING, "thread \"%s\": its stack is not known, "
			 "so its faults are not contained", t->name);
		return;
	}
	if (!pthread_attr_getstack(&attr, &low, &size) &&
	    !pthread_attr_getguardsize(&attr, &crash->guard)) {
		crash->stack_low = (uintptr_t)low;
		crash->stack_high = (uintptr_t)low + size;
	}
	pthread_attr_destroy(&attr);
}

#if defined(__x86_64__)
#define STACK_POINTER(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[REG_RSP])
#define PROGRAM_COUNTER(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[REG_RIP])
#elif defined(__aarch64__)
#define STACK_POINTER(uc) ((uintptr_t)(uc)->uc_mcontext.sp)
#define PROGRAM_COUNTER(uc) ((uintptr_t)(uc)->uc_mcontext.pc)
#else
#error "where does this machine keep its registers?"
#endif

static bool has_overflowed(const struct sup__crash *crash, uintptr_t addr,
			   uintptr_t sp)
{
	size_t guard = crash->guard > GUARD_MIN ? crash->guard : GUARD_MIN;

	if (sp < crash->stack_low || sp >= crash->stack_high)
		return true;
	return addr < crash->stack_low && addr >= crash->stack_low - guard;
}

/* NULL: the fault can be contained, and is noted. */
static const char *why_not(struct sup__task *t, int signo,
			   const siginfo_t *info, const ucontext_t *uc)
{
	struct sup__crash *crash = t->crash;
	bool by_abort = signo == SIGABRT && info->si_code == SI_TKILL &&
			info->si_pid == getpid();

	if (!t->contain)
		return "the task has not opted in";
	if (crash->happened)
		return "it has faulted before, and that is being reported";
	if (!crash->stack_low)
		return "nothing is known of its stack";
	if (info->si_code <= 0 && !by_abort)
		return "the signal was sent by somebody";
	if (sup__locks_held)
		return "libsup is in the middle of something";
	crash->code = info->si_code;
	crash->addr = by_abort ? 0 : (uintptr_t)info->si_addr;
	if (has_overflowed(crash, crash->addr, STACK_POINTER(uc)))
		return "the stack has overflowed";
	return sup__stacks_judge(PROGRAM_COUNTER(uc), t->top_frame, by_abort,
				 &crash->frames);
}

static const struct sigaction *old_action(int signo)
{
	size_t i;

	for (i = 0; i < N_SIGNALS - 1; i++)
		if (signals[i] == signo)
			break;
	return &old_actions[i];
}

static void pass_on(int signo, siginfo_t *info, void *ucontext)
{
	const struct sigaction *old = old_action(signo);
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(signo, info, ucontext);
		return;
	}
	if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(signo);
		return;
	}
	if (old->sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	sigaction(signo, &dfl, NULL);
	/* One that was sent does not come back by itself. */
	if (info->si_code <= 0)
		tgkill(getpid(), gettid(), signo);
}

static void on_fault(int signo, siginfo_t *info, void *ucontext)
{
	struct sup__task *t = sup__self;
	struct sup__frames frames;
	const char *why;
	int err = errno;

	if (t) {
		why = why_not(t, signo, info, ucontext);
		if (!why) {
			t->crash->happened = true;
			t->crash->signo = signo;
			siglongjmp(t->top, 1);
		}
		sup__stacks_judge(PROGRAM_COUNTER((ucontext_t *)ucontext),
				  t->top_frame, false, &frames);
		sup__crash_write(t, signo, info, why, &frames);
	}
	pass_on(signo, info, ucontext);
	errno = err;
}

/*
 * A kill takes effect in the midst of code that has opted in. Nothing is asked
 * of the unwinder unless the instruction is of such code: it cannot have been
 * interrupted itself then.
 */
static bool may_end_here(struct sup__task *t, const ucontext_t *uc)
{
	struct sup__frames frames;

	return t->contain && sup__task_killed(t) && !sup__locks_held &&
	       sup__stacks_may_leave(PROGRAM_COUNTER(uc)) &&
	       !sup__stacks_judge(PROGRAM_COUNTER(uc), t->top_frame, false,
				  &frames);
}

void sup__contain_on_press(int signo, siginfo_t *info, void *ucontext)
{
	struct sup_reason reason = { .kind = SUP_REASON_KILLED };
	struct sup__task *t = sup__self;
	int err = errno;

	(void)signo;
	(void)info;
	if (AT_ONCE && t && may_end_here(t, ucontext))
		sup__thread_to_top(t, &reason);
	errno = err;
}

void sup__contain_open(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	size_t i;

	sup__stacks_learn();
	sigemptyset(&action.sa_mask);
	for (i = 0; i < N_SIGNALS; i++)
		sigaddset(&action.sa_mask, signals[i]);
	for (i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i], &action, &old_actions[i]);
}

void sup__contain_close(void)
{
	struct sigaction now;
	size_t i;

	for (i = 0; i < N_SIGNALS; i++) {
		/* Someone who came after us stays. */
		sigaction(signals[i], NULL, &now);
		if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault)
			sigaction(signals[i], &old_actions[i], NULL);
	}
}

void sup__contain_report(struct sup__task *t)
{
	struct sup__crash *crash = t->crash;

	if (!crash || !crash->happened)
		return;
	t->end_reason = (struct sup_reason){
		.kind = SUP_REASON_SIGNAL,
		.signo = crash->signo,
		.has_fault = crash->signo != SIGABRT,
		.fault_addr = crash->addr,
		.fault_code = crash->code,
	};
	sup__crash_log(t, &crash->frames);
}
