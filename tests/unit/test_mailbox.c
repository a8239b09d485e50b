/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mailboxes: order, bounds, ownership, closing; many writers at once. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sup/sup.h>

#include "base/alloc.h"
#include "core/mailbox.h"

#define LONG sup_deadline_ms(60000)
#define WRITERS 4
#define EACH 20000

static struct sup__seat *seat(void)
{
	struct sup__seat *s = sup__seat_self();

	assert_non_null(s);
	return s;
}

static int put(struct sup__mailbox *mb, uint64_t tag, int64_t deadline)
{
	struct sup_msg msg = { .tag = tag, .data = &tag, .len = sizeof(tag) };
	struct sup__letter *letter;
	int ret;

	letter = sup__letter_make(mb, SUP__LETTER_SEND, &msg);
	if (!letter)
		return -ENOMEM;
	ret = sup__mailbox_put(mb, 1, letter, deadline);
	if (ret)
		sup__letter_unmake(letter);
	return ret;
}

static void data_keeps_its_order_and_its_bound(void **state)
{
	struct sup__mailbox mb;
	struct sup__letter letter;
	uint64_t i;

	(void)state;
	sup__mailbox_init(&mb, seat(), 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(put(&mb, i, SUP_TRY), 0);
	assert_int_equal(put(&mb, 9, SUP_TRY), -EAGAIN);
	assert_int_equal(put(&mb, 9, sup_deadline_ms(1)), -ETIMEDOUT);
	for (i = 0; i < 3; i++) {
		assert_true(sup__mailbox_next_letter(&mb, &letter));
		assert_int_equal(letter.msg.tag, i);
		assert_int_equal(*(uint64_t *)letter.msg.data, i);
		sup_msg_free(&letter.msg);
		assert_int_equal(put(&mb, i + 3, SUP_TRY), 0);
	}
	sup__mailbox_close(&mb);
	assert_int_equal(put(&mb, 9, SUP_TRY), -ESRCH);
	assert_int_equal(put(&mb, 9, LONG), -ESRCH);
	sup__mailbox_fini(&mb);
}

static int frees;

static void count_free(void *data)
{
	frees++;
	free(data);
}

static void what_is_owned_is_freed_once(void **state)
{
	struct sup_msg msg = { .tag = 1, .free = count_free };
	struct sup__letter *letter, out;
	struct sup__mailbox mb;

	(void)state;
	sup__mailbox_init(&mb, seat(), 2);
	msg.data = malloc(10);
	letter = sup__letter_make(&mb, SUP__LETTER_CAST, &msg);
	assert_int_equal(sup__mailbox_put(&mb, 1, letter, SUP_TRY), 0);
	assert_true(sup__mailbox_next_letter(&mb, &out));
	assert_ptr_equal(out.msg.data, msg.data);
	sup_msg_free(&out.msg);
	assert_int_equal(frees, 1);
	/* Still inside at the end. */
	msg.data = malloc(10);
	letter = sup__letter_make(&mb, SUP__LETTER_CAST, &msg);
	assert_int_equal(sup__mailbox_put(&mb, 1, letter, SUP_TRY), 0);
	sup__mailbox_close(&mb);
	sup__mailbox_fini(&mb);
	assert_int_equal(frees, 2);
	/* No memory: it stays the sender's. */
	sup__mailbox_init(&mb, seat(), 2);
	msg.data = malloc(10);
	sup__alloc_fail_nth(1);
	assert_null(sup__letter_make(&mb, SUP__LETTER_CAST, &msg));
	sup__alloc_fail_nth(0);
	letter = sup__letter_make(&mb, SUP__LETTER_CAST, &msg);
	sup__letter_unmake(letter);
	assert_int_equal(frees, 2);
	free(msg.data);
	sup__mailbox_fini(&mb);
}

static void take(struct sup__mailbox *mb, size_t n)
{
	struct sup__letter letter;

	while (n--) {
		assert_true(sup__mailbox_next_letter(mb, &letter));
		sup_msg_free(&letter.msg);
	}
}

static void *write_one(void *mb)
{
	assert_int_equal(put(mb, 1, LONG), 0);
	return NULL;
}

/* An eighth of it at a time; but who waits does not wait for that. */
static void room_is_given_back_together(void **state)
{
	struct sup__mailbox mb;
	pthread_t thread;
	int i;

	(void)state;
	sup__mailbox_init(&mb, seat(), 80);
	for (i = 0; i < 80; i++)
		assert_int_equal(put(&mb, i, SUP_TRY), 0);
	take(&mb, 9);
	assert_int_equal(put(&mb, 0, SUP_TRY), -EAGAIN);
	take(&mb, 1);
	for (i = 0; i < 10; i++)
		assert_int_equal(put(&mb, i, SUP_TRY), 0);
	assert_int_equal(put(&mb, 0, SUP_TRY), -EAGAIN);
	assert_int_equal(pthread_create(&thread, NULL, write_one, &mb), 0);
	while (!atomic_load(&mb.n_waiting))
		sched_yield();
	take(&mb, 1);
	pthread_join(thread, NULL);
	/* All that was taken in: none of it is kept back. */
	take(&mb, 80);
	assert_int_equal(atomic_load(&mb.count), 0);
	sup__mailbox_close(&mb);
	sup__mailbox_fini(&mb);
}

/* What has been read carries the next messages. */
static void letters_are_used_again(void **state)
{
	const struct sup_msg msg = { .tag = 1 };
	struct sup__letter *letter;
	struct sup__mailbox mb;
	int round, i;

	(void)state;
	sup__mailbox_init(&mb, seat(), 80);
	for (round = 0; round < 2; round++) {
		if (round)
			sup__alloc_fail_nth(1);
		for (i = 0; i < 10; i++) {
			letter = sup__letter_make(&mb, SUP__LETTER_SEND, &msg);
			assert_non_null(letter);
			assert_int_equal(sup__mailbox_put(&mb, 1, letter,
							  SUP_TRY), 0);
		}
		take(&mb, 10);
	}
	sup__alloc_fail_nth(0);
	assert_false(sup__alloc_has_failed());
	sup__mailbox_close(&mb);
	sup__mailbox_fini(&mb);
}

static void signals_are_never_refused_while_open(void **state)
{
	struct sup__signal s[100], *got;
	struct sup__mailbox mb;
	size_t i;

	(void)state;
	sup__mailbox_init(&mb, seat(), 1);
	assert_int_equal(put(&mb, 1, SUP_TRY), 0);
	for (i = 0; i < 100; i++)
		assert_true(sup__mailbox_signal(&mb, &s[i]));
	for (i = 0; i < 50; i++)
		assert_ptr_equal(sup__mailbox_next_signal(&mb), &s[i]);
	sup__mailbox_close(&mb);
	assert_false(sup__mailbox_signal(&mb, &s[0]));
	/* What was in it still comes out, to be dropped. */
	for (i = 50; i < 100; i++)
		assert_ptr_equal(sup__mailbox_next_signal(&mb), &s[i]);
	got = sup__mailbox_next_signal(&mb);
	assert_null(got);
	sup__mailbox_fini(&mb);
}

struct writer {
	struct sup__mailbox *mb;
	uint64_t number;
	int result;
};

static void *write_each(void *arg)
{
	struct writer *w = arg;
	uint64_t i;

	for (i = 0; i < EACH && !w->result; i++)
		w->result = put(w->mb, w->number * EACH + i, LONG);
	return NULL;
}

/* A box of 2: every writer sleeps for room all the time. */
static void writers_that_wait_lose_nothing(void **state)
{
	struct writer writers[WRITERS];
	uint64_t next[WRITERS] = { 0 }, n = 0, from;
	pthread_t threads[WRITERS];
	struct sup__letter letter;
	struct sup__mailbox mb;
	uint64_t i;

	(void)state;
	sup__mailbox_init(&mb, seat(), 2);
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ &mb, i, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, write_each,
						&writers[i]), 0);
	}
	while (n < (uint64_t)WRITERS * EACH) {
		if (!sup__mailbox_next_letter(&mb, &letter)) {
			assert_int_equal(sup__seat_wait(seat(), LONG), 0);
			continue;
		}
		from = letter.msg.tag / EACH;
		assert_int_equal(letter.msg.tag % EACH, next[from]);
		next[from]++;
		n++;
		sup_msg_free(&letter.msg);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(writers[i].result, 0);
	assert_int_equal(atomic_load(&mb.n_waiting), 0);
	sup__mailbox_close(&mb);
	sup__mailbox_fini(&mb);
}

