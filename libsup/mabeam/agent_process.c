/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's task of a program: it gives requests numbers, has them written,
 * and answers by what comes back (agent_pipe.c). It never waits for the
 * program, but at its end.
 *
 * When the output, or the input, is closed, that is mostly because the program
 * is on its way out: its end is waited for, for a while, because its reason is
 * the true one.
 */
#include <mabeam/agent_process.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mabeam/agent_ask.h>
#include <sup/sup.h>

#include "mabeam/agent_cgroup.h"
#include "mabeam/agent_json.h"
#include "mabeam/agent_pipe.h"

/* The table, too, goes with the task; want of memory is told. */
#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup_alloc(size)
#define uthash_free(p, size) sup_free(p)
#include <uthash.h>

#define PENDING_MAX 1000
#define CLOSED_MS 1000
#define READY_MS 30000

/* Names of timers. */
#define SILENT UINT64_C(0x6d61622d68656172)
#define CLOSED UINT64_C(0x6d61622d636c6f73)
#define LATE UINT64_C(0x6d61622d6c617465)

struct pending {
	UT_hash_handle hh;
	uint64_t nr;
	struct sup_from from;
	int64_t deadline;
};

struct state {
	uint64_t key;
	const struct mab__config *config;
	const struct mab_program *program;
	struct sup_pid pipe, process;
	struct sup_ref pipe_end;
	struct pending *pending;
	uint64_t last_nr;
	bool ready, failed;
};

static void watch(const struct state *s)
{
	if (!s->ready || !s->program->heartbeat_ms)
		return;
	mab__life_heard(s->key);
	sup_server_timer(SILENT, s->program->heartbeat_ms);
}

int mab__process_init(uint64_t key, const struct mab__config *config,
		      void **ret_state)
{
	struct state *s = sup_alloc(sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->key = key;
	s->config = config;
	s->program = config->spec.arg;
	mab__pipe_await_end(config->strings);
	ret = mab__cgroup_make(s->program, config->strings);
	if (!ret)
		ret = mab__pipe_start(key, &s->pipe);
	if (!ret)
		ret = sup_monitor(s->pipe, &s->pipe_end);
	if (!ret)
		ret = sup_server_timer(LATE, READY_MS);
	*ret_state = s;
	return ret;
}

/* Nobody calls this: the host knows such agents, and their init has a key. */
static int init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	(void)arg;
	(void)ret_state;
	return -ENOTSUP;
}

static void forget(struct state *s, struct pending *p)
{
	HASH_DEL(s->pending, p);
	sup_free(p);
}

/* Those whose callers wait no more. */
static void sweep(struct state *s)
{
	int64_t now = sup_deadline_ms(0);
	struct pending *p, *next;

	HASH_ITER(hh, s->pending, p, next)
		if (p->deadline >= 0 && p->deadline <= now)
			forget(s, p);
}

static int add_pending(struct state *s, struct sup_from from, int64_t deadline,
		       struct pending **ret_pending)
{
	struct pending *p;

	if (HASH_COUNT(s->pending) >= PENDING_MAX)
		sweep(s);
	if (HASH_COUNT(s->pending) >= PENDING_MAX)
		return -EAGAIN;
	p = sup_alloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->nr = ++s->last_nr;
	p->from = from;
	p->deadline = deadline;
	HASH_ADD(hh, s->pending, nr, sizeof(p->nr), p);
	if (!p->hh.tbl) {
		sup_free(p);
		return -ENOMEM;
	}
	*ret_pending = p;
	return 0;
}

/* To send is a safe point: the line is the task's until it has been copied. */
static int write_line(const struct state *s, uint64_t nr,
		      const struct mab_message *m)
{
	struct sup_msg msg = { .tag = MAB__PIPE_WRITE };
	char *line;
	int ret;

	ret = mab__json_write(nr, m, &line, &msg.len);
	if (ret)
		return ret;
	msg.data = line;
	ret = sup_send(s->pipe, &msg, SUP_TRY);
	sup_free(line);
	return ret == -ESRCH ? -EAGAIN : ret;
}

