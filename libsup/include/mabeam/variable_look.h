/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What there is to see of variables (<mabeam/variable.h>), and news of them.
 * Any thread; "by" as there. Nothing but the end of a subscription needs more
 * than a look at the process's table.
 */
#ifndef MABEAM_VARIABLE_LOOK_H
#define MABEAM_VARIABLE_LOOK_H

#include <mabeam/variable.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A variable at one moment. */
struct mab_variable {
	const char *name, *value, *owner;
	const char *by;		/* who wrote last; "": nobody in particular */
	enum mab_variable_type type;
	enum mab_rule rule;
	uint64_t version;
	int priority;		/* of the last update */
	int64_t created, updated;	/* ns since 1970, UTC */
};

/*
 * *ret_variable is one block, to free(3). Not a safe point. -ENOENT; -EACCES
 * it may not be read; -EPERM; -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_variable_get(const char *name, const char *by,
			     struct mab_variable **ret_variable);

/*
 * The names of all, in the order in which they were made: one block, to
 * free(3), NULL if there are none. Not a safe point. -ENOMEM.
 */
SUP_API int mab_variable_list(const char ***ret_names, size_t *ret_n);

struct mab_variable_change {
	uint64_t version;
	int64_t time;		/* ns since 1970, UTC */
	int priority;
	const char *value, *by;
};

/*
 * The versions that are kept, the newest first, limit of them at most, or all
 * (0): one block, to free(3). As mab_variable_get().
 */
SUP_API int mab_variable_history(const char *name, const char *by, size_t limit,
				 struct mab_variable_change **ret_changes,
				 size_t *ret_n);

struct mab_variable_stats {
	uint64_t version;
	uint64_t conflicts;	/* updates that had seen another version */
	uint64_t refused;	/* updates, by the rule */
	size_t subscribers;	/* that live */
	size_t history;		/* versions kept */
	int64_t created, updated;	/* ns since 1970, UTC */
};

/* Everybody may. Not a safe point. -ENOENT; -EINVAL; -ENAMETOOLONG. */
SUP_API int mab_variable_stats(const char *name,
			       struct mab_variable_stats *ret_stats);

/* What subscribers are sent has this tag, and this as its data. */
#define MAB_VARIABLE_NEWS UINT64_C(0x6d61622d6e657773)

__extension__ struct mab_variable_news {
	uint64_t version;	/* deleted: one more than the last */
	int64_t time;		/* ns since 1970, UTC */
	bool deleted;		/* there is no value, and nothing follows */
	int priority;
	char name[MAB_NAME_MAX + 1];
	char by[MAB_NAME_MAX + 1];
	char value[];		/* and a NUL */
};

/*
 * From now on the calling task, which may be a server or an agent, is sent each
 * change of the variable, once, in order, until it ends or unsubscribes, across
 * restarts of Core, too. Who has no room is told when there is some; what the
 * history does not keep that long it misses, as the version shows. Twice is
 * once. Not a safe point. -EPERM not in a task, or another agent; -ENOENT;
 * -EACCES it may not be read; -EUSERS it has all the subscribers that it may
 * have; -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_variable_subscribe(const char *name, const char *by);

/*
 * What has been sent may still be in the mailbox. Not a safe point. -EPERM not
 * in a task; -EINVAL; -ENAMETOOLONG.
 */
SUP_API int mab_variable_unsubscribe(const char *name);

#ifdef __cplusplus
}
#endif

#endif
