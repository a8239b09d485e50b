/* SPDX-License-Identifier: 0BSD */
/*
 * services SOURCE WORKER FILE: the two trees of the guide in one process, with
 * agents at work: threads, and programs, which are WORKER. The EventStore is
 * FILE. Then each service of both trees is killed, one after the other, a
 * program by SIGKILL, and a thread by a fault of its own. Prints what has come
 * back, a line each, words apart by tabs:
 *
 *	recovered TREE NAME FROM TO MICROSECONDS CAUSE
 *	work DONE AGAIN		tasks done; those that had to be given again
 *
 * FROM and TO are ids of threads, or processes. Exit status 0: all came back,
 * and the work went on each time.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <foundation/foundation.h>
#include <mabeam/mabeam.h>
#include <sup/sup.h>

#define THREADS 4
#define PROGRAMS 2
#define AGENTS (THREADS + PROGRAMS)
#define CLIENTS 2
#define LIMIT sup_deadline_ms(60000)

static const char *const can_add[] = { "squares", NULL };
static char ids[AGENTS][16];
static struct sup_events *events;
static _Atomic uint64_t done, again;
static _Atomic int stopping;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void must(int ret, const char *what)
{
	if (ret == 0)
		return;
	fprintf(stderr, "services: %s: %s\n", what, sup_error());
	exit(1);
}

static int worker_init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return 0;
}

static int worker_request(void *state, struct sup_from from,
			  const struct mab_message *m)
{
	volatile int *volatile nowhere = state;
	char text[24];
	int64_t sum = 0;
	int i, n;

	if (strcmp(m->method, "crash") == 0)
		*nowhere = 1;
	n = atoi(m->body);
	for (i = 1; i <= n; i++)
		sum += (int64_t)i * i;
	return mab_reply(from, text, (size_t)snprintf(text, sizeof(text),
						      "%" PRId64, sum));
}

/* Starts the agents, the last ones as programs; they may be given tasks. */
static void start_agents(const struct mab_program *program)
{
	static const struct mab_agent_ops thread_ops = {
		.size = sizeof(thread_ops), .init = worker_init,
		.request = worker_request,
	};
	struct mab_agent_spec spec = {
		.size = sizeof(spec), .capabilities = can_add,
		.restart = MAB_PERMANENT, .max_restarts = 100,
		.containment = SUP_CONTAIN,
	};
	int i;

	for (i = 0; i < AGENTS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%s-%d",
			 i < THREADS ? "thread" : "python", i + 1);
		spec.id = ids[i];
		spec.ops = i < THREADS ? &thread_ops : mab_agent_process();
		spec.arg = i < THREADS ? NULL : (void *)program;
		must(mab_agent_register(&spec), ids[i]);
		must(mab_agent_start(ids[i], NULL), ids[i]);
		must(mab_balance_add(ids[i]), ids[i]);
	}
}

/* Asks an agent something whose answer is a number. */
static int ask(const char *id, const char *method, const char *body,
	       int64_t *ret_answer)
{
	const struct mab_message what = {
		.method = method, .body = body, .len = strlen(body),
	};
	struct sup_msg reply;
	int ret;

	ret = mab_agent_ask(id, &what, &reply, NULL, LIMIT);
	if (ret < 0)
		return ret;
	*ret_answer = atoll(reply.data);
	sup_msg_free(&reply);
	return 0;
}

/* Gives a task to whoever is free; one that is not answered is given again. */
static int work_once(void)
{
	struct mab_assignment task;
	struct fnd_event event = { .type = "task", .source = "client" };
	int64_t answer = 0;
	int ret;

	ret = mab_balance_assign(can_add, &task);
	if (ret < 0)
		return ret;
	ret = ask(task.id, "squares", "100", &answer);
	mab_balance_complete(task.nr);
	if (ret == 0 && answer != 338350)
		must(-1, "a wrong answer");
	if (ret == 0)
		fnd_telemetry_count("demo.tasks", 1, NULL);
	event.data = (struct sup_bytes){ task.id, strlen(task.id) };
	return ret < 0 ? ret : fnd_event_store(&event, NULL, LIMIT);
}

static int client(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!atomic_load(&stopping)) {
		if (work_once() == 0) {
			atomic_fetch_add(&done, 1);
			continue;
		}
		atomic_fetch_add(&again, 1);
		/* Whoever it was is being started again. */
		if (sup_receive(&info, sup_deadline_ms(5)) == 0)
			sup_msg_free(&info.msg);
	}
	return 0;
}

/* The work goes on: tasks are done that were begun after now. */
static void await_work(void)
{
	const uint64_t before = atomic_load(&done) + 2 * CLIENTS;
	const int64_t limit = LIMIT;

	while (atomic_load(&done) < before) {
		if (now_ns() > limit)
			must(-1, "the work does not go on");
		sched_yield();
	}
}

