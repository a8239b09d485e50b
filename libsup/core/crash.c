/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A frame is told by its address, and by the object that it lies in with the
 * offset that addr2line(1) wants. The names of functions take the loader's
 * lock, so they are told only outside of handlers.
 */
#include "core/crash.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "core/slot.h"

struct line {
	char text[512];
	size_t len;
};

static void add_text(struct line *l, const char *s)
{
	while (*s && l->len < sizeof(l->text) - 1)
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
	if (base == 16)
		add_text(l, "0x");
	add_text(l, p);
}

/* Straight to stderr: the log's sink is not for signal handlers. */
static void write_line(struct line *l)
{
	ssize_t n;

	l->text[l->len++] = '\n';
	n = write(STDERR_FILENO, l->text, l->len);
	(void)n;
}

/* The object that pc lies in, or NULL. Signal handlers may ask. */
static const char *object_of(uintptr_t pc, uintptr_t *ret_offset)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)pc, &found))
		return NULL;
	*ret_offset = pc - found.dlfo_link_map->l_addr;
	/* The program's own name is empty there. */
	if (!found.dlfo_link_map->l_name[0])
		return program_invocation_name;
	return found.dlfo_link_map->l_name;
}

/* Of a caller, the address is behind the call: told is where one less is. */
static void write_frame(int n, uintptr_t pc)
{
	struct line l = { .len = 0 };
	uintptr_t offset = 0;
	const char *object = object_of(pc - !!n, &offset);

	add_text(&l, "<2>libsup:   #");
	add_number(&l, n, 10);
	add_text(&l, " ");
	add_number(&l, pc, 16);
	if (object) {
		add_text(&l, " (");
		add_text(&l, object);
		add_text(&l, "+");
		add_number(&l, offset, 16);
		add_text(&l, ")");
	}
	write_line(&l);
}

static void add_signal(struct line *l, int signo, const siginfo_t *info)
{
	const char *name = sigabbrev_np(signo);
	const char *code = sup__fault_name(signo, info->si_code);

	add_text(l, "signal ");
	add_number(l, signo, 10);
	if (name) {
		add_text(l, " (");
		add_text(l, name);
		add_text(l, ")");
	}
	if (info->si_code <= 0)
		return;
	add_text(l, ", at ");
	add_number(l, (uintptr_t)info->si_addr, 16);
	if (code) {
		add_text(l, " (");
		add_text(l, code);
		add_text(l, ")");
	}
}

void sup__crash_write(const struct sup__task *t, int signo,
		      const siginfo_t *info, const char *why,
		      const struct sup__frames *frames)
{
	struct line l = { .len = 0 };
	int i;

	add_text(&l, "<2>libsup: thread \"");
	add_text(&l, t->name);
	add_text(&l, "\" (");
	add_number(&l, atomic_load(&t->os_tid), 10);
	add_text(&l, "): ");
	add_signal(&l, signo, info);
	add_text(&l, " ends the process: ");
	add_text(&l, why);
	write_line(&l);
	for (i = 0; i < frames->n; i++)
		write_frame(i, frames->pc[i]);
}

static void log_frame(int n, uintptr_t pc)
{
	uintptr_t at = pc - !!n, offset = 0;
	const char *object = object_of(at, &offset);
	Dl_info info;

	if (!object)
		sup__log(LOG_ERR, "  #%d 0x%lx", n, (unsigned long)pc);
	else if (dladdr((void *)at, &info) && info.dli_sname)
		sup__log(LOG_ERR, "  #%d 0x%lx %s+0x%lx (%s+0x%lx)", n,
			 (unsigned long)pc, info.dli_sname, (unsigned long)
			 (at - (uintptr_t)info.dli_saddr), object,
			 (unsigned long)offset);
	else
		sup__log(LOG_ERR, "  #%d 0x%lx (%s+0x%lx)", n,
			 (unsigned long)pc, object, (unsigned long)offset);
}

void sup__crash_log(const struct sup__task *t,
		    const struct sup__frames *frames)
{
	char text[128];
	int i;

	sup__log(LOG_ERR, "thread \"%s\" (%d): %s: contained, only this task "
		 "ends", t->name, (int)atomic_load(&t->os_tid),
		 sup_reason_format(&t->end_reason, text, sizeof(text)));
	for (i = 0; i < frames->n; i++)
		log_frame(i, frames->pc[i]);
}
