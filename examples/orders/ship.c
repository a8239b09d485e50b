/* SPDX-License-Identifier: 0BSD */
/*
 * Shipping. Orders are shipped in the order of their ids, so the last one that
 * was shipped, which is in the store, says where to go on; nothing else needs
 * to be remembered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <foundation/foundation.h>

#include "orders.h"

#define WAREHOUSE_S 2
#define AGAIN_MS 200

struct order {
	uint64_t id, term;
	char correlation[ORDERS_CORRELATION];
	char what[ORDERS_LINE_MAX];
};

/* Called by the breaker. Negative: the warehouse may not have it. */
static int deliver(void *arg)
{
	const struct timeval patience = { .tv_sec = WAREHOUSE_S };
	const struct order *o = arg;
	const struct sockaddr *to = (struct sockaddr *)&orders_back;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[3];
	int ret = -EIO;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, to, sizeof(orders_back)) &&
	    dprintf(fd, "%llu %llu %s %s\n", (unsigned long long)o->term,
		    (unsigned long long)o->id, o->correlation, o->what) > 0 &&
	    recv(fd, answer, 3, MSG_WAITALL) == 3 &&
	    !memcmp(answer, "ok\n", 3))
		ret = 0;
	close(fd);
	return ret;
}

/* No safe point between the answer and its copy, so nothing is left behind. */
static int read_order(uint64_t id, struct order *o)
{
	struct fnd_event *e;
	int ret;

	ret = fnd_event_get(id, &e, orders_soon());
	if (ret)
		return ret;
	o->id = id;
	snprintf(o->correlation, sizeof(o->correlation), "%s", e->correlation);
	snprintf(o->what, sizeof(o->what), "%.*s", (int)e->data.len,
		 (const char *)e->data.data);
	free(e);
	return 0;
}

/* 0: it is shipped; 1: it is not; negative: nobody can tell any more. */
static int ship(struct order *o)
{
	const struct fnd_event shipped = {
		.type = "shipped", .source = "shipper", .parent = o->id,
		.correlation = o->correlation,
	};
	int result;

	if (fnd_breaker_run("warehouse", deliver, o, &result) || result)
		return 1;
	fnd_counter_add("shipped", 1, NULL);
	return fnd_event_store(&shipped, NULL, orders_soon());
}

/* The order that was shipped last, or 0: they are shipped in their order. */
static int last_shipped(uint64_t *ret_id)
{
	const struct fnd_event_query q = {
		.type = "shipped", .newest_first = true, .limit = 1,
	};
	struct fnd_event *e;
	size_t n;
	int ret;

	ret = fnd_event_query(&q, &e, &n, orders_soon());
	if (ret)
		return ret;
	*ret_id = n ? e->parent : 0;
	free(e);
	return 0;
}

/* Orders after that one, n at most; *ret_n were found, the newest first. */
static int look_after(uint64_t last, uint64_t *ids, size_t n, size_t *ret_n)
{
	const struct fnd_event_query q = {
		.type = "order", .newest_first = true, .limit = n,
	};
	struct fnd_event *e;
	size_t found, i;
	int ret;

	ret = fnd_event_query(&q, &e, &found, orders_soon());
	if (ret)
		return ret;
	for (i = 0; i < found && e[i].id > last; i++)
		ids[i] = e[i].id;
	free(e);
	*ret_n = i;
	return 0;
}

/* All of them: the task's memory, which goes with it if it is killed. */
static int orders_after(uint64_t last, uint64_t **ret_ids, size_t *ret_n)
{
	size_t room = 32;
	uint64_t *ids;
	int ret;

	for (;;) {
		ids = sup_alloc(room * sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		ret = look_after(last, ids, room, ret_n);
		if (!ret && *ret_n < room)
			break;
		sup_free(ids);
		if (ret)
			return ret;
		room *= 4;
	}
	*ret_ids = ids;
	return 0;
}

/* 0: all that there were are shipped; as ship(). *last moves. */
static int ship_all(uint64_t term, uint64_t *last)
{
	struct order o = { .term = term };
	uint64_t *ids;
	size_t n;
	int ret;

	ret = orders_after(*last, &ids, &n);
	if (ret)
		return ret;
	while (!ret && n--) {
		ret = read_order(ids[n], &o);
		if (!ret)
			ret = ship(&o);
		if (!ret)
			*last = o.id;
	}
	sup_free(ids);
	return ret;
}

/* Until somebody says that there is an order, or the deadline. */
static void wait_for_orders(int64_t deadline)
{
	struct sup_info info;

	while (!sup_receive(&info, deadline)) {
		sup_msg_free(&info.msg);
		deadline = SUP_TRY;
	}
}

/*
 * A thread that leads or stands by. Whatever goes wrong with the store ends it:
 * its supervisor starts it again, and who leads then looks at what is there.
 */
int orders_ship(void *arg)
{
	uint64_t term, last;
	int ret;

	ret = fnd_election_campaign("shipping", arg, SUP_FOREVER, &term);
	if (!ret)
		ret = last_shipped(&last);
	while (ret >= 0) {
		ret = ship_all(term, &last);
		if (ret >= 0)
			wait_for_orders(ret ? sup_deadline_ms(AGAIN_MS) :
					SUP_FOREVER);
	}
	return ret;
}
