/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seats are never given back (base/chunks.h). A free one waits in a list
 * under the lock; a foreign thread's goes there when the thread ends, a task's
 * with its last reference.
 *
 * The word is a binary semaphore. A waker stores 1 and calls futex only if it
 * saw 2; a waiter goes 0 -> 2 and sleeps, or takes the 1 at once. Before it
 * sleeps it spins for a while, on machines with another CPU to be woken from,
 * and more the more often that has paid, or would have: a sleep that was
 * shorter than the longest spin counts as one that should have been none. So
 * who waits for long spins next to nothing.
 */
#include "core/seat.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/chunks.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "core/mailbox.h"
#include "core/mutex.h"

#define SPINS_MAX 2048u		/* some tens of microseconds */
#define SPINS_MIN 16u
#define SHORT_NS INT64_C(50000)

static struct sup__lock lock = SUP__LOCK_INIT;
static struct sup__seat *free_seats;
/* Held while one is written to, so that it is not closed meanwhile. */
static struct sup__lock bells_lock = SUP__LOCK_INIT;
static struct sup__chunks seats;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;
static bool may_spin;
static _Thread_local struct sup__seat *mine
	__attribute__((tls_model("initial-exec")));

static void thread_ends(void *seat)
{
	sup__mutex_owner_ends(seat);
	mine = NULL;
	sup__seat_free(seat);
}

static void set_up(void)
{
	cpu_set_t cpus;

	key_error = pthread_key_create(&key, thread_ends);
	/* One that may use more CPUs than can be named has more than one. */
	may_spin = sched_getaffinity(0, sizeof(cpus), &cpus) ||
		   CPU_COUNT(&cpus) > 1;
}

struct sup__seat *sup__seat_at(uint32_t index)
{
	return sup__chunks_at(&seats, sizeof(struct sup__seat), index);
}

uint32_t sup__seat_count(void)
{
	/*
	 * Sequentially consistent: a call that has been counted at its callee
	 * comes from a seat that is counted here.
	 */
	return atomic_load(&seats.n);
}

static void init_seat(void *element, uint32_t index)
{
	struct sup__seat *seat = element;

	seat->index = index;
	seat->spins = SPINS_MIN;
	atomic_init(&seat->x.seat, seat);
	seat->next_free = free_seats;
	free_seats = seat;
}

static int add_seats(void)
{
	int ret = sup__chunks_grow(&seats, sizeof(struct sup__seat), init_seat);

	if (ret == -ENOSPC)
		return sup__error(-ENOMEM, "more than %u threads wait",
				  SUP__CHUNKS * SUP__CHUNK);
	return ret ? sup__error_nomem("what threads wait on") : 0;
}

struct sup__seat *sup__seat_new(void)
{
	struct sup__seat *seat = NULL;

	pthread_once(&once, set_up);
	sup__lock(&lock);
	if (free_seats || !add_seats()) {
		seat = free_seats;
		free_seats = seat->next_free;
	}
	sup__unlock(&lock);
	return seat;
}

void sup__seat_free(struct sup__seat *seat)
{
	sup__letters_free(seat->letters);
	seat->letters = NULL;
	atomic_store(&seat->waits_for, 0);
	atomic_store(&seat->looks, 0);
	sup__lock(&lock);
	seat->next_free = free_seats;
	free_seats = seat;
	sup__unlock(&lock);
}

struct sup__seat *sup__seat_bind(struct sup__seat *seat)
{
	struct sup__seat *old = mine;

	mine = seat;
	return old;
}

void sup__seat_set_bell(struct sup__seat *seat, int fd)
{
	sup__lock(&bells_lock);
	atomic_store(&seat->bell, fd + 1);
	sup__unlock(&bells_lock);
}

struct sup__seat *sup__seat_peek(void)
{
	return mine;
}

struct sup__seat *sup__seat_self(void)
{
	struct sup__seat *seat = mine;

	if (seat)
		return seat;
	seat = sup__seat_new();
	if (!seat)
		return NULL;
	if (key_error || pthread_setspecific(key, seat)) {
		sup__seat_free(seat);
		sup__error_nomem("what a thread waits on");
		return NULL;
	}
	mine = seat;
	return seat;
}

/* The budget of spins doubles if they pay, else it halves. */
static void set_budget(struct sup__seat *seat, bool paid)
{
	uint32_t spins = paid ? seat->spins * 2 : seat->spins / 2;

	if (spins > SPINS_MAX)
		spins = SPINS_MAX;
	seat->spins = spins > SPINS_MIN ? spins : SPINS_MIN;
}

/* True if the wake came while it spun. */
static bool spin(struct sup__seat *seat)
{
	uint32_t i, spins = seat->spins;

	if (atomic_load_explicit(&seat->expects, memory_order_relaxed)) {
		atomic_store_explicit(&seat->expects, false,
				      memory_order_relaxed);
		spins = SPINS_MAX;
		/* What it waits for may need this very CPU. */
		sched_yield();
	}
	for (i = 0; i < spins; i++) {
		if (atomic_load_explicit(&seat->word, memory_order_relaxed))
			return true;
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
	}
	return false;
}

int sup__seat_sleep(struct sup__seat *seat, int64_t deadline)
{
	uint32_t idle = 0;
	int ret;

	if (!atomic_compare_exchange_strong(&seat->word, &idle, 2)) {
		atomic_exchange(&seat->word, 0);
		return 0;
	}
	do {
		ret = sup__futex_wait(&seat->word, 2, deadline);
	} while (ret != -ETIMEDOUT && atomic_load(&seat->word) == 2);
	/* A wake that came at the last moment counts. */
	if (atomic_exchange(&seat->word, 0) == 1)
		return 0;
	return -ETIMEDOUT;
}

int sup__seat_wait(struct sup__seat *seat, int64_t deadline)
{
	int64_t begin;
	int ret;

	if (!may_spin || deadline == SUP_TRY)
		return sup__seat_sleep(seat, deadline);
	if (spin(seat)) {
		set_budget(seat, true);
		return sup__seat_sleep(seat, deadline);
	}
	begin = sup__now_ns();
	ret = sup__seat_sleep(seat, deadline);
	set_budget(seat, sup__now_ns() - begin < SHORT_NS);
	return ret;
}

static void ring(struct sup__seat *seat)
{
	uint64_t one = 1;
	ssize_t n = 0;
	int bell;

	sup__lock(&bells_lock);
	bell = atomic_load(&seat->bell);
	/* It is non-blocking, and full only if nobody has read it. */
	if (bell)
		n = write(bell - 1, &one, sizeof(one));
	sup__unlock(&bells_lock);
	(void)n;
}

bool sup__seat_wake(struct sup__seat *seat)
{
	bool was_asleep = atomic_exchange(&seat->word, 1) == 2;

	if (was_asleep)
		sup__futex_wake(&seat->word, 1);
	if (atomic_load(&seat->bell))
		ring(seat);
	return was_asleep;
}

void sup__seat_expect(struct sup__seat *seat)
{
	/* Relaxed: a hint, that the wake makes seen. */
	atomic_store_explicit(&seat->expects, true, memory_order_relaxed);
	sup__seat_wake(seat);
}
