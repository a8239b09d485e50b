/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dynamic supervisor is a supervisor whose board finds its children by pid
 * alone; the rest of it is in core/supervisor_*.c.
 */
#include <sup/dynamic.h>

#include <errno.h>

#include "base/spec.h"
#include "core/supervisor.h"
#include "core/supervisor_spec.h"
#include "core/tree.h"

static int setup(struct sup__board *b, const struct sup_dynamic_spec *spec)
{
	struct sup_supervisor_spec flags = {
		.size = sizeof(flags), .name = spec->name, .reg = spec->reg,
		.intensity = spec->intensity, .period_s = spec->period_s,
		.hold_ms = spec->hold_ms,
	};
	int ret;

	if (spec->max_children < SUP_CHILDREN_NONE)
		return sup__error(-EINVAL, "max_children %lld is neither a "
				  "count nor one of its names",
				  (long long)spec->max_children);
	if (flags.intensity == SUP_INTENSITY_DEFAULT)
		flags.intensity = SUP__INTENSITY_ELIXIR;
	ret = sup__supervisor_fill(b, &flags);
	b->roster.by_pid_only = true;
	b->extra = spec->extra;
	if (spec->max_children)
		b->max_children = spec->max_children < 0 ? 0 :
				  (size_t)spec->max_children;
	return ret;
}

int sup_dynamic_start(const void *dynamic_spec, struct sup_pid *ret_pid)
{
	const size_t least = offsetof(struct sup_dynamic_spec, name);
	struct sup_dynamic_spec spec;
	struct sup__board *b;
	int ret;

	ret = sup__spec_copy_least(&spec, sizeof(spec), dynamic_spec, least,
				   "sup_dynamic_spec");
	if (ret)
		return ret;
	b = sup__board_new(spec.name);
	if (!b)
		return -ENOMEM;
	ret = setup(b, &spec);
	if (!ret)
		return sup__supervisor_start(b, spec.name, spec.reg, ret_pid);
	sup__board_put(b);
	return ret;
}
