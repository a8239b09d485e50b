/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The starts of fakes, those that take their time, too, and waiting for several
 * of them, or for several ends, as core/await.c does.
 */
#include "world_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/await.h"

/* What a start comes to; t is its task, if it has one to keep. */
static int come_to(struct fake *f, char what, struct task *t,
		   struct sup_pid *ret_pid)
{
	char mark = what == 'o' ? '+' : what == 'i' ? '!' : '?';
	struct sup_pid pid = t ? t->pid : SUP_PID_NONE;

	world_say("%c%s ", mark, f->id);
	if (t)
		*ret_pid = f->pid = pid;
	world_tell_watcher(mark, f->id, pid, NULL);
	switch (what) {
	case 'i':
		return SUP_IGNORE;
	case 'f':
		return sup__error(-EIO, "%s is out of order", f->id);
	case 'F':
		return -EIO;
	case 'j':
		return 7;
	}
	return 0;
}

static struct task *new_fake_task(struct fake *f)
{
	struct task *t = world_new_task(f->id);

	t->fake = f;
	return t;
}

/* A start that was left behind. Its task ends without a word if it fails. */
struct slow {
	struct sup__later later;	/* first */
	struct fake *fake;
	struct task *task;
	char what;
	int64_t at;
};

static bool slow_is_over(const struct sup__later *l)
{
	const struct slow *s = (const struct slow *)l;

	return s->task->ended || world_now >= s->at;
}

static int64_t slow_deadline(const struct sup__later *l)
{
	(void)l;
	return SUP_FOREVER;
}

static int slow_finish(struct sup__later *l)
{
	struct slow s = *(struct slow *)l;
	struct sup_pid unused;
	int ret;

	free(l);
	world_pass_time(s.task->ended ? world_now : s.at);
	if (s.task->ended) {
		come_to(s.fake, 'F', NULL, &unused);
		return sup__error(-ECHILD, "%s ended", s.fake->id);
	}
	ret = come_to(s.fake, s.what, s.what == 'o' ? s.task : NULL, &unused);
	if (s.what != 'o')
		world_end_task(s.task, SUP_NORMAL);
	s.task->starting = false;
	return ret;
}

static int leave_start(struct fake *f, char what, struct sup_pid *ret_pid)
{
	struct slow *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->later.is_over = slow_is_over;
	s->later.deadline = slow_deadline;
	s->later.finish = slow_finish;
	s->fake = f;
	s->what = what;
	s->at = world_now + f->start_ns;
	s->task = new_fake_task(f);
	s->task->starting = true;
	s->later.pid = *ret_pid = s->task->pid;
	sup__later_leave(&s->later);
	world_say("(%s ", f->id);
	world_tell_watcher('(', f->id, s->task->pid, NULL);
	return 0;
}

static int start_fake(const void *arg, struct sup_pid *ret_pid)
{
	struct fake *f = (struct fake *)arg;
	const char *script = f->script ? f->script : "o";
	size_t last = strlen(script) - 1;
	char what = script[f->starts < last ? f->starts : last];

	f->starts++;
	if (f->in_start)
		f->in_start(f);
	if (f->start_ns) {
		sup_start_async();
		if (sup__later_is_wanted())
			return leave_start(f, what, ret_pid);
		world_pass_time(world_now + f->start_ns);
	}
	return come_to(f, what, what == 'o' ? new_fake_task(f) : NULL,
		       ret_pid);
}

void world_count_free(void *arg)
{
	struct fake *f = arg;

	f->frees++;
}

struct sup_child_spec world_spec(struct fake *f)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec),
		.id = f->id,
		.start = start_fake,
		.arg = f,
		.free_arg = world_count_free,
		.restart = f->restart,
		.type = f->type,
		.shutdown_ms = f->shutdown_ms,
		.significant = f->significant,
		.backoff = f->backoff,
		.budget = f->budget,
		.depends_on = f->depends_on,
		.flapping = f->flapping,
		.hang_ms = f->hang_ms,
		.hang_kill = f->hang_kill,
	};
}

/* One of those that are ready, as the seed will have it. */
static bool choose(bool is_ready, size_t i, long *n, size_t *ret_index)
{
	if (is_ready && !(random() % ++*n))
		*ret_index = i;
	return is_ready;
}

/* Lets time pass until the next thing happens, or the deadline. */
static int pass_until(int64_t next, int64_t deadline)
{
	if (deadline != SUP_FOREVER && deadline < next) {
		world_pass_time(deadline);
		return sup__error(-ETIMEDOUT, "nothing in time");
	}
	if (next == INT64_MAX)
		fail_msg("waits for ever for several");
	world_pass_time(next);
	return 0;
}

static int64_t planned_end(const struct task *t)
{
	return t->end_at ? t->end_at : INT64_MAX;
}

int sup__await_later(struct sup__later *const *starts, size_t n,
		     int64_t deadline, size_t *ret_index)
{
	const struct slow *s;
	int64_t next;
	int ret = 0;
	long ready;
	size_t i;

	while (!ret) {
		ready = 0;
		next = INT64_MAX;
		for (i = 0; i < n; i++) {
			s = (const struct slow *)starts[i];
			choose(slow_is_over(starts[i]), i, &ready, ret_index);
			if (s->at < next)
				next = s->at;
			if (planned_end(s->task) < next)
				next = planned_end(s->task);
		}
		if (ready)
			return 0;
		ret = pass_until(next, deadline);
	}
	return ret;
}

/* Servers that were asked end while they are waited for. */
int sup__await_end(struct sup__end_wait *waits, size_t n, int64_t deadline,
		   size_t *ret_index)
{
	struct task *t;
	int64_t next;
	int ret = 0;
	long ready;
	size_t i;

	while (!ret) {
		ready = 0;
		next = INT64_MAX;
		for (i = 0; i < n; i++) {
			t = world_find(waits[i].pid);
			choose(t->ended || (t->ops && t->asked), i, &ready,
			       ret_index);
			if (planned_end(t) < next)
				next = planned_end(t);
		}
		if (ready) {
			t = world_find(waits[*ret_index].pid);
			if (!t->ended)
				world_terminate(t, t->end_reason);
			return 0;
		}
		ret = pass_until(next, deadline);
	}
	return ret;
}

void sup__await_drop(struct sup__later *l)
{
	sup_kill(l->pid, SUP_TRY);
	sup__later_finish(l);
}

/* No fake is one of these. */
int sup_thread_start(const void *spec, struct sup_pid *ret_pid)
{
	(void)spec;
	(void)ret_pid;
	fail_msg("there are no threads here");
	return -ENOTSUP;
}

int sup_process_start(const void *spec, struct sup_pid *ret_pid)
{
	(void)spec;
	(void)ret_pid;
	fail_msg("there are no processes here");
	return -ENOTSUP;
}
