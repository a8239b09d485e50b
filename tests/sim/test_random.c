/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a tree of supervisors, of all kinds, and on a model of
 * them (model.h). After each operation both have started and ended the same, in
 * the same order, and show the same, in each supervisor and child; and no task
 * lives that is not shown. Trees are made and ended until a million operations
 * are done, or STEPS=n; SEED=n repeats one tree's life.
 */
#include "checks.h"
#include "model.h"
#include "random.h"

#define SUPS 5
#define POOL 12
#define OPS 60
#define MOST 6			/* that an operation is about */

static struct m_sup sups[SUPS], *top = &sups[0], *holder;
static struct actor pool[SUPS][POOL], sup_actors[SUPS];
static struct sup_child_spec specs[SUPS][M_KIDS];
static struct sup_supervisor_spec sup_specs[SUPS];
static struct sup_dynamic_spec dynamic_specs[SUPS];
static char names[SUPS][POOL][8];
static const char *const sup_names[SUPS] = { "top", "s1", "s2", "s3", "s4" };
static int n_sups;
static bool unordered;		/* several supervisors end at once */

static int below(int n)
{
	return (int)(random() % n);
}

static struct sup_child_spec spec_of(struct actor *a)
{
	struct sup_child_spec spec = world_spec(&a->f);
	size_t i = a->sup ? (size_t)(a->sup - sups) : 0;

	if (!a->sup)
		return spec;
	spec.free_arg = NULL;
	spec.type = SUP_SUPERVISOR;
	spec.start = a->sup->kind == M_DYNAMIC ? sup_dynamic_start :
		     sup_supervisor_start;
	spec.arg = a->sup->kind == M_DYNAMIC ? (const void *)&dynamic_specs[i] :
		   &sup_specs[i];
	return spec;
}

/* A significant child must be one that can end for good. */
static void choose_kind(const struct m_sup *s, struct fake *f)
{
	f->restart = (enum sup_restart)below(3);
	f->significant = s->auto_shutdown != SUP_AUTO_SHUTDOWN_NEVER &&
			 f->restart != SUP_PERMANENT && below(2);
	if (below(4))
		return;
	f->budget.intensity = below(4) ? 1 + below(3) : SUP_INTENSITY_NONE;
	f->budget.period_s = 1 + (unsigned int)below(4);
	f->budget.spent = below(2) ? SUP_SPENT_STOP : SUP_SPENT_AS_ALL;
}

static void write_script(struct actor *a)
{
	int k, r;

	for (k = 0; k < M_STARTS; k++) {
		r = below(12);
		a->script[k] = r == 0 ? 'i' : r < 3 ? 'f' : 'o';
	}
	a->script[0] = a->script[M_STARTS - 1] = 'o';
	a->f.script = a->script;
}

static void make_actors(struct m_sup *s)
{
	size_t i = (size_t)(s - sups), k;
	struct actor *a;

	for (k = 0; k < POOL; k++) {
		a = &pool[i][k];
		*a = (struct actor){ .f = { .id = names[i][k] } };
		choose_kind(s, &a->f);
		/* Those of one spec are alike. */
		if (s->kind == M_SIMPLE && k)
			a->f = pool[i][0].f;
		a->f.id = names[i][k];
		write_script(a);
	}
}

/* Some of its pool, and of the supervisors below it, in any order. */
static void choose_first(struct m_sup *s)
{
	size_t i = (size_t)(s - sups);
	int k, j, n = 1 + below(5);
	struct actor *a;

	for (k = 0; k < n; k++)
		s->first[s->n_first++] = &pool[i][k];
	for (k = 1; k < n_sups; k++)
		if (sups[k].parent == s && below(8))
			s->first[s->n_first++] = &sup_actors[k];
	for (k = s->n_first - 1; k > 0; k--) {
		j = below(k + 1);
		a = s->first[k];
		s->first[k] = s->first[j];
		s->first[j] = a;
	}
}

