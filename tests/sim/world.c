/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define MAX_STEPS 2000000
#define MAX_ASKS 64

static struct task **tasks;
static size_t n_tasks, n_alive, room;
static struct task *planned;		/* by time, first come first */
struct task *world_servers;		/* that have not ended */
static struct answer answers[MAX_ASKS];
static int n_asks;
int64_t world_now;
struct task *world_self;
struct sup_reason world_stop_with;
unsigned int world_refusals;
static struct text {
	char buf[65536];		/* what does not fit is left out */
	size_t len;
} trace, events;
static struct sup_event last_event[SUP_EVENT_KINDS];
static world_watcher watcher;
static bool sees_all, keeps_time;
bool world_watches;

static void __attribute__((format(printf, 2, 0)))
append_to(struct text *t, const char *fmt, va_list ap)
{
	size_t room = sizeof(t->buf) - t->len;
	int n = vsnprintf(t->buf + t->len, room, fmt, ap);

	t->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void __attribute__((format(printf, 2, 3)))
append(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append_to(t, fmt, ap);
	va_end(ap);
}

void world_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append_to(&trace, fmt, ap);
	va_end(ap);
}

void world_tell_watcher(char what, const char *id, struct sup_pid pid,
			const struct sup_reason *reason)
{
	if (watcher)
		watcher(what, id, pid, reason);
}

struct task *world_find(struct sup_pid pid)
{
	if (!pid.v || pid.v > n_tasks)
		return NULL;
	return tasks[pid.v - 1];
}

static void set_now(int64_t ns)
{
	world_now = ns;
	sup__clock_fake(world_now);
}

void world_put(struct queue *q, struct letter *l)
{
	l->next = NULL;
	*q->last = l;
	q->last = &l->next;
}

static struct letter *take(struct queue *q)
{
	struct letter *l = q->first;

	if (l && !(q->first = l->next))
		q->last = &q->first;
	return l;
}

struct letter *world_new_letter(int kind, const struct sup_msg *msg)
{
	struct letter *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->kind = kind;
	if (!msg)
		return l;
	l->msg = *msg;
	if (!msg->free && msg->data) {
		l->msg.data = malloc(msg->len + 1);
		memcpy(l->msg.data, msg->data, msg->len);
		l->msg.free = free;
	}
	return l;
}

void world_answer_with(int ask, int error, const struct sup_msg *msg)
{
	struct letter *copy = world_new_letter(CALL, msg);

	if (ask >= 0) {
		answers[ask].done = true;
		answers[ask].error = error;
		answers[ask].msg = copy->msg;
	}
	free(copy);
}

static void drop(struct queue *q)
{
	struct letter *l;

	while ((l = take(q))) {
		if (l->kind == CALL)
			world_answer_with(l->ask, -EPIPE, NULL);
		sup_msg_free(&l->msg);
		free(l);
	}
}

struct task *world_new_task(const char *id)
{
	struct task *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	if (n_tasks == room) {
		room = room ? 2 * room : 64;
		tasks = realloc(tasks, room * sizeof(*tasks));
		assert_non_null(tasks);
	}
	tasks[n_tasks++] = t;
	n_alive++;
	t->pid.v = n_tasks;
	t->parent = world_self ? world_self->pid : SUP_PID_NONE;
	t->is_watched = world_watches;
	t->signals.last = &t->signals.first;
	t->data.last = &t->data.first;
	snprintf(t->id, sizeof(t->id), "%s", id ? id : "");
	return t;
}

static void unplan(struct task *t)
{
	struct task **link = &planned;

	if (!t->end_at)
		return;
	while (*link != t)
		link = &(*link)->next_planned;
	*link = t->next_planned;
	t->end_at = 0;
}

void world_plan_end(struct task *t, struct sup_reason reason, int64_t at)
{
	struct task **link = &planned;

	unplan(t);
	t->end_at = at;
	t->end_reason = reason;
	while (*link && (*link)->end_at <= at)
		link = &(*link)->next_planned;
	t->next_planned = *link;
	*link = t;
}

static void forget_server(struct task *t)
{
	struct task **link = &world_servers;

	while (*link != t)
		link = &(*link)->next_server;
	*link = t->next_server;
}

static void note_end(const struct task *t)
{
	char text[128];

	if (t->ops || t->starting)
		return;
	append(&trace, "-%s", t->id);
	if (t->reason.kind != SUP_REASON_SHUTDOWN || t->reason.term)
		append(&trace, ":%s", sup_reason_format(&t->reason, text,
							sizeof(text)));
	append(&trace, " ");
}

