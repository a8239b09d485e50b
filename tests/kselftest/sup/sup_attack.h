/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What attackers do, and what tests of them need: to be another user, to have
 * a request sent by somebody else, to hand over a socket.
 */
#ifndef SUP_ATTACK_H
#define SUP_ATTACK_H

#include "sup_nl.h"

#define NOBODY 65534
/* Users with nothing of their own in this system. */
#define ALICE 64001
#define BOB 64002

/* Becomes a user for good, who may be attached as if he had logged in. */
int become(uid_t uid);

/*
 * Runs fn in a child as that user, with a socket of its own. Returns what fn
 * returns, 0 to -254; -255 if it could not be run.
 */
int as_user(uid_t uid, int (*fn)(struct sup *s, void *arg), void *arg);

/* Makes a request complete, so that anybody can send its bytes as they are. */
void request_end(struct request *r);
/* The answer to a request that was sent by whomever; waits up to 10 s. */
int answer(struct sup *s, const struct request *r);

/* Across a socket pair: a reference to an open file; -1 if none came. */
int send_fd(int via, int fd);
int receive_fd(int via);

/* -errno, or 0. */
int write_file(const char *path, const char *text);
/* The first number behind a word in a file, or -1. */
long number_in(const char *path, const char *word);

#define ENDED -1
/* Waits up to 10 s for a group to have a state, or to have ended. */
bool reaches_state(struct sup *s, uint64_t id, int state);

/*
 * It has just so many processes; at least so many records. Who has ended may
 * count, and has no record, until a moment after it was waited for.
 */
bool reaches_processes(struct sup *s, uint64_t id, uint64_t n);
bool reaches_records(struct sup *s, uint64_t id, uint64_t n);

#endif
