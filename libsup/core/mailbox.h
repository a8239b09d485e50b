/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mailboxes: many writers, one reader. Two lanes: signals, whose nodes exist
 * already when they are sent and which are never refused while it is open; and
 * data, bounded. A push is one compare-and-swap and, if the lane was empty, a
 * wake. Closing is final, and afterwards nothing is taken in.
 */
#ifndef SUP_CORE_MAILBOX_H
#define SUP_CORE_MAILBOX_H

#include <stdalign.h>

#include <sup/server.h>
#include <sup/task.h>

#include "base/lock.h"
#include "core/seat.h"

struct sup__link {
	struct sup__link *next;
};

enum sup__signal_kind {
	SUP__SIGNAL_DOWN,	/* in a struct sup__monitor */
	SUP__SIGNAL_EXIT,	/* in a child's struct sup__task, with a ref */
	SUP__SIGNAL_NOTE,	/* struct sup__note: an exit signal */
	SUP__SIGNAL_TIMER,	/* struct sup__timer that went to a name */
	SUP__SIGNAL_RESPONSE,	/* in a struct sup__request */
};

struct sup__signal {
	struct sup__link link;	/* first */
	enum sup__signal_kind kind;
};

enum sup__letter_kind {
	SUP__LETTER_SEND,
	SUP__LETTER_CAST,
	SUP__LETTER_CALL,
};

/* One message under way: a cache line, for it goes from CPU to CPU. */
struct sup__letter {
	struct sup__link link;	/* first */
	enum sup__letter_kind kind;
	bool one_block;		/* it lies behind the data it owns */
	struct sup_from from;	/* CALL; SEND: pid of a function, or none */
	struct sup_msg msg;
};

/* Who waits for room: zero but for its seat, and not moved while it does. */
struct sup__room {
	struct sup__room *next;
	struct sup__seat *seat;
	uint64_t owner;		/* whose mailbox; 0: no edge is recorded */
	bool linked;		/* under the mailbox's lock */
	bool joined;		/* its own: of sup__mailbox_put_or_join() */
};

struct sup__mailbox {
	/* A cache line that who sends data writes, and the reader seldom. */
	alignas(64) _Atomic(struct sup__link *) data_in;
	_Atomic uint32_t count;			/* of data letters */
	uint32_t max;
	struct sup__seat *reader;
	/* Letters that have been read, to be used again: all or none. */
	_Atomic(struct sup__link *) spare;

	/* One that the reader writes, and others seldom. */
	alignas(64) _Atomic(struct sup__link *) signals_in;
	struct sup__link *signals, *data;	/* taken in: the reader's */
	struct sup__link *used;		/* read since */
	uint32_t handed;	/* letters handed out that still count */
	uint32_t batch;		/* of which there are less than this */
	int64_t returned_ns;	/* when they were last given back */
	_Atomic uint32_t n_waiting;		/* for room */

	struct sup__lock lock;			/* the list of who waits */
	struct sup__room *first, **last;
};

void sup__mailbox_init(struct sup__mailbox *mb, struct sup__seat *reader,
		       size_t max);

/* Frees the letters left in a closed one. Nobody may know it any more. */
void sup__mailbox_fini(struct sup__mailbox *mb);

/* False: closed, the signal is still the caller's. Any thread. */
bool sup__mailbox_signal(struct sup__mailbox *mb, struct sup__signal *s);

/*
 * A letter with msg, for mb: copied, or moved in if it has a free(). NULL: no
 * memory; then and after unmake() what msg owns is the caller's. drop() frees
 * it.
 */
struct sup__letter *sup__letter_make(struct sup__mailbox *mb,
				     enum sup__letter_kind kind,
				     const struct sup_msg *msg);
void sup__letter_unmake(struct sup__letter *letter);
void sup__letter_drop(struct sup__letter *letter);

/* Those that a seat has to be used again. */
void sup__letters_free(struct sup__link *letters);

/*
 * What msg says as a message of its own: copied, or moved if it has a free().
 * -ENOMEM: what it owns is still the caller's.
 */
int sup__msg_own(const struct sup_msg *msg, struct sup_msg *ret_own);

/*
 * Puts a letter in, waiting for room until the deadline. owner is the task
 * that reads it. 0: taken. Else it is still the caller's: -ESRCH closed,
 * -EAGAIN no room (SUP_TRY), -ETIMEDOUT, -EDEADLK its reader waits for us,
 * -ECANCELED the calling task is to end; -EINTR it is a server, has been told
 * to, and was not waiting in a call. Any thread.
 */
int sup__mailbox_put(struct sup__mailbox *mb, uint64_t owner,
		     struct sup__letter *letter, int64_t deadline);

/*
 * Does not wait: -EAGAIN there is no room, but room->seat is woken when there
 * may be, or it has closed, and then has to try again, or leave(). 0, -ESRCH as
 * above: it waits no more. One thread at a time for a room.
 */
int sup__mailbox_put_or_join(struct sup__mailbox *mb,
			     struct sup__letter *letter,
			     struct sup__room *room);
void sup__mailbox_leave(struct sup__mailbox *mb, struct sup__room *room);

/* The next of a lane, or NULL. The reader only. */
struct sup__signal *sup__mailbox_next_signal(struct sup__mailbox *mb);
/* The oldest that matches, out of its turn, or NULL. The reader only. */
struct sup__signal *sup__mailbox_pick_signal(struct sup__mailbox *mb,
		bool (*match)(const struct sup__signal *s, const void *arg),
		const void *arg);
/* Moves the oldest letter out; its message is the caller's. False: none. */
bool sup__mailbox_next_letter(struct sup__mailbox *mb,
			      struct sup__letter *ret_letter);

/*
 * Takes nothing in from here on and turns away who waits for room. The reader,
 * or whoever knows that it is gone. Then the signals that are left must be
 * taken out with next_signal(); letters are freed by fini.
 */
void sup__mailbox_close(struct sup__mailbox *mb);

#endif
