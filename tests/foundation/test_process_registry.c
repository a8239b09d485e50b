/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "foundation.h"

#include <stdio.h>

#include "fail_memory.h"
#include "lib/gs.h"
#include "names.h"

#define SERVICE "fnd_processes"

static void check_1_registry_names(void **state)
{
	struct sup_pid a = start(stays, NULL), b = start(stays, NULL), holder;

	(void)state;
	assert_int_equal(add(N, "x", a), 0);
	assert_int_equal(add(N, "x", a), 0);
	assert_int_equal(fnd_process_register(N, "x", b, NULL, &holder),
			 -EEXIST);
	assert_int_equal(holder.v, a.v);
	assert_non_null(strstr(sup_error(), "\"x\""));
	assert_int_equal(add(M, "x", b), 0);
	assert_int_equal(fnd_process_whereis(N, "x").v, a.v);
	assert_int_equal(fnd_process_whereis(M, "x").v, b.v);
	assert_int_equal(fnd_process_whereis(FND_PRODUCTION, "x").v, 0);
	kill_and_wait(a);
	assert_int_equal(fnd_process_whereis(N, "x").v, 0);
	assert_int_equal(add(N, "x", b), 0);
	assert_int_equal(count(N, NULL), 1);
}

static void check_1_thousand_registrations_in_half_a_second(void **state)
{
	struct sup_pid a = start(stays, NULL);
	int64_t limit = sup_deadline_ms(500);
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < SLOWLY(1000); i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(add(N, name, a), 0);
	}
	assert_true(sup_deadline_ms(0) < limit);
	assert_int_equal(count(N, NULL), SLOWLY(1000));
}

static void bad_arguments(void **state)
{
	struct sup_pid a = start(stays, NULL);
	char name[FND_NAME_MAX + 2];
	struct fnd_process *p;
	size_t n;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(add(N, name, a), -ENAMETOOLONG);
	assert_int_equal(fnd_process_whereis(N, name).v, 0);
	name[FND_NAME_MAX] = '\0';
	assert_int_equal(add(N, name, a), 0);
	assert_int_equal(fnd_process_whereis(N, name).v, a.v);
	assert_int_equal(add(N, "", a), -EINVAL);
	assert_int_equal(add(N, NULL, a), -EINVAL);
	assert_int_equal(fnd_process_whereis(N, NULL).v, 0);
	assert_int_equal(fnd_process_register(N, "y", a, META({ "", "v" }),
					      NULL), -EINVAL);
	assert_int_equal(fnd_process_register(N, "y", a, META({ "k", NULL }),
					      NULL), -EINVAL);
	assert_int_equal(fnd_process_find(N, &(struct fnd_process_query){
			.has = *META({ "", "" }) }, NULL, &n), -EINVAL);
	assert_int_equal(fnd_process_unregister(N, "y"), -ENOENT);
	assert_int_equal(fnd_process_get(N, "y", &p), -ENOENT);
	assert_int_equal(fnd_process_set_metadata(N, "y", NULL), -ENOENT);
	assert_int_equal(fnd_process_get(N, "", &p), -EINVAL);
	kill_and_wait(a);
	assert_int_equal(add(N, "y", a), -ESRCH);
	assert_int_equal(count(N, NULL), 0);
}

