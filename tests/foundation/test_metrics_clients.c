/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients of /metrics that are slow, silent, many or gone; and its own ends. */
#include "endpoint.h"

#include <poll.h>

#define MAX 4
#define MANY 40

static void use(unsigned int connections, int64_t timeout_ms)
{
	assert_int_equal(start_endpoint(connections, timeout_ms), 0);
}

static int set_up_clients(void **state)
{
	atomic_store(&accepting.small, false);
	receives = 0;
	return set_up(state);
}

#define CLIENTS_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_clients, tear_down)

/* Whether the other side has ended it, within ms. */
static bool is_ended(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, ms) > 0 && recv(fd, &c, 1, 0) <= 0;
}

/* Waits for that, whatever has come and was not read. */
static void await_reset(int fd)
{
	struct pollfd p = { .fd = fd };

	assert_int_equal(poll(&p, 1, 30000), 1);
}

static void half_a_request_delays_nobody(void **state)
{
	char *r;
	int fd;

	(void)state;
	use(MAX, 60000);
	fd = dial();
	assert_true(say(fd, "GET /metr"));
	assert_true(answers(GET, 200));
	assert_true(answers(GET, 200));
	/* It may come to its end later. */
	assert_true(say(fd, "ics HTTP/1.1\r\n"));
	assert_true(answers(GET, 200));
	assert_true(say(fd, "Host: test\r\n\r\n"));
	r = hear(fd);
	assert_true(is_whole(r, 200));
	free(r);
	close(fd);
	assert_int_equal(counted(CUT_OFF, "late"), 0);
	assert_int_equal(counted(CUT_OFF, "room"), 0);
}

/* A byte now and again is no reason to stay. */
static void it_has_an_end(void **state)
{
	int64_t begun = sup_deadline_ms(0);
	int fd, silent;

	(void)state;
	use(MAX, 200);
	silent = dial();
	fd = dial();
	say(fd, "GET /metrics HTTP/1.1\r\nX: ");
	while (!is_ended(fd, 10)) {
		assert_true(sup_deadline_ms(0) < begun + INT64_C(30000000000));
		say(fd, "x");
	}
	assert_true(sup_deadline_ms(0) - begun >= INT64_C(200000000));
	assert_true(is_ended(silent, 30000));
	assert_int_equal(counted(CUT_OFF, "late"), 2);
	close(silent);
	close(fd);
}

static void the_silent_make_room(void **state)
{
	int fds[MANY], i, ended = 0;

	(void)state;
	use(MAX, 60000);
	for (i = 0; i < MANY; i++)
		fds[i] = dial();
	assert_true(answers(GET, 200));
	/* The oldest ones have gone, and no more than had to. */
	for (i = 0; i < MANY - MAX + 1; i++)
		assert_true(is_ended(fds[i], 30000));
	for (i = 0; i < MANY; i++) {
		ended += is_ended(fds[i], 0);
		close(fds[i]);
	}
	assert_int_equal(ended, MANY - MAX + 1);
	assert_int_equal(counted(CUT_OFF, "room"), ended);
	assert_int_equal(counted(CUT_OFF, "late"), 0);
}

/* More than fits into sockets that are small. */
static void make_much(void)
{
	char value[FND_NAME_MAX + 1], number[16];
	const struct fnd_pair pairs[] = {
		{ "number", number }, { "value", value },
	};
	int i;

	memset(value, 'v', FND_NAME_MAX);
	value[FND_NAME_MAX] = '\0';
	for (i = 0; i < 1000; i++) {
		snprintf(number, sizeof(number), "%d", i);
		assert_int_equal(fnd_telemetry_count("much", 1,
				&(struct fnd_metadata){ pairs, 2 }), 0);
	}
	atomic_store(&accepting.small, true);
	receives = 4096;
}

/* Who is being answered, and reads no more than a byte. */
static int stalls(void)
{
	char c;
	int fd;

	for (;;) {
		fd = dial();
		if (say(fd, GET) && recv(fd, &c, 1, 0) == 1)
			return fd;
		/* Its time was over before: the machine is busy. */
		close(fd);
	}
}

static void who_does_not_read_is_cut_off(void **state)
{
	int fds[MAX], i;
	char *r;

	(void)state;
	use(MAX, 1000);
	make_much();
	for (i = 0; i < MAX; i++)
		fds[i] = stalls();
	for (i = 0; i < MAX; i++) {
		await_reset(fds[i]);
		r = hear(fds[i]);
		assert_false(has(r, "process_max_fds "));
		free(r);
		close(fds[i]);
	}
	assert_true(counted(CUT_OFF, "late") >= MAX);
}

