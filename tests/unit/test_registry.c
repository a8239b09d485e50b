/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cases of Elixir's registry tests: unique and duplicate keys. */
#include "registries.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "lib/gs.h"

static const struct sup_bytes none = { NULL, 0 };

static void REGU_02_to_05_34_35_unique(void **state)
{
	struct sup_registry r = open_one(false);
	struct sup_pid a = start(receives, NULL), b = start(receives, NULL);
	struct sup_pid holder = SUP_PID_NONE;

	(void)state;
	assert_int_equal(count(r, SUP_PID_NONE, NULL), 0);
	assert_int_equal(put(r, a, "hello", "1"), 0);
	assert_int_equal(put(r, a, "world", "2"), 0);
	assert_int_equal(count(r, SUP_PID_NONE, NULL), 2);
	assert_int_equal(count(r, a, NULL), 2);
	assert_string_equal(values(r, a, "hello"), "1");
	/* Again by itself, and by another: nothing changes. */
	assert_int_equal(sup_registry_put(r, a, bytes("hello"), bytes("3"),
					  &holder), -EEXIST);
	assert_int_equal(holder.v, a.v);
	assert_int_equal(put(r, b, "hello", "4"), -EEXIST);
	assert_int_equal(count(r, b, NULL), 0);
	assert_int_equal(count(r, a, NULL), 2);
	assert_string_equal(values(r, SUP_PID_NONE, "hello"), "1");
	assert_int_equal(sup_registry_whereis(r, bytes("hello")).v, a.v);
	assert_int_equal(sup_registry_whereis(r, bytes("hell")).v, 0);
	assert_int_equal(put(r, b, "", "4"), -EINVAL);
	kill_and_wait(b);
	assert_int_equal(put(r, b, "late", "4"), -ESRCH);
	assert_int_equal(sup_registry_close(r), 0);
	kill_and_wait(a);
}

static bool begins_with(const struct sup_registry_entry *e, void *arg)
{
	return e->value.len && *(const char *)e->value.data == *(char *)arg;
}

/* Patterns and guards are a function here: match, count, remove. */
static void REGU_07_to_13_REGD_11_to_17_matches(void **state)
{
	struct sup_registry r;
	struct sup_pid a = start(receives, NULL);
	struct sup_bytes k = bytes("k");
	struct sup_registry_query q = {
		.pid = a, .key = &k, .match = begins_with,
	};
	struct sup_registry_entry *e;
	size_t n;
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		r = open_one(dup);
		assert_int_equal(put(r, a, "k", "xa"), 0);
		assert_int_equal(put(r, a, "k", "yb"), dup ? 0 : -EEXIST);
		assert_int_equal(put(r, a, "k", "xc"), dup ? 0 : -EEXIST);
		assert_int_equal(put(r, a, "other", "x"), 0);
		q.arg = "x";
		assert_int_equal(sup_registry_select(r, &q, &e, &n), 0);
		assert_int_equal(n, dup ? 2 : 1);
		assert_memory_equal(e[0].value.data, "xa", 2);
		assert_memory_equal(e[0].key.data, "k", 1);
		free(e);
		q.arg = "z";
		assert_int_equal(sup_registry_select(r, &q, &e, &n), 0);
		assert_int_equal(n, 0);
		assert_null(e);
		assert_int_equal(sup_registry_remove(r, &q), 0);
		assert_int_equal(count(r, a, "k"), dup ? 3 : 1);
		q.arg = "x";
		assert_int_equal(sup_registry_remove(r, &q), 0);
		assert_string_equal(values(r, a, "k"), dup ? "yb" : "");
		assert_string_equal(values(r, a, "other"), "x");
		assert_int_equal(sup_registry_close(r), 0);
	}
	kill_and_wait(a);
}

/* Of any value, and as many as they are: none is a pattern, or ends early. */
static void REGU_14_REGD_06_13_keys_are_bytes(void **state)
{
	const int one = 1;
	const double one_too = 1.0;
	const struct sup_bytes keys[] = {
		{ &one, sizeof(one) }, { &one_too, sizeof(one_too) },
		{ "a", 1 }, { "a\0b", 3 }, { "*", 1 }, { "_", 1 },
	};
	struct sup_pid a = start(receives, NULL);
	struct sup_registry_query q = { .pid = a };
	struct sup_registry r;
	size_t i, n;
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		r = open_one(dup);
		for (i = 0; i < N_OF(keys); i++)
			assert_int_equal(sup_registry_put(r, a, keys[i], none,
							  NULL), 0);
		assert_int_equal(count(r, a, NULL), N_OF(keys));
		for (i = 0; i < N_OF(keys); i++) {
			q.key = &keys[i];
			assert_int_equal(sup_registry_select(r, &q, NULL, &n),
					 0);
			assert_int_equal(n, 1);
		}
		assert_int_equal(sup_registry_close(r), 0);
	}
	kill_and_wait(a);
}