static void metadata_is_what_was_given_last(void **state)
{
	struct sup_pid a = start(stays, NULL);
	struct fnd_process *p;

	(void)state;
	assert_int_equal(fnd_process_register(N, "x", a,
			META({ "type", "worker" }, { "can", "add" },
			     { "can", "" }), NULL), 0);
	assert_int_equal(fnd_process_get(N, "x", &p), 0);
	assert_int_equal(p->pid.v, a.v);
	assert_int_equal(p->ns.v, N.v);
	assert_string_equal(p->name, "x");
	assert_int_equal(p->metadata.n, 3);
	assert_string_equal(p->metadata.pairs[0].key, "type");
	assert_string_equal(p->metadata.pairs[1].value, "add");
	assert_string_equal(p->metadata.pairs[2].key, "can");
	assert_string_equal(p->metadata.pairs[2].value, "");
	free(p);
	/* Upstream keeps the old: it says ok, and has not done it. */
	assert_int_equal(fnd_process_register(N, "x", a,
			META({ "type", "boss" }), NULL), 0);
	assert_int_equal(fnd_process_get(N, "x", &p), 0);
	assert_int_equal(p->metadata.n, 1);
	assert_string_equal(p->metadata.pairs[0].value, "boss");
	free(p);
	assert_int_equal(fnd_process_set_metadata(N, "x", NULL), 0);
	assert_int_equal(fnd_process_get(N, "x", &p), 0);
	assert_int_equal(p->metadata.n, 0);
	free(p);
}

static bool name_is(const struct fnd_process *p, void *arg)
{
	return !strcmp(p->name, arg);
}

