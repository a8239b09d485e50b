/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performs traces on libsup's supervisors, in the world of the simulation: the
 * supervisors' code is the library's, children and clock are fakes, and each
 * operation is over when there is nothing left to deliver.
 *
 * usage: ours <TRACES >RESULTS
 *
 * Formats: README.md. erlang.erl is this program for OTP, and has the same
 * parts in the same order.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/supervisor.h"
#include "line.h"
#include "tests/sim/world.h"

#define MAX_DEFS 512
#define MAX_SUPS 16
#define MAX_KIDS 16
#define MAX_ASKS 48
#define MAX_TASKS 4096

static const char *const strategies[] = {
	"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one",
	NULL
};
static const char *const autos[] = {
	"never", "any_significant", "all_significant", NULL
};
static const char *const restarts[] = {
	"permanent", "transient", "temporary", NULL
};
static const char *const types[] = { "worker", "supervisor", NULL };
static const char *const reasons[] = {
	"shutdown", "normal", "shutdown7", "crash", "kill", "deaf", NULL
};
static const struct sup_reason reason_of[] = {
	{ .kind = SUP_REASON_SHUTDOWN },
	{ .kind = SUP_REASON_NORMAL },
	{ .kind = SUP_REASON_SHUTDOWN, .term = 7 },
	{ .kind = SUP_REASON_EXIT, .code = 3 },
	{ .kind = SUP_REASON_KILLED },
};

struct sup_def {
	char id[TEXT_MAX];
	enum sup_strategy strategy;
	int intensity;
	unsigned int period_s;
	enum sup_auto_shutdown auto_shutdown;
	struct def *kids[MAX_KIDS];
	int n_kids;
};

/* A line that says what a child is. Each has starts of its own. */
struct def {
	struct fake fake;	/* if it is a worker */
	struct sup_def *sup;	/* or else */
	char id[TEXT_MAX], in[TEXT_MAX], script[TEXT_MAX], asks[TEXT_MAX];
	unsigned int asked;
};

static struct sup_def sups[MAX_SUPS];
static int n_sups;
static struct def *defs[MAX_DEFS];
static int n_defs;

/* Tasks in order of their starts, and how they are called in results. */
static struct {
	struct sup_pid pid;
	char id[TEXT_MAX];
	int number;
} tasks[MAX_TASKS];
static int n_tasks;

static int asks[MAX_ASKS], n_asks;
static char events[65536];
static size_t events_len;
static struct sup_pid top;
static bool over;

static void __attribute__((format(printf, 1, 2))) note(const char *fmt, ...)
{
	size_t room = sizeof(events) - events_len;
	va_list ap;

	va_start(ap, fmt);
	events_len += (size_t)vsnprintf(events + events_len, room, fmt, ap);
	va_end(ap);
	if (events_len >= sizeof(events))
		line_is_bad("", "too much happens at once");
}

static int task_of(struct sup_pid pid)
{
	int i = n_tasks;

	while (--i >= 0 && tasks[i].pid.v != pid.v)
		;
	return i;
}

static const char *name_of(struct sup_pid pid, char buf[2 * TEXT_MAX])
{
	int i = task_of(pid);

	if (i < 0)
		return "nobody";
	snprintf(buf, 2 * TEXT_MAX, "%s#%d", tasks[i].id, tasks[i].number);
	return buf;
}

/* The last task that was started of id. */
static struct sup_pid pid_of(const char *id)
{
	int i = n_tasks;

	while (--i >= 0 && strcmp(tasks[i].id, id))
		;
	return i < 0 ? SUP_PID_NONE : tasks[i].pid;
}

static void add_task(const char *id, struct sup_pid pid)
{
	int number = 1, i;

	for (i = 0; i < n_tasks; i++)
		number += !strcmp(tasks[i].id, id);
	if (n_tasks == MAX_TASKS)
		line_is_bad("", "too many starts");
	tasks[n_tasks].pid = pid;
	snprintf(tasks[n_tasks].id, TEXT_MAX, "%s", id);
	tasks[n_tasks++].number = number;
}

static const char *reason_word(const struct sup_reason *r)
{
	switch (r->kind) {
	case SUP_REASON_NORMAL:
		return "normal";
	case SUP_REASON_SHUTDOWN:
		return r->term ? "shutdown7" : "shutdown";
	case SUP_REASON_KILLED:
		return "killed";
	case SUP_REASON_EXIT:
		return r->code == 3 ? "crash" : "other";
	default:
		return "other";
	}
}

