/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Variables that agents share: a value, which is JSON text, of a type, with a
 * version that counts up at each change. They are the process's: changes and
 * looks need no service, and no task that ends takes any along; Core
 * (<mabeam/core.h>) tells subscribers. Any thread. What a call is given as "by"
 * is the agent on whose behalf it is, registered or not, or NULL: an agent's
 * task is always that agent (-EPERM), other threads are whom they say, and
 * nobody, "", without one.
 */
#ifndef MABEAM_VARIABLE_H
#define MABEAM_VARIABLE_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAB_VALUE_MAX 65536	/* bytes of a value */

enum mab_variable_type {
	MAB_ANY,		/* any JSON */
	MAB_BOOL,
	MAB_INT,		/* within 64 bits, and the bounds */
	MAB_FLOAT,		/* any number, within the bounds */
	MAB_STRING,
	MAB_CHOICE,		/* a string that is one of the choices */
};

enum mab_access_kind {
	MAB_ACCESS_DEFAULT,	/* PUBLIC; of administer RESTRICTED */
	MAB_ACCESS_PUBLIC,	/* everybody */
	MAB_ACCESS_RESTRICTED,	/* the owner alone, who always may */
	MAB_ACCESS_AGENTS,	/* and those of names */
	MAB_ACCESS_CAPABILITIES, /* and agents that have all of names */
};

struct mab_access {
	enum mab_access_kind kind;
	const char *const *names;	/* up to a NULL */
};

struct mab_permissions {
	struct mab_access read;		/* subscribers, too */
	struct mab_access write;
	struct mab_access administer;	/* to delete it, and to permit */
};

/* What becomes of an update that has not seen the version that it meets. */
enum mab_rule {
	MAB_LAST_WRITE_WINS,	/* default: it counts */
	MAB_FIRST_WRITE_WINS,	/* it is refused */
	MAB_PRIORITY_BASED,	/* refused, if what it meets has a higher one */
	MAB_CUSTOM,		/* resolve() says it */
};

struct mab_conflict {
	const char *name;
	const char *value, *by;		/* what it meets */
	uint64_t version;
	int priority;
	const char *new_value, *new_by;	/* the update */
	uint64_t expected;
	int new_priority;
};

/* What resolve() returns, or a negative errno, with which it is refused. */
#define MAB_TAKE	0	/* the update counts */
#define MAB_MERGED	1	/* what resolve() wrote, a string, counts */

struct mab_variable_spec {
	size_t size;
	const char *name;
	const char *value;	/* of version 1 */
	enum mab_variable_type type;
	double min, max;	/* of INT, FLOAT; both 0: no bounds */
	const char *const *choices;	/* of CHOICE, up to a NULL */
	const char *owner;	/* as "by" of a call */
	struct mab_permissions permissions;
	enum mab_rule rule;
	/*
	 * On the thread that updates, without a lock; it lasts as long as the
	 * variable. Called anew if there is another version when it returns.
	 */
	int (*resolve)(const struct mab_conflict *conflict, char *merged,
		       size_t size, void *arg);
	void *arg;
	size_t history;		/* versions kept; default: Core's max_history */
	size_t subscribers;	/* at most; default: Core's max_subscribers */
};

/*
 * Makes a variable, of version 1. The spec is copied, but for resolve and arg.
 * Not a safe point. Errors: -EEXIST the name is taken; -ENOSPC there are Core's
 * max_variables, which those count as whose end some have not heard yet;
 * -ERANGE the value is not within the bounds, or a count too large; -EMSGSIZE
 * the value is longer than Core's max_value; -EINVAL it is no JSON, or of
 * another type; names the field; -EPERM; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_variable_register(const struct mab_variable_spec *spec);

struct mab_update {
	size_t size;
	const char *by;
	const char *value;
	uint64_t expected;	/* the version that it has seen; 0: none */
	int priority;
};

/*
 * Another value, and one version more, whose number goes to *ret_version, which
 * may be NULL. A safe point, once it is made: who is killed in it has changed
 * the variable, or not. -ENOENT; -EACCES it may not; -ESTALE the rule has
 * refused it; what resolve() said; as mab_variable_register() otherwise.
 */
SUP_API int mab_variable_update(const char *name,
				const struct mab_update *update,
				uint64_t *ret_version);

/*
 * Takes it away; subscribers are told. A safe point, once it is done. -ENOENT;
 * -EACCES it may not; -EPERM; -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_variable_delete(const char *name, const char *by);

/* Others, from now on. Not a safe point. As mab_variable_delete(). */
SUP_API int mab_variable_permit(const char *name, const char *by,
				const struct mab_permissions *permissions);

#ifdef __cplusplus
}
#endif

#endif
