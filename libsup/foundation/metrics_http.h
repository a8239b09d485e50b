/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HTTP for the endpoint of figures, on connections that it is given. It belongs
 * to the thread that opens it, and is closed at its end, however that comes. No
 * call here is a safe point.
 */
#ifndef SUP_FOUNDATION_METRICS_HTTP_H
#define SUP_FOUNDATION_METRICS_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct fnd__http;

/* max: connections at once, of timeout_ms each at most. -ENOMEM; -EMFILE. */
int fnd__http_open(unsigned int max, int64_t timeout_ms,
		   struct fnd__http **ret_http);

/* A descriptor: while it is readable there is something to run. */
int fnd__http_fd(const struct fnd__http *h);

/* Whether one more connection may be added. */
bool fnd__http_has_room(const struct fnd__http *h);

/*
 * Cuts off who has been there longest of those that have not asked, if there
 * are any, and no other one is about to go: after a run there is room.
 */
bool fnd__http_can_make_room(const struct fnd__http *h);
void fnd__http_make_room(struct fnd__http *h);

/* There must be room. fd is taken; without memory it is closed. */
void fnd__http_add(struct fnd__http *h, int fd, const struct sockaddr *addr,
		   socklen_t len);

/* Does all that can be done without waiting; returns until when to wait. */
int64_t fnd__http_run(struct fnd__http *h);

#endif
