/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories: keys, and under each the tasks that are there, with a value. One
 * lock for all who change any of them; who looks takes none. What a task has in
 * any of them goes with it.
 */
#ifndef SUP_CORE_DIRECTORY_H
#define SUP_CORE_DIRECTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sup/types.h>

#include "base/lock.h"

struct sup__seat;
struct sup__task;

extern struct sup__lock sup__directory_lock;

/* A block that readers may still look at: see sup__directory_retire(). */
struct sup__retired {
	struct sup__retired *next;
	uint64_t era;
};

struct sup__entry {
	struct sup__retired retired;		/* first */
	_Atomic(struct sup__entry *) next;	/* under its key */
	struct sup_pid pid;
	const void *value;			/* behind it */
	size_t value_len;

	/* Under the lock. */
	struct sup__entry *prev;
	struct sup__key *key;
	struct sup__directory *dir;
	struct sup__task *task;
	struct sup__entry *task_next, **task_at;
};

struct sup__key {
	struct sup__retired retired;		/* first */
	_Atomic(struct sup__key *) next;	/* in its bucket */
	_Atomic(struct sup__entry *) first;	/* never NULL if it is found */
	uint64_t hash;
	size_t len;
	struct sup__entry *last;		/* under the lock */
	unsigned char bytes[];
};

struct sup__buckets;

struct sup__directory {
	bool duplicate;			/* a key may have many entries */
	_Atomic(struct sup__buckets *) buckets;

	size_t n_keys, n_entries;	/* under the lock */
};

/*
 * Looking, on a thread with that seat: between these two nothing that is found
 * is freed. Nothing may wait in between.
 */
void sup__directory_enter(struct sup__seat *seat);
void sup__directory_leave(struct sup__seat *seat);

struct sup__key *sup__directory_find(struct sup__directory *dir,
				     const void *key, size_t len);

/* Frees a block that is not reachable any more, when nobody looks at it. */
void sup__directory_retire(struct sup__retired *block)
	SUP__REQUIRES(sup__directory_lock);

/*
 * Puts a living task under a key. -EEXIST: the key has a task, in
 * *ret_holder, and may have but one; -ESRCH the task ends; -ENOMEM.
 */
int sup__directory_add(struct sup__directory *dir, struct sup__task *t,
		       const void *key, size_t len, const void *value,
		       size_t value_len, struct sup_pid *ret_holder);

/* Takes an entry out; or puts another one, of _new_entry(), in its place. */
void sup__directory_del_locked(struct sup__entry *e)
	SUP__REQUIRES(sup__directory_lock);
void sup__directory_replace_locked(struct sup__entry *e,
				   struct sup__entry *by)
	SUP__REQUIRES(sup__directory_lock);
struct sup__entry *sup__directory_new_entry(const void *value, size_t len);

/* The first key, and the one after it in no order, or NULL. */
struct sup__key *sup__directory_walk_locked(struct sup__directory *dir,
					    struct sup__key *after)
	SUP__REQUIRES(sup__directory_lock);

/* Takes all out. */
void sup__directory_clear(struct sup__directory *dir);

/* All entries of t go. It is ENDING: it gets no new ones. */
void sup__directory_task_ending(struct sup__task *t);

#endif