static void REGU_15_REGD_31_update(void **state)
{
	struct sup_registry r = open_one(false), d;
	struct sup_pid a = start(receives, NULL), b = start(receives, NULL);

	(void)state;
	assert_int_equal(sup_registry_update(r, a, bytes("k"), bytes("2")),
			 -ENOKEY);
	assert_int_equal(put(r, b, "k", "1"), 0);
	assert_int_equal(sup_registry_update(r, a, bytes("k"), bytes("2")),
			 -ENOKEY);
	assert_int_equal(sup_registry_update(r, b, bytes("k"), bytes("22")),
			 0);
	assert_string_equal(values(r, SUP_PID_NONE, "k"), "22");
	assert_int_equal(count(r, b, NULL), 1);
	assert_int_equal(sup_registry_close(r), 0);
	d = open_one(true);
	assert_int_equal(put(d, b, "k", "1"), 0);
	assert_int_equal(sup_registry_update(d, b, bytes("k"), bytes("2")),
			 -EPERM);
	assert_int_equal(sup_registry_close(d), 0);
	kill_and_wait(a);
	kill_and_wait(b);
}

struct seen {
	int calls;
	size_t n;
	pthread_t thread;
};

static void see(const struct sup_registry_entry *e, size_t n, void *arg)
{
	struct seen *s = arg;

	s->calls++;
	s->n = n;
	s->thread = pthread_self();
	assert_memory_equal(e[0].key.data, "k", 1);
}

static void REGU_16_REGD_07_08_dispatch(void **state)
{
	struct sup_registry r;
	struct sup_pid a = start(receives, NULL), b = start(receives, NULL);
	struct seen s;
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		r = open_one(dup);
		s = (struct seen){ .calls = 0 };
		assert_int_equal(sup_registry_dispatch(r, bytes("k"), see,
						       &s), 0);
		assert_int_equal(s.calls, 0);
		assert_int_equal(put(r, a, "k", "1"), 0);
		if (dup)
			assert_int_equal(put(r, b, "k", "2"), 0);
		assert_int_equal(put(r, b, "other", "3"), 0);
		assert_int_equal(sup_registry_dispatch(r, bytes("k"), see,
						       &s), 0);
		assert_int_equal(s.calls, 1);
		assert_int_equal(s.n, 1 + dup);
		assert_true(pthread_equal(s.thread, pthread_self()));
		assert_int_equal(sup_registry_close(r), 0);
	}
	kill_and_wait(a);
	kill_and_wait(b);
}

static void REGU_17_18_REGD_09_10_remove(void **state)
{
	struct sup_registry r;
	struct sup_pid a = start(receives, NULL);
	struct sup_bytes k = bytes("k");
	struct sup_registry_query q = { .pid = a, .key = &k };
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		r = open_one(dup);
		assert_int_equal(sup_registry_remove(r, &q), 0);
		assert_int_equal(put(r, a, "k", "1"), 0);
		if (dup)
			assert_int_equal(put(r, a, "k", "1"), 0);
		assert_int_equal(put(r, a, "other", "3"), 0);
		assert_int_equal(sup_registry_remove(r, &q), 0);
		assert_int_equal(count(r, a, "k"), 0);
		assert_int_equal(count(r, a, NULL), 1);
		assert_int_equal(sup_registry_close(r), 0);
	}
	kill_and_wait(a);
}

