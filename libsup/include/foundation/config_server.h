/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ConfigServer: the settings of a program, by a schema of its own, in a file.
 * The service alone changes them; reading needs no service, and the process
 * keeps what was last good. Any thread, unless it says otherwise.
 */
#ifndef FOUNDATION_CONFIG_SERVER_H
#define FOUNDATION_CONFIG_SERVER_H

#include <foundation/config_news.h>
#include <foundation/config_schema.h>
#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts the service: a child's start function, as sup_server_start(), with a
 * struct fnd_config_options, or NULL: no settings. Errors: -EINVAL names what
 * is wrong in the schema, or the line of the file and what is wrong there, also
 * -ENOENT, -ERANGE, -EMSGSIZE, -EILSEQ, as fnd_config_check(); -EBUSY another
 * service has the file; what open(2) and read(2) say of it; -ENAMETOOLONG;
 * -ENOSPC there are too many registries; as sup_server_start() otherwise.
 */
SUP_API int fnd_config_server_start(const void *options,
				    struct sup_pid *ret_pid);

/*
 * The value of a setting, whether the service runs or not. A string is copied
 * to buf, which has room for size bytes, or is NULL. Errors: -ENOENT there is
 * no such setting; -ENOTCONN none has been started yet; -EMSGSIZE buf is too
 * small.
 */
SUP_API int fnd_config_get(const char *path, struct fnd_config_value *ret_value,
			   char *buf, size_t size);

/* The same; otherwise, if there is no such setting of that kind. */
SUP_API bool fnd_config_boolean(const char *path, bool otherwise);
SUP_API int64_t fnd_config_integer(const char *path, int64_t otherwise);
SUP_API double fnd_config_real(const char *path, double otherwise);

struct fnd_config_setting {
	const char *path;
	struct fnd_config_value value;
};

/*
 * Whether it could be updated to that. The sentence names the path and the
 * reason: -ENOENT there is no such setting; -EPERM it is not updatable; -EINVAL
 * it is of another kind, or none of the choices; -ERANGE it is not within the
 * bounds; -EMSGSIZE the string is too long; -EILSEQ it is not UTF-8; -ENOTCONN.
 */
SUP_API int fnd_config_check(const struct fnd_config_setting *setting);

/*
 * Updates a setting, which makes a new version unless it has that value. When
 * it returns 0 that is in the file, and on the disk, and subscribers who have
 * room have been told. A safe point. Errors, and nothing has changed: as
 * fnd_config_check(); what open(2), write(2), fsync(2) and rename(2) say of the
 * file; -ENOTCONN the service does not run; -EAGAIN; -EDEADLK; -ENOMEM. Not
 * known is it after -EPIPE, the service has ended, and -ETIMEDOUT.
 */
SUP_API int fnd_config_update(const struct fnd_config_setting *setting,
			      int64_t deadline);

/* All of n different ones, as one version, or none. */
SUP_API int fnd_config_update_all(const struct fnd_config_setting *settings,
				  size_t n, int64_t deadline);

/* All that are updatable have their defaults again. As fnd_config_update(). */
SUP_API int fnd_config_reset(int64_t deadline);

/*
 * All have the values again that they had in that version, as a new one. As
 * fnd_config_update(); -ENOENT that version is not known, or no more.
 */
SUP_API int fnd_config_rollback(uint64_t version, int64_t deadline);

/*
 * The file is read again. As fnd_config_update(); -EPERM one that is not
 * updatable is another there; -EINVAL there is no file, or what is wrong in it,
 * as fnd_config_server_start() has it.
 */
SUP_API int fnd_config_reload(int64_t deadline);

struct fnd_config_item {
	const char *path;
	struct fnd_config_value value, initial;	/* initial: the default */
	struct fnd_config_value min, max;
	bool updatable;
};

/*
 * All settings as of one moment, in the order of the schema: one block, to
 * free(3); NULL if there are none. -ENOTCONN none has been started yet;
 * -ENOMEM.
 */
SUP_API int fnd_config_list(struct fnd_config_item **ret_items, size_t *ret_n);

struct fnd_config_change {
	uint64_t version;	/* may be of several changes */
	int64_t time;		/* ns since 1970, UTC */
	enum fnd_config_cause cause;
	const char *path;
	struct fnd_config_value from, to;
};

/* The changes that are known, the oldest first. As fnd_config_list(). */
SUP_API int fnd_config_history(struct fnd_config_change **ret_changes,
			       size_t *ret_n);

struct fnd_config_stats {
	uint64_t version;	/* 0: nothing has ever been changed */
	uint64_t oldest;	/* that can be rolled back to */
	uint64_t updates;	/* versions since the service began */
	int64_t last_update;	/* ns since 1970, UTC; 0: none since then */
	size_t settings, subscribers;
	int64_t uptime_ms;
};

/* A safe point. -ENOTCONN; -EPIPE; -ETIMEDOUT; -EAGAIN; -EDEADLK; -ENOMEM. */
SUP_API int fnd_config_stats(struct fnd_config_stats *ret_stats,
			     int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
