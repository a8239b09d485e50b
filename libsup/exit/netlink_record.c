/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/netlink_record.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>

#include "base/error.h"
#include "base/log.h"
#include "exit/netlink_msg.h"

static enum sup_sent_by sent_by(struct nlattr **a)
{
	static const enum sup_sent_by senders[] = {
		[SUP_SENDER_PROCESS] = SUP_SENT_BY_PROCESS,
		[SUP_SENDER_KERNEL] = SUP_SENT_BY_KERNEL,
		[SUP_SENDER_OOM_KILLER] = SUP_SENT_BY_OOM_KILLER,
		[SUP_SENDER_GROUP] = SUP_SENT_BY_GROUP,
	};
	uint32_t kind = sup__nl_u32(a[SUP_A_RECORD_SENDER_KIND]);

	if (!a[SUP_A_RECORD_SENDER_KIND] ||
	    kind >= sizeof(senders) / sizeof(senders[0]))
		return SUP_SENT_BY_UNKNOWN;
	return senders[kind];
}

static void parse_cause(struct nlattr **a, uint32_t flags,
			struct sup_reason *r)
{
	r->sent_by = sent_by(a);
	if (r->sent_by == SUP_SENT_BY_PROCESS) {
		r->sender_pid = sup__nl_u32(a[SUP_A_RECORD_SENDER_PID]);
		r->sender_uid = sup__nl_u32(a[SUP_A_RECORD_SENDER_UID]);
		sup__nl_comm(a[SUP_A_RECORD_SENDER_COMM], r->sender_comm);
	}
	r->has_fault = flags & SUP_RECORD_FLAG_FAULT;
	r->fault_addr = sup__nl_u64(a[SUP_A_RECORD_FAULT_ADDR]);
	r->fault_code = sup__nl_u32(a[SUP_A_RECORD_FAULT_CODE]);
}

static void parse_reason(struct nlattr **a, struct sup_reason *r)
{
	uint32_t flags = sup__nl_u32(a[SUP_A_RECORD_FLAGS]);
	uint32_t signo = sup__nl_u32(a[SUP_A_RECORD_SIGNAL]);
	uint32_t code = sup__nl_u32(a[SUP_A_RECORD_CODE]);

	if (signo) {
		r->kind = SUP_REASON_SIGNAL;
		r->signo = signo;
		r->core = flags & SUP_RECORD_FLAG_CORE;
		r->oom = flags & SUP_RECORD_FLAG_OOM;
		r->withheld = flags & SUP_RECORD_FLAG_WITHHELD;
		parse_cause(a, flags, r);
	} else if (code) {
		r->kind = SUP_REASON_EXIT;
		r->code = code;
	}
}

static void parse_exit(struct nlattr **a, struct sup__exit_event *ev)
{
	bool thread = sup__nl_u32(a[SUP_A_RECORD_MEMBER_KIND]) ==
		      SUP_MEMBER_KIND_THREAD;
	uint64_t member = sup__nl_u64(a[SUP_A_RECORD_MEMBER]);

	ev->kind = thread ? SUP__EXIT_THREAD : SUP__EXIT_PROCESS;
	ev->descendant = !thread && member && member != ev->lineage;
	if (thread) {
		ev->tid = ev->pid;
		ev->pid = sup__nl_u32(a[SUP_A_RECORD_TGID]);
	}
	parse_reason(a, &ev->reason);
	ev->utime_ns = sup__nl_u64(a[SUP_A_RECORD_UTIME]);
	ev->stime_ns = sup__nl_u64(a[SUP_A_RECORD_STIME]);
	ev->max_rss = sup__nl_u64(a[SUP_A_RECORD_MAX_RSS]);
	/* A program's own name cannot be changed by what runs it. */
	sup__nl_comm(a[SUP_A_RECORD_EXEC_NAME] && !thread ?
		     a[SUP_A_RECORD_EXEC_NAME] : a[SUP_A_RECORD_COMM],
		     ev->comm);
}

static const char *cause_text(uint32_t cause)
{
	switch (cause) {
	case SUP_OVERFLOW_CAUSE_LIMIT:
		return "the module's limit for this user is reached";
	case SUP_OVERFLOW_CAUSE_NO_MEMORY:
		return "the module has no memory";
	case SUP_OVERFLOW_CAUSE_LINEAGE_OVER:
		return "all processes of who made the group have ended";
	default:
		return "for a reason unknown here";
	}
}

static void log_overflow(struct nlattr **a)
{
	sup__log(LOG_ERR, "%s: %u new processes were killed before they ran, "
		 "%u run without being watched",
		 cause_text(sup__nl_u32(a[SUP_A_RECORD_CAUSE])),
		 sup__nl_u32(a[SUP_A_RECORD_KILLED]),
		 sup__nl_u32(a[SUP_A_RECORD_UNTRACKED]));
}

static void log_owner_lost(struct nlattr **a)
{
	static const char *const how[] = {
		[SUP_OWNER_LOSS_PROCESS_ENDED] = "its owner has ended",
		[SUP_OWNER_LOSS_SOCKET_CLOSED] = "its owner has let go of it",
		[SUP_OWNER_LOSS_HANDED_OVER] = "its owner has given it away",
	};
	uint32_t loss = sup__nl_u32(a[SUP_A_RECORD_OWNER_LOSS]);

	sup__log(LOG_NOTICE, "the group is ours: %s",
		 loss < sizeof(how) / sizeof(how[0]) ? how[loss] :
						       "its owner is gone");
}

int sup__record_parse(struct nlattr *nest, struct sup__record *ret_record)
{
	struct sup__record r = { .tell = true };
	struct nlattr *a[SUP_A_RECORD_MAX + 1];
	int ret;

	ret = sup__nl_parse_nest(nest, a, SUP_A_RECORD_MAX);
	if (ret)
		return ret;
	if (!a[SUP_A_RECORD_SEQ] || !a[SUP_A_RECORD_KIND])
		return sup__error(-EBADMSG, "module sup: a record without a "
				  "number or a kind");
	r.seq = sup__nl_u64(a[SUP_A_RECORD_SEQ]);
	r.ev.exit_ns = sup__nl_u64(a[SUP_A_RECORD_TIME]);
	r.ev.lineage = sup__nl_u64(a[SUP_A_RECORD_LINEAGE]);
	r.ev.pid = sup__nl_u32(a[SUP_A_RECORD_PID]);
	switch (sup__nl_u32(a[SUP_A_RECORD_KIND])) {
	case SUP_RECORD_KIND_EXIT:
		parse_exit(a, &r.ev);
		break;
	case SUP_RECORD_KIND_LINEAGE_EMPTY:
		r.ev.kind = SUP__EXIT_LINEAGE;
		break;
	case SUP_RECORD_KIND_OVERFLOW:
		r.ev.kind = SUP__EXIT_OVERFLOW;
		r.ev.untracked = sup__nl_u32(a[SUP_A_RECORD_UNTRACKED]);
		log_overflow(a);
		break;
	case SUP_RECORD_KIND_OWNER_LOST:
		r.ev.kind = SUP__EXIT_OWNER;
		log_owner_lost(a);
		break;
	default:
		r.tell = false;
	}
	*ret_record = r;
	return 0;
}

bool sup__record_is_ended(struct nlattr *nest)
{
	struct nlattr *a[SUP_A_RECORD_MAX + 1];

	return !sup__nl_parse_nest(nest, a, SUP_A_RECORD_MAX) &&
	       sup__nl_u32(a[SUP_A_RECORD_KIND]) == SUP_RECORD_KIND_ENDED;
}
