/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of the fuzzer. Actors send messages that are made from the spec, and
 * have tasks born and killed meanwhile. All of them are in one pid namespace,
 * which is made anew now and then, so nothing outside has a number there.
 * What they learn and count is in memory that all share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "spec.h"

#define MAX_DATA	32	/* bytes of a secret */
#define MAX_ERRORS	160	/* numbers of errors counted apart */
#define MAX_ACTORS	16
#define MAX_SOCKETS	6
#define MAX_CHILDREN	12
#define NSHARED		512
#define NLOCAL		48
#define NSENT		32

/* Descriptors that every process of the fuzzer has. */
enum { FD_SHARED = 200, FD_EXE, FD_MAIL_IN, FD_MAIL_OUT };

/* What one message has told of one thing: a value for some classes. */
struct thing {
	uint64_t has;		/* bits by class */
	union {
		uint64_t number;
		uint8_t data[MAX_DATA];
	} values[NCLASSES];
};

void thing_put_number(struct thing *t, enum class class, uint64_t number);
bool thing_has(const struct thing *t, enum class class);

struct counts {
	uint64_t sent, accepted, errors[MAX_ERRORS];
};

struct shared {
	uint64_t seed;
	int64_t start, end;	/* CLOCK_MONOTONIC, ns */
	uint64_t messages;	/* to be sent until the end; 0: no matter */
	uint16_t family;
	uint32_t mcast[8];
	uint32_t nmcast;

	/* From here on changed by all, without a lock: counts may race. */
	uint64_t sent, send_errors[MAX_ERRORS];
	struct counts counts[MAX_OPS + 1][NMODES];
	uint64_t events[MAX_OPS];
	uint64_t lives, epochs, children, threads, execs, passed, overruns;
	uint32_t masks[MAX_OPS][NMODES][8];	/* of requests accepted */
	uint32_t nmasks[MAX_OPS][NMODES];
	uint32_t nthings;
	struct thing things[NSHARED];
	char failure[256];
};

extern struct shared *shared;

/* What a thread of an actor works with. */
struct sent {
	uint32_t seq;
	uint8_t op, mode;
	uint32_t mask;
	uint64_t group;
};

struct fuzz {
	uint64_t rng;
	int depth;		/* of actors made by actors */
	int left;		/* steps */
	uint32_t seq;
	int sockets[MAX_SOCKETS];
	int pidfds[MAX_CHILDREN];
	pid_t children[MAX_CHILDREN];
	struct sent sent[NSENT];
	uint64_t group;		/* of the last request that was accepted */
	uint32_t nthings;
	struct thing things[NLOCAL];
};

/* util.c */
int64_t now_ns(void);
uint64_t mix(uint64_t a, uint64_t b);
uint64_t rnd(struct fuzz *f);
/* 0 to n - 1. */
uint32_t below(struct fuzz *f, uint32_t n);
bool chance(struct fuzz *f, uint32_t percent);
void add(uint64_t *counter);
/* The first failure is kept; it ends the run. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool write_file(const char *path, const char *text);

/* pool.c */
void learn(struct fuzz *f, const struct thing *t);
/* One that was learned, more likely of late and of our own; NULL if none. */
const struct thing *recall(struct fuzz *f);

/* message.c */
struct message {
	uint8_t buf[4096] __attribute__((aligned(8)));
	size_t len;
	uint32_t mask;
	uint64_t group;
	uint8_t op, mode;
};

void message_make(struct fuzz *f, struct message *m);

/* spoil.c */
void message_spoil(struct fuzz *f, struct message *m);
void message_put(struct message *m, uint16_t type, const void *data,
		 size_t len);
uint64_t odd_number(struct fuzz *f);

/* socket.c */
int socket_any(struct fuzz *f);
void socket_change(struct fuzz *f);
void socket_pass(struct fuzz *f);
/* Sends one message, or a few as one. */
void socket_send(struct fuzz *f, int fd);

/* reply.c */
/* Reads what is there, up to max datagrams. */
void socket_drain(struct fuzz *f, int fd, int max);

/* family.c */
/* Asks for the number of the family and its groups; 0 or -errno. */
int family_find(void);

/* task.c */
void child_spawn(struct fuzz *f);
void child_change(struct fuzz *f);
void thread_spawn(struct fuzz *f);

/* actor.c */
void actor_run(struct fuzz *f) __attribute__((noreturn));
void actor_start(int slot, uint64_t life) __attribute__((noreturn));
void actor_exec(struct fuzz *f);
void actor_continue(char **argv) __attribute__((noreturn));
/* Messages only, as a thread of an actor sends them. */
void actor_helper(struct fuzz *f);
void let_time_pass(struct fuzz *f, int ms);

/* report.c */
bool all_seen(void);
int report(void);

#endif