void world_end_task(struct task *t, struct sup_reason reason)
{
	struct task *parent = world_find(t->parent);
	struct letter *l;
	size_t i;

	assert_false(t->ended);
	unplan(t);
	if (t->ops)
		forget_server(t);
	t->ended = true;
	t->reason = reason;
	n_alive--;
	note_end(t);
	if (!t->starting)
		world_tell_watcher('-', t->id, t->pid, &t->reason);
	drop(&t->data);
	drop(&t->signals);
	for (i = 0; t->ops && i < n_tasks; i++)
		if (tasks[i]->parent.v == t->pid.v && !tasks[i]->ended)
			world_shut(tasks[i], SUP_SHUTDOWN);
	if (!parent || parent->ended || t->starting)
		return;
	l = world_new_letter(EXIT, NULL);
	l->pid = t->pid;
	l->reason = reason;
	world_put(&parent->signals, l);
}

/* Lets all ends that are due by then happen, in their order. */
void world_pass_time(int64_t until)
{
	struct task *t;

	while ((t = planned) && t->end_at <= until) {
		if (t->end_at > world_now)
			set_now(t->end_at);
		world_end_task(t, t->end_reason);
	}
	if (until > world_now)
		set_now(until);
}

void world_terminate(struct task *t, struct sup_reason reason)
{
	struct task *before = world_self;

	world_self = t;
	if (t->ops->terminate)
		t->ops->terminate(t->state, &reason);
	world_self = before;
	world_end_task(t, reason);
}

struct sup_pid world_simple(int intensity, unsigned int period_s,
			    const struct fake *template)
{
	struct sup_child_spec child = world_spec((struct fake *)template);
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top",
		.strategy = SUP_SIMPLE_ONE_FOR_ONE,
		.intensity = intensity, .period_s = period_s,
		.children = &child, .n_children = 1,
	};
	struct sup_pid pid;

	child.free_arg = NULL;
	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	return pid;
}

int world_start_extra(struct sup_pid sup, struct fake *f,
		      struct sup_pid *ret_pid)
{
	return sup_start_extra(sup, f, world_count_free, ret_pid);
}

int world_try_supervisor(enum sup_strategy strategy, int intensity,
			 unsigned int period_s,
			 enum sup_auto_shutdown auto_shutdown,
			 struct fake *const *f, struct sup_pid *ret_pid)
{
	struct sup_child_spec children[64];
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .strategy = strategy,
		.intensity = intensity, .period_s = period_s,
		.children = children, .auto_shutdown = auto_shutdown,
	};

	for (; f && f[spec.n_children]; spec.n_children++)
		children[spec.n_children] = world_spec(f[spec.n_children]);
	return sup_supervisor_start(&spec, ret_pid);
}

struct sup_pid world_supervisor(enum sup_strategy strategy, int intensity,
				unsigned int period_s, struct fake *const *f)
{
	struct sup_pid pid;

	assert_int_equal(world_try_supervisor(strategy, intensity, period_s,
					      SUP_AUTO_SHUTDOWN_NEVER, f,
					      &pid), 0);
	return pid;
}

void world_end(struct sup_pid pid, struct sup_reason reason)
{
	assert_true(sup_is_alive(pid));
	world_end_task(world_find(pid), reason);
}

void world_end_later(struct sup_pid pid, struct sup_reason reason, int64_t ns)
{
	assert_true(sup_is_alive(pid));
	world_plan_end(world_find(pid), reason, world_now + ns);
}

static int deliver_letter(struct task *t, struct letter *l)
{
	struct sup_info info = { .kind = SUP_INFO_MSG, .msg = l->msg };
	int ret = SUP_CONTINUE;

	switch (l->kind) {
	case EXIT:
		info.kind = SUP_INFO_EXIT;
		info.pid = l->pid;
		info.reason = l->reason;
		ret = t->ops->info(t->state, &info);
		break;
	case MSG:
		ret = t->ops->info(t->state, &info);
		break;
	case CAST:
		ret = t->ops->cast(t->state, &l->msg);
		break;
	case CALL:
		ret = t->ops->call(t->state, (struct sup_from){
				   .slot = (uint32_t)l->ask }, &l->msg);
		break;
	}
	sup_msg_free(&l->msg);
	free(l);
	return ret;
}

static void deliver(struct task *t)
{
	struct sup_info info = { .kind = SUP_INFO_TIMEOUT };
	struct letter *l;
	int ret;

	if (t->asked) {
		world_terminate(t, t->end_reason);
		return;
	}
	l = take(&t->signals);
	if (!l)
		l = take(&t->data);
	if (!l && t->timeout_at > world_now)
		world_pass_time(t->timeout_at);
	t->timeout_at = 0;
	t->wakes += !l;
	world_self = t;
	ret = l ? deliver_letter(t, l) : t->ops->info(t->state, &info);
	world_self = NULL;
	if (ret == SUP_STOP)
		world_terminate(t, world_stop_with);
	else
		assert_int_equal(ret, SUP_CONTINUE);
}

static bool is_ready(const struct task *t)
{
	return t->asked || t->signals.first || t->data.first ||
	       (t->timeout_at && (!keeps_time || t->timeout_at <= world_now));
}

void world_keep_time(void)
{
	keeps_time = true;
}

