/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A picture is taken board by board: found and held by a reference under the
 * lock of all boards, copied under its own lock, let go. So a picture is true
 * of each supervisor at one moment, but not of all at the same one.
 *
 * Lock order: boards_lock, then one board's lock; nothing is allocated, freed
 * or called back under either, except that a board may be looked at by
 * sup_is_alive(), which takes no lock of these.
 */
#include "core/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sup/task.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#define BUCKETS 256
#define DEFAULT_PERIOD_S 5

static struct sup__lock boards_lock = SUP__LOCK_INIT;	/* the next three */
static struct sup__board *boards[BUCKETS];
static size_t n_boards;
static size_t until_sweep = BUCKETS;	/* boards put up before a sweep */

struct sup__board *sup__board_new(const char *name)
{
	struct sup__board *b = sup__zalloc(sizeof(*b));

	if (!b) {
		sup__error_nomem("a supervisor");
		return NULL;
	}
	snprintf(b->name, sizeof(b->name), "%s", name ? name : "");
	b->refs = 1;
	b->max_children = SIZE_MAX;
	sup__lock_init(&b->lock);
	sup__roster_init(&b->roster);
	return b;
}

int sup__board_setup(struct sup__board *b,
		     const struct sup_supervisor_spec *spec)
{
	size_t max = spec->intensity;

	b->strategy = spec->strategy;
	b->auto_shutdown = spec->auto_shutdown;
	b->hold_ms = spec->hold_ms;
	b->roster.by_pid_only = spec->strategy == SUP_SIMPLE_ONE_FOR_ONE;
	if (spec->intensity <= 0)
		max = spec->intensity == SUP_INTENSITY_DEFAULT;
	b->period_s = spec->period_s ? spec->period_s : DEFAULT_PERIOD_S;
	return sup__intensity_init(&b->restarts, max,
				   b->period_s * INT64_C(1000000000));
}

static void board_free(struct sup__board *b)
{
	struct sup__child *c;

	while ((c = b->roster.first)) {
		sup__roster_del(&b->roster, c);
		sup__child_free(c);
	}
	sup__child_free(b->simple);
	sup__roster_fini(&b->roster);
	sup__intensity_fini(&b->restarts);
	sup__free(b->partitions);
	sup__free(b->order);
	sup__free(b->kinds);
	sup__free(b->steps);
	sup__free(b->ends);
	sup__free(b->starts);
	sup__lock_fini(&b->lock);
	sup__free(b);
}

static struct sup__board **bucket(struct sup_pid pid)
{
	uint64_t h = pid.v * UINT64_C(0x9e3779b97f4a7c15);

	return &boards[h >> 32 & (BUCKETS - 1)];
}

static void take_down_locked(struct sup__board **link)
{
	*link = (*link)->next;
	n_boards--;
}

/* Neither its task nor that of any child can touch it or an arg any more. */
static bool is_abandoned(const struct sup__board *b)
{
	const struct sup__child *c;

	if (sup_is_alive(b->pid))
		return false;
	for (c = b->roster.first; c; c = c->next)
		if (c->state == SUP_CHILD_STARTING || sup_is_alive(c->pid))
			return false;
	return true;
}

/* Moves what is abandoned to *dead, but what is being looked at. */
static void sweep_locked(struct sup__board **dead)
{
	struct sup__board **link, *b;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		link = &boards[i];
		while ((b = *link)) {
			if (b->refs > 1 || !is_abandoned(b)) {
				link = &b->next;
				continue;
			}
			take_down_locked(link);
			b->next = *dead;
			*dead = b;
		}
	}
	until_sweep = n_boards + BUCKETS;
}

void sup__board_ref(struct sup__board *b)
{
	sup__lock(&boards_lock);
	b->refs++;
	sup__unlock(&boards_lock);
}

void sup__board_put(struct sup__board *b)
{
	bool last;

	sup__lock(&boards_lock);
	last = !--b->refs;
	sup__unlock(&boards_lock);
	if (last)
		board_free(b);
}

void sup__board_show(struct sup__board *b)
{
	struct sup__board *dead = NULL, *next;

	b->pid = sup_self();
	b->started_ns = sup__now_ns();
	sup__lock(&boards_lock);
	b->refs++;
	if (!until_sweep--)
		sweep_locked(&dead);
	b->next = *bucket(b->pid);
	*bucket(b->pid) = b;
	n_boards++;
	sup__unlock(&boards_lock);
	for (; dead; dead = next) {
		next = dead->next;
		board_free(dead);
	}
}

void sup__board_hide(struct sup__board *b)
{
	struct sup__board **link;

	sup__lock(&boards_lock);
	link = bucket(b->pid);
	while (*link != b)
		link = &(*link)->next;
	take_down_locked(link);
	sup__unlock(&boards_lock);
	sup__board_put(b);
}

struct sup__board *sup__board_get(struct sup_pid pid)
{
	struct sup__board *b;