static void row(const char *tree, const char *name, pid_t from, pid_t to,
		int64_t ns, const struct sup_reason *reason)
{
	char cause[200];

	printf("recovered\t%s\t%s\t%d\t%d\t%" PRId64 "\t%s\n", tree, name, from,
	       to, ns / 1000, sup_reason_format(reason, cause, sizeof(cause)));
	fflush(stdout);
}

/* Kills a service, and waits until its supervisor has started it again. */
static void kill_service(const char *tree, struct sup_pid root,
			 const struct sup_node *node)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };
	const int64_t begin = now_ns(), limit = LIMIT;
	struct sup_event ev;

	must(sup_kill(node->pid, SUP_TRY), node->id);
	do {
		must(sup_events_next(events, &ev, limit), node->id);
		if (ev.pid.v == node->pid.v &&
		    ev.kind == SUP_EVENT_CHILD_TERMINATED)
			reason = ev.reason;
	} while (ev.kind != SUP_EVENT_STARTED || ev.supervisor.v != root.v ||
		 strcmp(ev.child_id, node->id) || ev.pid.v == node->pid.v);
	row(tree, node->id, node->os_tid, ev.os_tid, now_ns() - begin, &reason);
	await_work();
}

static void kill_services(const char *tree, struct sup_pid root)
{
	struct sup_node *nodes;
	size_t i, n;

	must(sup_tree(root, &nodes, &n), tree);
	for (i = 0; i < n; i++)
		if (nodes[i].depth == 1)
			kill_service(tree, root, &nodes[i]);
	free(nodes);
}

static pid_t number_of(const char *id)
{
	int64_t pid = -1;
	pid_t tid;

	if (mab_agent_whereis(id).v == 0)
		return -1;
	if (strncmp(id, "python", 6) == 0)
		return ask(id, "pid", "null", &pid) < 0 ? -1 : (pid_t)pid;
	return sup_os_pid(mab_agent_whereis(id), NULL, &tid) < 0 ? -1 : tid;
}

/* A program gets SIGKILL; a thread is asked for what it does wrong. */
static void kill_agent(const char *id)
{
	const int64_t begin = now_ns(), limit = LIMIT;
	const pid_t before = number_of(id);
	struct mab_agent *a;
	int64_t none;
	pid_t after;

	if (strncmp(id, "python", 6) == 0)
		kill(before, SIGKILL);
	else
		ask(id, "crash", "", &none);
	do {
		if (now_ns() > limit)
			must(-1, id);
		sched_yield();
		after = number_of(id);
	} while (after < 0 || after == before);
	must(mab_agent_get(id, &a), id);
	row("agents", id, before, after, now_ns() - begin, &a->reason);
	free(a);
	await_work();
}

static enum sup_source source_of(const char *word)
{
	return strcmp(word, "module") == 0 ? SUP_SOURCE_MODULE :
					     SUP_SOURCE_PIDFD;
}

int main(int argc, char **argv)
{
	const char *worker[] = { "python3", argc == 4 ? argv[2] : NULL, NULL };
	const struct mab_program program = {
		.size = sizeof(program), .argv = worker,
	};
	const struct fnd_event_store_options store = {
		.size = sizeof(store), .file = argc == 4 ? argv[3] : NULL,
	};
	/* More ends than they are meant to bear in so short a time. */
	const struct fnd_foundation_options foundation = {
		.size = sizeof(foundation), .event_store = &store,
		.intensity = 100, .period_s = 60,
	};
	const struct mab_mabeam_options mabeam = {
		.size = sizeof(mabeam), .intensity = 100, .period_s = 60,
	};
	const struct sup_thread_spec thread = {
		.size = sizeof(thread), .name = "client", .run = client,
	};
	const struct sup_events_spec all = {
		.size = sizeof(all), .capacity = SUP_EVENTS_MAX,
	};
	struct sup_options options = { .size = sizeof(options) };
	struct sup_pid services, agents, clients[CLIENTS];
	int i;

	if (argc != 4) {
		fprintf(stderr, "usage: services SOURCE WORKER FILE\n");
		return 100;
	}
	options.source = source_of(argv[1]);
	must(sup_open(&options), "the runtime");
	must(sup_events_open(&all, &events), "the events");
	must(fnd_foundation_start(&foundation, &services), "foundation");
	must(mab_mabeam_start(&mabeam, &agents), "mabeam");
	start_agents(&program);
	for (i = 0; i < CLIENTS; i++)
		must(sup_thread_start(&thread, &clients[i]), "a client");
	await_work();
	kill_agent(ids[0]);
	kill_agent(ids[AGENTS - 1]);
	kill_services("foundation", services);
	kill_services("mabeam", agents);
	atomic_store(&stopping, 1);
	for (i = 0; i < CLIENTS; i++)
		must(sup_wait(clients[i], NULL, SUP_FOREVER), "a client");
	printf("work\t%" PRIu64 "\t%" PRIu64 "\n", atomic_load(&done),
	       atomic_load(&again));
	sup_events_close(events);
	return sup_close() < 0;
}