static int request(void *state, struct sup_from from,
		   const struct mab_message *m)
{
	struct state *s = state;
	struct pending *p = NULL;
	int ret;

	ret = add_pending(s, from, m->deadline, &p);
	if (!ret)
		ret = write_line(s, p->nr, m);
	if (ret && p)
		forget(s, p);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int notify(void *state, const struct mab_message *m)
{
	/* Who told it that does not wait: what cannot be written is dropped. */
	write_line(state, 0, m);
	return SUP_CONTINUE;
}

static int end_with(struct state *s, const struct sup_reason *reason)
{
	s->failed = !sup_reason_is_clean(reason);
	if (!s->ready)
		mab__life_failed(s->key, reason->kind == SUP_REASON_EXIT &&
				 reason->code < 0 ? reason->code : -ECHILD,
				 "it has ended before it was ready");
	sup_server_stop_with(reason);
	return SUP_STOP;
}

static int fail(struct state *s, int error)
{
	const struct sup_reason reason = {
		.kind = SUP_REASON_EXIT, .code = error,
	};

	return end_with(s, &reason);
}

static void answer(struct state *s, const struct mab__said *said)
{
	struct pending *p;
	int ret;

	HASH_FIND(hh, s->pending, &said->nr, sizeof(said->nr), p);
	if (!p)
		return;	/* who asked waits no more */
	if (said->kind == MAB__SAID_REPLY)
		ret = mab_reply(p->from, said->body, said->len);
	else
		ret = mab_reply_error(p->from, said->body);
	if (ret)
		sup_reply_error(p->from, ret);
	forget(s, p);
}

static int hear(struct state *s, const struct sup_msg *msg)
{
	struct mab__said said;
	struct mab_message m;
	int ret;

	ret = mab__json_read(msg->data, msg->len - 1, &said);
	if (ret) {
		sup_free(said.body);
		return fail(s, ret);
	}
	if (said.kind == MAB__SAID_READY && !s->ready) {
		s->ready = true;
		sup_server_timer(LATE, -1);
	}
	watch(s);
	if (said.kind == MAB__SAID_REPLY || said.kind == MAB__SAID_ERROR)
		answer(s, &said);
	m = (struct mab_message){
		.method = said.method, .body = said.body, .len = said.len,
	};
	if (said.kind == MAB__SAID_NOTIFY && s->program->notified)
		s->program->notified(s->config->strings, &m,
				     s->program->notified_arg);
	sup_free(said.body);
	return SUP_CONTINUE;
}

static int is_bad(struct state *s, int error)
{
	if (error != -EPIPE)
		return fail(s, error);
	return sup_server_timer(CLOSED, CLOSED_MS);
}

bool mab__process_is_ready(const void *state)
{
	return ((const struct state *)state)->ready;
}

int mab__process_cast(void *state, const struct sup_msg *msg)
{
	struct state *s = state;

	switch (msg->tag) {
	case MAB__PIPE_STARTED:
		memcpy(&s->process, msg->data, sizeof(s->process));
		return SUP_CONTINUE;
	case MAB__PIPE_LINE:
		return hear(s, msg);
	case MAB__PIPE_BAD:
		return is_bad(s, *(const int *)msg->data);
	case MAB__PIPE_ENDED:
		return end_with(s, msg->data);
	}
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	const struct sup_reason silent = { .kind = SUP_REASON_WATCHDOG };
	struct state *s = state;

	if (info->kind == SUP_INFO_DOWN && info->ref.v == s->pipe_end.v)
		return end_with(s, &info->reason);
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == SILENT)
		return end_with(s, &silent);
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == CLOSED)
		return fail(s, -EPIPE);
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == LATE)
		return fail(s, -ETIMEDOUT);
	return SUP_CONTINUE;
}

/* The program first: the pipe is its parent. */
static void terminate(void *state, const struct sup_reason *reason)
{
	struct state *s = state;
	struct sup_pid pipe, process;

	(void)reason;
	mab__process_of(s->config->strings, &pipe, &process);
	if (process.v && sup_is_alive(process)) {
		if (s->failed)
			sup_kill(process, SUP_FOREVER);
		else
			sup_exit(process, &SUP_SHUTDOWN);
		sup_wait(process, NULL, SUP_FOREVER);
	}
	sup_exit(s->pipe, &SUP_SHUTDOWN);
	sup_wait(s->pipe, NULL, SUP_FOREVER);
	mab__cgroup_remove(s->config->strings);
}

const struct mab_agent_ops *mab_agent_process(void)
{
	static const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = init, .request = request,
		.notify = notify, .info = info, .terminate = terminate,
	};

	return &ops;
}
