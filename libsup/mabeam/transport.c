/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transports are a small table, which is the process's; the first one is
 * that of its own agents. Their ops are called with no lock held, on a copy.
 */
#include "mabeam/transport_in.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/agent_wire.h"
#include "mabeam/agents.h"
#include "mabeam/service.h"

struct transport {
	char peer[MAB_NAME_MAX + 1];
	struct mab_transport_ops ops;
	void *arg;
};

static int find_local(const char *id, void *arg, struct sup_pid *ret_pid,
		      struct sup_reason *ret_reason)
{
	int ret = mab__agent_task(id, ret_pid);

	(void)arg;
	if (ret == -ENOTCONN)
		mab__agent_last_end(id, ret_reason);
	return ret;
}

/* What was found is no task's memory: nothing below is a safe point. */
static int each_local(const char *const *capabilities, void *arg,
		      int (*found)(struct sup_pid pid, void *to), void *to)
{
	const struct mab_agent_query query = {
		.capabilities = capabilities,
		.states = MAB_STATE_BIT(MAB_RUNNING),
	};
	struct mab_agent *agents;
	size_t i, n;
	int ret;

	(void)arg;
	ret = mab_agent_find(&query, &agents, &n);
	if (ret)
		return ret;
	for (i = 0; i < n && !ret; i++)
		ret = found(agents[i].pid, to);
	free(agents);
	return ret;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of all below. */
static size_t n_transports = 1;
static struct transport transports[MAB_TRANSPORTS_MAX] = {
	{
		.peer = MAB_LOCAL,
		.ops = {
			.size = sizeof(struct mab_transport_ops),
			.find = find_local, .each = each_local,
		},
	},
};

static struct transport *find_locked(const char *peer, size_t len)
{
	struct transport *t;

	for (t = transports; t < transports + n_transports; t++)
		if (strlen(t->peer) == len && !memcmp(t->peer, peer, len))
			return t;
	return NULL;
}

static int add_locked(const char *peer, const struct mab_transport_ops *ops,
		      void *arg)
{
	struct transport *t = transports + n_transports;

	if (find_locked(peer, strlen(peer)))
		return sup_set_error(-EEXIST, "peer: there is \"%s\"", peer);
	if (n_transports == MAB_TRANSPORTS_MAX)
		return sup_set_error(-ENOSPC, "there are %d transports",
				     MAB_TRANSPORTS_MAX);
	*t = (struct transport){ .ops = *ops, .arg = arg };
	strcpy(t->peer, peer);
	n_transports++;
	return 0;
}

int mab_transport_register(const char *peer,
			   const struct mab_transport_ops *ops, void *arg)
{
	struct mab_transport_ops copy;
	int ret;

	ret = mab__check_name("peer", peer);
	if (!ret && strchr(peer, '/'))
		ret = sup_set_error(-EINVAL, "peer: \"%s\" has a '/'", peer);
	if (!ret)
		ret = mab__copy_options(&copy, sizeof(copy), ops);
	if (!ret && !copy.find)
		ret = sup_set_error(-EINVAL, "ops: there is no find");
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	ret = add_locked(peer, &copy, arg);
	pthread_mutex_unlock(&lock);
	return ret;
}

int mab_transport_unregister(const char *peer)
{
	struct transport *t;
	int ret = 0;

	pthread_mutex_lock(&lock);
	t = peer ? find_locked(peer, strlen(peer)) : NULL;
	if (!t)
		ret = -ENOENT;
	else if (t == transports)
		ret = -EPERM;
	else
		*t = transports[--n_transports];
	pthread_mutex_unlock(&lock);
	if (ret == -ENOENT)
		return sup_set_error(ret, "peer: there is no such transport");
	return ret ? sup_set_error(ret, "peer: \"%s\" is this process's own",
				   peer) : 0;
}

/* An ID of this process may have a '/', too, if there is no such PEER. */
int mab__address_find(const char *address, struct sup_pid *ret_pid,
		      struct sup_reason *ret_reason)
{
	const char *slash = address ? strchr(address, '/') : NULL;
	struct transport *t = NULL, copy;
	int ret;

	pthread_mutex_lock(&lock);
	if (slash)
		t = find_locked(address, slash - address);
	copy = t ? *t : transports[0];
	pthread_mutex_unlock(&lock);
	address = t ? slash + 1 : address;
	ret = mab__check_name("to", address);
	return ret ? ret : copy.ops.find(address, copy.arg, ret_pid,
					 ret_reason);
}

int mab__address_each(const char *const *capabilities,
		      int (*found)(struct sup_pid pid, void *to), void *to)
{
	struct transport copies[MAB_TRANSPORTS_MAX];
	size_t i, n;
	int ret = 0;

	pthread_mutex_lock(&lock);
	n = n_transports;
	memcpy(copies, transports, n * sizeof(copies[0]));
	pthread_mutex_unlock(&lock);
	for (i = 0; i < n && !ret; i++)
		if (copies[i].ops.each)
			ret = copies[i].ops.each(capabilities, copies[i].arg,
						 found, to);
	return ret;
}

bool mab_message_read(const struct sup_msg *msg,
		      struct mab_message *ret_message)
{
	return (msg->tag == MAB__REQUEST || msg->tag == MAB__NOTIFY) &&
		mab__wire_read(msg, ret_message);
}
