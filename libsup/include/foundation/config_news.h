/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* News of changes, of <foundation/config_server.h>. */
#ifndef FOUNDATION_CONFIG_NEWS_H
#define FOUNDATION_CONFIG_NEWS_H

#include <foundation/config_schema.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fnd_config_cause {
	FND_CONFIG_UPDATE,
	FND_CONFIG_RESET,
	FND_CONFIG_ROLLBACK,
	FND_CONFIG_RELOAD,
};

/* What subscribers are sent has this tag, and this as its data. */
#define FND_CONFIG_NEWS UINT64_C(0x666e642d636f6e66)

struct fnd_config_news {
	uint64_t version;
	int64_t time;		/* ns since 1970, UTC */
	enum fnd_config_cause cause;
	struct fnd_config_value value;	/* the pointer of a string is NULL: */
	char string[FND_CONFIG_STRING_MAX + 1];
	char path[FND_NAME_MAX + 1];
};

/*
 * From now on the calling task, which may be a server, is sent a message of
 * each setting that changes, in order, until it ends or unsubscribes, across
 * restarts of the service, too; after one the last may come once more. Who has
 * no room is told when there is some, and then only what is so by then. A safe
 * point. Errors, and it is not subscribed: -EPERM not in a task; -ENOTCONN;
 * -EPIPE; -EDEADLK; -ENOMEM.
 */
SUP_API int fnd_config_subscribe(void);

/* No more is sent when it returns. A safe point. -EPERM; -EDEADLK; -ENOMEM. */
SUP_API int fnd_config_unsubscribe(void);

#ifdef __cplusplus
}
#endif

#endif
