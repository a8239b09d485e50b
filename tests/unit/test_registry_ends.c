/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cases of Elixir's registry tests: what ends leave. */
#include "registries.h"

#include "lib/gs.h"

/* The holder is killed: the key is free before anyone knows. */
static void REGU_06_free_before_the_end_is_told(void **state)
{
	struct sup_registry r = open_one(false);
	struct sup_pid a, b = start(receives, NULL);
	int i;

	(void)state;
	for (i = 0; i < SLOWLY(500); i++) {
		a = start(receives, NULL);
		assert_int_equal(put(r, a, "k", "1"), 0);
		assert_int_equal(sup_kill(a, LONG), 0);
		assert_int_equal(sup_wait(a, NULL, LONG), 0);
		assert_int_equal(sup_registry_whereis(r, bytes("k")).v, 0);
		assert_int_equal(put(r, b, "k", "2"), 0);
		assert_string_equal(values(r, SUP_PID_NONE, "k"), "2");
		assert_int_equal(sup_registry_remove(r,
				&(struct sup_registry_query){ .pid = b }), 0);
	}
	assert_int_equal(count(r, SUP_PID_NONE, NULL), 0);
	assert_int_equal(sup_registry_close(r), 0);
	kill_and_wait(b);
}

static void REGC_01_clean_up_on_a_crash(void **state)
{
	struct sup_registry r;
	struct sup_pid a, b;
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		r = open_one(dup);
		a = start(receives, NULL);
		b = start(receives, NULL);
		assert_int_equal(put(r, a, "k", "1"), 0);
		assert_int_equal(put(r, b, dup ? "k" : "l", "2"), 0);
		kill_and_wait(a);
		assert_int_equal(count(r, SUP_PID_NONE, NULL), 1);
		assert_string_equal(values(r, b, NULL), "2");
		kill_and_wait(b);
		assert_int_equal(count(r, SUP_PID_NONE, NULL), 0);
		assert_int_equal(sup_registry_close(r), 0);
	}
}

/*
 * OTP's registry is linked with who holds a key. Here neither the end of
 * another holder nor that of the registry ends one that does not trap: it would
 * not answer any more, for exit signals come before calls.
 */
static void REGU_20_REGD_19_nothing_is_linked(void **state)
{
	struct sup_bytes k = bytes("k");
	struct sup_registry_query q = { .key = &k };
	struct gs ga = { .init_ms = 0 }, gb = { .init_ms = 0 };
	struct sup_registry r;
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		struct sup_pid a = gs_start(&ga), b = gs_start(&gb);

		r = open_one(dup);
		assert_int_equal(put(r, a, "k", "1"), 0);
		assert_int_equal(put(r, b, "l", "2"), 0);
		kill_and_wait(b);
		assert_int_equal(gs_ask(a, GS_PING, 0), GS_PING);
		q.pid = a;
		assert_int_equal(sup_registry_remove(r, &q), 0);
		assert_int_equal(put(r, a, "k", "3"), 0);
		assert_int_equal(sup_registry_close(r), 0);
		assert_int_equal(gs_ask(a, GS_PING, 0), GS_PING);
		kill_and_wait(a);
	}
}

/* Who looks while others put, remove, update and end finds what is right. */
static _Atomic bool enough;
static struct sup_registry shared;

static int changes(void *arg)
{
	char key[8] = "k0", value[8] = "k0v";
	struct sup_bytes k = { key, 2 };
	struct sup_registry_query q = { .pid = sup_self(), .key = &k };
	int i;

	for (i = 0; i < SLOWLY(20000); i++) {
		key[1] = value[1] = '0' + (i + (int)(intptr_t)arg) % 40;
		if (put(shared, sup_self(), key, value))
			continue;
		sup_registry_update(shared, sup_self(), k, bytes(value));
		/* Some stay until its end. */
		if (i % 7)
			EXPECT(!sup_registry_remove(shared, &q));
	}
	return 0;
}

static int looks(void *arg)
{
	char key[8] = "k0";
	struct sup_bytes k = { key, 2 };
	struct sup_registry_query q = { .key = &k };
	struct sup_registry_entry *e;
	size_t n;
	int i;

	(void)arg;
	for (i = 0; !atomic_load(&enough); i++) {
		key[1] = '0' + i % 40;
		sup_registry_whereis(shared, k);
		EXPECT(!sup_registry_select(shared, &q, &e, &n));
		EXPECT(n <= 1);
		EXPECT(!n || (e->pid.v && !memcmp(e->value.data, key, 2)));
		free(e);
	}
	return 0;
}

static void REG_looking_while_it_changes(void **state)
{
	struct sup_pid readers[2], writers[3];
	size_t i;

	(void)state;
	shared = open_one(false);
	for (i = 0; i < 2; i++)
		readers[i] = start(looks, NULL);
	for (i = 0; i < 3; i++)
		writers[i] = start(changes, (void *)i);
	for (i = 0; i < 3; i++)
		assert_int_equal(end_of(writers[i]).code, 0);
	assert_int_equal(count(shared, SUP_PID_NONE, NULL), 0);
	atomic_store(&enough, true);
	for (i = 0; i < 2; i++)
		assert_int_equal(end_of(readers[i]).code, 0);
	assert_int_equal(sup_registry_close(shared), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(REGU_06_free_before_the_end_is_told),
		CASE(REGC_01_clean_up_on_a_crash),
		CASE(REGU_20_REGD_19_nothing_is_linked),
		CASE(REG_looking_while_it_changes),
	};

	return RUN_TESTS(tests);
}
