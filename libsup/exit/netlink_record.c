/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/netlink_record.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "exit/netlink_msg.h"

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
		r->has_sender = flags & SUP_RECORD_FLAG_SENDER;
		r->sender_pid = sup__nl_u32(a[SUP_A_RECORD_SENDER_PID]);
		r->sender_uid = sup__nl_u32(a[SUP_A_RECORD_SENDER_UID]);
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
	if (a[SUP_A_RECORD_COMM])
		snprintf(ev->comm, sizeof(ev->comm), "%.*s",
			 nla_len(a[SUP_A_RECORD_COMM]),
			 (const char *)nla_data(a[SUP_A_RECORD_COMM]));
}

static void log_overflow(struct nlattr **a)
{
	bool limit = sup__nl_u32(a[SUP_A_RECORD_CAUSE]) ==
		     SUP_OVERFLOW_CAUSE_LIMIT;

	sup__log(LOG_ERR, "%s: %u new processes were killed before they ran, "
		 "%u run without being watched",
		 limit ? "the module's limit for this user is reached" :
			 "the module has no memory",
		 sup__nl_u32(a[SUP_A_RECORD_KILLED]),
		 sup__nl_u32(a[SUP_A_RECORD_UNTRACKED]));
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
		break;
	default:
		r.tell = false;
	}
	*ret_record = r;
	return 0;
}
