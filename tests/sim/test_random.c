/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a supervisor and on a model of OTP's, which is written
 * the plain way: an array of children, a list of times, a queue of retries.
 * After each operation both have started and stopped the same, in the same
 * order, and show the same. Supervisors are made and ended until a million
 * operations are done, or STEPS=n; SEED=n repeats one supervisor's life.
 */
#include "checks.h"
#include "random.h"

#define IDS 7
#define STARTS 400
#define OPS 60

enum mstate { DOWN, UP, RETRY };

struct mchild {
	int id;
	enum mstate state;
	int ended;		/* number of its end that nobody has noticed */
	unsigned int life;	/* changes with each start and retry */
};

static struct fake fakes[IDS];
static char scripts[IDS][STARTS + 1];
static const char *const ids[IDS] = { "a", "b", "c", "d", "e", "f", "g" };

/* The model. */
static enum sup_strategy strategy;
static enum sup_auto_shutdown auto_shutdown;
static struct mchild kids[IDS];
static int n_kids;
static unsigned int starts[IDS], lives;
static int64_t times[4096], m_now, period;
static int n_times, intensity;
static struct { int id; unsigned int life; } retries[64];
static int first_retry, last_retry;
static bool over;
static char m_trace[65536];
static size_t m_len;

static void say(const char *mark, int id, const char *rest)
{
	m_len += (size_t)sprintf(m_trace + m_len, "%s%s%s%s", m_len ? " " : "",
				 mark, ids[id], rest);
}

static int find_kid(int id)
{
	int i;

	for (i = 0; i < n_kids && kids[i].id != id; i++)
		;
	return i < n_kids ? i : -1;
}

static enum sup_restart kind(int i)
{
	return fakes[kids[i].id].restart;
}

/* 0, SUP_IGNORE or -EIO. */
static int m_start(int i)
{
	char what = scripts[kids[i].id][starts[kids[i].id]++];

	kids[i].life = ++lives;
	kids[i].ended = 0;
	say(what == 'o' ? "+" : what == 'i' ? "!" : "?", kids[i].id, "");
	kids[i].state = what == 'o' ? UP : DOWN;
	return what == 'o' ? 0 : what == 'i' ? SUP_IGNORE : -EIO;
}

static void m_remove(int i)
{
	memmove(&kids[i], &kids[i + 1],
		(size_t)(--n_kids - i) * sizeof(*kids));
}

static void m_stop(int i)
{
	if (kids[i].state == UP && !kids[i].ended)
		say("-", kids[i].id, "");
	kids[i].state = DOWN;
	kids[i].ended = 0;
	kids[i].life = ++lives;
}

static void m_finish(void)
{
	int i;

	for (i = n_kids - 1; i >= 0; i--)
		m_stop(i);
	over = true;
}

static bool m_allowed(void)
{
	int i, used = 1;

	for (i = 0; i < n_times; i++)
		used += times[i] >= m_now - period;
	if (used > intensity)
		return false;
	times[n_times++] = m_now;
	return true;
}

static void m_retry(int i)
{
	kids[i].state = RETRY;
	kids[i].life = ++lives;
	retries[last_retry % 64].id = kids[i].id;
	retries[last_retry++ % 64].life = kids[i].life;
}

static void m_restart(int i)
{
	int id = kids[i].id, from, k;

	if (!m_allowed()) {
		m_finish();
		return;
	}
	from = strategy == SUP_ONE_FOR_ALL ? 0 : i;
	if (strategy != SUP_ONE_FOR_ONE)
		for (k = n_kids - 1; k >= from; k--) {
			if (kids[k].id != id)
				m_stop(k);
			if (kind(k) == SUP_TEMPORARY)
				m_remove(k);
		}
	from = strategy == SUP_ONE_FOR_ALL ? 0 : find_kid(id);
	for (k = from; k < n_kids; k++) {
		if (strategy == SUP_ONE_FOR_ONE && k > from)
			break;
		if (m_start(k) < 0) {
			m_retry(k);
			break;
		}
	}
}

