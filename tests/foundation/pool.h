/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool "p" of connections to nothing, which tests say how they behave. */
#ifndef TESTS_FOUNDATION_POOL_H
#define TESTS_FOUNDATION_POOL_H

#include "foundation.h"

struct connection {
	_Atomic bool open;
	_Atomic int users;
};

/* Of one other side. */
static struct side {
	struct connection connections[1024];	/* more than are open */
	_Atomic int made, closed, checks;
	_Atomic int faults;		/* closed twice, used by two */
	_Atomic int shut, arrived;	/* make waits meanwhile; how many do */
	_Atomic int make_fails, check_fails;	/* with that */
} side;

static inline int make_one(void *arg, void **ret_connection)
{
	struct side *s = arg;
	struct sup_info info;
	int nth, ret;

	atomic_fetch_add(&s->arrived, 1);
	while (atomic_load(&s->shut))
		sup_receive(&info, sup_deadline_ms(1));
	atomic_fetch_sub(&s->arrived, 1);
	ret = atomic_load(&s->make_fails);
	if (ret)
		return ret;
	nth = atomic_fetch_add(&s->made, 1) % N_OF(s->connections);
	atomic_store(&s->connections[nth].open, true);
	*ret_connection = &s->connections[nth];
	return 0;
}

static inline int check_one(void *arg, void *connection)
{
	struct connection *c = connection;
	struct side *s = arg;

	atomic_fetch_add(&s->checks, 1);
	if (!atomic_load(&c->open))
		atomic_fetch_add(&s->faults, 1);
	/* Who had it may have ended in the midst. */
	atomic_store(&c->users, 0);
	return atomic_load(&s->check_fails);
}

static inline void close_one(void *arg, void *connection)
{
	struct connection *c = connection;
	struct side *s = arg;

	if (!atomic_exchange(&c->open, false))
		atomic_fetch_add(&s->faults, 1);
	atomic_fetch_add(&s->closed, 1);
}

static inline void open_one(const char *name, struct side *s,
			    unsigned int connections, unsigned int overflow,
			    bool checked)
{
	struct fnd_pool_options o = {
		.size = sizeof(o), .connections = connections,
		.overflow = overflow, .make = make_one,
		.check = checked ? check_one : NULL, .close = close_one,
		.arg = s, .check_ms = 3600000,
	};

	memset(s, 0, sizeof(*s));
	assert_int_equal(fnd_pool_open(name, &o), 0);
}

static inline struct fnd_pool_status status(void)
{
	struct fnd_pool_status s;

	assert_int_equal(fnd_pool_status("p", &s), 0);
	return s;
}

/* All that was made has been closed, once. */
static inline void close_all(void)
{
	assert_int_equal(fnd_pool_close("p", LONG), 0);
	assert_int_equal(side.closed, side.made);
	assert_int_equal(side.faults, 0);
}

#endif
