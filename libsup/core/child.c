/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/child.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sup/process.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/spec.h"
#include "core/backoff.h"

#define DEFAULT_SHUTDOWN_MS 5000
#define DEFAULT_PERIOD_S 5
#define DEFAULT_FLAPPING_S 60

static int check_budget(const struct sup_budget *b, const char *id)
{
	if (b->intensity < SUP_INTENSITY_NONE ||
	    b->intensity > SUP__INTENSITY_MAX)
		return sup__error(-EINVAL, "child \"%s\": budget.intensity %d is "
				  "not in -1 ... %d", id, b->intensity,
				  SUP__INTENSITY_MAX);
	if ((unsigned int)b->spent > SUP_SPENT_STOP)
		return sup__error(-EINVAL, "child \"%s\": budget.spent %d is "
				  "neither as_all nor stop", id, (int)b->spent);
	if (!b->intensity && (b->period_s || b->spent))
		return sup__error(-EINVAL, "child \"%s\": budget.intensity is "
				  "missing", id);
	return 0;
}

static int check_flapping(const struct sup_flapping *f, const char *id)
{
	if (f->restarts > SUP__INTENSITY_MAX)
		return sup__error(-EINVAL, "child \"%s\": flapping.restarts %u "
				  "is more than %d", id, f->restarts,
				  SUP__INTENSITY_MAX);
	if (!f->restarts && (f->period_s || f->stable_ms))
		return sup__error(-EINVAL, "child \"%s\": flapping.restarts is "
				  "missing", id);
	return 0;
}

static int check_hang(const struct sup_child_spec *spec)
{
	const char *who = NULL;

	if (!spec->hang_ms && spec->hang_kill)
		return sup__error(-EINVAL, "child \"%s\": hang_kill is set and "
				  "hang_ms is missing", spec->id);
	if (spec->type == SUP_SUPERVISOR)
		who = "supervisors";
	else if (spec->start == sup_process_start)
		who = "processes, which have watchdog_ms";
	if (!spec->hang_ms || !who)
		return 0;
	return sup__error(-EINVAL, "child \"%s\": hang_ms is not for %s",
			  spec->id, who);
}

static int check_depends_on(const struct sup_child_spec *spec)
{
	const char *const *id, *const *other;

	for (id = spec->depends_on; id && *id; id++) {
		if (!strcmp(*id, spec->id))
			return sup__error(-EINVAL, "child \"%s\": depends_on "
					  "names the child itself", spec->id);
		for (other = spec->depends_on; other < id; other++)
			if (!strcmp(*id, *other))
				return sup__error(-EINVAL, "child \"%s\": "
						  "depends_on names \"%.*s\" "
						  "twice", spec->id,
						  SUP_NAME_MAX, *id);
	}
	return 0;
}

static int check_fields(const struct sup_child_spec *spec)
{
	int ret;

	if (!spec->start && !spec->start_with)
		return sup__error(-EINVAL, "child \"%s\": start is missing",
				  spec->id);
	if (spec->start && spec->start_with)
		return sup__error(-EINVAL, "child \"%s\": start and "
				  "start_with are both there", spec->id);
	if ((unsigned int)spec->restart > SUP_TEMPORARY)
		return sup__error(-EINVAL, "child \"%s\": restart %d is none "
				  "of permanent, transient, temporary",
				  spec->id, (int)spec->restart);
	if ((unsigned int)spec->type > SUP_SUPERVISOR)
		return sup__error(-EINVAL, "child \"%s\": type %d is neither "
				  "worker nor supervisor", spec->id,
				  (int)spec->type);
	if (spec->shutdown_ms < SUP_SHUTDOWN_KILL)
		return sup__error(-EINVAL, "child \"%s\": shutdown_ms %lld is "
				  "neither a time nor one of its names",
				  spec->id, (long long)spec->shutdown_ms);
	if (spec->significant && spec->restart == SUP_PERMANENT)
		return sup__error(-EINVAL, "child \"%s\": significant and "
				  "permanent do not go together", spec->id);
	ret = sup__backoff_check(&spec->backoff, spec->id);
	if (!ret)
		ret = check_budget(&spec->budget, spec->id);
	if (!ret)
		ret = check_flapping(&spec->flapping, spec->id);
	if (!ret)
		ret = check_hang(spec);
	return ret ? ret : check_depends_on(spec);
}

int sup__child_check(const struct sup_child_spec *from, bool needs_id,
		     struct sup_child_spec *ret_spec)
{
	const size_t least = offsetof(struct sup_child_spec, free_arg);
	struct sup_child_spec spec;
	int ret;