unsigned int world_wakes(struct sup_pid pid)
{
	struct task *t = world_find(pid);
	unsigned int n = t->wakes;

	t->wakes = 0;
	return n;
}

/* Which of several world_servers goes first is as the seed will have it. */
bool world_step(void)
{
	struct task *chosen = NULL, *t;
	long n = 0;

	assert_null(world_self);
	world_pass_time(world_now);
	for (t = world_servers; t; t = t->next_server)
		if (is_ready(t) && !(random() % ++n))
			chosen = t;
	if (chosen)
		deliver(chosen);
	return chosen;
}

void world_run(void)
{
	unsigned int steps = 0;

	while (world_step())
		if (++steps > MAX_STEPS)
			fail_msg("it never comes to rest");
}

/* When the next thing is due, if not after until. */
static int64_t next_due(int64_t until)
{
	const struct task *t;

	if (planned && planned->end_at < until)
		until = planned->end_at;
	for (t = world_servers; t; t = t->next_server)
		if (t->timeout_at && t->timeout_at < until)
			until = t->timeout_at;
	return until;
}

void world_advance(int64_t ns)
{
	int64_t until = world_now + ns;

	while (keeps_time && world_now < until) {
		world_run();
		world_pass_time(next_due(until));
	}
	world_pass_time(until);
	world_run();
}

int world_ask(struct sup_pid to, const struct sup_msg *msg)
{
	struct letter *l = world_new_letter(CALL, msg);

	l->ask = n_asks++ % MAX_ASKS;
	answers[l->ask] = (struct answer){ 0 };
	world_put(&world_find(to)->data, l);
	return l->ask;
}

int world_answer(int ask, struct sup_msg *ret_reply)
{
	assert_true(answers[ask].done);
	*ret_reply = answers[ask].msg;
	return answers[ask].error;
}

void world_post(struct sup_pid to, const struct sup_msg *msg)
{
	world_put(&world_find(to)->data, world_new_letter(MSG, msg));
}

void world_refuse_casts(unsigned int n)
{
	world_refusals = n;
}

void world_stop(struct sup_pid pid)
{
	world_ask_to_end(pid);
	world_run();
}

bool world_has_ended(struct sup_pid pid, struct sup_reason *ret_reason)
{
	const struct task *t = world_find(pid);

	if (t->ended && ret_reason)
		*ret_reason = t->reason;
	return t->ended;
}

size_t world_alive(void)
{
	return n_alive;
}

/* The text so far, without its last blank; from here on it begins anew. */
static const char *flush_text(struct text *t)
{
	t->buf[t->len ? t->len - 1 : 0] = '\0';
	t->len = 0;
	return t->buf;
}

const char *world_trace(void)
{
	return flush_text(&trace);
}

const char *world_events(void)
{
	return flush_text(&events);
}

void world_see_all(void)
{
	sees_all = true;
}

struct sup_event world_event(enum sup_event_kind kind)
{
	return last_event[kind];
}

void world_watch(world_watcher w)
{
	watcher = w;
}

static void on_event(const struct sup_event *ev, void *arg)
{
	(void)arg;
	last_event[ev->kind] = *ev;
	if (sees_all || ev->kind < SUP_EVENT_RESTARTING)
		append(&events, "%s:%s ", sup_event_name(ev->kind),
		       ev->child_id);
}

const char *world_listing(struct sup_pid sup)
{
	static const char marks[] = {
		[SUP_CHILD_STOPPED] = '-', [SUP_CHILD_RUNNING] = '+',
		[SUP_CHILD_RESTARTING] = '*', [SUP_CHILD_STARTING] = '<',
		[SUP_CHILD_STOPPING] = '>',
	};
	static char text[4096];
	struct sup_node *nodes;
	char *p = text;
	size_t n, i;

	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_int_equal(nodes[0].depth, 0);
	*p = '\0';
	for (i = 1; i < n; i++)
		if (nodes[i].depth == 1)
			p += sprintf(p, "%s%s%c", p > text ? " " : "",
				     nodes[i].id, marks[nodes[i].state]);
	free(nodes);
	return text;
}

void world_open(unsigned int seed)
{
	trace.len = events.len = 0;
	n_tasks = n_alive = 0;
	planned = world_servers = NULL;
	n_asks = 0;
	world_self = NULL;
	world_refusals = 0;
	srandom(seed);
	set_now(1000 * S);
	watcher = NULL;
	sees_all = keeps_time = world_watches = false;
	assert_int_equal(sup_set_event_sink(on_event, NULL), 0);
}

void world_close(void)
{
	size_t i;

	for (i = 0; i < n_tasks; i++)
		if (tasks[i]->ops && !tasks[i]->ended && !tasks[i]->parent.v)
			world_stop(tasks[i]->pid);
	assert_int_equal(n_alive, 0);
	sup_set_event_sink(NULL, NULL);
	for (i = 0; i < n_tasks; i++)
		free(tasks[i]);
	free(tasks);
	tasks = NULL;
	room = 0;
	sup__clock_fake(0);
}
