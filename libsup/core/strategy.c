/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/strategy.h"

#include <assert.h>

enum sup__fate sup__strategy_fate(enum sup_restart restart,
				  const struct sup_reason *reason)
{
	static const enum sup__fate fates[][2] = {
		/*		     not clean		clean */
		[SUP_PERMANENT] = { SUP__FATE_RESTART, SUP__FATE_RESTART },
		[SUP_TRANSIENT] = { SUP__FATE_RESTART, SUP__FATE_KEEP },
		[SUP_TEMPORARY] = { SUP__FATE_REMOVE, SUP__FATE_REMOVE },
	};

	return fates[restart][sup_reason_is_clean(reason)];
}

bool sup__strategy_is_orderly(enum sup_restart restart, bool brutal,
			      const struct sup_reason *reason)
{
	switch (reason->kind) {
	case SUP_REASON_KILLED:
		return brutal;
	case SUP_REASON_SHUTDOWN:
		/* A permanent child was asked for the bare shutdown. */
		return restart != SUP_PERMANENT || (!brutal && !reason->term);
	case SUP_REASON_NORMAL:
		return restart != SUP_PERMANENT;
	default:
		return false;
	}
}

size_t sup__strategy_plan(enum sup_strategy strategy,
			  const enum sup_restart *restarts, size_t n,
			  size_t index, struct sup__step *ret_steps)
{
	size_t first = strategy == SUP_ONE_FOR_ALL ? 0 : index;
	size_t end = strategy == SUP_ONE_FOR_ONE ? index + 1 : n;
	size_t i, k = 0;

	assert(index < n && restarts[index] != SUP_TEMPORARY);
	for (i = end; i-- > first;) {
		if (i != index)
			ret_steps[k++] = (struct sup__step){
				.act = SUP__ACT_STOP, .index = i };
		if (restarts[i] == SUP_TEMPORARY)
			ret_steps[k++] = (struct sup__step){
				.act = SUP__ACT_REMOVE, .index = i };
	}
	for (i = first; i < end; i++)
		if (restarts[i] != SUP_TEMPORARY)
			ret_steps[k++] = (struct sup__step){
				.act = SUP__ACT_START, .index = i };
	return k;
}
