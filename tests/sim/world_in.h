/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What world.c and world_calls.c share. */
#ifndef TESTS_SIM_WORLD_IN_H
#define TESTS_SIM_WORLD_IN_H

#include "world.h"

struct letter {
	struct letter *next;
	enum { EXIT, CAST, MSG, CALL } kind;
	int ask;
	struct sup_pid pid;
	struct sup_reason reason;
	struct sup_msg msg;
};

struct queue {
	struct letter *first, **last;
};

struct task {
	struct sup_pid pid, parent;
	char id[64];
	char name[64];
	struct fake *fake;		/* or */
	const struct sup_server_ops *ops;
	void *state;
	struct task *next_server, *next_planned;
	struct queue signals, data;
	int64_t timeout_at;
	bool ended, asked, traps;
	unsigned int wakes;
	bool is_watched;
	struct sup_turn turn;
	bool starting;			/* nobody hears of its end */
	int64_t end_at;			/* 0: not planned */
	struct sup_reason end_reason, reason;
};

struct answer {
	bool done;
	int error;
	struct sup_msg msg;
};

/* The task whose callback runs, the time, and what it said to end with. */
extern struct task *world_self;
extern int64_t world_now;
extern struct sup_reason world_stop_with;
extern unsigned int world_refusals;
extern bool world_watches;		/* the turns of what is started */
extern struct task *world_servers;

/* The free_arg of fakes. */
void world_count_free(void *fake);

/* Into the trace; and to who watches. */
void world_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void world_tell_watcher(char what, const char *id, struct sup_pid pid,
			const struct sup_reason *reason);

struct task *world_find(struct sup_pid pid);
struct task *world_new_task(const char *id);
void world_plan_end(struct task *t, struct sup_reason reason, int64_t at);
void world_end_task(struct task *t, struct sup_reason reason);
void world_terminate(struct task *t, struct sup_reason reason);
void world_shut(struct task *t, struct sup_reason reason);
void world_pass_time(int64_t until);
void world_put(struct queue *q, struct letter *l);
struct letter *world_new_letter(int kind, const struct sup_msg *msg);
void world_answer_with(int ask, int error, const struct sup_msg *msg);

#endif
