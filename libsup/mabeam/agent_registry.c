/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The AgentRegistry: who makes agents known, and who looks for them. */
#include "mabeam/agent_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mabeam/agent_supervisor.h>
#include <sup/sup.h>

#include "mabeam/agent_pipe.h"
#include "mabeam/service.h"

#define MAX_RESTARTS 3
#define PERIOD_S 60

static int check_capabilities(const struct mab_agent_spec *spec, size_t *ret_n)
{
	size_t n = 0;
	int ret = 0;

	while (spec->capabilities && spec->capabilities[n] && !ret) {
		if (n == MAB_CAPABILITIES_MAX)
			return sup_set_error(-EINVAL, "capabilities: there are "
					     "more than %d",
					     MAB_CAPABILITIES_MAX);
		ret = mab__check_name("capabilities", spec->capabilities[n++]);
	}
	*ret_n = n;
	return ret;
}

static int check_spec(struct mab_agent_spec *spec, size_t *ret_n)
{
	int ret;

	if (!spec->type)
		spec->type = "agent";
	if (!spec->max_restarts)
		spec->max_restarts = MAX_RESTARTS;
	if (!spec->period_s)
		spec->period_s = PERIOD_S;
	ret = mab__check_name("id", spec->id);
	if (!ret)
		ret = mab__check_name("type", spec->type);
	if (!ret)
		ret = check_capabilities(spec, ret_n);
	if (ret)
		return ret;
	if (!spec->ops || !spec->ops->init)
		return sup_set_error(-EINVAL, "ops: %s is missing",
				     spec->ops ? "init" : "it");
	if ((unsigned int)spec->restart > MAB_PERMANENT)
		return sup_set_error(-EINVAL, "restart: %d is unknown",
				     (int)spec->restart);
	return 0;
}

static size_t size_of_strings(const struct mab_agent_spec *spec, size_t n)
{
	size_t i, size = strlen(spec->id) + strlen(spec->type) + 2;

	for (i = 0; i < n; i++)
		size += strlen(spec->capabilities[i]) + 1;
	return size;
}

static struct mab__config *new_config(const struct mab_agent_spec *spec,
				      size_t n)
{
	size_t i, size = sizeof(struct mab__config) + size_of_strings(spec, n);
	struct mab__config *c = calloc(1, size);
	char *at;

	if (!c)
		return NULL;
	c->size = size;
	c->spec = *spec;
	c->n_capabilities = n;
	at = stpcpy(c->strings, spec->id) + 1;
	at = stpcpy(at, spec->type) + 1;
	for (i = 0; i < n; i++)
		at = stpcpy(at, spec->capabilities[i]) + 1;
	return c;
}

int mab__config_new(const struct mab_agent_spec *given,
		    struct mab__config **ret_config)
{
	struct mab_agent_spec spec;
	size_t n = 0;
	int ret;

	ret = mab__copy_options(&spec, sizeof(spec), given);
	if (!ret)
		ret = check_spec(&spec, &n);
	if (ret)
		return ret;
	*ret_config = new_config(&spec, n);
	return *ret_config ? 0 : mab__nomem("an agent");
}

static struct mab__agent *new_agent(struct mab__config *config)
{
	const char *id = config->strings;
	struct mab__agent *a = calloc(1, sizeof(*a) + strlen(id) + 1);

	if (!a)
		return NULL;
	strcpy(a->id, id);
	a->registered_ns = sup_deadline_ms(0);
	a->config = config;
	return a;
}

static void free_agent(struct mab__agent *a)
{
	free(a->config);
	free(a->old_config);
	free(a->cgroup);
	free(a);
}

static int add_locked(struct mab__agent *a)
{
	struct mab__agent *other;

	if (mab__agent_find_locked(a->id))
		return sup_set_error(-EEXIST, "id: there is an agent \"%s\"",
				     a->id);
	do {
		a->nr = ++mab__agents.last_nr;
		HASH_FIND(by_nr, mab__agents.by_nr, &a->nr, sizeof(a->nr),
			  other);
	} while (!a->nr || other);
	HASH_ADD_STR(mab__agents.agents, id, a);
	if (!a->hh.tbl)
		return mab__nomem("an agent");
	HASH_ADD(by_nr, mab__agents.by_nr, nr, sizeof(a->nr), a);
	if (!a->by_nr.tbl) {
		HASH_DEL(mab__agents.agents, a);
		return mab__nomem("an agent");
	}
	return 0;
}

