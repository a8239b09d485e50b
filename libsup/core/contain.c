/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handler of faults runs on the thread that faulted, on an alternate
 * stack. It either notes the fault and jumps to the top of the task, or passes
 * the signal on to whoever had it before us, by default to the kernel, which
 * ends the process and keeps a core: the faulting instruction is run again
 * without a handler. It allocates nothing and takes no lock. While it runs all
 * its signals are blocked, so a fault of its own ends the process.
 */
#include "core/contain.h"

#include <dlfcn.h>
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
#include "core/stacks.h"
#include "core/table.h"
#include "core/thread.h"

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))
#define GUARD_MIN (64 * 1024)

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

static uintptr_t stack_pointer(const ucontext_t *uc)
{
#if defined(__x86_64__)
	return uc->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	return uc->uc_mcontext.sp;
#else
#error "where does this machine keep its stack pointer?"
#endif
}

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
	if (!crash->stack_low || crash->happened)
		return "nothing is known of its stack";
	if (info->si_code <= 0 && !by_abort)
		return "the signal was sent by somebody";
	if (sup__locks_held)
		return "the thread holds a lock of libsup";
	crash->code = info->si_code;
	crash->addr = by_abort ? 0 : (uintptr_t)info->si_addr;
	if (has_overflowed(crash, crash->addr, stack_pointer(uc)))
		return "the stack has overflowed";
	return sup__stacks_judge(t->top_frame, by_abort, &crash->frames);
}

struct line {
	char text[256];
	size_t len;
};

static void add_text(struct line *l, const char *s)
{
	while (*s && l->len < sizeof(l->text))
		l->text[l->len++] = *s++;
}

static void add_number(struct line *l, uintptr_t v, unsigned int base)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\0';
	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	add_text(l, p);
}

/* Straight to stderr: the log's sink is not for signal handlers. */
static void report_end(struct sup__task *t, int signo, const siginfo_t *info,
		       const char *why)
{
	struct line l = { .len = 0 };
	ssize_t n;

	add_text(&l, "<2>libsup: thread \"");
	add_text(&l, t->name);
	add_text(&l, "\" (");
	add_number(&l, atomic_load(&t->os_tid), 10);
	add_text(&l, "): signal ");
	add_number(&l, signo, 10);
	if (info->si_code > 0) {
		add_text(&l, " at 0x");
		add_number(&l, (uintptr_t)info->si_addr, 16);
	}
	add_text(&l, " ends the process: ");
	add_text(&l, why);
	add_text(&l, "\n");
	n = write(STDERR_FILENO, l.text, l.len);
	(void)n;
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
	const char *why;
	int err = errno;

	if (t) {
		why = why_not(t, signo, info, ucontext);
		if (!why) {
			t->crash->happened = true;
			t->crash->signo = signo;
			siglongjmp(t->top, 1);
		}
		report_end(t, signo, info, why);
	}
	pass_on(signo, info, ucontext);
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

static void log_frame(int n, uintptr_t pc)
{
	Dl_info info;

	if (!dladdr((void *)(pc - !!n), &info))
		sup__log(LOG_ERR, "  #%d 0x%lx", n, (unsigned long)pc);
	else if (info.dli_sname)
		sup__log(LOG_ERR, "  #%d 0x%lx %s+0x%lx (%s)", n,
			 (unsigned long)pc, info.dli_sname, (unsigned long)
			 (pc - (uintptr_t)info.dli_saddr), info.dli_fname);
	else
		sup__log(LOG_ERR, "  #%d 0x%lx (%s+0x%lx)", n,
			 (unsigned long)pc, info.dli_fname, (unsigned long)
			 (pc - (uintptr_t)info.dli_fbase));
}

void sup__contain_report(struct sup__task *t)
{
	struct sup__crash *crash = t->crash;
	char text[128];
	int i;

	if (!crash || !crash->happened)
		return;
	t->end_reason = (struct sup_reason){
		.kind = SUP_REASON_SIGNAL,
		.signo = crash->signo,
		.has_fault = crash->signo != SIGABRT,
		.fault_addr = crash->addr,
		.fault_code = crash->code,
	};
	sup__log(LOG_ERR, "thread \"%s\" (%d): %s: contained, only this task "
		 "ends", t->name, (int)atomic_load(&t->os_tid),
		 sup_reason_format(&t->end_reason, text, sizeof(text)));
	for (i = 0; i < crash->frames.n; i++)
		log_frame(i, crash->frames.pc[i]);
}