static void make_spec(struct m_sup *s)
{
	size_t i = (size_t)(s - sups);
	int k;

	dynamic_specs[i] = (struct sup_dynamic_spec){
		.size = sizeof(dynamic_specs[i]), .name = s->id,
		.intensity = s->restarts.max, .period_s = 3,
		.max_children = s->max_children,
		.hold_ms = (uint32_t)(s->hold / MS),
	};
	sup_specs[i] = (struct sup_supervisor_spec){
		.size = sizeof(sup_specs[i]), .name = s->id,
		.strategy = s->kind == M_SIMPLE ? SUP_SIMPLE_ONE_FOR_ONE :
			    s->strategy,
		.intensity = s->restarts.max, .period_s = 3,
		.auto_shutdown = s->auto_shutdown,
		.hold_ms = (uint32_t)(s->hold / MS),
		.children = specs[i],
	};
	for (k = 0; k < s->n_first; k++)
		specs[i][k] = spec_of(s->first[k]);
	if (s->kind == M_SIMPLE) {
		specs[i][k] = spec_of(&pool[i][0]);
		specs[i][k++].free_arg = NULL;
	}
	sup_specs[i].n_children = (size_t)k;
}

static void make_sup(int i)
{
	struct m_sup *s = &sups[i];
	int k;

	*s = (struct m_sup){ .id = sup_names[i] };
	s->kind = i ? (enum m_kind)below(3) : M_STATIC;
	s->restarts.max = 1 + below(6);
	s->restarts.period = 3 * S;
	if (s->kind == M_STATIC) {
		s->strategy = (enum sup_strategy)below(3);
		s->auto_shutdown = (enum sup_auto_shutdown)below(3);
	}
	s->max_children = s->kind == M_DYNAMIC ? 6 * below(2) : 0;
	for (k = 0; k < POOL; k++)
		snprintf(names[i][k], sizeof(names[i][k]), "%c%d", 'a' + i, k);
	make_actors(s);
	if (!i)
		return;
	do
		s->parent = &sups[below(i)];
	while (s->parent->kind != M_STATIC);
	sup_actors[i] = (struct actor){ .sup = s, .f = { .id = s->id } };
	choose_kind(s->parent, &sup_actors[i].f);
}

static void make_tree(void)
{
	int i;

	n_sups = 1 + below(SUPS);
	for (i = 0; i < n_sups; i++)
		make_sup(i);
	holder = below(2) ? &sups[below(n_sups)] : NULL;
	if (holder)
		holder->hold = (1 + below(5000)) * MS;
	for (i = n_sups - 1; i >= 0; i--) {
		if (sups[i].kind == M_STATIC)
			choose_first(&sups[i]);
		make_spec(&sups[i]);
	}
}

/* Anybody who is, or could be, its child. */
static struct actor *any_actor(const struct m_sup *s)
{
	int k = below(POOL + n_sups);

	if (k >= POOL && sups[k - POOL].parent == s)
		return &sup_actors[k - POOL];
	return &pool[s - sups][k % (s->kind == M_STATIC ? POOL / 2 : POOL)];
}

/* Several may end at one moment; they are noticed in that order. */
static void op_crash(struct m_sup *s)
{
	static const struct sup_reason *const reasons[] = {
		&normal, &shutdown, &shutdown7, &abnormal, &segv, &killed,
	};
	struct { struct actor *a; int end; bool clean; } ends[MOST];
	const struct sup_reason *why;
	int n = 1 + below(s->kind == M_STATIC ? 3 : MOST), i, k, m = 0;
	struct actor *a;

	for (k = 0; k < n && s->n; k++) {
		i = below(s->n);
		a = s->kids[i].a;
		if (s->kids[i].state != M_UP || s->kids[i].ended ||
		    (a->sup && k))
			continue;
		why = a->sup ? &killed : reasons[below(N_OF(reasons))];
		world_end(a->sup ? a->sup->pid : a->f.pid, *why);
		ends[m].a = a;
		ends[m].clean = sup_reason_is_clean(why);
		ends[m++].end = m_end(s, a, why);
		unordered = a->sup;
		if (a->sup)
			break;
	}
	for (k = 0; k < m; k++)
		m_notice(s, ends[k].a, ends[k].end, ends[k].clean);
	m_settle();
	world_run();
}

static void op_time(struct m_sup *s)
{
	int64_t ns = below(6000) * MS;

	(void)s;
	m_pass(holder, ns);
	world_advance(ns);
}

