/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of variables, which is the process's (core_table.c), for those who
 * change it and those who look. What one is called _locked has its lock; under
 * it nothing is a safe point, and it is above that of the table of agents.
 */
#ifndef SUP_MABEAM_CORE_TABLE_H
#define SUP_MABEAM_CORE_TABLE_H

#include <pthread.h>

#include <mabeam/core.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Of casts to Core's server. */
#define MAB__LOOK UINT64_C(0x6d61622d6c6f6f6b)

/* One version; the last one is what the variable is. */
struct mab__change {
	struct mab__change *prev, *next;
	uint64_t version;
	int64_t time;
	int priority;
	bool deleted;
	char by[MAB_NAME_MAX + 1];
	char value[];
};

struct mab__subscriber {
	UT_hash_handle hh;
	struct sup_pid pid;
	uint64_t heard;			/* the last version that it was sent */
};

struct mab__variable {
	UT_hash_handle hh;		/* by name, until it is deleted */
	UT_hash_handle by_nr;
	struct mab__variable *prev, *next;	/* of those to be told of */
	uint64_t nr;
	bool untold;			/* it is among these */
	bool stuck;			/* a subscriber had no room */
	bool gone;			/* deleted, which not all have heard */
	struct mab_variable_spec spec;	/* what it points to is ours */
	struct mab__change *changes;
	size_t n_changes;
	struct mab__subscriber *subscribers;
	uint64_t conflicts, refused;
	int64_t created;
};

struct mab__core {
	pthread_mutex_t lock;		/* of all below */
	struct mab__variable *variables, *by_nr, *untold;
	uint64_t last_nr, updates;
	struct mab_core_options limits;
	struct sup_pid pid;		/* of Core, the last one */
	int64_t began;			/* then, CLOCK_MONOTONIC */
};

extern struct mab__core mab__core;

/* Those of Core, which then counts; zeroes become their defaults. -EINVAL. */
int mab__core_limit(struct mab_core_options *limits);

/* The calling task is Core, from now on. */
void mab__core_begin(void);

/* There is something to do: without room for that it looks all the same. */
void mab__core_wake(void);

struct mab__variable *mab__variable_find_locked(const char *name);

/* -ENOENT, with a sentence. */
int mab__variable_unknown(const char *name);

/* On whose behalf a call is: *ret_who is "", by, or of the task. -EPERM. */
int mab__who(const char *by, const char **ret_who);

/* -EACCES, with a sentence. */
int mab__variable_may_locked(const struct mab__variable *v,
			     const struct mab_access *access,
			     const char *what, const char *who);

/* NULL: no memory. */
struct mab__change *mab__change_new(const char *value, const char *by,
				    int priority);

/* It is the variable's then, its last, and to be told. */
void mab__change_add_locked(struct mab__variable *v,
			    struct mab__change *change);

static inline struct mab__change *
mab__last_locked(const struct mab__variable *v)
{
	return v->changes->prev;
}

/* How many subscribers live; the others are none any more. */
size_t mab__subscribers_locked(struct mab__variable *v);
void mab__unsubscribe_locked(struct mab__variable *v, struct sup_pid pid);

/* A gone one that nobody has to hear of: it is out of the table, to free. */
struct mab__variable *mab__variable_over_locked(struct mab__variable *v);

/* core_spec.c */

/*
 * Checks a spec, but for its value, and copies all that it points to, but the
 * value: *to has defaults in place. As mab_variable_register().
 */
int mab__spec_copy(struct mab_variable_spec *to,
		   const struct mab_variable_spec *from);
void mab__spec_free(struct mab_variable_spec *spec);

int mab__permissions_copy(struct mab_permissions *to,
			  const struct mab_permissions *from);
void mab__permissions_free(struct mab_permissions *permissions);

/* NULL is fine. */
void mab__variable_free(struct mab__variable *v);

/* core_news.c: of Core's task */

/* All that has subscribers is to be looked at: what a Core begins with. */
void mab__news_begin(void);

/*
 * The next variable of which there is something to tell, and who subscribes to
 * it, as memory of the calling task: false, there is none. Without memory there
 * is none, either, and *ret_no_memory is set.
 */
bool mab__news_take(uint64_t *ret_nr, struct sup_pid **ret_pids, size_t *ret_n,
		    bool *ret_no_memory);

/* What one has to hear next, of a size that news has room for. 0: nothing. */
size_t mab__news_next(uint64_t nr, struct sup_pid pid,
		      struct mab_variable_news *news);

/* It has heard that. */
void mab__news_heard(uint64_t nr, struct sup_pid pid,
		     const struct mab_variable_news *news);

/* It will hear nothing any more; or when there is room. */
void mab__news_ended(uint64_t nr, struct sup_pid pid);
void mab__news_stuck(uint64_t nr);

/* Those that were stuck are to be told of again. */
void mab__news_again(void);

#endif