static void tell(enum mab__news_kind kind, const char *id)
{
	struct mab__news news;

	mab__news_of(&news, kind, id);
	mab__news_tell(&news);
}

int mab_agent_register(const struct mab_agent_spec *spec)
{
	struct mab__config *config;
	char id[MAB_NAME_MAX + 1];
	struct mab__agent *a;
	int ret;

	ret = mab__config_new(spec, &config);
	if (ret)
		return ret;
	a = new_agent(config);
	if (!a) {
		free(config);
		return mab__nomem("an agent");
	}
	strcpy(id, a->id);
	pthread_mutex_lock(&mab__agents.lock);
	ret = add_locked(a);
	pthread_mutex_unlock(&mab__agents.lock);
	if (ret)
		free_agent(a);
	else
		tell(MAB__ADDED, id);
	return ret;
}

/* Takes it out of the table. -ENOENT; -EBUSY: it runs. */
static int take_out_locked(const char *id, struct mab__agent **ret_agent)
{
	struct mab__agent *a = mab__agent_find_locked(id);

	if (!a)
		return mab__agent_unknown(id);
	if (a->run)
		return -EBUSY;
	HASH_DEL(mab__agents.agents, a);
	HASH_DELETE(by_nr, mab__agents.by_nr, a);
	*ret_agent = a;
	return 0;
}

int mab_agent_deregister(const char *id)
{
	struct mab__agent *a = NULL;
	int ret;

	ret = mab__check_name("id", id);
	if (ret)
		return ret;
	do {
		ret = mab_agent_stop(id);
		if (ret && ret != -ESRCH)
			return ret;
		mab__pipe_await_end(id);
		pthread_mutex_lock(&mab__agents.lock);
		ret = take_out_locked(id, &a);
		pthread_mutex_unlock(&mab__agents.lock);
	} while (ret == -EBUSY);
	if (ret)
		return ret;
	if (a->cgroup)
		rmdir(a->cgroup);
	tell(MAB__REMOVED, id);
	free_agent(a);
	return 0;
}

static bool has_capability(const struct mab__config *c, const char *at,
			   const char *wanted)
{
	size_t i;

	for (i = 0; i < c->n_capabilities; i++, at += strlen(at) + 1)
		if (!strcmp(at, wanted))
			return true;
	return false;
}

static const char *type_of(const struct mab__config *c)
{
	return c->strings + strlen(c->strings) + 1;
}

static const char *capabilities_of(const struct mab__config *c)
{
	const char *type = type_of(c);

	return type + strlen(type) + 1;
}

static bool has_all(const struct mab__config *c, const char *const *wanted)
{
	for (; wanted && *wanted; wanted++)
		if (!has_capability(c, capabilities_of(c), *wanted))
			return false;
	return true;
}

bool mab__agent_can(const char *id, const char *const *capabilities,
		    struct sup_pid *ret_pid, size_t *ret_n)
{
	struct mab__agent *a;
	bool can;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	can = a && has_all(a->config, capabilities);
	if (a) {
		*ret_n = a->config->n_capabilities;
		*ret_pid = a->state == MAB_RUNNING && sup_is_alive(a->pid) ?
			   a->pid : SUP_PID_NONE;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return can;
}

static bool matches_locked(const struct mab__agent *a, const void *query)
{
	const struct mab_agent_query *q = query;

	if (q->states && !(q->states & MAB_STATE_BIT(a->state)))
		return false;
	if (q->type && strcmp(q->type, type_of(a->config)))
		return false;
	return has_all(a->config, q->capabilities);
}

static bool is_called_locked(const struct mab__agent *a, const void *id)
{
	return !strcmp(a->id, id);
}

/* Where the next array and the next string of a block go. */
struct filler {
	const char **pointers;
	char *strings;
};

static void fill_locked(const struct mab__agent *a, struct mab_agent *to,
			struct filler *f)
{
	const struct mab__config *c = a->config;
	size_t i, len = c->size - sizeof(*c);
	char *at = f->strings;