static int start(struct m_sup *s, struct actor *a, struct sup_pid *ret_pid)
{
	struct sup_child_spec spec = spec_of(a);

	if (s->kind == M_SIMPLE)
		return world_start_extra(s->pid, &a->f, ret_pid);
	return sup_start_child(s->pid, &spec, ret_pid);
}

static void op_start(struct m_sup *s)
{
	int n = s->kind == M_STATIC ? 1 : 1 + below(MOST), i, expect;
	struct sup_pid pid;
	struct actor *a;

	for (; n; n--) {
		a = any_actor(s);
		i = m_find(s, a);
		if (i >= 0 && s->kind != M_STATIC)
			continue;
		expect = m_start_child(s, a);
		assert_int_equal(start(s, a, &pid), expect);
		if (!a->sup && (!expect || expect == -EEXIST))
			assert_int_equal(pid.v, s->kids[m_find(s, a)].state ==
					 M_UP ? a->f.pid.v : 0);
	}
}

static void op_restart(struct m_sup *s)
{
	struct actor *a = any_actor(s);
	struct sup_pid pid;
	int expect = s->kind == M_STATIC ? m_restart_child(s, a) : -EOPNOTSUPP;

	assert_int_equal(sup_restart_child(s->pid, a->f.id, &pid), expect);
}

static int terminate_by_pid(struct m_sup *s, struct actor *a)
{
	struct sup_pid pid = a->f.pid;
	int expect = s->kind == M_STATIC ? -ENOENT : m_terminate_child(s, a);

	/* One that has gone was one. */
	if (s->kind == M_SIMPLE && pid.v)
		expect = 0;
	assert_int_equal(sup_terminate_child_pid(s->pid, pid), expect);
	return expect;
}

static void op_terminate(struct m_sup *s)
{
	int n = 1 + below(MOST);
	struct actor *a = any_actor(s);

	if (s->kind == M_STATIC) {
		if (!a->sup)
			terminate_by_pid(s, a);
		assert_int_equal(sup_terminate_child(s->pid, a->f.id),
				 m_terminate_child(s, a));
		return;
	}
	assert_int_equal(sup_terminate_child(s->pid, a->f.id), -EOPNOTSUPP);
	for (; n; n--)
		terminate_by_pid(s, any_actor(s));
}

static void op_delete(struct m_sup *s)
{
	struct actor *a = any_actor(s);
	int expect = s->kind == M_STATIC ? m_delete_child(s, a) : -EOPNOTSUPP;

	assert_int_equal(sup_delete_child(s->pid, a->f.id), expect);
}

static void (*const ops[])(struct m_sup *s) = {
	op_crash, op_crash, op_crash, op_crash, op_time, op_start, op_start,
	op_restart, op_terminate, op_delete,
};

/* What it is called by its supervisor. */
static const char *name_of(const struct m_sup *s, const struct m_child *c)
{
	return s->kind == M_SIMPLE ? pool[s - sups][0].f.id : c->a->f.id;
}

static void compare_child(const struct m_sup *s, const struct m_child *c,
			  const struct sup_node *node)
{
	static const enum sup_child_state states[] = {
		[M_DOWN] = SUP_CHILD_STOPPED, [M_UP] = SUP_CHILD_RUNNING,
		[M_RETRY] = SUP_CHILD_RESTARTING,
		[M_HELD] = SUP_CHILD_RESTARTING,
	};

	assert_string_equal(node->id, name_of(s, c));
	assert_int_equal(node->state, states[c->state]);
	assert_int_equal(node->held, c->state == M_HELD);
	assert_int_equal(node->due_ns, c->state == M_HELD ? c->due : 0);
	assert_int_equal(node->has_own_budget, c->a->f.budget.intensity != 0);
	if (node->has_own_budget)
		assert_int_equal(node->own_used, m_used(&c->own));
	if (c->state != M_UP)
		assert_int_equal(node->pid.v, 0);
	else if (!c->a->sup)
		assert_int_equal(node->pid.v, c->a->f.pid.v);
}

