/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings that the process keeps (config_store.c). One thread at a time
 * changes them, that of the service; any may read them.
 */
#ifndef SUP_FOUNDATION_CONFIG_STORE_H
#define SUP_FOUNDATION_CONFIG_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <foundation/config_server.h>

/* Its memory may be freed once a process that wants some has none. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct fnd__setting {
	UT_hash_handle hh;
	struct fnd_config_entry entry;	/* what it points to is ours */
	size_t index;
	size_t at;			/* of the first word of each copy */
	char *initial;			/* the text of its default */
	char *text;			/* under the lock: what it is */
	char *proposed;			/* of the service: what it is to be */
	/* Of the service: of its last change. */
	uint64_t version;
	int64_t time;
	enum fnd_config_cause cause;
};

struct fnd__change {
	struct fnd__change *prev, *next;
	uint64_t version;
	int64_t time;
	enum fnd_config_cause cause;
	const struct fnd__setting *of;
	char *from, *to;		/* texts */
};

struct fnd__config {
	struct fnd__config *next;	/* of all that there have been */
	char *signature;		/* of schema and file */
	char *file;			/* or NULL */
	uint64_t history;		/* versions kept */
	size_t n;
	struct fnd__setting *settings;	/* in the order of the schema */
	struct fnd__setting *by_path;

	_Atomic uint64_t turn;		/* which copy is read: its last bit */
	size_t n_words;
	_Atomic uint64_t *copies[2];

	/* For whom the service is not; it holds it where it changes these. */
	pthread_mutex_t lock;
	uint64_t version, oldest;
	struct fnd__change *changes;
};

/*
 * Those of the schema and the file: what the process has of them, or a new one,
 * into which the file has been read. A thread that has the file. As
 * fnd_config_server_start().
 */
int fnd__config_open(const struct fnd_config_options *options,
		     struct fnd__config **ret_config);

/* Those that are read from now on; NULL: there have been none. */
void fnd__config_publish(struct fnd__config *c);
struct fnd__config *fnd__config_current(void);

/* NULL: there is none. */
struct fnd__setting *fnd__config_find(const struct fnd__config *c,
				      const char *path);

/* As of one moment; that of a string goes to text, of FND__CONFIG_TEXT. */
void fnd__config_read(const struct fnd__config *c,
		      const struct fnd__setting *s,
		      struct fnd_config_value *ret_value, char *text);

/*
 * Of the service: what a setting is to be. -EINVAL it is proposed already; as
 * fnd_config_check(), but for being updatable; -ENOMEM.
 */
int fnd__config_propose(struct fnd__setting *s, const char *text);
void fnd__config_drop(struct fnd__config *c);

/*
 * What is proposed, and differs, becomes a version, first in the file; nothing
 * is proposed any more. As fnd__file_replace(); -ENOMEM. Not a safe point.
 */
int fnd__config_commit(struct fnd__config *c, enum fnd_config_cause cause);

/* Proposes what was in a version. -ENOENT; as fnd__config_propose(). */
int fnd__config_propose_version(struct fnd__config *c, uint64_t version);

/* One that has been read from the file, or NULL: no memory. */
struct fnd__change *fnd__change_new(const struct fnd__setting *of,
				    const char *from, const char *to);
void fnd__changes_free(struct fnd__change *changes);

/* Whether it is kept when the last version is that. */
bool fnd__change_is_kept(const struct fnd__config *c,
			 const struct fnd__change *change, uint64_t version);

/* config_file.c */

/*
 * Proposes what the file has; that there is none is no error. is_first: its
 * version and its history are taken, too. As fnd_config_server_start().
 */
int fnd__config_file_load(struct fnd__config *c, bool is_first);

/* As fnd__file_replace(): what is proposed, and fresh with the history. */
int fnd__config_file_save(const struct fnd__config *c,
			  const struct fnd__change *fresh, bool *ret_is_new);

#endif
