/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A partition supervisor has a fixed array of children beside its roster. The
 * first n_partitions of them are what keys are spread over; both are read
 * under the board's lock, so a lookup waits for nobody who is busy.
 */
#include "core/partition.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/spec.h"
#include "core/supervisor.h"
#include "core/supervisor_child.h"
#include "core/supervisor_depends.h"
#include "core/supervisor_spec.h"
#include "core/tree.h"

static int check(const struct sup_partition_spec *spec,
		 struct sup_child_spec *ret_child)
{
	int ret;

	if (!spec->name || !spec->name[0])
		return sup__error(-EINVAL, "name is missing");
	if (!spec->child)
		return sup__error(-EINVAL, "child is missing");
	if (spec->partitions > SUP_PARTITIONS_MAX)
		return sup__error(-EINVAL, "partitions: %zu is more than %d",
				  spec->partitions, SUP_PARTITIONS_MAX);
	if (spec->strategy == SUP_SIMPLE_ONE_FOR_ONE)
		return sup__error(-EINVAL, "strategy: simple_one_for_one has "
				  "no partitions");
	ret = sup__child_check(spec->child, false, ret_child);
	if (!ret)
		ret = sup__child_suits(ret_child, SUP_AUTO_SHUTDOWN_NEVER);
	return ret ? ret : sup__depends_refuse(ret_child);
}

static int enter(struct sup__board *b, struct sup_child_spec *spec, size_t i)
{
	struct sup__child *c;
	char id[24];

	snprintf(id, sizeof(id), "%zu", i);
	spec->id = id;
	c = sup__child_new(spec);
	if (!c)
		return -ENOMEM;
	c->index = i;
	c->extra = &c->index;
	sup__roster_add(&b->roster, c);
	b->partitions[i] = c;
	b->n_partitions = i + 1;
	return 0;
}

static int setup(struct sup__board *b, const struct sup_partition_spec *spec)
{
	struct sup_supervisor_spec flags = {
		.size = sizeof(flags), .name = spec->name, .reg = true,
		.strategy = spec->strategy, .intensity = spec->intensity,
		.period_s = spec->period_s, .hold_ms = spec->hold_ms,
	};
	struct sup_child_spec child;
	size_t n = spec->partitions, i;
	int ret;

	ret = check(spec, &child);
	if (ret)
		return ret;
	if (flags.intensity == SUP_INTENSITY_DEFAULT)
		flags.intensity = SUP__INTENSITY_ELIXIR;
	ret = sup__supervisor_fill(b, &flags);
	if (ret)
		return ret;
	if (!n)
		n = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	b->partitions = sup__calloc(n, sizeof(struct sup__child *));
	if (!b->partitions)
		return sup__error_nomem("partitions");
	b->max_partitions = n;
	child.free_arg = NULL;
	for (i = 0; i < n && !ret; i++)
		ret = enter(b, &child, i);
	return ret;
}

int sup_partition_start(const void *partition_spec, struct sup_pid *ret_pid)
{
	const size_t least = offsetof(struct sup_partition_spec, strategy);
	struct sup_partition_spec spec;
	struct sup__board *b;
	int ret;

	ret = sup__spec_copy_least(&spec, sizeof(spec), partition_spec, least,
				   "sup_partition_spec");
	if (ret)
		return ret;
	b = sup__board_new(spec.name);
	if (!b)
		return -ENOMEM;
	ret = setup(b, &spec);
	if (!ret)
		return sup__supervisor_start(b, spec.name, true, ret_pid);
	sup__board_put(b);
	return ret;
}

/* The board of a partition supervisor, with a reference, or NULL. */
static struct sup__board *get_board(struct sup_pid sup)
{
	struct sup__board *b = sup__board_of_living(sup);

	if (b && b->partitions)
		return b;
	if (b)
		sup__board_put(b);
	sup__error(-ESRCH, "there is no such partition supervisor");
	return NULL;
}

static int find(struct sup_pid sup, uint64_t key, struct sup_pid *ret_pid)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct sup__board *b = get_board(sup);
	const struct sup__child *c = NULL;

	if (!b)
		return -ESRCH;
	sup__lock(&b->lock);
	if (b->n_partitions)
		c = b->partitions[key % b->n_partitions];
	if (c)
		pid = c->pid;
	sup__unlock(&b->lock);
	sup__board_put(b);
	if (!pid.v)
		return sup__error(-ENOENT, "that partition does not run");
	*ret_pid = pid;
	return 0;
}

int sup_partition_by_number(struct sup_pid sup, int64_t key,
			    struct sup_pid *ret_pid)
{
	/* The least number has no positive one: unsigned, it has. */
	return find(sup, key < 0 ? -(uint64_t)key : (uint64_t)key, ret_pid);
}

/* FNV-1a. */
int sup_partition_by_bytes(struct sup_pid sup, const void *key, size_t len,
			   struct sup_pid *ret_pid)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const unsigned char *p = key;

	while (len--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return find(sup, h ^ h >> 32, ret_pid);
}

int sup_partition_count(struct sup_pid sup, size_t *ret_n)
{
	struct sup__board *b = get_board(sup);

	if (!b)
		return -ESRCH;
	sup__lock(&b->lock);
	*ret_n = b->n_partitions;
	sup__unlock(&b->lock);
	sup__board_put(b);
	return 0;
}

int sup_partition_resize(struct sup_pid sup, size_t n, size_t *ret_old)
{
	struct sup__supervisor_request req = {
		.op = SUP__OP_RESIZE, .n = n,
	};
	struct sup__supervisor_reply reply;
	int ret;

	ret = sup__supervisor_ask(sup, &req, &reply);
	if (ret)
		return ret;
	if (reply.ret)
		return sup__error(reply.ret, "%s", reply.text);
	if (ret_old)
		*ret_old = reply.n_old;
	return 0;
}

static void set_partitions(struct sup__board *b, size_t n)
{
	sup__lock(&b->lock);
	b->n_partitions = n;
	sup__unlock(&b->lock);
}

/* Those that have ended for good, as temporary ones do, stay away. */
static int start_again(struct sup__board *b, size_t i)
{
	struct sup__child *c = b->partitions[i];
	int ret;

	if (!c || c->state != SUP_CHILD_STOPPED)
		return 0;
	ret = sup__supervise_start(b, c, SUP__FIRST_START, NULL);
	return ret < 0 ? ret : 0;
}

static void stop(struct sup__board *b, struct sup__child *c, struct sup_pid by)
{
	if (!c)
		return;
	sup__supervise_note_why(b, c, SUP_WHY_TERMINATED, by, NULL);
	sup__supervise_stop(b, c);
}

int sup__partition_resize(struct sup__board *b, size_t n, struct sup_pid by,
			  size_t *ret_old)
{
	size_t old = b->n_partitions, i;
	int ret;

	if (!b->partitions)
		return sup__error(-EINVAL, "it is no partition supervisor");
	if (n > b->max_partitions)
		return sup__error(-EINVAL, "%zu partitions are more than the "
				  "%zu it was started with", n,
				  b->max_partitions);
	*ret_old = old;
	if (n < old)
		set_partitions(b, n);
	for (i = old; i-- > n;)
		stop(b, b->partitions[i], by);
	for (i = old; i < n; i++) {
		ret = start_again(b, i);
		if (ret)
			return ret;
		set_partitions(b, i + 1);
	}
	return 0;
}
