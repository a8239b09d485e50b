/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the fault upwards the frames must be, in this order:
 *  - if the thread aborted itself: libc's raise and abort, and, if it was an
 *    assertion, the functions behind assert();
 *  - at least one of the program or of an object that opted in, and only such;
 *  - libsup's own, and that of libraries that say so, up to the top of the
 *    task.
 * Anything else, and above all libc elsewhere, may hold a lock or own a
 * half-made state that a jump would leave behind. A call from the program into
 * libsup and back into the program is refused, too: libsup would be left in
 * the middle of something.
 *
 * libsup's own code is in a section of that name, wherever it is linked into.
 */
#include "core/stacks.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <unwind.h>

#include <sup/contain.h>

#include "base/error.h"
#include "base/lock.h"

#define RANGES_MAX 128

enum owner {
	NOBODY,
	APP,
	LIBSUP,
	LIBC,
};

struct range {
	uintptr_t start, end;
	enum owner owner;
};

/* Only ever appended to; n is published last. */
static struct range ranges[RANGES_MAX];
static _Atomic unsigned int n_ranges;
static struct sup__lock lock = SUP__LOCK_INIT;	/* of who appends */
static bool learned;

/* The linker's names for where the section begins and ends. */
extern const char text_begins[] __asm__("__start_sup_text")
	__attribute__((visibility("hidden")));
extern const char text_ends[] __asm__("__stop_sup_text")
	__attribute__((visibility("hidden")));

static const char *const abort_names[] = {
	"abort", "raise", "gsignal", "pthread_kill",
};
static const char *const assert_names[] = {
	"__assert_fail", "__assert_perror_fail", "__assert",
};
#define N(a) (sizeof(a) / sizeof((a)[0]))
static uintptr_t abort_at[N(abort_names)], assert_at[N(assert_names)];

struct search {
	uintptr_t addr;		/* 0: the program */
	enum owner owner;
	int found;		/* or -ENOSPC */
};

static int add_range(uintptr_t start, size_t size, enum owner owner)
{
	unsigned int i, n = atomic_load(&n_ranges);

	for (i = 0; i < n; i++)
		if (ranges[i].start == start)
			return 1;
	if (n == RANGES_MAX)
		return -ENOSPC;
	ranges[n] = (struct range){ start, start + size, owner };
	atomic_store(&n_ranges, n + 1);
	return 1;
}

static bool holds(const struct dl_phdr_info *info, uintptr_t addr)
{
	uintptr_t start;
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		if (info->dlpi_phdr[i].p_type == PT_LOAD && addr >= start &&
		    addr - start < info->dlpi_phdr[i].p_memsz)
			return true;
	}
	return false;
}

static int add_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	int i, ret;

	(void)size;
	/* The program comes first. */
	if (s->addr && !holds(info, s->addr))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD ||
		    !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		ret = add_range(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
				info->dlpi_phdr[i].p_memsz, s->owner);
		s->found = ret;
		if (ret < 0)
			break;
	}
	return 1;
}

static int learn(uintptr_t addr, enum owner owner)
{
	struct search s = { .addr = addr, .owner = owner };

	sup__lock(&lock);
	/* ORDER: libsup first, in case it is a part of what comes then. */
	add_range((uintptr_t)text_begins, text_ends - text_begins, LIBSUP);
	dl_iterate_phdr(add_object, &s);
	sup__unlock(&lock);
	return s.found;
}

static void find_names(void *libc, const char *const *names, size_t n,
		       uintptr_t *at)
{
	size_t i;

	for (i = 0; i < n; i++)
		at[i] = (uintptr_t)dlsym(libc, names[i]);
}

static _Unwind_Reason_Code stop_unwinding(struct _Unwind_Context *c, void *arg)
{
	(void)c;
	(void)arg;
	return _URC_NORMAL_STOP;
}

void sup__stacks_learn(void)
{
	void *libc;

	if (learned)
		return;
	learned = true;
	learn(0, APP);
	libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	if (libc) {
		find_names(libc, abort_names, N(abort_names), abort_at);
		find_names(libc, assert_names, N(assert_names), assert_at);
		dlclose(libc);
	}
	if (abort_at[0])
		learn(abort_at[0], LIBC);
	/* Whatever the unwinder does only once is done here. */
	_Unwind_Backtrace(stop_unwinding, NULL);
}

