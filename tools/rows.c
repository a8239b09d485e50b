/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"
#include "client.h"
#include "events.h"
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sup/runtime.h>

static const char *strategy_name(enum sup_strategy s)
{
	static const char *const names[] = {
		[SUP_ONE_FOR_ONE] = "one_for_one",
		[SUP_ONE_FOR_ALL] = "one_for_all",
		[SUP_REST_FOR_ONE] = "rest_for_one",
		[SUP_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one",
	};

	return names[s];
}

static const char *restart_name(enum sup_restart r)
{
	static const char *const names[] = {
		[SUP_PERMANENT] = "permanent",
		[SUP_TRANSIENT] = "transient",
		[SUP_TEMPORARY] = "temporary",
	};

	return names[r];
}

static const char *type_name(const struct sup_node *node)
{
	if (node->type == SUP_SUPERVISOR)
		return "supervisor";
	return node->os_pid == getpid() ? "thread" : "process";
}

/* Of something that began at that time of CLOCK_BOOTTIME. */
static int64_t age_ns(uint64_t start_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec -
	       (int64_t)start_ns;
}

int row_node(const struct sup_node *node, char *buf, size_t size)
{
	char reason[160];
	struct json_writer w;

	json_open(&w, buf, size);
	json_put_string(&w, "t", "node");
	json_put_int(&w, "depth", node->depth);
	json_put_string(&w, "id", node->id);
	json_put_string(&w, "type", type_name(node));
	json_put_string(&w, "state", sup_child_state_name(node->state));
	json_put_int(&w, "pid", node->os_pid);
	json_put_int(&w, "tid", node->os_tid);
	json_put_string(&w, "restart", restart_name(node->restart));
	json_put_int(&w, "restarts", node->restarts);
	if (node->flapping)
		json_put_bool(&w, "flapping", true);
	if (node->held)
		json_put_bool(&w, "held", true);
	if (node->due_ns > 0)
		json_put_int(&w, "due_ns", node->due_ns - sup_deadline_ms(0));
	if (node->state == SUP_CHILD_RUNNING)
		json_put_int(&w, "uptime_ns",
			     sup_deadline_ms(0) - node->started_ns);
	if (node->type == SUP_SUPERVISOR) {
		json_put_string(&w, "strategy", strategy_name(node->strategy));
		json_put_int(&w, "used", node->budget_used);
		json_put_int(&w, "intensity", node->intensity);
		json_put_int(&w, "period_s", node->period_s);
	}
	if (node->has_own_budget) {
		json_put_int(&w, "own_used", node->own_used);
		json_put_int(&w, "own_intensity", node->own_intensity);
		json_put_int(&w, "own_period_s", node->own_period_s);
	}
	if (node->has_ended)
		json_put_string(&w, "last_exit",
				sup_reason_format(&node->last_reason, reason,
						  sizeof(reason)));
	return json_close(&w);
}

int row_explanation(const struct sup_explanation *e, char *buf, size_t size)
{
	struct json_writer w;
	char text[1024];

	json_open(&w, buf, size);
	json_put_string(&w, "t", "explanation");
	json_put_string(&w, "id", e->node.id);
	json_put_string(&w, "state", sup_child_state_name(e->node.state));
	json_put_string(&w, "why", sup_why_name(e->why));
	json_put_int(&w, "age_ns", e->now_ns - e->since_ns);
	if (e->other[0] != '\0')
		json_put_string(&w, "other", e->other);
	if (e->node.due_ns > 0)
		json_put_int(&w, "due_ns", e->node.due_ns - e->now_ns);
	if (e->start_error != 0)
		json_put_string(&w, "start_error", e->start_text);
	if (e->node.has_ended)
		json_put_string(&w, "last_exit",
				sup_reason_format(&e->node.last_reason, text,
						  sizeof(text)));
	json_put_int(&w, "restarts", e->node.restarts);
	json_put_int(&w, "used", e->used);
	json_put_int(&w, "intensity", e->intensity);
	json_put_int(&w, "period_s", e->period_s);
	json_put_string(&w, "text",
			sup_explain_format(e, text, sizeof(text)));
	return json_close(&w);
}

int row_stray(const struct sup_stray *stray, char *buf, size_t size)
{
	struct json_writer w;

	json_open(&w, buf, size);
	json_put_string(&w, "t", "stray");
	json_put_string(&w, "type", stray->tid != 0 ? "thread" : "process");
	json_put_string(&w, "name", stray->comm);
	json_put_int(&w, "pid", stray->pid);
	if (stray->tid != 0) {
		json_put_int(&w, "tid", stray->tid);
	} else {
		json_put_int(&w, "lineage", (int64_t)stray->lineage);
		json_put_bool(&w, "first", stray->lineage_first);
		json_put_bool(&w, "adopted", stray->adopted);
	}
	json_put_int(&w, "age_ns", age_ns(stray->start_ns));
	return json_close(&w);
}

/* Names what the source lacks, with semicolons. */
static void list_lacks(uint32_t lacks, char *buf, size_t size)
{
	size_t len = 0;
	int bit;

	buf[0] = '\0';
	for (bit = 0; bit < 32 && len < size; bit++)
		if (lacks & 1u << bit)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
						len > 0 ? "; " : "",
						sup_lacks_text(1u << bit));
}

static int count(const char *tree, int64_t *ret_children, int64_t *ret_running)
{
	struct sup_node *nodes;
	size_t n, i;
	int ret;

	ret = tree_snapshot(tree, false, &nodes, &n);
	if (ret < 0)
		return ret;
	*ret_children = (int64_t)n;
	*ret_running = 0;
	for (i = 0; i < n; i++)
		*ret_running += nodes[i].state == SUP_CHILD_RUNNING;
	free(nodes);
	return 0;
}

int row_status(const struct client_view *view, char *buf, size_t size)
{
	int64_t children = 0, running = 0;
	struct sup_source_info info;
	struct json_writer w;
	char lacks[2048];
	int ret;

	ret = sup_exit_source(&info);
	if (ret == 0)
		ret = count(view->tree, &children, &running);
	if (ret < 0)
		return ret;
	list_lacks(info.lacks, lacks, sizeof(lacks));
	json_open(&w, buf, size);
	json_put_string(&w, "t", "status");
	json_put_int(&w, "pid", getpid());
	json_put_string(&w, "tree", view->tree);
	json_put_string(&w, "source", info.name);
	json_put_string(&w, "why", info.why);
	json_put_string(&w, "lacks", lacks);
	json_put_string(&w, "policy", view->policy);
	json_put_int(&w, "uptime_ns", sup_deadline_ms(0) - view->started_ns);
	json_put_int(&w, "children", children);
	json_put_int(&w, "running", running);
	json_put_int(&w, "events", (int64_t)events_newest());
	return json_close(&w);
}