/* The child shim: every start and every end of a task. */
static void on_task(char what, const char *id, struct sup_pid pid,
		    const struct sup_reason *reason)
{
	char name[2 * TEXT_MAX];

	switch (what) {
	case '+':
		add_task(id, pid);
		note("+%s ", name_of(pid, name));
		break;
	case '-':	/* a supervisor that never was up has no name */
		if (task_of(pid) >= 0)
			note("-%s=%s ", name_of(pid, name),
			     reason_word(reason));
		break;
	default:
		note("%c%s ", what, id);
	}
}

/* What a start that fails asks of its supervisor, before any next attempt. */
static void in_start(struct fake *f)
{
	static const char letters[] = "trd";
	static const int ops[] = {
		SUP__OP_TERMINATE_CHILD, SUP__OP_RESTART_CHILD,
		SUP__OP_DELETE_CHILD,
	};
	struct def *d = f->arg;
	size_t last = strlen(d->script) - 1, n = f->starts - 1;
	struct sup__supervisor_request req = { 0 };
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_REQUEST, .data = &req,
		.len = sizeof(req),
	};
	const char *a;

	if (d->script[n < last ? n : last] != 'f' || d->asked ||
	    !sup_is_alive(pid_of(d->in)) || !*d->asks)
		return;
	d->asked++;
	snprintf(req.id, sizeof(req.id), "%s", d->id);
	for (a = d->asks; *a && n_asks < MAX_ASKS; a++) {
		req.op = ops[strchr(letters, *a) - letters];
		asks[n_asks++] = world_ask(pid_of(d->in), &msg);
	}
}

static int start_sup(const void *arg, struct sup_pid *ret_pid);

static struct sup_child_spec spec_of(struct def *d)
{
	struct sup_child_spec spec = world_spec(&d->fake);

	if (d->sup) {
		spec.start = start_sup;
		spec.arg = d->sup;
		spec.free_arg = NULL;
	}
	return spec;
}

static int start_sup(const void *arg, struct sup_pid *ret_pid)
{
	const struct sup_def *s = arg;
	struct sup_child_spec kids[MAX_KIDS];
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = s->id,
		.strategy = s->strategy,
		.intensity = s->intensity ? s->intensity : SUP_INTENSITY_NONE,
		.period_s = s->period_s, .auto_shutdown = s->auto_shutdown,
		.children = kids, .n_children = (size_t)s->n_kids,
	};
	int ret, i;

	for (i = 0; i < s->n_kids; i++)
		kids[i] = spec_of(s->kids[i]);
	ret = sup_supervisor_start(&spec, ret_pid);
	on_task(ret ? '?' : '+', s->id, *ret_pid, NULL);
	return ret;
}

static struct sup_def *sup_of(const char *line, const char *key)
{
	char id[TEXT_MAX];
	int i;

	line_text(line, key, "", id);
	for (i = 0; i < n_sups; i++)
		if (!strcmp(sups[i].id, id))
			return &sups[i];
	line_is_bad(line, "there is no supervisor \"%s\"", id);
}

static void define_sup(const char *line)
{
	struct sup_def *s = &sups[n_sups++];

	if (n_sups > MAX_SUPS)
		line_is_bad(line, "too many");
	memset(s, 0, sizeof(*s));
	line_text(line, "id", "", s->id);
	s->strategy = (enum sup_strategy)line_word(line, "strategy",
						   strategies);
	s->intensity = (int)line_number(line, "intensity", 1);
	s->period_s = (unsigned int)line_number(line, "period", 5);
	s->auto_shutdown = (enum sup_auto_shutdown)
		line_word(line, "auto_shutdown", autos);
}

static struct def *define_child(const char *line)
{
	struct def *d = calloc(1, sizeof(*d));
	int stop = line_word(line, "stop", reasons);
	char shutdown[TEXT_MAX];