	*to = (struct mab_agent){
		.n_capabilities = c->n_capabilities, .state = a->state,
		.pid = mab__agent_is_up_locked(a) ? a->pid : SUP_PID_NONE,
		.last_pid = a->child, .restarts = a->restarts,
		.has_ended = a->has_ended, .reason = a->reason,
		.error = a->error, .registered_ns = a->registered_ns,
		.started_ns = a->started_ns,
	};
	memcpy(at, c->strings, len);
	f->strings += len;
	to->id = at;
	at += strlen(at) + 1;
	to->type = at;
	to->capabilities = f->pointers;
	for (i = 0; i < c->n_capabilities; i++) {
		at += strlen(at) + 1;
		*f->pointers++ = at;
	}
	*f->pointers++ = NULL;
}

/* One block of all that match. */
static int collect_locked(bool (*match)(const struct mab__agent *a,
					const void *arg), const void *arg,
			  struct mab_agent **ret_agents, size_t *ret_n)
{
	size_t n = 0, pointers = 0, strings = 0;
	struct mab_agent *agents = NULL;
	struct mab__agent *a;
	struct filler f;

	for (a = mab__agents.agents; a; a = a->hh.next) {
		if (!match(a, arg))
			continue;
		n++;
		pointers += a->config->n_capabilities + 1;
		strings += a->config->size - sizeof(*a->config);
	}
	*ret_n = 0;
	*ret_agents = NULL;
	if (!n)
		return 0;
	agents = malloc(n * sizeof(*agents) + pointers * sizeof(*f.pointers) +
			strings);
	if (!agents)
		return mab__nomem("agents");
	f.pointers = (const char **)(agents + n);
	f.strings = (char *)(f.pointers + pointers);
	for (a = mab__agents.agents; a; a = a->hh.next)
		if (match(a, arg))
			fill_locked(a, &agents[(*ret_n)++], &f);
	*ret_agents = agents;
	return 0;
}

int mab_agent_get(const char *id, struct mab_agent **ret_agent)
{
	struct mab_agent *agent = NULL;
	size_t n;
	int ret;

	ret = mab__check_name("id", id);
	if (ret)
		return ret == -ENAMETOOLONG ? mab__agent_unknown(id) : ret;
	mab__agents_settle(id);
	pthread_mutex_lock(&mab__agents.lock);
	ret = collect_locked(is_called_locked, id, &agent, &n);
	pthread_mutex_unlock(&mab__agents.lock);
	if (!ret && !agent)
		ret = mab__agent_unknown(id);
	if (!ret)
		*ret_agent = agent;
	return ret;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct mab_agent *)a)->id,
		      ((const struct mab_agent *)b)->id);
}

int mab_agent_find(const struct mab_agent_query *query,
		   struct mab_agent **ret_agents, size_t *ret_n)
{
	static const struct mab_agent_query all;
	struct mab_agent *agents;
	size_t n;
	int ret;

	mab__agents_settle(NULL);
	pthread_mutex_lock(&mab__agents.lock);
	ret = collect_locked(matches_locked, query ? query : &all, &agents,
			     &n);
	pthread_mutex_unlock(&mab__agents.lock);
	if (ret)
		return ret;
	if (n)
		qsort(agents, n, sizeof(*agents), by_id);
	*ret_agents = agents;
	*ret_n = n;
	return 0;
}

struct sup_pid mab_agent_whereis(const char *id)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct mab__agent *a;

	if (!id)
		return pid;
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a && mab__agent_is_up_locked(a))
		pid = a->pid;
	pthread_mutex_unlock(&mab__agents.lock);
	return pid;
}

const char *mab_agent_state_name(enum mab_agent_state state)
{
	static const char *const names[] = {
		[MAB_REGISTERED] = "registered",
		[MAB_STARTING] = "starting",
		[MAB_RUNNING] = "running",
		[MAB_RESTARTING] = "restarting",
		[MAB_CRASHED] = "crashed",
		[MAB_COMPLETED] = "completed",
		[MAB_STOPPED] = "stopped",
	};

	return (unsigned int)state < MAB_STATES ? names[state] : "unknown";
}