/* One has ended for good. Is that the end of the supervisor, too? */
static bool m_ends_with(int id)
{
	int i;

	if (auto_shutdown == SUP_AUTO_SHUTDOWN_NEVER || !fakes[id].significant)
		return false;
	if (auto_shutdown == SUP_AUTO_SHUTDOWN_ALL)
		for (i = 0; i < n_kids; i++)
			if (fakes[kids[i].id].significant &&
			    kids[i].state != DOWN)
				return false;
	return true;
}

static void m_noticed(int i, bool clean)
{
	int id = kids[i].id;

	kids[i].state = DOWN;
	kids[i].ended = 0;
	if (kind(i) == SUP_PERMANENT || (kind(i) == SUP_TRANSIENT && !clean)) {
		m_restart(i);
		return;
	}
	if (kind(i) == SUP_TEMPORARY)
		m_remove(i);
	if (m_ends_with(id))
		m_finish();
}

static void m_settle(void)
{
	int i;

	while (!over && first_retry < last_retry) {
		i = find_kid(retries[first_retry % 64].id);
		if (i >= 0 && kids[i].state == RETRY &&
		    kids[i].life == retries[first_retry % 64].life)
			m_restart(i);
		first_retry++;
	}
}

/* Several may end at one moment; they are noticed in that order. */
static void op_crash(struct sup_pid sup)
{
	static const struct sup_reason *const reasons[] = {
		&normal, &shutdown, &shutdown7, &abnormal, &segv, &killed,
	};
	int n = 1 + (int)(random() % 3), i, k, what;
	struct { int id, ended; bool clean; } ends[3];
	char text[64], rest[80];

	(void)sup;
	for (k = 0; k < n; k++) {
		ends[k].id = -1;
		i = n_kids ? (int)(random() % n_kids) : -1;
		if (i < 0 || kids[i].state != UP || kids[i].ended)
			continue;
		what = (int)(random() % (long)N_OF(reasons));
		world_end(fakes[kids[i].id].pid, *reasons[what]);
		snprintf(rest, sizeof(rest), ":%s",
			 sup_reason_format(reasons[what], text, sizeof(text)));
		say("-", kids[i].id, what == 1 ? "" : rest);
		ends[k].id = kids[i].id;
		ends[k].clean = sup_reason_is_clean(reasons[what]);
		ends[k].ended = kids[i].ended = (int)++lives;
	}
	for (k = 0; k < n && !over; k++) {
		i = ends[k].id < 0 ? -1 : find_kid(ends[k].id);
		if (i >= 0 && kids[i].ended == ends[k].ended)
			m_noticed(i, ends[k].clean);
	}
	m_settle();
	world_run();
}

/* A significant child must be one that can end for good. */
static void choose_kind(int id)
{
	fakes[id].restart = (enum sup_restart)(random() % 3);
	fakes[id].significant = auto_shutdown != SUP_AUTO_SHUTDOWN_NEVER &&
				fakes[id].restart != SUP_PERMANENT &&
				random() % 2;
}

static void op_start(struct sup_pid sup)
{
	int id = (int)(random() % IDS), i = find_kid(id), expect;
	struct sup_pid pid;

	if (i >= 0) {
		assert_int_equal(start_child(sup, &fakes[id], &pid), -EEXIST);
		assert_int_equal(pid.v, kids[i].state == UP ?
				 fakes[id].pid.v : 0);
		return;
	}
	choose_kind(id);
	i = n_kids++;
	kids[i] = (struct mchild){ .id = id };
	expect = m_start(i);
	if (expect < 0 || (expect && kind(i) == SUP_TEMPORARY))
		m_remove(i);
	assert_int_equal(start_child(sup, &fakes[id], &pid), expect);
}

