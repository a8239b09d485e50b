/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that a dead owner has left to us. */
#include "core/process_in.h"

#include <errno.h>

#include "base/error.h"
#include "core/task.h"

#define CLEAR_MS 30000

/*
 * With the table locked an end that is told meanwhile waits until p is in it;
 * one that was told before has taken the member away.
 */
static int take_over(struct sup__process *p, uint64_t lineage)
{
	int ret;

	sup__lock(&sup__processes);
	ret = p->src->ops->find(p->src, lineage, &p->proc);
	if (!ret) {
		p->lineage = lineage;
		p->alive = true;
		p->reaped = true;	/* not ours to reap */
		sup__process_add_locked(p, p->proc.pid);
	}
	sup__unlock(&sup__processes);
	if (!ret)
		sup__task_set_os(p->task, p->proc.pid, 0);
	return ret;
}

/* Kills what a dead process has left behind, and waits until it is gone. */
static int clear_lineage(struct sup__process *p, uint64_t lineage)
{
	int ret;

	sup__lock(&sup__processes);
	p->lineage = lineage;
	p->draining = true;
	sup__process_add_locked(p, 0);
	ret = sup__process_kill_locked(p);
	if (ret == -ESRCH) {
		sup__process_del_locked(p);
		ret = 0;
	} else {
		ret = -EINPROGRESS;
	}
	sup__unlock(&sup__processes);
	if (ret == -EINPROGRESS)
		ret = sup__process_wait_done(p, sup_deadline_ms(CLEAR_MS));
	sup__lock(&sup__processes);
	if (ret && !atomic_load(&p->done))
		sup__process_del_locked(p);
	else
		ret = 0;
	p->lineage = 0;
	p->draining = false;
	p->reaped = false;
	atomic_store(&p->done, 0);
	sup__unlock(&sup__processes);
	if (ret)
		sup__error(ret, "adopt_lineage %llu: its processes do not end",
			   (unsigned long long)lineage);
	return ret;
}


int sup__process_adopt(struct sup__process *p, uint64_t lineage)
{
	int ret = take_over(p, lineage);

	if (ret == -ESRCH)
		ret = clear_lineage(p, lineage) ?: -ESRCH;
	return ret;
}