	if (!d || n_defs == MAX_DEFS)
		line_is_bad(line, "too many");
	defs[n_defs++] = d;
	line_text(line, "id", "", d->id);
	line_text(line, "in", "", d->in);
	line_text(line, "starts", "o", d->script);
	line_text(line, "asks", "", d->asks);
	d->fake = (struct fake){
		.id = d->id, .script = d->script, .arg = d,
		.in_start = in_start,
		.restart = (enum sup_restart)line_word(line, "restart",
						       restarts),
		.type = (enum sup_child_type)line_word(line, "type", types),
		.significant = line_number(line, "significant", 0),
		.deaf = stop == 5,
		.stop_reason = reason_of[stop == 5 ? 0 : stop],
		.stop_normally = stop == 1,
	};
	line_text(line, "shutdown", "5000", shutdown);
	if (d->fake.type == SUP_SUPERVISOR)
		d->sup = sup_of(line, "id");
	else if (!strcmp(shutdown, "brutal_kill"))
		d->fake.shutdown_ms = SUP_SHUTDOWN_KILL;
	else if (!strcmp(shutdown, "infinity"))
		d->fake.shutdown_ms = SUP_SHUTDOWN_INFINITY;
	else
		d->fake.shutdown_ms = atol(shutdown);
	return d;
}

static void add_child(const char *line)
{
	struct sup_def *s = sup_of(line, "in");

	if (s->n_kids == MAX_KIDS)
		line_is_bad(line, "too many");
	s->kids[s->n_kids++] = define_child(line);
}

static const char *error_word(int ret)
{
	switch (ret) {
	case 0: return "ok";
	case SUP_IGNORE: return "ignore";
	case -ENOENT: return "not_found";
	case -EBUSY: return "running";
	case -EAGAIN: return "restarting";
	case -EOPNOTSUPP: return "simple_one_for_one";
	case -EIO: return "refused";
	case -EINVAL: return "invalid";
	case -ESRCH: return "noproc";
	}
	return strerror(-ret);
}

static const char *start_word(int ret, struct sup_pid pid, char *buf)
{
	char name[2 * TEXT_MAX];

	if (ret == -EEXIST && !pid.v)
		return "already_present";
	if (ret && ret != -EEXIST)
		return error_word(ret);
	sprintf(buf, "%s %s", ret ? "already_started" : "ok",
		name_of(pid, name));
	return buf;
}

static const char *op_begin(const char *line, char *buf)
{
	int ret = start_sup(sup_of(line, "id"), &top);

	world_run();
	over = ret;
	return start_word(ret, top, buf);
}

static const char *op_start(const char *line, char *buf)
{
	struct sup_def *s = sup_of(line, "in");
	struct def *d = define_child(line);
	struct sup_pid pid = SUP_PID_NONE, sup = pid_of(s->id);
	struct sup_child_spec spec = spec_of(d);
	int ret;

	if (s->strategy == SUP_SIMPLE_ONE_FOR_ONE)
		ret = sup_start_extra(sup, &d->fake, NULL, &pid);
	else
		ret = sup_start_child(sup, &spec, &pid);
	return start_word(ret, pid, buf);
}

static const char *op_terminate(const char *line, char *buf)
{
	struct sup_pid sup = pid_of(sup_of(line, "in")->id), pid;
	char id[TEXT_MAX];

	(void)buf;
	line_text(line, "id", "", id);
	if (!line_number(line, "by_pid", 0))
		return error_word(sup_terminate_child(sup, id));
	pid = pid_of(id);
	return pid.v ? error_word(sup_terminate_child_pid(sup, pid)) : "none";
}

static const char *op_restart(const char *line, char *buf)
{
	struct sup_pid pid = SUP_PID_NONE;
	char id[TEXT_MAX];
	int ret;

	line_text(line, "id", "", id);
	ret = sup_restart_child(pid_of(sup_of(line, "in")->id), id, &pid);
	return start_word(ret, pid, buf);
}

static const char *op_delete(const char *line, char *buf)
{
	char id[TEXT_MAX];

	(void)buf;
	line_text(line, "id", "", id);
	return error_word(sup_delete_child(pid_of(sup_of(line, "in")->id),
					   id));
}

static const char *op_end(const char *line, char *buf)
{
	char id[TEXT_MAX];
	struct sup_pid pid = pid_of(line_text(line, "id", "", id));

	(void)buf;
	if (!sup_is_alive(pid))
		return "none";
	world_end(pid, reason_of[line_word(line, "reason", reasons)]);
	world_run();
	return "ended";
}

static const char *op_wait(const char *line, char *buf)
{
	(void)buf;
	world_advance(line_number(line, "ms", 0) * MS);
	return "ok";
}

