/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control_ops.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sup/process_status.h>
#include <sup/registry.h>
#include <sup/supervisor.h>
#include <sup/task.h>

#define KILL_MS 5000

/* Where a target was found in a picture of the tree. */
struct found {
	struct sup_pid pid, supervisor;
	pid_t os_pid;
	enum sup_child_type type;
	char id[64];
};

/* Keeps the rows below the one that has the root's name, that included. */
static void cut_out(const char *root, struct sup_node *nodes, size_t *n)
{
	size_t first = 0, end, i;

	while (first < *n && (nodes[first].depth != 1 ||
			      strcmp(nodes[first].id, root) != 0))
		first++;
	for (end = first; end < *n; end++) {
		if (end > first && nodes[end].depth <= 1)
			break;
		nodes[end].depth--;
	}
	for (i = first; i < end; i++)
		nodes[i - first] = nodes[i];
	*n = end - first;
}

int tree_snapshot(const char *root, bool all, struct sup_node **ret_nodes,
		  size_t *ret_n)
{
	int ret;

	ret = sup_tree(sup_whereis(SUPD_TOP), ret_nodes, ret_n);
	if (ret == 0 && !all)
		cut_out(root, *ret_nodes, ret_n);
	return ret;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The path of node i, from the root of the tree. */
static void path_of(const struct sup_node *nodes, size_t i, char *buf,
		    size_t size)
{
	size_t len, at = i, part;
	unsigned int depth;

	snprintf(buf, size, "%s", nodes[i].id);
	for (depth = nodes[i].depth; depth > 0; depth--) {
		while (nodes[at].depth >= depth)
			at--;
		len = strlen(buf);
		part = strlen(nodes[at].id);
		if (len + part + 2 > size)
			return;
		memmove(buf + part + 1, buf, len + 1);
		memcpy(buf, nodes[at].id, part);
		buf[part] = '/';
	}
}

static bool matches(const struct sup_node *nodes, size_t i, const char *target)
{
	char path[1024];
	long number;

	if (strcmp(nodes[i].id, target) == 0)
		return true;
	if (strchr(target, '/') != NULL) {
		path_of(nodes, i, path, sizeof(path));
		return strcmp(path, target) == 0;
	}
	if (!is_number(target))
		return false;
	number = strtol(target, NULL, 10);
	return number > 0 && (nodes[i].os_tid == number ||
			      (nodes[i].os_pid == number &&
			       nodes[i].os_pid != getpid()));
}

static int say(struct op *op, enum proto_code code, const char *text)
{
	op->code = code;
	snprintf(op->text, sizeof(op->text), "%s", text);
	return -1;
}

static void take(const struct sup_node *nodes, size_t i, struct found *ret_f)
{
	size_t parent = i;

	while (parent > 0 && nodes[parent].depth >= nodes[i].depth)
		parent--;
	ret_f->pid = nodes[i].pid;
	ret_f->os_pid = nodes[i].os_pid;
	ret_f->type = nodes[i].type;
	ret_f->supervisor = i > 0 ? nodes[parent].pid : SUP_PID_NONE;
	memcpy(ret_f->id, nodes[i].id, sizeof(ret_f->id));
}

static int find(struct op *op, struct found *ret_f)
{
	struct sup_node *nodes;
	size_t n, i, hits = 0;
	int ret;

	ret = tree_snapshot(op->tree, false, &nodes, &n);
	if (ret < 0)
		return say(op, PROTO_SYSTEM, strerror(-ret));
	for (i = 0; i < n; i++) {
		if (!matches(nodes, i, op->target))
			continue;
		hits++;
		take(nodes, i, ret_f);
	}
	free(nodes);
	if (hits == 1)
		return 0;
	op->code = PROTO_NO;
	snprintf(op->text, sizeof(op->text), hits == 0 ?
		 "there is no child \"%.128s\"" :
		 "\"%.128s\" is the id of several children: give the path, "
		 "such as root/id", op->target);
	return -1;
}

/* The outcome of a libsup call, as the answer. */
static void conclude(struct op *op, int ret, const char *what)
{
	const char *why = sup_error();

	if (ret >= 0)
		return;
	op->code = ret == -EPERM || ret == -ENOMEM || ret == -EAGAIN ?
		PROTO_SYSTEM : PROTO_NO;
	snprintf(op->text, sizeof(op->text), "%.96s: cannot %s: %.128s",
		 op->target, what, why[0] != '\0' ? why : strerror(-ret));
}

static void run_kill(struct op *op, const struct found *f)
{
	bool is_thread = f->os_pid == getpid() || f->type == SUP_SUPERVISOR;
	int signo = op->signo;

	if (signo == 0)
		signo = is_thread || op->lineage ? SIGKILL : SIGTERM;
	if (f->pid.v == 0 || f->os_pid == 0) {
		say(op, PROTO_NO, "it does not run");
	} else if ((is_thread || op->lineage) && signo != SIGKILL) {
		say(op, PROTO_USAGE, is_thread ?
		    "a thread can be killed by KILL only" :
		    "--tree kills by KILL only");
	} else if (is_thread || op->lineage) {
		conclude(op, sup_kill(f->pid, sup_deadline_ms(KILL_MS)),
			 "kill");
	} else {
		conclude(op, sup_process_signal(f->pid, signo), "signal");
	}
}

static void run_change(struct op *op, const struct found *f)
{
	struct sup_pid pid;
	int ret = 0;

	if (f->supervisor.v == 0) {
		say(op, PROTO_USAGE, "the root of the tree stops with supd");
		return;
	}
	if (op->kind != OP_START)
		ret = sup_terminate_child(f->supervisor, f->id);
	conclude(op, ret, "stop");
	if (ret < 0 || op->kind == OP_STOP)
		return;
	conclude(op, sup_restart_child(f->supervisor, f->id, &pid), "start");
}

/* The root is a child of supd's own top. */
bool op_explain(struct op *op, struct sup_explanation *ret_explanation)
{
	struct found f;
	int ret;

	if (find(op, &f) < 0)
		return false;
	if (f.supervisor.v == 0)
		f.supervisor = sup_whereis(SUPD_TOP);
	ret = sup_explain(f.supervisor, f.id, ret_explanation);
	conclude(op, ret, "explain");
	return ret == 0;
}

static int run_op(void *arg)
{
	struct op *op = arg;
	int wake_fd = op->wake_fd;
	struct found f;

	if (find(op, &f) == 0) {
		if (op->kind == OP_KILL)
			run_kill(op, &f);
		else
			run_change(op, &f);
	}
	/*
	 * Pairs with op_ended(): code and text are whole once it is seen, and
	 * op is not ours any more.
	 */
	atomic_store_explicit(&op->done, true, memory_order_release);
	eventfd_write(wake_fd, 1);
	return 0;
}

int op_start(struct op *op)
{
	op->spec = (struct sup_thread_spec){
		.size = sizeof(op->spec),
		.name = "supd.request",
		.run = run_op,
		.arg = op,
	};
	return sup_thread_start(&op->spec, &op->task);
}

bool op_ended(struct op *op)
{
	return atomic_load_explicit(&op->done, memory_order_acquire) ||
	       !sup_is_alive(op->task);
}