	if (!from)
		return sup__error(-EINVAL, "child spec: there is none");
	ret = sup__spec_copy_least(&spec, sizeof(spec), from, least,
				   "sup_child_spec");
	if (ret)
		return ret;
	if (!spec.id && !needs_id)
		spec.id = "";
	if (!spec.id || (needs_id && !spec.id[0]))
		return sup__error(-EINVAL, "child spec: id is missing");
	if (strnlen(spec.id, SUP_NAME_MAX + 1) > SUP_NAME_MAX)
		return sup__error(-EINVAL, "child \"%.*s...\": id is longer "
				  "than %d bytes", 20, spec.id, SUP_NAME_MAX);
	ret = check_fields(&spec);
	if (!ret)
		*ret_spec = spec;
	return ret;
}

int sup__child_suits(const struct sup_child_spec *spec,
		     enum sup_auto_shutdown auto_shutdown)
{
	if (spec->significant && auto_shutdown == SUP_AUTO_SHUTDOWN_NEVER)
		return sup__error(-EINVAL, "child \"%s\": significant needs "
				  "a supervisor with auto_shutdown", spec->id);
	return 0;
}

static int make_budget(struct sup__child *c)
{
	struct sup_budget *b = &c->spec.budget;

	if (!b->intensity)
		return 0;
	if (!b->period_s)
		b->period_s = DEFAULT_PERIOD_S;
	return sup__intensity_init(&c->own, b->intensity < 0 ? 0 :
				   (size_t)b->intensity,
				   b->period_s * INT64_C(1000000000));
}

/* One restart more than it may have, of so many less one, is the nth. */
static int make_flapping(struct sup__child *c)
{
	struct sup_flapping *f = &c->spec.flapping;

	if (!f->restarts)
		return 0;
	if (!f->period_s)
		f->period_s = DEFAULT_FLAPPING_S;
	if (!f->stable_ms)
		f->stable_ms = f->period_s > UINT32_MAX / 1000 ? UINT32_MAX :
			       f->period_s * 1000;
	return sup__intensity_init(&c->often, f->restarts - 1,
				   f->period_s * INT64_C(1000000000));
}

/* The ids it depends on, copied: pointers, then what they point to. */
static int copy_depends_on(struct sup__child *c)
{
	const char *const *from = c->spec.depends_on;
	size_t n = 0, len = 0;
	char *text;

	c->spec.depends_on = NULL;
	for (; from && from[n]; n++)
		len += strlen(from[n]) + 1;
	if (!n)
		return 0;
	c->deps = sup__calloc(n, sizeof(*c->deps));
	c->dep_ids = sup__zalloc((n + 1) * sizeof(*c->dep_ids) + len);
	if (!c->deps || !c->dep_ids)
		return sup__error_nomem("a child spec");
	text = (char *)&c->dep_ids[n + 1];
	for (c->n_deps = 0; c->n_deps < n; c->n_deps++) {
		len = strlen(from[c->n_deps]) + 1;
		c->dep_ids[c->n_deps] = memcpy(text, from[c->n_deps], len);
		text += len;
	}
	c->spec.depends_on = (const char *const *)c->dep_ids;
	return 0;
}

struct sup__child *sup__child_new(const struct sup_child_spec *spec)
{
	struct sup__child *c = sup__zalloc(sizeof(*c));

	if (!c) {
		sup__error_nomem("a child spec");
		return NULL;
	}
	c->spec = *spec;
	if (make_budget(c) || make_flapping(c) || copy_depends_on(c)) {
		sup__child_free(c);
		return NULL;
	}
	c->why = SUP_WHY_NOT_YET;
	c->since_ns = sup__now_ns();
	snprintf(c->id, sizeof(c->id), "%s", spec->id);
	c->spec.id = c->id;
	if (spec->shutdown_ms == SUP_SHUTDOWN_DEFAULT)
		c->spec.shutdown_ms = spec->type == SUP_SUPERVISOR ?
				      SUP_SHUTDOWN_INFINITY :
				      DEFAULT_SHUTDOWN_MS;
	return c;
}

void sup__child_free(struct sup__child *c)
{
	if (!c)
		return;
	if (c->owns_arg && c->spec.free_arg)
		c->spec.free_arg((void *)c->spec.arg);
	if (c->owns_arg && c->free_extra)
		c->free_extra((void *)c->extra);
	sup__intensity_fini(&c->own);
	sup__intensity_fini(&c->often);
	sup__free(c->deps);
	sup__free(c->dep_ids);
	sup__free(c->start_text);
	sup__free(c);
}

static void nothing(struct sup__child *c, const struct sup__child_news *news)
{
	(void)c;
	(void)news;
}

static void begin(struct sup__child *c, const struct sup__child_news *news)
{
	c->retry = 0;
	c->retry_unsent = false;
	c->due_ns = 0;
	c->held = false;
	c->awaits_deps = false;
	c->at_rest = false;
	c->restarts += news->restart;
	if (!news->restart)
		sup__intensity_clear(&c->own);
}

