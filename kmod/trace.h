/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the module, for its own debugging: what they show is no part
 * of its interface. Records are the interface.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sup

#if !defined(SUP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SUP_TRACE_H

#include "sup.h"

#include <linux/tracepoint.h>

TRACE_EVENT(sup_add,
	TP_PROTO(const struct sup_member *member),
	TP_ARGS(member),
	TP_STRUCT__entry(
		__field(u64, group)
		__field(u64, member)
		__field(u64, lineage)
		__field(pid_t, pid)
		__field(u8, kind)
	),
	TP_fast_assign(
		__entry->group = member->group->id;
		__entry->member = member->id;
		__entry->lineage = member->lineage ? member->lineage->id : 0;
		__entry->pid = pid_nr(member->pid);
		__entry->kind = member->kind;
	),
	TP_printk("group=%llu member=%llu lineage=%llu pid=%d kind=%u",
		  __entry->group, __entry->member, __entry->lineage,
		  __entry->pid, __entry->kind)
);

TRACE_EVENT(sup_exit,
	TP_PROTO(const struct sup_member *member),
	TP_ARGS(member),
	TP_STRUCT__entry(
		__field(u64, group)
		__field(u64, member)
		__field(pid_t, pid)
		__field(int, status)
	),
	TP_fast_assign(
		__entry->group = member->group->id;
		__entry->member = member->id;
		__entry->pid = pid_nr(member->pid);
		__entry->status = member->exit->status;
	),
	TP_printk("group=%llu member=%llu pid=%d status=%#x", __entry->group,
		  __entry->member, __entry->pid, __entry->status)
);

TRACE_EVENT(sup_deliver,
	TP_PROTO(const struct sup_group *group, u64 first, u64 last,
		 unsigned int memory),
	TP_ARGS(group, first, last, memory),
	TP_STRUCT__entry(
		__field(u64, group)
		__field(u64, first)
		__field(u64, last)
		__field(unsigned int, memory)
	),
	TP_fast_assign(
		__entry->group = group->id;
		__entry->first = first;
		__entry->last = last;
		__entry->memory = memory;
	),
	TP_printk("group=%llu records=%llu-%llu memory=%u", __entry->group,
		  __entry->first, __entry->last, __entry->memory)
);

/* An informative record, or a copy for observers, that is not told. */
TRACE_EVENT(sup_drop,
	TP_PROTO(const struct sup_group *group, u8 kind, bool owner),
	TP_ARGS(group, kind, owner),
	TP_STRUCT__entry(
		__field(u64, group)
		__field(u8, kind)
		__field(bool, owner)
	),
	TP_fast_assign(
		__entry->group = group->id;
		__entry->kind = kind;
		__entry->owner = owner;
	),
	TP_printk("group=%llu kind=%u to=%s", __entry->group, __entry->kind,
		  __entry->owner ? "owner" : "observer")
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