static int listens(void *arg)
{
	struct sup_pid self = sup_self(), other = start(receives, NULL);
	struct sup_registry_spec spec = {
		.size = sizeof(spec), .listeners = &self, .n_listeners = 1,
		.duplicate = arg,
	};
	struct sup_registry_query q = { .pid = self };
	static const uint64_t tags[] = {
		SUP_REGISTRY_PUT, SUP_REGISTRY_PUT, SUP_REGISTRY_REMOVED,
	};
	struct sup_pid pids[] = { other, self, self };
	struct sup_registry_event *ev;
	struct sup_registry r;
	struct sup_info info;
	int i;

	EXPECT(!sup_registry_open(&spec, &r));
	EXPECT(!put(r, other, "theirs", "1"));
	EXPECT(!put(r, self, "ours", "22"));
	EXPECT(!sup_registry_remove(r, &q));
	for (i = 0; i < 3; i++) {
		EXPECT(!sup_receive(&info, SUP_TRY));
		EXPECT(info.msg.tag == tags[i]);
		ev = info.msg.data;
		EXPECT(ev->registry.v == r.v && ev->pid.v == pids[i].v);
		EXPECT(ev->key_len == (i ? 4 : 6));
		EXPECT(!memcmp(ev->bytes, i ? "ours22" : "theirs1",
			       ev->key_len + ev->value_len));
		sup_msg_free(&info.msg);
	}
	/* Not of ends: who wants to know of those monitors. */
	kill_and_wait(other);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	EXPECT(!sup_registry_close(r));
	return 0;
}

static void REGU_19_REGD_18_listeners(void **state)
{
	(void)state;
	run_with(listens, NULL);
	run_with(listens, (void *)1);
}

static void REGU_21_REGD_20_30_unknown_registry(void **state)
{
	struct sup_registry r = open_one(false), other;
	struct sup_registry_spec spec = { .size = sizeof(spec), .name = "r" };
	struct sup_registry_query q = { .pid = SUP_PID_NONE };
	struct sup_pid a = start(receives, NULL);
	size_t n;

	(void)state;
	assert_int_equal(sup_registry_open(&spec, &other), -EEXIST);
	assert_int_equal(sup_registry_find("r", &other), 0);
	assert_int_equal(other.v, r.v);
	assert_int_equal(sup_registry_find("s", &other), -ENOENT);
	assert_int_equal(sup_registry_close(r), 0);
	assert_int_equal(sup_registry_close(r), -ENOENT);
	assert_int_equal(put(r, a, "k", "1"), -ENOENT);
	assert_int_equal(sup_registry_select(r, &q, NULL, &n), -ENOENT);
	assert_int_equal(sup_registry_whereis(r, bytes("k")).v, 0);
	/* Nor does what comes in its place answer for it. */
	other = open_one(true);
	assert_int_not_equal(other.v, r.v);
	assert_int_equal(put(r, a, "k", "1"), -ENOENT);
	assert_int_equal(sup_registry_close(other), 0);
	spec.size = 0;
	assert_int_equal(sup_registry_open(&spec, &other), -EINVAL);
	kill_and_wait(a);
}

static void REGU_22_23_REGD_21_via(void **state)
{
	struct sup_registry r = open_one(false), d;
	struct sup_via via = { r, bytes("k"), bytes("val") };
	struct gs g = { .init_ms = 0 }, other = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_pid pid, taken = SUP_PID_NONE;

	(void)state;
	spec.via = &via;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(gs_ask(sup_registry_whereis(r, bytes("k")), GS_PING,
				0), GS_PING);
	assert_string_equal(values(r, SUP_PID_NONE, "k"), "val");
	spec.arg = &other;
	assert_int_equal(sup_server_start(&spec, &taken), -EEXIST);
	assert_int_equal(taken.v, pid.v);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(count(r, SUP_PID_NONE, NULL), 0);
	other.init_result = -EFAULT;
	assert_int_equal(sup_server_start(&spec, &pid), -EFAULT);
	assert_int_equal(count(r, SUP_PID_NONE, NULL), 0);
	assert_int_equal(sup_registry_close(r), 0);
	assert_int_equal(sup_server_start(&spec, &pid), -ENOENT);
	d = open_one(true);
	via.registry = d;
	assert_int_equal(sup_server_start(&spec, &pid), -EPERM);
	assert_int_equal(sup_registry_close(d), 0);
}