static void search_by_metadata(void **state)
{
	struct sup_pid a = start(stays, NULL), b = start(stays, NULL);
	struct fnd_process_query q = {
		.has = *META({ "can", "add" }), .match = name_is, .arg = "y",
	};
	struct fnd_process *p;
	size_t n;

	(void)state;
	assert_int_equal(fnd_process_register(N, "x", a,
			META({ "can", "add" }, { "can", "sub" },
			     { "can", "add" }), NULL), 0);
	assert_int_equal(fnd_process_register(N, "y", b,
			META({ "can", "add" }, { "tier", "1" }), NULL), 0);
	assert_int_equal(fnd_process_register(M, "z", b,
			META({ "can", "add" }), NULL), 0);
	assert_int_equal(count(N, NULL), 2);
	assert_int_equal(count(N, META({ "can", "add" })), 2);
	assert_int_equal(count(N, META({ "can", "add" }, { "can", "sub" })),
			 1);
	assert_int_equal(count(N, META({ "can", "ad" })), 0);
	assert_int_equal(count(N, META({ "tier", "1" }, { "can", "sub" })), 0);
	assert_int_equal(count(M, META({ "can", "add" })), 1);
	assert_int_equal(fnd_process_find(N, &q, &p, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(p->pid.v, b.v);
	assert_int_equal(p->metadata.n, 2);
	free(p);
	q.arg = "none";
	assert_int_equal(fnd_process_find(N, &q, &p, &n), 0);
	assert_int_equal(n, 0);
	assert_null(p);
	assert_int_equal(fnd_process_find(N, NULL, &p, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(p[0].name, "x");
	assert_string_equal(p[1].metadata.pairs[1].key, "tier");
	free(p);
}

/* Upstream's index and cache are stale after these. */
static void search_does_not_find_what_was_changed(void **state)
{
	struct sup_pid a = start(stays, NULL);

	(void)state;
	assert_int_equal(fnd_process_register(N, "x", a,
			META({ "k", "1" }, { "both", "" }), NULL), 0);
	assert_int_equal(fnd_process_set_metadata(N, "x",
			META({ "both", "" }, { "k", "2" })), 0);
	assert_int_equal(count(N, META({ "k", "1" })), 0);
	assert_int_equal(count(N, META({ "k", "2" })), 1);
	assert_int_equal(count(N, META({ "both", "" })), 1);
	assert_int_equal(fnd_process_unregister(N, "x"), 0);
	assert_int_equal(count(N, META({ "k", "2" })), 0);
	assert_int_equal(count(N, META({ "both", "" })), 0);
	assert_int_equal(count(N, NULL), 0);
	assert_int_equal(fnd_process_whereis(N, "x").v, 0);
	assert_int_equal(fnd_process_register(N, "x", a,
			META({ "k", "2" }), NULL), 0);
	assert_int_equal(count(N, META({ "k", "2" })), 1);
	assert_int_equal(count(N, META({ "both", "" })), 0);
}

static int sees_it_gone(void *arg)
{
	struct sup_info info;
	struct sup_pid pid;
	struct sup_ref ref;
	int i;

	(void)arg;
	for (i = 0; i < SLOWLY(300); i++) {
		pid = start(stays, NULL);
		EXPECT(!fnd_process_register(N, "x", pid,
					     META({ "k", "v" }), NULL));
		EXPECT(!sup_monitor(pid, &ref));
		EXPECT(!sup_kill(pid, LONG));
		do
			EXPECT(!sup_receive(&info, LONG));
		while (info.kind != SUP_INFO_DOWN);
		EXPECT(info.ref.v == ref.v);
		EXPECT(!fnd_process_whereis(N, "x").v);
		EXPECT(!count(N, META({ "k", "v" })));
		EXPECT(!count(N, NULL));
	}
	return 0;
}

static void entries_are_gone_before_the_DOWN_is_seen(void **state)
{
	(void)state;
	run_with(sees_it_gone, NULL);
}

static _Atomic int winners[300];

static int tries_all_names(int nth, void *arg)
{
	char name[16];
	int i, ret;

	(void)arg;
	for (i = 0; i < SLOWLY(300); i++) {
		snprintf(name, sizeof(name), "%d", i);
		ret = fnd_process_register(N, name, sup_self(),
				META({ "nth", name }), NULL);
		EXPECT(!ret || ret == -EEXIST);
		if (!ret)
			atomic_fetch_add(&winners[i], 1);
	}
	/* Names go with us: not before all have tried. */
	atomic_fetch_add((_Atomic int *)arg, 1);
	while (atomic_load((_Atomic int *)arg) < 20)
		sup_checkpoint();
	(void)nth;
	return 0;
}

static void twenty_want_each_name_and_one_gets_it(void **state)
{
	_Atomic int done = 0;
	int i;

	(void)state;
	memset(winners, 0, sizeof(winners));
	assert_int_equal(crowd(20, tries_all_names, &done), 20);
	for (i = 0; i < SLOWLY(300); i++)
		assert_int_equal(winners[i], 1);
	assert_int_equal(count(N, NULL), 0);
}

/* Of two kinds of metadata a search must never see a mixture. */
static int changes_and_searches(int nth, void *arg)
{
	_Atomic bool *done = arg;
	struct fnd_process_query q = { .has = *META({ "color", "red" }) };
	struct fnd_process *p;
	size_t n;
	int i;

	for (i = 0; !nth && i < SLOWLY(1000); i++)
		EXPECT(!fnd_process_set_metadata(N, "x", i & 1 ?
			META({ "color", "red" }, { "shape", "ball" }) :
			META({ "color", "blue" }, { "shape", "cube" })));
	if (!nth)
		atomic_store(done, true);
	while (!atomic_load(done)) {
		EXPECT(!fnd_process_find(N, &q, &p, &n));
		EXPECT(n <= 1);
		EXPECT(!n || !strcmp(p->metadata.pairs[1].value, "ball"));
		free(p);
		EXPECT(!fnd_process_find(N, NULL, NULL, &n) && n == 1);
	}
	return 0;
}

static void a_change_of_metadata_is_one_step(void **state)
{
	struct sup_pid a = start(stays, NULL);
	_Atomic bool done = false;

	(void)state;
	assert_int_equal(add(N, "x", a), 0);
	assert_int_equal(crowd(4, changes_and_searches, &done), 4);
	assert_int_equal(count(N, META({ "color", "red" })), 1);
	assert_int_equal(count(N, META({ "color", "blue" })), 0);
}

static int ignores_exits(void *arg)
{
	(void)arg;
	sup_trap_exits(true, NULL);
	return stays(NULL);
}

/* One that ends when asked; one that can be told to; one to be killed. */
static void fill(struct fnd_namespace ns, struct gs *g, struct sup_pid *pids)
{
	struct sup_server_spec spec = gs_spec(g, NULL);

	assert_int_equal(sup_server_start(&spec, &pids[0]), 0);
	pids[1] = start(stays, NULL);
	pids[2] = start(ignores_exits, NULL);
	assert_int_equal(add(ns, "server", pids[0]), 0);
	assert_int_equal(add(ns, "task", pids[1]), 0);
	assert_int_equal(add(ns, "stubborn", pids[2]), 0);
}

static void cleanup_ends_a_namespace(void **state)
{
	struct gs g = { .init_ms = 0 }, other = { .init_ms = 0 };
	struct sup_pid pids[3], others[3];
	size_t n = 99;

	(void)state;
	fill(N, &g, pids);
	fill(M, &other, others);
	assert_int_equal(fnd_process_cleanup(N, &n, LONG), 0);
	assert_int_equal(n, 3);
	assert_int_equal(count(N, NULL), 0);
	assert_int_equal(count(M, NULL), 3);
	assert_int_equal(end_of(pids[0]).kind, SUP_REASON_NORMAL);
	assert_int_equal(end_of(pids[1]).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(end_of(pids[2]).kind, SUP_REASON_KILLED);
	assert_true(sup_is_alive(others[0]));
	assert_int_equal(fnd_process_cleanup(N, &n, LONG), 0);
	assert_int_equal(n, 0);
	assert_int_equal(fnd_process_cleanup(FND_PRODUCTION, &n, LONG),
			 -EPERM);
	assert_int_equal(fnd_process_cleanup(M, NULL, LONG), 0);
}

/*
 * Each takes 150 ms, as it does not stop when asked, nor when told: one after
 * the other that is 4.5 s, ten at a time half a second.
 */
static void cleanup_is_parallel(void **state)
{
	struct gs servers[30] = { { .init_ms = 0 } };
	struct sup_server_spec spec;
	struct sup_pid pid;
	int64_t begin;
	char name[16];
	size_t n;
	int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		servers[i].terminate_ms = 60000;
		spec = gs_spec(&servers[i], NULL);
		assert_int_equal(sup_server_start(&spec, &pid), 0);
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(add(N, name, pid), 0);
	}
	begin = sup_deadline_ms(0);
	assert_int_equal(fnd_process_cleanup(N, &n, LONG), 0);
	assert_int_equal(n, 30);
	assert_true(sup_deadline_ms(0) - begin < INT64_C(4000000000));
}

static int cleans_up(int nth, void *arg)
{
	size_t n = 99;
	int ret;

	(void)nth;
	ret = fnd_process_cleanup(N, &n, LONG);
	EXPECT(ret == *(int *)arg);
	EXPECT(ret || n == 3);
	return 0;
}

static void who_asks_for_a_cleanup_that_runs_gets_its_answer(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_pid pids[3];
	int expected = 0;

	(void)state;
	fill(N, &g, pids);
	assert_int_equal(crowd(3, cleans_up, &expected), 3);
}

static int kills_the_service(int nth, void *arg)
{
	struct sup_pid *pids = arg;
	size_t n;

	if (nth)
		return fnd_process_cleanup(N, &n, LONG) == -EPIPE ? 0 : -1;
	/* Then it runs, and is busy with the stubborn one. */
	EXPECT(!sup_wait(pids[0], NULL, LONG));
	kill_and_wait(sup_whereis(SERVICE));
	return 0;
}

static void names_outlive_the_service(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_pid pids[3];
	size_t n;

	(void)state;
	fill(N, &g, pids);
	assert_int_equal(add(M, "x", pids[1]), 0);
	restart_by_kill(SERVICE);
	assert_int_equal(count(N, NULL), 3);
	assert_int_equal(fnd_process_whereis(M, "x").v, pids[1].v);
	assert_int_equal(crowd(2, kills_the_service, pids), 2);
	/* That run goes on; what it has not ended yet another one does. */
	restart_by_kill(SERVICE);
	assert_int_equal(fnd_process_cleanup(N, &n, LONG), 0);
	assert_int_equal(count(N, NULL), 0);
	assert_int_equal(count(M, NULL), 0);
}

static void cleanup_without_a_service(void **state)
{
	struct sup_pid a = start(stays, NULL), pid;
	size_t n;

	(void)state;
	assert_int_equal(add(N, "x", a), 0);
	assert_int_equal(fnd_process_cleanup(N, &n, LONG), -ENOTCONN);
	assert_int_equal(fnd_process_registry_start(NULL, &pid), 0);
	assert_int_equal(fnd_process_registry_start(NULL, &pid), -EEXIST);
	assert_int_equal(fnd_process_cleanup(N, &n, LONG), -ENOTCONN);
	assert_int_equal(count(N, NULL), 1);
}

static void statistics(void **state)
{
	struct sup_pid a = start(stays, NULL);
	struct fnd_process_stats s;

	(void)state;
	assert_int_equal(fnd_process_stats(&s), 0);
	assert_int_equal(s.total, 0);
	assert_int_equal(add(N, "x", a), 0);
	assert_int_equal(add(N, "y", a), 0);
	assert_int_equal(add(M, "x", a), 0);
	assert_int_equal(fnd_process_register(FND_PRODUCTION, "long", a,
			META({ "k", "v" }), NULL), 0);
	assert_int_equal(fnd_process_stats(&s), 0);
	assert_int_equal(s.total, 4);
	assert_int_equal(s.production, 1);
	assert_int_equal(s.test, 3);
	assert_int_equal(s.test_namespaces, 2);
	assert_int_equal(s.bytes, 3 + 4 + 4);
}

static void without_memory_nothing_is_half_done(void **state)
{
	struct sup_pid a = start(stays, NULL);
	struct fnd_process *p = NULL;
	unsigned int n;
	bool failed;
	size_t found;
	int ret;

	(void)state;
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = fnd_process_register(N, "x", a,
				META({ "k", "1" }, { "l", "1" }), NULL);
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		assert_int_equal(fnd_process_whereis(N, "x").v, ret ? 0 : a.v);
		assert_int_equal(count(N, META({ "k", "1" })), !ret);
		assert_int_equal(count(N, NULL), !ret);
		if (!ret && failed)
			assert_int_equal(fnd_process_unregister(N, "x"), 0);
	}
	assert_true(n > 10);
	for (n = 1, failed = true; failed; n++) {
		assert_int_equal(fnd_process_set_metadata(N, "x",
				META({ "k", "1" })), 0);
		fail_nth(n);
		ret = fnd_process_set_metadata(N, "x", META({ "k", "2" }));
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		assert_int_equal(count(N, META({ "k", ret ? "1" : "2" })), 1);
		assert_int_equal(count(N, META({ "k", ret ? "2" : "1" })), 0);
	}
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = fnd_process_find(N, NULL, &p, &found);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	assert_int_equal(found, 1);
	free(p);
	/* What stays in the index is not found twice when it is right again. */
	for (n = 1, failed = true; failed; n++) {
		fail_nth(n);
		ret = fnd_process_unregister(N, "x");
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		assert_int_equal(count(N, NULL), !!ret);
		assert_int_equal(fnd_process_register(N, "x", a,
						      META({ "k", "1" }),
						      NULL), 0);
		assert_int_equal(count(N, NULL), 1);
		assert_int_equal(count(N, META({ "k", "1" })), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(check_1_registry_names),
		CASE(check_1_thousand_registrations_in_half_a_second),
		CASE(bad_arguments),
		CASE(metadata_is_what_was_given_last),
		CASE(search_by_metadata),
		CASE(search_does_not_find_what_was_changed),
		CASE(entries_are_gone_before_the_DOWN_is_seen),
		CASE(twenty_want_each_name_and_one_gets_it),
		CASE(a_change_of_metadata_is_one_step),
		SERVICE_CASE(cleanup_ends_a_namespace),
		SERVICE_CASE(cleanup_is_parallel),
		SERVICE_CASE(who_asks_for_a_cleanup_that_runs_gets_its_answer),
		SERVICE_CASE(names_outlive_the_service),
		CASE(cleanup_without_a_service),
		CASE(statistics),
		CASE(without_memory_nothing_is_half_done),
	};

	return RUN_TESTS(tests);
}
