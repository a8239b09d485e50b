/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/turn.h"

#include <stdio.h>

#include "core/slot.h"
#include "core/table.h"
#include "core/task.h"

void sup__turn_read(const struct sup__turn *turn, struct sup_turn *ret_turn)
{
	const char *what;

	*ret_turn = (struct sup_turn){
		.since_ns = atomic_load_explicit(&turn->since_ns,
						 memory_order_relaxed),
		.tag = atomic_load_explicit(&turn->tag, memory_order_relaxed),
		.from.v = atomic_load_explicit(&turn->from,
					       memory_order_relaxed),
	};
	what = atomic_load_explicit(&turn->what, memory_order_relaxed);
	snprintf(ret_turn->what, sizeof(ret_turn->what), "%s",
		 what ? what : "nothing");
}

void sup__turn_watch_starts(bool watch)
{
	sup__self->starts_watched = watch;
}

bool sup__turn_look(struct sup_pid pid, struct sup_turn *ret_turn)
{
	struct sup__task *t = sup__task_get(pid);
	bool alive;

	if (!t)
		return false;
	sup__turn_read(&t->turn, ret_turn);
	alive = !sup__task_has_ended(t);
	sup__task_put(t);
	return alive;
}