/* While all are being answered none is cut off for room: one more waits. */
static void one_more_waits_for_its_turn(void **state)
{
	int fds[MAX], i, more;
	char *r;

	(void)state;
	use(MAX, 60000);
	make_much();
	for (i = 0; i < MAX; i++)
		fds[i] = stalls();
	more = dial();
	assert_true(say(more, GET));
	assert_false(is_ended(more, 50));
	for (i = 0; i < MAX; i++) {
		r = hear(fds[i]);
		/* But for the byte that it has read. */
		assert_true(has(r, "process_max_fds "));
		free(r);
		close(fds[i]);
	}
	r = hear(more);
	assert_true(is_whole(r, 200));
	free(r);
	close(more);
	assert_int_equal(counted(CUT_OFF, "room"), 0);
	assert_int_equal(counted(CUT_OFF, "late"), 0);
}

/* Ends a connection by a reset, or as it should be. */
static void hang_up(int fd, bool by_reset)
{
	const struct linger at_once = { .l_onoff = by_reset };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void clients_go_in_the_middle(void **state)
{
	const char *const request = GET;
	size_t len, i;
	char part[sizeof(GET)];
	char c;
	int fd;

	(void)state;
	use(MAX, 60000);
	make_much();
	for (len = 0; len <= strlen(request); len++) {
		for (i = 0; i < 2; i++) {
			fd = dial();
			snprintf(part, len + 1, "%s", request);
			assert_true(say(fd, part));
			hang_up(fd, i);
		}
	}
	/* And while they are being answered. */
	for (i = 0; i < 50; i++) {
		fd = dial();
		assert_true(say(fd, request));
		assert_int_equal(recv(fd, &c, 1, 0), 1);
		hang_up(fd, i & 1);
	}
	assert_true(answers(GET, 200));
	assert_int_equal(counted(CUT_OFF, "late"), 0);
}

/* Clients that go on until they are told not to. */
struct load {
	_Atomic bool is_over;
	_Atomic int whole, cut;
};

/* What has come to its end is right. */
static int asks(void *arg)
{
	struct load *l = arg;
	char *r;

	while (!atomic_load(&l->is_over)) {
		sup_checkpoint();
		r = try_ask(GET);
		if (r && is_whole(r, 200)) {
			EXPECT(has(r, "\nprocess_max_fds "));
			atomic_fetch_add(&l->whole, 1);
		} else {
			atomic_fetch_add(&l->cut, 1);
		}
		free(r);
	}
	return 0;
}

/* They leave it at any point. */
static int goes(void *arg)
{
	struct load *l = arg;
	char part[sizeof(GET)];
	unsigned int n = 0;
	int fd;

	while (!atomic_load(&l->is_over)) {
		sup_checkpoint();
		fd = try_dial();
		if (fd < 0)
			continue;
		n = (n + 7) % sizeof(part);
		snprintf(part, n + 1, "%s", GET);
		say(fd, part);
		hang_up(fd, n & 1);
	}
	return 0;
}

static void killed_under_load(void **state)
{
	int (*const clients[])(void *) = { asks, asks, asks, goes, goes };
	static struct load load;
	struct sup_pid pids[N_OF(clients)];
	int whole, i, kills = SLOWLY(1000);
	size_t k;

	(void)state;
	use(MAX, 60000);
	for (k = 0; k < N_OF(clients); k++)
		pids[k] = start(clients[k], &load);
	for (i = 0; i < kills; i++) {
		restart_endpoint();
		/* Each life answers, on the same port, before it is killed. */
		if (i % 10)
			continue;
		whole = atomic_load(&load.whole);
		AWAIT(atomic_load(&load.whole) > whole);
	}
	atomic_store(&load.is_over, true);
	for (k = 0; k < N_OF(clients); k++)
		assert_int_equal(end_of(pids[k]).code, 0);
	assert_true(answers(GET, 200));
	print_message("%d kills: %d requests answered, %d not\n", kills,
		      atomic_load(&load.whole), atomic_load(&load.cut));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENTS_CASE(half_a_request_delays_nobody),
		CLIENTS_CASE(it_has_an_end),
		CLIENTS_CASE(the_silent_make_room),
		CLIENTS_CASE(who_does_not_read_is_cut_off),
		CLIENTS_CASE(one_more_waits_for_its_turn),
		CLIENTS_CASE(clients_go_in_the_middle),
		CLIENTS_CASE(killed_under_load),
	};

	return RUN_TESTS(tests);
}