static void come_up(struct sup__child *c, const struct sup__child_news *news)
{
	c->pid = c->last_pid = news->pid;
	c->os_pid = news->os_pid;
	c->os_tid = news->os_tid;
	c->started_ns = news->now;
}

static void end(struct sup__child *c, const struct sup__child_news *news)
{
	c->pid = SUP_PID_NONE;
	c->hung = false;
	c->has_ended = true;
	c->last_reason = news->reason;
	c->stop_by = 0;
}

static void want_retry(struct sup__child *c,
		       const struct sup__child_news *news)
{
	c->retry = news->retry;
	c->retry_unsent = !news->due_ns;
	c->due_ns = news->due_ns;
	c->counted = false;
}

static void wait_for_it(struct sup__child *c,
			const struct sup__child_news *news)
{
	c->retry = 0;
	c->retry_unsent = false;
	c->due_ns = news->due_ns;
	c->held = news->held;
	c->awaits_deps = news->awaits_deps;
	c->counted = true;
}

static void drop_retry(struct sup__child *c,
		       const struct sup__child_news *news)
{
	(void)news;
	c->retry = 0;
	c->retry_unsent = false;
	c->due_ns = 0;
	c->held = false;
	c->awaits_deps = false;
	c->in_a_row = 0;
}

struct transition {
	enum sup_child_state next;
	void (*note)(struct sup__child *c, const struct sup__child_news *news);
};

/* The life of a child. What is not here does not happen. */
static const struct transition life[][SUP__CHILD_EVENTS] = {
	[SUP_CHILD_STOPPED] = {
		[SUP__CHILD_START] = { SUP_CHILD_STARTING, begin },
		[SUP__CHILD_CANCEL] = { SUP_CHILD_STOPPED, nothing },
		[SUP__CHILD_WAIT] = { SUP_CHILD_RESTARTING, wait_for_it },
	},
	[SUP_CHILD_STARTING] = {
		[SUP__CHILD_UP] = { SUP_CHILD_RUNNING, come_up },
		[SUP__CHILD_DECLINE] = { SUP_CHILD_STOPPED, nothing },
		[SUP__CHILD_FAIL] = { SUP_CHILD_STOPPED, nothing },
		[SUP__CHILD_FAIL_RETRY] = { SUP_CHILD_RESTARTING, want_retry },
	},
	[SUP_CHILD_RUNNING] = {
		[SUP__CHILD_EXIT] = { SUP_CHILD_STOPPED, end },
		[SUP__CHILD_STOP] = { SUP_CHILD_STOPPING, nothing },
	},
	[SUP_CHILD_STOPPING] = {
		[SUP__CHILD_DOWN] = { SUP_CHILD_STOPPED, end },
	},
	[SUP_CHILD_RESTARTING] = {
		[SUP__CHILD_START] = { SUP_CHILD_STARTING, begin },
		[SUP__CHILD_CANCEL] = { SUP_CHILD_STOPPED, drop_retry },
		[SUP__CHILD_WAIT] = { SUP_CHILD_RESTARTING, wait_for_it },
	},
};

int sup__child_move(struct sup__child *c, enum sup__child_event event,
		    const struct sup__child_news *news)
{
	const struct transition *t = &life[c->state][event];

	if (!t->note)
		return sup__error(-EPROTO, "child \"%s\": %s while %s", c->id,
				  sup__child_event_name(event),
				  sup_child_state_name(c->state));
	t->note(c, news);
	c->state = t->next;
	return 0;
}

const char *sup__child_event_name(enum sup__child_event event)
{
	static const char *const names[] = {
		[SUP__CHILD_START] = "start",
		[SUP__CHILD_UP] = "up",
		[SUP__CHILD_DECLINE] = "decline",
		[SUP__CHILD_FAIL] = "fail",
		[SUP__CHILD_FAIL_RETRY] = "fail, to be retried",
		[SUP__CHILD_WAIT] = "wait for its restart",
		[SUP__CHILD_EXIT] = "exit",
		[SUP__CHILD_STOP] = "stop",
		[SUP__CHILD_DOWN] = "down",
		[SUP__CHILD_CANCEL] = "cancel",
	};

	if ((unsigned int)event >= sizeof(names) / sizeof(*names))
		return "unknown";
	return names[event];
}

const char *sup_child_state_name(enum sup_child_state state)
{
	static const char *const names[] = {
		[SUP_CHILD_STOPPED] = "stopped",
		[SUP_CHILD_STARTING] = "starting",
		[SUP_CHILD_RUNNING] = "running",
		[SUP_CHILD_RESTARTING] = "restarting",
		[SUP_CHILD_STOPPING] = "stopping",
	};

	if ((unsigned int)state >= sizeof(names) / sizeof(*names))
		return "unknown";
	return names[state];
}