static const char *op_stop(const char *line, char *buf)
{
	(void)line;
	(void)buf;
	world_stop(top);
	return "ok";
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of one spec have no order. */
static void print_simple(const struct sup_child *kids, size_t n)
{
	static char names[MAX_DEFS][2 * TEXT_MAX], *sorted[MAX_DEFS];
	size_t i;

	for (i = 0; i < n && i < MAX_DEFS; i++) {
		name_of(kids[i].pid, names[i]);
		sorted[i] = names[i];
	}
	qsort(sorted, n, sizeof(*sorted), by_text);
	for (i = 0; i < n; i++)
		printf(" %s", sorted[i]);
}

static bool is_simple(struct sup_pid sup)
{
	int i = n_sups;

	while (--i && strcmp(sups[i].id, tasks[task_of(sup)].id))
		;
	return sups[i].strategy == SUP_SIMPLE_ONE_FOR_ONE;
}

static void print_tree(struct sup_pid sup)
{
	struct sup_child_counts c = { 0 };
	bool simple = is_simple(sup);
	char name[2 * TEXT_MAX];
	struct sup_child *kids;
	size_t n, i;

	if (sup_which_children(sup, &kids, &n) ||
	    sup_count_children(sup, &c)) {
		printf("?");
		return;
	}
	printf("%s(%zu,%zu,%zu,%zu", name_of(sup, name), c.specs, c.active,
	       c.supervisors, c.workers);
	if (simple)
		print_simple(kids, n);
	for (i = 0; i < n && !simple; i++) {
		printf(" ");
		if (kids[i].state == SUP_CHILD_STOPPED)
			printf("%s-", kids[i].id);
		else if (kids[i].state == SUP_CHILD_RESTARTING)
			printf("%s*", kids[i].id);
		else if (kids[i].spec.type == SUP_SUPERVISOR)
			print_tree(kids[i].pid);
		else
			printf("%s", name_of(kids[i].pid, name));
	}
	printf(")");
	free(kids);
}

static void print_answers(void)
{
	struct sup_msg reply;
	int i, ret;

	for (i = 0; i < n_asks; i++) {
		ret = world_answer(asks[i], &reply);
		if (!ret)
			memcpy(&ret, reply.data, sizeof(ret));
		sup_msg_free(&reply);
		printf(" %s", ret == -EPIPE ? "noproc" : error_word(ret));
	}
	n_asks = 0;
}

static const struct {
	const char *name;
	const char *(*perform)(const char *line, char *buf);
} ops[] = {
	{ "begin", op_begin }, { "start", op_start },
	{ "terminate", op_terminate }, { "restart", op_restart },
	{ "delete", op_delete }, { "end", op_end }, { "wait", op_wait },
	{ "stop", op_stop },
};

/* trace, number of the operation, its result, what happened, answers, tree */
static void perform(const char *line, const char *op, long trace, int number)
{
	char buf[4 * TEXT_MAX];
	struct sup_reason r;
	size_t i;

	for (i = 0; strcmp(ops[i].name, op); i++)
		if (i + 1 == sizeof(ops) / sizeof(ops[0]))
			line_is_bad(line, "unknown operation \"%s\"", op);
	printf("%ld\t%d\t%s\t%s\t", trace, number, op,
	       ops[i].perform(line, buf));
	printf("%.*s\t", (int)events_len, events);
	events_len = 0;
	print_answers();
	printf("\t");
	if (over || (over = world_has_ended(top, &r)))
		printf("over");
	else
		print_tree(top);
	printf("\n");
}

static void close_trace(void)
{
	while (n_defs)
		free(defs[--n_defs]);
	n_sups = n_tasks = n_asks = 0;
	events_len = 0;
}

int main(void)
{
	char line[512], op[TEXT_MAX];
	bool opened = false;
	long trace = 0;
	int number = 0;

	printf("# libsup\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		line_text(line, "op", "", op);
		if (!strcmp(op, "trace")) {
			if (opened)
				world_close();
			close_trace();
			world_open(1);
			world_watch(on_task);
			trace = line_number(line, "seed", 0);
			opened = true;
			over = false;
			number = 0;
		} else if (!strcmp(op, "sup")) {
			define_sup(line);
		} else if (!strcmp(op, "child")) {
			add_child(line);
		} else if (!over) {
			perform(line, op, trace, ++number);
		}
	}
	if (opened)
		world_close();
	close_trace();
	return 0;
}