	sup__lock(&boards_lock);
	b = *bucket(pid);
	while (b && b->pid.v != pid.v)
		b = b->next;
	if (b)
		b->refs++;
	sup__unlock(&boards_lock);
	return b;
}

struct sup__board *sup__board_of_living(struct sup_pid pid)
{
	struct sup__board *b = sup__board_get(pid);

	if (!b || sup_is_alive(pid))
		return b;
	sup__board_put(b);
	return NULL;
}

struct picture {
	struct sup_node *nodes;
	size_t n, room;
};

static int add_node(struct picture *p, const struct sup_node *node)
{
	size_t room = p->room ? p->room * 2 : 16;
	struct sup_node *nodes = p->nodes;

	if (p->n == p->room) {
		nodes = sup__realloc(nodes, room * sizeof(*nodes));
		if (!nodes)
			return sup__error_nomem("a picture of the tree");
		p->nodes = nodes;
		p->room = room;
	}
	nodes[p->n++] = *node;
	return 0;
}

void sup__board_copy_child(const struct sup__child *c, unsigned int depth,
			   struct sup_node *node)
{
	bool up = c->pid.v;

	*node = (struct sup_node){
		.depth = depth,
		.pid = c->pid,
		.os_pid = up ? c->os_pid : 0,
		.os_tid = up ? c->os_tid : 0,
		.type = c->spec.type,
		.restart = c->spec.restart,
		.significant = c->spec.significant,
		.due_ns = c->due_ns,
		.held = c->held,
		.state = c->state,
		.restarts = c->restarts,
		.started_ns = c->started_ns,
		.has_ended = c->has_ended,
		.last_reason = c->last_reason,
	};
	if (sup__child_has_budget(c)) {
		node->has_own_budget = true;
		node->own_used = sup__intensity_used(&c->own, sup__now_ns());
		node->own_intensity = c->own.max;
		node->own_period_s = c->spec.budget.period_s;
	}
	node->flapping = c->flapping;
	if (c->flapping && c->state == SUP_CHILD_RUNNING)
		node->steady_ns = sup__child_steady_at(c);
	node->hung = c->hung;
	if (c->hung)
		node->turn = c->turn;
	memcpy(node->id, c->id, sizeof(node->id));
}

/*
 * What the board shows at this moment: *head, the supervisor's own fields, and
 * an array of its children.
 */
static int copy_board(struct sup__board *b, struct sup_node *head,
		      struct sup_node **ret_rows, size_t *ret_n)
{
	struct sup_node *rows = NULL;
	const struct sup__child *c;
	size_t room = 0, n = 0;

	sup__lock(&b->lock);
	while (b->roster.n > room) {
		room = b->roster.n;
		sup__unlock(&b->lock);
		sup__free(rows);
		rows = sup__calloc(room, sizeof(*rows));
		if (!rows)
			return sup__error_nomem("a picture of the tree");
		sup__lock(&b->lock);
	}
	for (c = b->roster.first; c; c = c->next)
		sup__board_copy_child(c, head->depth + 1, &rows[n++]);
	head->strategy = b->strategy;
	head->intensity = b->restarts.max;
	head->period_s = b->period_s;
	head->hold_ms = b->hold_ms;
	head->budget_used = sup__intensity_used(&b->restarts, sup__now_ns());
	sup__unlock(&b->lock);
	*ret_rows = rows;
	*ret_n = n;
	return 0;
}

/* Adds head and, if it is a supervisor, all that is below it. */
static int draw(struct picture *p, struct sup_node *head)
{
	struct sup__board *b = head->pid.v ? sup__board_get(head->pid) : NULL;
	struct sup_node *rows = NULL;
	size_t n = 0, i;
	int ret = 0;

	if (b) {
		ret = copy_board(b, head, &rows, &n);
		sup__board_put(b);
	}
	if (!ret)
		ret = add_node(p, head);
	for (i = 0; i < n && !ret; i++)
		ret = draw(p, &rows[i]);
	sup__free(rows);
	return ret;
}

static int draw_root(struct picture *p, struct sup__board *b)
{
	struct sup_node root = {
		.pid = b->pid,
		.type = SUP_SUPERVISOR,
		.state = SUP_CHILD_RUNNING,
		.started_ns = b->started_ns,
	};

	memcpy(root.id, b->name, sizeof(root.id));
	if (sup_os_pid(b->pid, &root.os_pid, &root.os_tid))
		return sup__error(-ESRCH, "the supervisor has ended");
	return draw(p, &root);
}

int sup_tree(struct sup_pid sup, struct sup_node **ret_nodes, size_t *ret_n)
{
	struct sup__board *b = sup__board_of_living(sup);
	struct picture p = { 0 };
	int ret;

	if (!b)
		return sup__error(-ESRCH, "there is no such supervisor");
	ret = draw_root(&p, b);
	sup__board_put(b);
	if (ret) {
		sup__free(p.nodes);
		return ret;
	}
	*ret_nodes = p.nodes;
	*ret_n = p.n;
	return 0;
}
