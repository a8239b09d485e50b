/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools, and what becomes of each of their slots (pool_slots.c). */
#ifndef SUP_FOUNDATION_POOL_SLOTS_H
#define SUP_FOUNDATION_POOL_SLOTS_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "foundation/pool_in.h"
#include "foundation/waiters.h"

/* The timer after which jobs that could not be started are. */
#define FND__POOL_AGAIN 1

enum fnd__slot_state {
	FND__EMPTY, FND__MAKING, FND__CHECKING, FND__CLOSING, FND__IDLE,
	FND__HELD, FND__SLOT_STATES,
};

struct fnd__slot {
	struct fnd__slot *prev, *next;	/* idle: the one used last first */
	struct fnd__pool *pool;
	enum fnd__slot_state state;
	void *connection;
	struct sup_pid who;	/* has it, or is its job; none yet */
	uint64_t token;		/* held */
	int64_t since;		/* idle */
	struct fnd__pool_report report;
	struct fnd__waiter *watch;	/* of who; of the server's task */
};

struct fnd__pool {
	UT_hash_handle hh;
	struct fnd_pool_options options;
	bool closing;
	struct fnd__slot *idle;
	unsigned int n_slots, n[FND__SLOT_STATES];
	uint64_t made, closed, failed, late;
	/* Of the server's task. */
	struct fnd__waiter *queue, *closers;
	unsigned int waiting;

	char name[FND_NAME_MAX + 1];
	struct fnd__slot slots[];
};

enum fnd__pool_role {
	FND__CLIENT,	/* waits for a connection */
	FND__CLOSER,	/* waits until the pool is closed */
	FND__WATCHED,	/* has the connection of a slot, or is its job */
};

/* The place of each waiter. */
struct fnd__pool_party {
	enum fnd__pool_role role;
	struct fnd__pool *pool;
	struct fnd__slot *slot;
	uint64_t token;
};

/* The server's state. */
struct fnd__pools {
	struct fnd__waiters waiters;
	bool comes_again;	/* the timer */
};

/* pool_slots.c, on the server's thread. */
struct fnd__pool *fnd__pool_find(const char *name);
struct fnd__pool *fnd__pool_first(void);	/* the others: by hh.next */
int fnd__pool_add(const char *name, const struct fnd_pool_options *options);

static inline struct fnd__pool_party *fnd__party_of(const struct fnd__waiter *w)
{
	return w->place;
}

static inline bool fnd__slot_is_at_work(const struct fnd__slot *sl)
{
	return sl->state == FND__MAKING || sl->state == FND__CHECKING ||
		sl->state == FND__CLOSING;
}

/* Who waits; it is in no list of the pool yet. -ENOMEM. */
int fnd__pool_join(struct fnd__pools *s, struct sup_from from,
		   int64_t deadline, const struct fnd__pool_party *as,
		   struct fnd__waiter **ret_waiter);
/* Who has waited, and has been answered, or has ended. */
void fnd__pool_leave(struct fnd__pools *s, struct fnd__waiter *w);

/* Whether one can be handed out as it is. */
bool fnd__slot_is_good(const struct fnd__slot *sl);
/* Begins to watch who has it, or does the work. -ENOMEM. */
int fnd__slot_watch(struct fnd__pools *s, struct fnd__slot *sl);
/* Work has a job, which is watched; or the timer FND__POOL_AGAIN comes. */
void fnd__slot_tend(struct fnd__pools *s, struct fnd__slot *sl);
/* Nobody has it any more. */
void fnd__slot_returned(struct fnd__pools *s, struct fnd__slot *sl,
			enum fnd__lease_state how);
/* Who has it, or was to do the work, has ended. */
void fnd__slot_ended(struct fnd__pools *s, struct fnd__slot *sl);
/* An idle one is to be closed by the caller, who gets it. */
void *fnd__slot_take(struct fnd__slot *sl);

/* The last thing that is done with a pool: it may be gone then. */
void fnd__pool_settle(struct fnd__pools *s, struct fnd__pool *p);

#endif
