/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/supervisor_spec.h"

#include <errno.h>
#include <string.h>

#include <sup/registry.h>

#include "base/error.h"
#include "core/child.h"
#include "core/intensity.h"
#include "core/supervisor_depends.h"
#include "core/tree.h"

static int check_rates(const struct sup_supervisor_spec *spec)
{
	if (spec->intensity < SUP_INTENSITY_NONE ||
	    spec->intensity > SUP__INTENSITY_MAX)
		return sup__error(-EINVAL, "intensity %d is not in -1 ... %d",
				  spec->intensity, SUP__INTENSITY_MAX);
	if ((unsigned int)spec->auto_shutdown > SUP_AUTO_SHUTDOWN_ALL)
		return sup__error(-EINVAL, "auto_shutdown %d is none of never, "
				  "any, all", (int)spec->auto_shutdown);
	return 0;
}

static int check_simple(const struct sup_supervisor_spec *spec)
{
	if (spec->strategy != SUP_SIMPLE_ONE_FOR_ONE)
		return 0;
	if (spec->auto_shutdown != SUP_AUTO_SHUTDOWN_NEVER)
		return sup__error(-EINVAL, "auto_shutdown does not go with "
				  "simple_one_for_one");
	if (spec->n_children != 1)
		return sup__error(-EINVAL, "simple_one_for_one needs one child "
				  "spec, not %zu", spec->n_children);
	return 0;
}

int sup__supervisor_check(const struct sup_supervisor_spec *spec)
{
	int ret;

	if ((unsigned int)spec->strategy > SUP_SIMPLE_ONE_FOR_ONE)
		return sup__error(-EINVAL, "strategy %d is none of "
				  "one_for_one, one_for_all, rest_for_one, "
				  "simple_one_for_one", (int)spec->strategy);
	ret = check_rates(spec);
	if (ret)
		return ret;
	if (spec->name && strlen(spec->name) > SUP_NAME_MAX)
		return sup__error(-EINVAL, "name is longer than %d bytes",
				  SUP_NAME_MAX);
	if (spec->reg && (!spec->name || !spec->name[0]))
		return sup__error(-EINVAL, "reg is set and name is missing");
	if (spec->n_children && !spec->children)
		return sup__error(-EINVAL, "n_children is %zu and children is "
				  "missing", spec->n_children);
	return check_simple(spec);
}

/* The specs may be of an older program: each says how far the next one is. */
static const struct sup_child_spec *nth(const struct sup_child_spec *specs,
					size_t i)
{
	return (const void *)((const char *)specs + i * specs->size);
}

static int enter_child(struct sup__board *b, const struct sup_child_spec *from)
{
	struct sup_child_spec spec;
	struct sup__child *c;
	int ret;

	ret = sup__child_check(from, true, &spec);
	if (!ret)
		ret = sup__child_suits(&spec, b->auto_shutdown);
	if (!ret && sup__board_is_dynamic(b))
		ret = sup__depends_refuse(&spec);
	if (ret)
		return ret;
	if (!sup__board_is_dynamic(b) &&
	    sup__roster_by_id(&b->roster, spec.id))
		return sup__error(-EEXIST, "child \"%s\": id is there twice",
				  spec.id);
	c = sup__child_new(&spec);
	if (!c)
		return -ENOMEM;
	if (sup__board_is_dynamic(b))
		b->simple = c;
	else
		sup__roster_add(&b->roster, c);
	return 0;
}

static int check_sizes(const struct sup_child_spec *specs, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (nth(specs, i)->size != specs->size)
			return sup__error(-EINVAL, "child spec %zu: its size "
					  "is not that of the first", i);
	return 0;
}

static int enter_children(struct sup__board *b,
			  const struct sup_child_spec *specs, size_t n)
{
	int ret = check_sizes(specs, n);
	size_t i;

	for (i = 0; i < n && !ret; i++)
		ret = enter_child(b, nth(specs, i));
	return ret ? ret : sup__depends_find_all(b);
}

int sup__supervisor_fill(struct sup__board *b,
			 const struct sup_supervisor_spec *spec)
{
	int ret = sup__supervisor_check(spec);

	if (!ret)
		ret = sup__board_setup(b, spec);
	if (!ret)
		ret = enter_children(b, spec->children, spec->n_children);
	return ret;
}

int sup_check_childspecs(const struct sup_child_spec *specs, size_t n,
			 enum sup_auto_shutdown auto_shutdown)
{
	struct sup__board *b;
	int ret;

	if (n && !specs)
		return sup__error(-EINVAL, "n is %zu and specs is missing", n);
	if ((unsigned int)auto_shutdown > SUP_AUTO_SHUTDOWN_ALL)
		return sup__error(-EINVAL, "auto_shutdown %d is none of never, "
				  "any, all", (int)auto_shutdown);
	b = sup__board_new(NULL);
	if (!b)
		return -ENOMEM;
	b->auto_shutdown = auto_shutdown;
	ret = enter_children(b, specs, n);
	sup__board_put(b);
	return ret;
}
