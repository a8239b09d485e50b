/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seats: what a thread waits on. Each thread that ever waits in libsup has
 * one, task or not. Seats are never given back to the system, so a seat may be
 * woken at any time, even after its thread has gone on: waits loop.
 */
#ifndef SUP_CORE_SEAT_H
#define SUP_CORE_SEAT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sup/types.h>

struct sup__link;
struct sup__seat;
struct sup__mutex;

/* Where one reply goes, core/call.c: in a seat, or in a request. */
struct sup__exchange {
	_Atomic uint64_t call;		/* generation << 32 | state */
	_Atomic uint64_t callee;
	_Atomic uint32_t refused;	/* generation refused last, or 0 */
	_Atomic(struct sup__seat *) seat;	/* whom its completion wakes */
	/* Called before it is DONE, by who completes it; or NULL. */
	void (*completed)(struct sup__exchange *x);
	struct sup_msg reply;		/* written by who completes it */
	int error;
	bool ended;			/* -EPIPE, with reason */
	struct sup_reason reason;
};

#define SUP__WAITS_FOR_MANY 1	/* no pid: core/await.c */

struct sup__seat {
	/* 0 idle, 1 a wake is due, 2 asleep. */
	alignas(64) _Atomic uint32_t word;
	uint32_t index;
	uint32_t spins;		/* budget of the next wait: its thread only */
	_Atomic bool expects;	/* but that of the next is the greatest */
	/*
	 * The task this thread waits for, or SUP__WAITS_FOR_MANY: cycles are
	 * looked for along these.
	 */
	_Atomic uint64_t waits_for;
	_Atomic int bell;		/* 1 + an eventfd to write to, or 0 */
	_Atomic uint64_t looks;		/* core/directory.c: an era, or 0 */
	struct sup__mutex *held;	/* core/mutex.c: its thread only */
	struct sup__seat *next_free;
	struct sup__link *letters;	/* to be used again: its thread only */

	struct sup__exchange x;		/* the call in progress */
};

/* The calling thread's seat, or NULL with -ENOMEM's sentence set. */
struct sup__seat *sup__seat_self(void);

/* The calling thread's seat, or NULL: it has none yet. */
struct sup__seat *sup__seat_peek(void);

/* A task's seat: made before its thread, bound by its thread. */
struct sup__seat *sup__seat_new(void);
/* Returns the one that the thread had before, or NULL. */
struct sup__seat *sup__seat_bind(struct sup__seat *seat);
void sup__seat_free(struct sup__seat *seat);

/* Whoever wakes it writes to fd, too; -1: not any more, once this returns. */
void sup__seat_set_bell(struct sup__seat *seat, int fd);

/* The seat with that index, or NULL. And how many there are, to walk them. */
struct sup__seat *sup__seat_at(uint32_t index);
uint32_t sup__seat_count(void);

/*
 * Waits until woken: 0, perhaps for nothing, or -ETIMEDOUT. The calling
 * thread's own seat only.
 */
int sup__seat_wait(struct sup__seat *seat, int64_t deadline);

/*
 * The same, but sleeps at once: for what another thread needs a CPU to do, and
 * perhaps this one.
 */
int sup__seat_sleep(struct sup__seat *seat, int64_t deadline);

/*
 * Wakes its thread, or makes its next wait return at once. True: it was asleep
 * in a wait, and will look around. Any thread.
 */
bool sup__seat_wake(struct sup__seat *seat);

/*
 * Wakes its thread for something that will come in a moment: it spins for that
 * before it sleeps again. Any thread.
 */
void sup__seat_expect(struct sup__seat *seat);

/* The wait for pid, if it is still that, is over: no edge any more. */
static inline void sup__seat_clear(struct sup__seat *seat, uint64_t pid)
{
	atomic_compare_exchange_strong(&seat->waits_for, &pid, 0);
}

#endif
