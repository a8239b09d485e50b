/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What users may ask the open exit source; and ends that nobody claims. */
#include <sup/runtime.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "core/event.h"
#include "core/runtime.h"

int sup_exit_source(struct sup_source_info *ret_info)
{
	struct sup__exit_source *src = sup__runtime_source();

	if (!src)
		return sup__error(-ENOTCONN, "the runtime is not open");
	*ret_info = src->info;
	return 0;
}

int sup_owner_token(uint64_t *ret_group,
		    unsigned char ret_token[SUP_TOKEN_SIZE])
{
	struct sup__exit_source *src = sup__runtime_source();

	if (!src)
		return sup__error(-ENOTCONN, "the runtime is not open");
	return src->ops->token(src, ret_group, ret_token);
}

int sup_orphans(int (*cb)(const struct sup_orphan *o, void *arg), void *arg)
{
	struct sup__exit_source *src = sup__runtime_source();

	if (!src)
		return sup__error(-ENOTCONN, "the runtime is not open");
	return src->ops->orphans(src, cb, arg);
}

void sup__runtime_unclaimed(const struct sup__exit_event *ev)
{
	struct sup_event out = {
		.kind = SUP_EVENT_TASK_EXIT,
		.exit_ns = ev->exit_ns,
		.os_pid = ev->pid,
		.os_tid = ev->tid,
		.reason = ev->reason,
	};

	memcpy(out.child_id, ev->comm, sizeof(ev->comm));
	out.reason.exit_ns = ev->exit_ns;
	sup__event_emit(&out);
}