static void op_restart(struct sup_pid sup)
{
	int id = (int)(random() % IDS), i = find_kid(id), expect;
	struct sup_pid pid;

	if (i < 0)
		expect = -ENOENT;
	else
		expect = kids[i].state == UP ? -EBUSY : m_start(i);
	assert_int_equal(sup_restart_child(sup, ids[id], &pid), expect);
}

static void op_terminate(struct sup_pid sup)
{
	int id = (int)(random() % IDS), i = find_kid(id);

	if (i >= 0) {
		m_stop(i);
		if (kind(i) == SUP_TEMPORARY)
			m_remove(i);
	}
	assert_int_equal(sup_terminate_child(sup, ids[id]),
			 i < 0 ? -ENOENT : 0);
}

static void op_delete(struct sup_pid sup)
{
	int id = (int)(random() % IDS), i = find_kid(id), expect = -ENOENT;

	if (i >= 0)
		expect = kids[i].state == UP ? -EBUSY : 0;
	if (!expect)
		m_remove(i);
	assert_int_equal(sup_delete_child(sup, ids[id]), expect);
}

static void op_time(struct sup_pid sup)
{
	int64_t ns = random() % (2 * period);

	(void)sup;
	m_now += ns;
	world_advance(ns);
}

static void (*const ops[])(struct sup_pid sup) = {
	op_crash, op_crash, op_crash, op_crash, op_time, op_start, op_start,
	op_restart, op_terminate, op_delete,
};

static void compare(struct sup_pid sup)
{
	char listing[64] = "", *p = listing;
	int i, up = 0;

	assert_string_equal(world_trace(), m_trace);
	m_len = 0;
	m_trace[0] = '\0';
	assert_int_equal(world_has_ended(sup, NULL), over);
	if (over)
		return;
	for (i = 0; i < n_kids; i++) {
		p += sprintf(p, "%s%s%c", i ? " " : "", ids[kids[i].id],
			     kids[i].state == UP ? '+' : '-');
		up += kids[i].state == UP;
	}
	assert_string_equal(world_listing(sup), listing);
	check_counts(sup, (size_t)n_kids, (size_t)up, 0, (size_t)n_kids);
}

static void make_scripts(void)
{
	int i, k;
	long r;

	for (i = 0; i < IDS; i++) {
		fakes[i] = (struct fake){ .id = ids[i], .script = scripts[i] };
		choose_kind(i);
		for (k = 0; k < STARTS; k++) {
			r = random() % 12;
			scripts[i][k] = r == 0 ? 'i' : r < 3 ? 'f' : 'o';
		}
		scripts[i][0] = 'o';
		starts[i] = 0;
	}
}

static void one_round(void)
{
	struct fake *list[IDS + 1] = { NULL };
	struct sup_pid sup;
	int i;

	world_open(seed);
	auto_shutdown = (enum sup_auto_shutdown)(random() % 3);
	make_scripts();
	strategy = (enum sup_strategy)(random() % 3);
	intensity = 1 + (int)(random() % 6);
	period = 3 * S;
	n_times = n_kids = first_retry = last_retry = 0;
	m_len = 0;
	m_trace[0] = '\0';
	over = false;
	m_now = sup_deadline_ms(0);
	for (i = 0; i < 1 + (int)(seed % IDS); i++) {
		list[i] = &fakes[i];
		kids[n_kids++] = (struct mchild){ .id = i };
		m_start(i);
	}
	assert_int_equal(world_try_supervisor(strategy, intensity, 3,
					      auto_shutdown, list, &sup), 0);
	compare(sup);
	for (i = 0; i < OPS && !over; i++, steps++) {
		ops[random() % (long)N_OF(ops)](sup);
		compare(sup);
	}
	if (!over) {
		m_finish();
		world_stop(sup);
		compare(sup);
	}
	world_close();
}

static void agrees_with_the_model(void **state)
{
	(void)state;
	run_rounds(one_round, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RANDOM_CASE(agrees_with_the_model),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
