/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model of supervisors, OTP's and ours, which is written the plain way: an
 * array of children, a list of times, a queue of retries. Supervisors of all
 * kinds stand under each other; one of them may hold instead of giving up.
 */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "world.h"

#define M_KIDS 24
#define M_STARTS 64
#define M_TIMES 16

enum m_kind { M_STATIC, M_SIMPLE, M_DYNAMIC };
enum m_state { M_DOWN, M_UP, M_RETRY, M_HELD };

/* Of restarts, newest last: those that counted when one was added. */
struct m_times {
	int64_t times[M_TIMES], period;
	int n, max;
};

/* Who may be a child: a fake, or a supervisor, for whom f is but its spec. */
struct actor {
	struct fake f;
	char script[M_STARTS + 1];
	unsigned int starts, frees;
	struct m_sup *sup;		/* or NULL */
};

struct m_child {
	struct actor *a;
	enum m_state state;
	int ended;		/* number of its end that nobody has noticed */
	unsigned int life;	/* changes with each start and retry */
	int64_t due;		/* HELD */
	enum sup_why why;	/* DOWN */
	const char *with;	/* then, of GROUP */
	struct m_times own;	/* if it has a budget */
};

struct m_sup {
	const char *id;
	enum m_kind kind;
	enum sup_strategy strategy;
	enum sup_auto_shutdown auto_shutdown;
	int64_t hold;			/* ns, or 0 */
	int max_children;
	struct m_sup *parent;		/* or NULL: it is the top */
	struct actor *first[M_KIDS];	/* those of its spec */
	int n_first;

	bool up;
	struct m_child kids[M_KIDS];
	int n;
	struct m_times restarts;

	struct sup_pid pid;		/* for who compares */
};

extern int64_t m_now;

/* From here on it is that many ns since the clock began, and no trace. */
void m_open(int64_t now);

/* Starts it and what its spec has: 0 or -EIO. */
int m_up(struct m_sup *s);
/* Its parent told it to end. */
void m_stop_all(struct m_sup *s);

/* The index of a child, or -1. */
int m_find(const struct m_sup *s, const struct actor *a);

/* What the calls return, and do; then what follows. */
int m_start_child(struct m_sup *s, struct actor *a);
int m_restart_child(struct m_sup *s, struct actor *a);
int m_terminate_child(struct m_sup *s, struct actor *a);
int m_delete_child(struct m_sup *s, struct actor *a);

/*
 * It ended by itself; a supervisor was killed. First all that end at the same
 * moment, then what their supervisor does about those ends, in that order.
 */
int m_end(struct m_sup *s, struct actor *a, const struct sup_reason *reason);
void m_notice(struct m_sup *s, struct actor *a, int end, bool clean);
void m_settle(void);

/* Time passes; holder is who holds, or NULL. */
void m_pass(struct m_sup *holder, int64_t ns);

int m_used(const struct m_times *t);

/* What started and ended since it was last asked for, as world_trace(). */
const char *m_trace(void);

#endif
