/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What orchestrations are made from: it is checked, and copied. */
#include "mabeam/core_runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/error.h>

#include "mabeam/service.h"

static int check(const struct mab_orchestration_spec *spec, size_t *ret_n,
		 size_t *ret_size)
{
	size_t n = 0, size;
	int ret;

	ret = mab__check_name("id", spec->id);
	if (ret)
		return ret;
	if (!spec->coordinate)
		return sup_set_error(-EINVAL, "coordinate: it is missing");
	if (spec->timeout_ms < 0)
		return sup_set_error(-EINVAL, "timeout_ms: %lld",
				     (long long)spec->timeout_ms);
	size = strlen(spec->id) + 1;
	for (; spec->agents && spec->agents[n]; n++) {
		if (n == MAB_ORCHESTRATION_AGENTS_MAX)
			return sup_set_error(-EINVAL, "agents: there are more "
					     "than %zu", n);
		ret = mab__check_name("agents", spec->agents[n]);
		if (ret)
			return ret;
		size += strlen(spec->agents[n]) + 1;
	}
	*ret_n = n;
	*ret_size = size;
	return 0;
}

int mab__work_new(const struct mab_orchestration_spec *spec,
		  struct mab__work **ret_work)
{
	struct mab__work *w;
	const char **agents;
	size_t i, n = 0, size = 0;
	char *at;
	int ret;

	ret = check(spec, &n, &size);
	if (ret)
		return ret;
	w = malloc(sizeof(*w) + (n + 1) * sizeof(*agents) + size);
	if (!w)
		return mab__nomem("an orchestration");
	w->spec = *spec;
	w->n_agents = n;
	if (!spec->timeout_ms)
		w->spec.timeout_ms = MAB_ORCHESTRATION_TIMEOUT_MS;
	agents = (const char **)(w + 1);
	at = (char *)(agents + n + 1);
	w->spec.agents = agents;
	w->spec.id = at;
	at = stpcpy(at, spec->id) + 1;
	for (i = 0; i < n; i++) {
		agents[i] = at;
		at = stpcpy(at, spec->agents[i]) + 1;
	}
	agents[n] = NULL;
	*ret_work = w;
	return 0;
}