static void REGU_24_to_32_REGD_22_to_29_select(void **state)
{
	struct sup_registry r;
	struct sup_pid a = start(receives, NULL), b = start(receives, NULL);
	struct sup_registry_query all = { .match = NULL };
	struct sup_registry_query xs = { .match = begins_with, .arg = "x" };
	size_t n;
	int dup;

	(void)state;
	for (dup = 0; dup < 2; dup++) {
		r = open_one(dup);
		assert_int_equal(sup_registry_select(r, &all, NULL, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(put(r, a, "k", "x"), 0);
		assert_int_equal(put(r, b, dup ? "k" : "l", "y"), 0);
		assert_int_equal(sup_registry_select(r, &all, NULL, &n), 0);
		assert_int_equal(n, 2);
		assert_int_equal(count(r, a, NULL), 1);
		assert_int_equal(count(r, SUP_PID_NONE, "k"), 1 + dup);
		assert_int_equal(sup_registry_select(r, &xs, NULL, &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(sup_registry_close(r), 0);
	}
	kill_and_wait(a);
	kill_and_wait(b);
}

static void REGD_02_to_05_duplicate(void **state)
{
	struct sup_registry r = open_one(true);
	struct sup_pid a = start(receives, NULL), b = start(receives, NULL);

	(void)state;
	assert_int_equal(count(r, SUP_PID_NONE, NULL), 0);
	assert_int_equal(put(r, a, "hello", "1"), 0);
	assert_int_equal(put(r, a, "hello", "2"), 0);
	assert_int_equal(put(r, a, "world", "3"), 0);
	assert_int_equal(put(r, b, "hello", "4"), 0);
	assert_int_equal(count(r, a, NULL), 3);
	assert_int_equal(count(r, b, NULL), 1);
	assert_string_equal(values(r, a, "hello"), "12");
	assert_string_equal(values(r, b, "hello"), "4");
	assert_string_equal(values(r, SUP_PID_NONE, "hello"), "124");
	kill_and_wait(a);
	assert_string_equal(values(r, SUP_PID_NONE, "hello"), "4");
	assert_int_equal(sup_registry_close(r), 0);
	kill_and_wait(b);
}

static void REG_metadata(void **state)
{
	struct sup_registry r = open_one(false);
	void *value;
	size_t len;

	(void)state;
	assert_int_equal(sup_registry_get_meta(r, bytes("m"), &value, &len),
			 -ENOKEY);
	assert_int_equal(sup_registry_set_meta(r, bytes("m"), bytes("1")), 0);
	assert_int_equal(sup_registry_set_meta(r, bytes("n"), bytes("5")), 0);
	assert_int_equal(sup_registry_set_meta(r, bytes("m"), bytes("22")), 0);
	assert_int_equal(sup_registry_get_meta(r, bytes("m"), &value, &len),
			 0);
	assert_int_equal(len, 2);
	assert_memory_equal(value, "22", 2);
	free(value);
	assert_int_equal(sup_registry_set_meta(r, bytes("m"), none), 0);
	assert_int_equal(sup_registry_get_meta(r, bytes("m"), &value, &len),
			 -ENOKEY);
	assert_int_equal(sup_registry_set_meta(r, none, none), -EINVAL);
	assert_int_equal(sup_registry_close(r), 0);
}

static void REG_allocations(void **state)
{
	struct sup_pid a = start(receives, NULL);
	struct sup_registry r = open_one(false);
	char key[16];
	unsigned int n;
	int i, ret;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		for (n = 1; ; n++) {
			sup__alloc_fail_nth(n);
			ret = put(r, a, key, key);
			if (!sup__alloc_has_failed())
				break;
			/* Chains may be longer for it: that is no error. */
			if (!ret)
				break;
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(count(r, SUP_PID_NONE, NULL), i);
		}
		sup__alloc_fail_nth(0);
		assert_int_equal(ret, 0);
		assert_true(n > 2);
	}
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_string_equal(values(r, a, key), key);
	}
	assert_int_equal(sup_registry_close(r), 0);
	kill_and_wait(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(REGU_02_to_05_34_35_unique),
		CASE(REGU_07_to_13_REGD_11_to_17_matches),
		CASE(REGU_14_REGD_06_13_keys_are_bytes),
		CASE(REGU_15_REGD_31_update),
		CASE(REGU_16_REGD_07_08_dispatch),
		CASE(REGU_17_18_REGD_09_10_remove),
		CASE(REGU_19_REGD_18_listeners),
		CASE(REGU_21_REGD_20_30_unknown_registry),
		CASE(REGU_22_23_REGD_21_via),
		CASE(REGU_24_to_32_REGD_22_to_29_select),
		CASE(REGD_02_to_05_duplicate),
		CASE(REG_metadata),
		CASE(REG_allocations),
	};

	return RUN_TESTS(tests);
}
