/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services whose servers crash in their callbacks, at random: the callback is
 * not called, or it is, and fails then. Either ends the server with an error,
 * as one does that a callback returns itself.
 */
#ifndef TESTS_FOUNDATION_CRASH_H
#define TESTS_FOUNDATION_CRASH_H

#include "seed.h"

/* Of so many chances one is taken, of which a callback has two; 0: none. */
static _Atomic unsigned int crash_one_in;

/* Those that have been started, by their names. */
static struct crasher {
	_Atomic(const char *) name;
	_Atomic unsigned int crashes;
} crashers[16];

/* That of this thread, which is a server's. */
static _Thread_local struct {
	const struct sup_server_ops *ops;
	struct crasher *as;
	unsigned int random;
} crashing;

/* Names are the services', and stay. */
static inline struct crasher *crasher_of(const char *name)
{
	const char *none, *has;
	struct crasher *c;

	for (c = crashers; c < crashers + N_OF(crashers); c++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&c->name, &none, name))
			return c;
		has = atomic_load(&c->name);
		if (!strcmp(has, name))
			return c;
	}
	abort();
}

static inline unsigned int crashes_of(const char *name)
{
	return atomic_load(&crasher_of(name)->crashes);
}

/* From here on those that there are have no crash behind them. */
static inline void crash_at_random(unsigned int one_in)
{
	struct crasher *c;

	for (c = crashers; c < crashers + N_OF(crashers); c++)
		atomic_store(&c->crashes, 0);
	atomic_store(&crash_one_in, one_in);
}

static inline void crash_no_more(void)
{
	atomic_store(&crash_one_in, 0);
}

static inline bool crashes_now(void)
{
	unsigned int one_in = atomic_load(&crash_one_in);

	if (!one_in || rand_r(&crashing.random) % one_in)
		return false;
	atomic_fetch_add(&crashing.as->crashes, 1);
	return true;
}

static inline int or_crash(int ret)
{
	return ret == SUP_CONTINUE && crashes_now() ? -EFAULT : ret;
}

struct crashing_start {
	const struct sup_server_ops *ops;
	void *arg;
	struct crasher *as;
};

static inline int crashing_init(void *arg, void **ret_state)
{
	static _Atomic unsigned int lives;
	const struct crashing_start *s = arg;

	crashing.ops = s->ops;
	crashing.as = s->as;
	crashing.random = seed + atomic_fetch_add(&lives, 1);
	return s->ops->init(s->arg, ret_state);
}

static inline int crashing_call(void *state, struct sup_from from,
				struct sup_msg *req)
{
	if (crashes_now())
		return -EFAULT;
	if (crashing.ops->call)
		return or_crash(crashing.ops->call(state, from, req));
	sup_reply_error(from, -ENOSYS);
	return SUP_CONTINUE;
}

static inline int crashing_cast(void *state, struct sup_msg *msg)
{
	if (crashes_now())
		return -EFAULT;
	return crashing.ops->cast ?
		or_crash(crashing.ops->cast(state, msg)) : SUP_CONTINUE;
}

static inline int crashing_info(void *state, struct sup_info *info)
{
	if (crashes_now())
		return -EFAULT;
	return crashing.ops->info ?
		or_crash(crashing.ops->info(state, info)) : SUP_CONTINUE;
}

static inline void crashing_terminate(void *state,
				      const struct sup_reason *reason)
{
	if (crashing.ops->terminate)
		crashing.ops->terminate(state, reason);
}

static inline int crashing_go_on(void *state, uint64_t what)
{
	return crashing.ops->go_on ? crashing.ops->go_on(state, what) : -ENOSYS;
}

int __real_sup_server_start(const void *spec, struct sup_pid *ret_pid);
int __wrap_sup_server_start(const void *spec, struct sup_pid *ret_pid);

/* What is no service does not crash. */
int __wrap_sup_server_start(const void *spec, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = crashing_init,
		.call = crashing_call, .cast = crashing_cast,
		.info = crashing_info, .terminate = crashing_terminate,
		.go_on = crashing_go_on,
	};
	struct sup_server_spec s = *(const struct sup_server_spec *)spec;
	struct crashing_start start = { .ops = s.ops, .arg = s.arg };

	if (!s.name || strncmp(s.name, "fnd_", 4))
		return __real_sup_server_start(spec, ret_pid);
	start.as = crasher_of(s.name);
	s.ops = &ops;
	s.arg = &start;
	return __real_sup_server_start(&s, ret_pid);
}

#endif
