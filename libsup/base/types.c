/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of <sup/types.h>, but sup_error(), which is in error.c. */
#include <sup/types.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"

struct text {
	char *buf;
	size_t len, used;
};

static void __attribute__((format(printf, 2, 3)))
append(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->used + 1 >= t->len)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->used, t->len - t->used, fmt, ap);
	va_end(ap);
	t->used += n;
}

/* That a fault comes from the kernel is not worth a word. */
static void append_sender(struct text *t, const struct sup_reason *r)
{
	switch (r->sent_by) {
	case SUP_SENT_BY_PROCESS:
		append(t, ", sent by pid %d", (int)r->sender_pid);
		if (r->sender_comm[0])
			append(t, " (%.15s)", r->sender_comm);
		append(t, " of uid %u", (unsigned int)r->sender_uid);
		break;
	case SUP_SENT_BY_KERNEL:
		if (!r->has_fault)
			append(t, ", from the kernel");
		break;
	case SUP_SENT_BY_OOM_KILLER:
		append(t, ", from the OOM killer");
		break;
	case SUP_SENT_BY_GROUP:
		append(t, ", with all of its group or lineage");
		break;
	case SUP_SENT_BY_UNKNOWN:
		break;
	}
}

static void append_signal(struct text *t, const struct sup_reason *r)
{
	const char *name = sigabbrev_np(r->signo);

	append(t, "signal %d", r->signo);
	if (name)
		append(t, " (%s)", name);
	if (r->core)
		append(t, ", core dumped");
	if (r->oom)
		append(t, ", out of memory");
	if (r->withheld)
		append(t, ", its cause is withheld from us");
	append_sender(t, r);
	if (!r->has_fault)
		return;
	append(t, ", at 0x%" PRIx64, r->fault_addr);
	name = sup__fault_name(r->signo, r->fault_code);
	if (name)
		append(t, " (%s)", name);
}

static void append_code(struct text *t, int code)
{
	const char *name = code < 0 ? strerrordesc_np(-code) : NULL;

	if (name)
		append(t, "error %d (%s)", code, name);
	else
		append(t, "exit status %d", code);
}

const char *sup_reason_format(const struct sup_reason *reason, char *buf,
			      size_t len)
{
	struct text t = { .buf = buf, .len = len };

	if (!len)
		return buf;
	buf[0] = '\0';
	switch (reason->kind) {
	case SUP_REASON_NORMAL:
		append(&t, "normal");
		break;
	case SUP_REASON_SHUTDOWN:
		append(&t, "shutdown");
		if (reason->term)
			append(&t, " (%" PRId64 ")", reason->term);
		break;
	case SUP_REASON_KILLED:
		append(&t, "killed");
		break;
	case SUP_REASON_EXIT:
		append_code(&t, reason->code);
		break;
	case SUP_REASON_SIGNAL:
		append_signal(&t, reason);
		break;
	case SUP_REASON_NOPROC:
		append(&t, "no such task");
		break;
	case SUP_REASON_WATCHDOG:
		append(&t, "watchdog, then ");
		if (reason->signo)
			append_signal(&t, reason);
		else
			append_code(&t, reason->code);
		break;
	case SUP_REASON_LOST:
		append(&t, "lost: it ended and nobody could tell how");
		break;
	default:
		append(&t, "unknown reason %d", (int)reason->kind);
	}
	return buf;
}

bool sup_reason_is_clean(const struct sup_reason *reason)
{
	return reason->kind == SUP_REASON_NORMAL ||
	       reason->kind == SUP_REASON_SHUTDOWN;
}

/* What a receiver is handed always owns its data, so a take only moves. */
void sup_msg_take(struct sup_msg *msg, struct sup_msg *ret_msg)
{
	*ret_msg = *msg;
	msg->data = NULL;
	msg->len = 0;
	msg->free = NULL;
}

void sup_msg_free(struct sup_msg *msg)
{
	void (*release)(void *data) = msg->free;
	void *data = msg->data;

	msg->data = NULL;
	msg->len = 0;
	msg->free = NULL;
	if (release && data)
		release(data);
}

int64_t sup_deadline_ms(int64_t ms)
{
	int64_t deadline;

	if (ms < 0)
		return SUP_FOREVER;
	if (__builtin_mul_overflow(ms, INT64_C(1000000), &deadline) ||
	    __builtin_add_overflow(deadline, sup__now_ns(), &deadline))
		return INT64_MAX;
	return deadline;
}