static void closing_turns_writers_away(void **state)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct sup__mailbox mb;
	size_t i;

	(void)state;
	sup__mailbox_init(&mb, seat(), 1);
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ &mb, i, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, write_each,
						&writers[i]), 0);
	}
	while (atomic_load(&mb.n_waiting) < WRITERS)
		sched_yield();
	sup__mailbox_close(&mb);
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(writers[i].result, -ESRCH);
	sup__mailbox_fini(&mb);
}

static bool has_rung(int bell)
{
	eventfd_t n;

	return !eventfd_read(bell, &n);
}

/* By a seat that nobody sits on, whose bell somebody polls. */
static void room_can_be_waited_for_without_a_thread(void **state)
{
	struct sup_msg msg = { .tag = 7 };
	struct sup__seat *bare = sup__seat_new();
	struct sup__room room = { .seat = bare }, next = { .seat = bare };
	int bell = eventfd(0, EFD_NONBLOCK);
	struct sup__letter *letter;
	struct sup__mailbox mb;

	(void)state;
	sup__seat_set_bell(bare, bell);
	sup__mailbox_init(&mb, seat(), 1);
	assert_int_equal(put(&mb, 0, SUP_TRY), 0);
	letter = sup__letter_make(&mb, SUP__LETTER_SEND, &msg);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &room),
			 -EAGAIN);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &room),
			 -EAGAIN);
	assert_false(has_rung(bell));
	take(&mb, 1);
	assert_true(has_rung(bell));
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &room), 0);
	/* A wake that is not used is the next one's. */
	letter = sup__letter_make(&mb, SUP__LETTER_SEND, &msg);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &room),
			 -EAGAIN);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &next),
			 -EAGAIN);
	take(&mb, 1);
	assert_true(has_rung(bell));
	sup__mailbox_leave(&mb, &room);
	assert_true(has_rung(bell));
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &next), 0);
	/* One who has left is not woken; who waits when it closes is. */
	letter = sup__letter_make(&mb, SUP__LETTER_SEND, &msg);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &room),
			 -EAGAIN);
	sup__mailbox_leave(&mb, &room);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &next),
			 -EAGAIN);
	sup__mailbox_close(&mb);
	assert_true(has_rung(bell));
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &next), -ESRCH);
	assert_int_equal(sup__mailbox_put_or_join(&mb, letter, &room), -ESRCH);
	sup__letter_drop(letter);
	sup__mailbox_fini(&mb);
	sup__seat_set_bell(bare, -1);
	sup__seat_free(bare);
	close(bell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_keeps_its_order_and_its_bound),
		cmocka_unit_test(what_is_owned_is_freed_once),
		cmocka_unit_test(room_is_given_back_together),
		cmocka_unit_test(letters_are_used_again),
		cmocka_unit_test(signals_are_never_refused_while_open),
		cmocka_unit_test(writers_that_wait_lose_nothing),
		cmocka_unit_test(closing_turns_writers_away),
		cmocka_unit_test(room_can_be_waited_for_without_a_thread),
	};

	return RUN_TESTS(tests);
}