/* The rows of s, of which the first is its own; returns the row after them. */
static const struct sup_node *compare_sup(struct m_sup *s, unsigned int depth,
					  const struct sup_node *node,
					  const struct sup_node *end,
					  size_t *alive)
{
	int i;

	s->pid = node->pid;
	assert_int_equal(node->budget_used, m_used(&s->restarts));
	++*alive;
	node++;
	for (i = 0; i < s->n; i++) {
		assert_true(node < end);
		assert_int_equal(node->depth, depth + 1);
		compare_child(s, &s->kids[i], node);
		if (s->kids[i].state != M_UP || !s->kids[i].a->sup) {
			*alive += s->kids[i].state == M_UP;
			node++;
			continue;
		}
		node = compare_sup(s->kids[i].a->sup, depth + 1, node, end,
				   alive);
	}
	return node;
}

static struct m_sup *any_sup(void)
{
	struct m_sup *s;

	do
		s = &sups[below(n_sups)];
	while (!s->up);
	return s;
}

/* Why one of its children is as it is. */
static void compare_why(const struct m_sup *s)
{
	const struct m_child *c = s->n ? &s->kids[below(s->n)] : NULL;
	struct sup_explanation e;
	enum sup_why why;

	if (!c || s->kind != M_STATIC)
		return;
	why = c->state == M_UP ? SUP_WHY_RUNS :
	      c->state == M_HELD ? SUP_WHY_HELD : c->why;
	assert_int_equal(sup_explain(s->pid, c->a->f.id, &e), 0);
	assert_int_equal(e.why, why);
	assert_string_equal(e.other, why == SUP_WHY_GROUP ? c->with : "");
}

static void compare_counts(const struct m_sup *s)
{
	size_t n = (size_t)s->n, up = 0, sups_in = 0;
	int i;

	for (i = 0; i < s->n; i++) {
		up += s->kids[i].state == M_UP;
		sups_in += s->kids[i].a->sup != NULL;
	}
	check_counts(s->pid, s->kind == M_SIMPLE ? 1 : n, up, sups_in,
		     n - sups_in);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its words in the order of their letters. */
static const char *sorted(const char *text, char *buf, size_t size)
{
	static char copy[65536];
	char *words[2048], *word, *p = buf;
	size_t n = 0, i;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[n++] = word;
	qsort(words, n, sizeof(*words), by_text);
	*p = '\0';
	for (i = 0; i < n; i++)
		p += snprintf(p, size - (size_t)(p - buf), "%s ", words[i]);
	return buf;
}

static void compare_trace(void)
{
	static char ours[65536], expected[65536];

	if (unordered)
		assert_string_equal(sorted(world_trace(), ours, sizeof(ours)),
				    sorted(m_trace(), expected,
					   sizeof(expected)));
	else
		assert_string_equal(world_trace(), m_trace());
	unordered = false;
}

/* Each extra is given back once, when its child has gone. */
static void compare_frees(void)
{
	int i, k;

	for (i = 0; i < n_sups; i++)
		for (k = 0; sups[i].kind == M_SIMPLE && k < POOL; k++)
			assert_int_equal(pool[i][k].f.frees, pool[i][k].frees);
}

static void compare(void)
{
	const struct sup_node *end;
	struct sup_node *nodes;
	size_t n, alive = 0;
	struct m_sup *s;

	compare_trace();
	assert_int_equal(world_has_ended(top->pid, NULL), !top->up);
	compare_frees();
	if (top->up) {
		assert_int_equal(sup_tree(top->pid, &nodes, &n), 0);
		end = compare_sup(top, 0, nodes, nodes + n, &alive);
		assert_ptr_equal(end, nodes + n);
		free(nodes);
		s = any_sup();
		compare_counts(s);
		compare_why(s);
	}
	assert_int_equal(world_alive(), alive);
}

static void one_round(void)
{
	int i;

	world_open(seed);
	world_keep_time();
	m_open(sup_deadline_ms(0));
	make_tree();
	assert_int_equal(sup_supervisor_start(&sup_specs[0], &top->pid), 0);
	assert_int_equal(m_up(top), 0);
	compare();
	for (i = 0; i < OPS && top->up; i++, steps++) {
		ops[random() % (long)N_OF(ops)](any_sup());
		compare();
	}
	if (top->up) {
		m_stop_all(top);
		world_stop(top->pid);
		compare();
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