int sup_contain_object(const void *addr)
{
	int ret = addr ? learn((uintptr_t)addr, APP) : 0;

	if (ret == -ENOSPC)
		return sup__error(ret, "more than %d objects", RANGES_MAX);
	if (!ret)
		return sup__error(-ENOENT, "addr: %p is in no loaded object",
				  addr);
	return 0;
}

int sup_contain_below(const void *start, const void *end)
{
	int ret;

	if (end <= start)
		return sup__error(-EINVAL, "end: %p is not above %p", end,
				  start);
	sup__lock(&lock);
	ret = add_range((uintptr_t)start, (const char *)end -
			(const char *)start, LIBSUP);
	sup__unlock(&lock);
	if (ret < 0)
		return sup__error(ret, "more than %d objects", RANGES_MAX);
	return 0;
}

static enum owner owner_of(uintptr_t pc)
{
	unsigned int i, n = atomic_load(&n_ranges);

	for (i = 0; i < n; i++)
		if (pc >= ranges[i].start && pc < ranges[i].end)
			return ranges[i].owner;
	return NOBODY;
}

bool sup__stacks_may_leave(uintptr_t pc)
{
	return owner_of(pc) == APP;
}

struct walk {
	uintptr_t top;
	bool by_abort;
	struct sup__frames *frames;
	bool begun;		/* past the frames of the handler */
	bool app, libsup;	/* such a frame has been seen */
	bool unknown_libc;	/* allowed only if assert() called it */
	bool reached;
	const char *refused;
};

static bool is_one_of(uintptr_t start, const uintptr_t *at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (start && start == at[i])
			return true;
	return false;
}

static const char *judge_libc(struct walk *w, uintptr_t start)
{
	bool is_assert = is_one_of(start, assert_at, N(assert_at));
	bool is_known = is_assert ||
			is_one_of(start, abort_at, N(abort_at));

	if (!w->by_abort || w->app || w->libsup)
		return "a frame is libc's";
	if (w->unknown_libc && !is_assert)
		return "libc aborted for a reason of its own";
	/* The first is inside raise(), whatever that is made of. */
	w->unknown_libc = !is_known && w->frames->n > 1;
	return NULL;
}

static const char *judge_frame(struct walk *w, uintptr_t pc, uintptr_t start)
{
	switch (owner_of(pc)) {
	case APP:
		if (w->libsup)
			return "libsup was in the middle of a call";
		if (w->unknown_libc)
			return "libc aborted for a reason of its own";
		w->app = true;
		return NULL;
	case LIBSUP:
		w->libsup = true;
		return w->app ? NULL : "the fault is in libsup";
	case LIBC:
		return judge_libc(w, start);
	default:
		return "a frame is of an object that has not opted in";
	}
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *c, void *arg)
{
	struct walk *w = arg;
	int is_signal_frame = 0;
	uintptr_t pc = _Unwind_GetIPInfo(c, &is_signal_frame);

	if (!w->begun && !is_signal_frame)
		return _URC_NO_REASON;
	if (w->begun && is_signal_frame && !w->refused)
		w->refused = "the fault came in a signal handler";
	w->begun = true;
	if (w->frames->n < SUP__FRAMES_MAX)
		w->frames->pc[w->frames->n++] = pc;
	if (_Unwind_GetCFA(c) >= w->top) {
		w->reached = true;
		return _URC_NORMAL_STOP;
	}
	/* A return address may be the first byte of another function. */
	if (!w->refused)
		w->refused = judge_frame(w, is_signal_frame ? pc : pc - 1,
					 _Unwind_GetRegionStart(c));
	/* If it is refused the others are looked at for the report alone. */
	return w->refused && w->frames->n == SUP__FRAMES_MAX ?
		_URC_NORMAL_STOP : _URC_NO_REASON;
}

const char *sup__stacks_judge(uintptr_t pc, const void *top, bool by_abort,
			      struct sup__frames *ret_frames)
{
	struct dl_find_object found;
	struct walk w = {
		.top = (uintptr_t)top,
		.by_abort = by_abort,
		.frames = ret_frames,
	};

	ret_frames->n = 1;
	ret_frames->pc[0] = pc;
	/* The unwinder would read there. */
	if (_dl_find_object((void *)pc, &found))
		return "it went to where no code is";
	ret_frames->n = 0;
	_Unwind_Backtrace(visit, &w);
	if (w.refused)
		return w.refused;
	return w.reached ? NULL : "the stack cannot be followed";
}
