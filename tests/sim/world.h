/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world for supervisors without a thread in it: the public calls a supervisor
 * is built on, played by one thread on a fake clock. Children are fakes that
 * do as their script says. Everything happens in one order, which a seed picks
 * where the real world leaves it open, so that a test sees each step.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sup/sup.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

/* A child. Zero is one that starts, and ends at once when asked to. */
struct fake {
	const char *id;
	/*
	 * What its starts do, one letter each, the last one for all further:
	 * o starts, i ignores, f fails with -EIO and a sentence, F fails
	 * without one, j returns 7, n returns 0 but no task. NULL: o.
	 */
	const char *script;
	bool deaf;		/* does not end when asked, only when killed */
	int64_t stop_ns;	/* how long it takes to end when asked */
	struct sup_reason stop_reason;	/* then; zero: as asked */
	bool stop_normally;	/* stop_reason is meant, though zero */
	enum sup_restart restart;
	enum sup_child_type type;
	int64_t shutdown_ms;
	bool significant;
	struct sup_backoff backoff;
	struct sup_budget budget;
	const char *const *depends_on;
	struct sup_flapping flapping;
	uint32_t hang_ms;
	bool hang_kill;
	int64_t start_ns;	/* how long a start takes; with depends_on */
				/* somewhere others start meanwhile: "(a" */
	/* Called on the supervisor's thread in its start. May be NULL. */
	void (*in_start)(struct fake *f);
	void *arg;
	bool counts_frees;

	unsigned int starts, frees;
	struct sup_pid pid;	/* of the last task it started */
	int result;		/* for in_start() */
};

/* An empty world at time 1000 s. seed picks the order of deliveries. */
void world_open(unsigned int seed);

/* Ends what is left, and fails if that leaves anything behind. */
void world_close(void);

/* sup_child_spec of a fake; sup_supervisor_start of fakes up to a NULL. */
struct sup_child_spec world_spec(struct fake *f);
struct sup_pid world_supervisor(enum sup_strategy strategy, int intensity,
				unsigned int period_s, struct fake *const *f);
int world_try_supervisor(enum sup_strategy strategy, int intensity,
			 unsigned int period_s,
			 enum sup_auto_shutdown auto_shutdown,
			 struct fake *const *f, struct sup_pid *ret_pid);

/*
 * A simple_one_for_one supervisor with the spec of template; its children are
 * fakes that count their frees, which they do as extras.
 */
struct sup_pid world_simple(int intensity, unsigned int period_s,
			    const struct fake *template);
int world_start_extra(struct sup_pid sup, struct fake *f,
		      struct sup_pid *ret_pid);

/* Its task ends by itself; nobody has noticed yet. */
void world_end(struct sup_pid pid, struct sup_reason reason);
/* The same in ns from now, when time gets there. */
void world_end_later(struct sup_pid pid, struct sup_reason reason, int64_t ns);

/* The task of a fake begins a turn of its loop; NULL: it waits for one. */
void world_turn(const struct fake *f, const char *what, uint64_t tag);

/* Delivers until nothing is left to deliver. Time does not pass by itself. */
void world_run(void);
/*
 * From here on time passes by world_advance() alone, and what is due meanwhile
 * happens when it is: a supervisor that looks at something again and again
 * never has nothing left to deliver. Until world_open().
 */
void world_keep_time(void);
/* How often a server was called since its time had come, since last asked. */
unsigned int world_wakes(struct sup_pid pid);
/* One delivery. False: nothing to deliver. */
bool world_step(void);
void world_advance(int64_t ns);

/* As if sent by somebody's thread. Replies: world_answer(). -1: none yet. */
int world_ask(struct sup_pid to, const struct sup_msg *msg);
int world_answer(int ask, struct sup_msg *ret_reply);
void world_post(struct sup_pid to, const struct sup_msg *msg);

/* The next n casts find no room. */
void world_refuse_casts(unsigned int n);

/* An exit signal of another task's. */
void world_exit_from(struct sup_pid from, struct sup_pid to,
		     struct sup_reason reason);
/* A parent's exit signal; and lets happen what follows. */
void world_ask_to_end(struct sup_pid pid);
void world_stop(struct sup_pid pid);
bool world_has_ended(struct sup_pid pid, struct sup_reason *ret_reason);
size_t world_alive(void);

/*
 * What has happened since it was last asked for: "+a" a task of a started,
 * "-a" it ended as shutdown, "-a:killed" otherwise, "?a" a start that failed,
 * "!a" one that declined; "(a" a start that goes on.
 */
const char *world_trace(void);

/*
 * Told of the same at once: '+', '-', '?', '!', '(', with pids of tasks and
 * the reason of '-', which is of supervisors, too. Until world_open().
 */
typedef void (*world_watcher)(char what, const char *id, struct sup_pid pid,
			      const struct sup_reason *reason);
void world_watch(world_watcher w);

/* "a+ b- c*": children of a supervisor that run, do not, are restarting. */
const char *world_listing(struct sup_pid sup);

/*
 * Names of events since it was last asked for: "started:a give_up:b". Of those
 * that OTP reports, and of what is instead of them; or of all.
 */
const char *world_events(void);
void world_see_all(void);
/* The last event of that kind. */
struct sup_event world_event(enum sup_event_kind kind);

#endif
