/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents and tasks in a table under one lock, above that of the AgentRegistry.
 * A task belongs to a life of its agent: one whose life is over is stranded,
 * does not count as load, and is moved, or completed all the same. How many
 * tasks a life has is counted from none when that life is first seen.
 *
 * It is also of the task of libsup that asked for it: when that has ended,
 * nobody will say that it is over. Those are taken out when somebody looks at
 * figures or would be refused, and before tasks are moved.
 *
 * Agents die while others look. So one pass looks at each once, and a choice is
 * made from what it has found.
 */
#include <mabeam/load_balancer.h>

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/agents.h"
#include "mabeam/balance.h"
#include "mabeam/service.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct member {
	struct member *prev, *next;	/* in the order of their coming */
	char id[MAB_NAME_MAX + 1];
	struct sup_pid pid;		/* of the life that was seen last */
	bool running, suitable;		/* by the last look */
	size_t n_capabilities;
	struct mab_load load;
	unsigned int active;
	uint64_t completed;
	int64_t total_ns;
};

struct task {
	UT_hash_handle hh;
	uint64_t nr;
	struct member *member;
	struct sup_pid pid, assigner;	/* the latter: none if foreign */
	int64_t begun_ns;
	char *capabilities[MAB_CAPABILITIES_MAX + 1];
	char strings[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of all below. */
static struct member *members;
static struct task *tasks;
static enum mab_strategy strategy;
static uint64_t random_state, last_nr, turn, completed, moved;
static struct mab_bounds bounds = MAB_BOUNDS;

static int64_t (*other_clock)(void);

void mab__balance_set_clock(int64_t (*now)(void))
{
	other_clock = now;
}

static int64_t now_ns(void)
{
	return other_clock ? other_clock() : sup_deadline_ms(0);
}

static struct member *find_locked(const char *id)
{
	struct member *m;

	DL_FOREACH(members, m)
		if (!strcmp(m->id, id))
			break;
	return m;
}

/* Sees which life it is in; whether it runs and has all capabilities. */
static bool look_locked(struct member *m, const char *const *capabilities)
{
	struct sup_pid pid = SUP_PID_NONE;
	bool able = mab__agent_can(m->id, capabilities, &pid,
				   &m->n_capabilities);

	m->running = pid.v;
	if (pid.v && pid.v != m->pid.v) {
		m->pid = pid;
		m->active = 0;
	}
	return able && m->running;
}

static bool is_overloaded_locked(const struct member *m)
{
	return m->running && (m->load.cpu > bounds.cpu ||
			      m->load.memory > bounds.memory ||
			      m->active > bounds.tasks);
}

/* What one look at all of them finds. */
struct found {
	size_t suitable, overloaded;	/* of those that can do it */
};

static struct found look_at_all_locked(const char *const *capabilities)
{
	struct found found = { .suitable = 0 };
	struct member *m;
	bool able;

	DL_FOREACH(members, m) {
		able = look_locked(m, capabilities);
		m->suitable = able && !is_overloaded_locked(m);
		found.suitable += m->suitable;
		found.overloaded += able && !m->suitable;
	}
	return found;
}

static double load_locked(const struct member *m)
{
	return 0.4 * m->load.cpu +
	       0.3 * m->load.memory / MAB_OVERLOAD_MEMORY +
	       0.3 * m->active / MAB_OVERLOAD_TASKS;
}

static double average_locked(const struct member *m)
{
	return m->completed ? (double)m->total_ns / m->completed : 0;
}

/* One that was never measured counts as those that were, on the average. */
static double queue_locked(const struct member *m)
{
	double one = average_locked(m), sum = 0;
	const struct member *other;
	size_t n = 0;

	if (!m->completed)
		DL_FOREACH(members, other)
			if (other->completed) {
				sum += average_locked(other);
				n++;
			}
	if (n)
		one = sum / n;
	return (one > 0 ? one : 1) * (m->active + 1);
}

static bool is_better_locked(const struct member *a, const struct member *b)
{
	if (strategy == MAB_CAPABILITY_BASED &&
	    a->n_capabilities != b->n_capabilities)
		return a->n_capabilities < b->n_capabilities;
	if (strategy == MAB_PERFORMANCE_WEIGHTED)
		return queue_locked(a) < queue_locked(b);
	return load_locked(a) < load_locked(b);
}

static struct member *nth_locked(size_t n)
{
	struct member *m;

	DL_FOREACH(members, m)
		if (m->suitable && !n--)
			break;
	return m;
}

static struct member *best_locked(void)
{
	struct member *m, *best = NULL;

	DL_FOREACH(members, m)
		if (m->suitable && (!best || is_better_locked(m, best)))
			best = m;
	return best;
}

static struct member *two_choices_locked(size_t n)
{
	size_t first = mab__random(&random_state) % n;
	size_t second = mab__random(&random_state) % (n - 1);
	struct member *a = nth_locked(first);
	struct member *b = nth_locked(second + (second >= first));

	return is_better_locked(b, a) ? b : a;
}

/* Of n > 0 that are suitable. */
static struct member *choose_locked(size_t n)
{
	if (strategy == MAB_ROUND_ROBIN)
		return nth_locked(turn++ % n);
	if (strategy == MAB_TWO_CHOICES && n > 1)
		return two_choices_locked(n);
	return best_locked();
}

int mab_balance_strategy(enum mab_strategy s, uint64_t seed)
{
	if ((unsigned int)s >= MAB_STRATEGIES)
		return sup_set_error(-EINVAL, "strategy: %d is unknown",
				     (int)s);
	pthread_mutex_lock(&lock);
	strategy = s;
	random_state = seed;
	turn = 0;
	pthread_mutex_unlock(&lock);
	return 0;
}

int mab_balance_bounds(const struct mab_bounds *b)
{
	static const struct mab_bounds standard = MAB_BOUNDS;

	if (b && !(b->cpu >= 0 && b->cpu <= 1))
		return sup_set_error(-EINVAL, "cpu: %g is not from 0 to 1",
				     b->cpu);
	pthread_mutex_lock(&lock);
	bounds = b ? *b : standard;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int unknown(const char *id)
{
	return sup_set_error(-ENOENT, "id: \"%s\" is not balanced", id);
}

static void end_task_locked(struct task *t)
{
	if (t->pid.v == t->member->pid.v && t->member->active)
		t->member->active--;
	HASH_DEL(tasks, t);
	free(t);
}

static void remove_locked(struct member *m)
{
	struct task *t, *next;

	HASH_ITER(hh, tasks, t, next)
		if (t->member == m)
			end_task_locked(t);
	DL_DELETE(members, m);
	free(m);
}

/* Who asked for them has ended: nobody will say that they are over. */
static void end_orphans_locked(void)
{
	struct task *t, *next;

	HASH_ITER(hh, tasks, t, next)
		if (t->assigner.v && !sup_is_alive(t->assigner))
			end_task_locked(t);
}

/* Agents that nobody knows any more. */
static void forget_unknown_locked(void)
{
	struct member *m, *next;
	struct sup_pid pid;
	size_t n;

	DL_FOREACH_SAFE(members, m, next)
		if (!mab__agent_can(m->id, NULL, &pid, &n))
			remove_locked(m);
}

int mab_balance_add(const char *id)
{
	struct sup_pid pid;
	struct member *m;
	size_t n;
	int ret;

	ret = mab__check_name("id", id);
	if (ret)
		return ret;
	m = calloc(1, sizeof(*m));
	if (!m)
		return mab__nomem("an agent");
	strcpy(m->id, id);
	pthread_mutex_lock(&lock);
	forget_unknown_locked();
	if (find_locked(id))
		ret = sup_set_error(-EEXIST, "id: \"%s\" is balanced", id);
	else if (!mab__agent_can(id, NULL, &pid, &n))
		ret = mab__agent_unknown(id);
	else
		DL_APPEND(members, m);
	pthread_mutex_unlock(&lock);
	if (ret)
		free(m);
	return ret;
}

int mab_balance_remove(const char *id)
{
	struct member *m = NULL;

	if (!id)
		return unknown("");
	pthread_mutex_lock(&lock);
	m = find_locked(id);
	if (m)
		remove_locked(m);
	pthread_mutex_unlock(&lock);
	return m ? 0 : unknown(id);
}

void mab_balance_clear(void)
{
	pthread_mutex_lock(&lock);
	while (members)
		remove_locked(members);
	turn = 0;
	pthread_mutex_unlock(&lock);
}

int mab_balance_report(const char *id, const struct mab_load *load)
{
	struct member *m;

	if (!isfinite(load->cpu) || load->cpu < 0)
		return sup_set_error(-EINVAL, "cpu: %g is none", load->cpu);
	pthread_mutex_lock(&lock);
	m = id ? find_locked(id) : NULL;
	if (m)
		m->load = *load;
	pthread_mutex_unlock(&lock);
	return m ? 0 : unknown(id ? id : "");
}

static int new_task(const char *const *capabilities, struct task **ret_task)
{
	size_t i, n = 0, size = 0;
	struct task *t;
	char *at;
	int ret;

	for (; capabilities && capabilities[n]; n++) {
		if (n == MAB_CAPABILITIES_MAX)
			return sup_set_error(-EINVAL, "capabilities: there are "
					     "more than %d",
					     MAB_CAPABILITIES_MAX);
		ret = mab__check_name("capabilities", capabilities[n]);
		if (ret)
			return ret;
		size += strlen(capabilities[n]) + 1;
	}
	t = calloc(1, sizeof(*t) + size);
	if (!t)
		return mab__nomem("a task");
	at = t->strings;
	for (i = 0; i < n; i++) {
		t->capabilities[i] = at;
		at = stpcpy(at, capabilities[i]) + 1;
	}
	*ret_task = t;
	return 0;
}

static const char *const *needs(const struct task *t)
{
	return (const char *const *)t->capabilities;
}

static void give_locked(struct task *t, struct member *m,
			struct mab_assignment *ret_assignment)
{
	t->member = m;
	t->pid = m->pid;
	m->active++;
	ret_assignment->nr = t->nr;
	ret_assignment->pid = t->pid;
	strcpy(ret_assignment->id, m->id);
}

static int refuse(struct found found)
{
	if (found.overloaded)
		return sup_set_error(-EUSERS, "all agents that can do it are "
				     "overloaded: %zu", found.overloaded);
	return sup_set_error(-ESRCH, "no agent is suitable");
}

static int assign_locked(struct task *t, struct mab_assignment *ret_assignment)
{
	struct found found = look_at_all_locked(needs(t));

	if (!found.suitable || HASH_COUNT(tasks) >= MAB_ASSIGNMENTS_MAX) {
		end_orphans_locked();
		found = look_at_all_locked(needs(t));
	}
	if (!found.suitable)
		return refuse(found);
	if (HASH_COUNT(tasks) >= MAB_ASSIGNMENTS_MAX)
		return sup_set_error(-ENOSPC, "there are %d tasks",
				     MAB_ASSIGNMENTS_MAX);
	t->nr = last_nr + 1;
	HASH_ADD(hh, tasks, nr, sizeof(t->nr), t);
	if (!t->hh.tbl)
		return mab__nomem("a task");
	last_nr++;
	t->begun_ns = now_ns();
	t->assigner = sup_self();
	give_locked(t, choose_locked(found.suitable), ret_assignment);
	return 0;
}

int mab_balance_assign(const char *const *capabilities,
		       struct mab_assignment *ret_assignment)
{
	struct task *t;
	int ret;

	ret = new_task(capabilities, &t);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	ret = assign_locked(t, ret_assignment);
	pthread_mutex_unlock(&lock);
	if (ret)
		free(t);
	return ret;
}

int mab_balance_complete(uint64_t nr)
{
	struct task *t;

	pthread_mutex_lock(&lock);
	HASH_FIND(hh, tasks, &nr, sizeof(nr), t);
	if (t) {
		t->member->completed++;
		t->member->total_ns += now_ns() - t->begun_ns;
		completed++;
		end_task_locked(t);
	}
	pthread_mutex_unlock(&lock);
	return t ? 0 : sup_set_error(-ENOENT, "nr: there is no such task");
}

static bool is_stranded_locked(const struct task *t)
{
	return !t->member->running || t->pid.v != t->member->pid.v;
}

static bool move_locked(struct task *t, struct mab_move *ret_move)
{
	bool stranded = is_stranded_locked(t);
	struct found found;
	struct member *to;

	if (!stranded && t->member->active <= bounds.tasks)
		return false;
	found = look_at_all_locked(needs(t));
	if (!found.suitable)
		return false;
	to = choose_locked(found.suitable);
	/* By now it may have ended: then it has another agent, too. */
	stranded = is_stranded_locked(t);
	strcpy(ret_move->from, t->member->id);
	if (!stranded)
		t->member->active--;
	give_locked(t, to, &ret_move->to);
	moved++;
	return true;
}

int mab_balance_rebalance(struct mab_move **ret_moves, size_t *ret_n)
{
	struct mab_move *moves = NULL;
	struct task *t;
	size_t n = 0;

	pthread_mutex_lock(&lock);
	end_orphans_locked();
	look_at_all_locked(NULL);
	if (tasks)
		moves = malloc(HASH_COUNT(tasks) * sizeof(*moves));
	for (t = moves ? tasks : NULL; t; t = t->hh.next)
		n += move_locked(t, &moves[n]);
	t = tasks;
	pthread_mutex_unlock(&lock);
	if (t && !moves)
		return mab__nomem("moves");
	if (!n) {
		free(moves);
		moves = NULL;
	}
	*ret_moves = moves;
	*ret_n = n;
	return 0;
}

int mab_balance_get(const char *id, struct mab_balance *ret_balance)
{
	const struct task *t;
	struct member *m;

	pthread_mutex_lock(&lock);
	m = id ? find_locked(id) : NULL;
	if (m) {
		end_orphans_locked();
		look_locked(m, NULL);
		*ret_balance = (struct mab_balance){
			.running = m->running, .load = m->load,
			.overloaded = is_overloaded_locked(m),
			.active = m->running ? m->active : 0,
			.completed = m->completed,
			.average_ns = average_locked(m),
		};
		for (t = tasks; t; t = t->hh.next)
			ret_balance->stranded += t->member == m &&
						 is_stranded_locked(t);
	}
	pthread_mutex_unlock(&lock);
	return m ? 0 : unknown(id ? id : "");
}

void mab_balance_stats(struct mab_balance_stats *ret_stats)
{
	struct mab_balance_stats s = { .agents = 0 };
	const struct task *t;
	struct member *m;

	pthread_mutex_lock(&lock);
	end_orphans_locked();
	s.available = look_at_all_locked(NULL).suitable;
	DL_FOREACH(members, m) {
		s.agents++;
		s.overloaded += is_overloaded_locked(m);
		s.average_cpu += m->load.cpu;
		s.average_memory += m->load.memory;
	}
	for (t = tasks; t; t = t->hh.next) {
		s.stranded += is_stranded_locked(t);
		s.active += !is_stranded_locked(t);
	}
	s.assigned = last_nr;
	s.completed = completed;
	s.moved = moved;
	pthread_mutex_unlock(&lock);
	if (s.agents) {
		s.average_cpu /= s.agents;
		s.average_memory /= s.agents;
	}
	*ret_stats = s;
}
