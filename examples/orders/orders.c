/* SPDX-License-Identifier: 0BSD */
/*
 * orders FOLDER: takes orders of clients over a UNIX socket, FOLDER/orders, and
 * passes each on to a warehouse, which is somebody else's program that listens
 * on FOLDER/warehouse, and may be slow, broken or not there. A line each:
 *
 *	name CLIENT		who asks; first, one connection at a time
 *	order REF WHAT		an order; REF is the client's own number for it
 *	track REF		what has become of it
 *	status, clients		how things are, who is there
 *	handover		another shipper takes over
 *
 * answered by a line each: "ok ...", "later MS" or "error ...". What "ok 17"
 * was said to is on the disk, and is shipped whatever ends; an order that is
 * sent again, because its answer was lost, is the same one. The warehouse reads
 * "TERM ID CLIENT/REF WHAT" and says "ok" when it has it. It may be told twice,
 * with the same ID, and never by a lesser TERM once it has seen a greater one.
 *
 *	top ---- signals		SIGTERM: all of it ends
 *	     |-- foundation		the services
 *	     |     `-- fnd_tasks	TaskSupervisor: a job a connection
 *	     `-- orders ---- shipper-a	one ships, the other stands by
 *	                  |-- shipper-b
 *	                  `-- door	accepts connections
 *
 * No thread here shares anything with another but by a service:
 *
 *	EventStore		orders, and that they were shipped: all there is
 *				to remember; shippers begin where it ends
 *	ProcessRegistry		which task a client's name is; goes with it
 *	RateLimiter		60 orders at once, then one a second, a client
 *	elections		which shipper; the term goes to the warehouse
 *	CircuitBreaker		round the warehouse
 *	counters		for status
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include <foundation/foundation.h>

#include "orders.h"

struct sockaddr_un orders_front = { .sun_family = AF_UNIX };
struct sockaddr_un orders_back = { .sun_family = AF_UNIX };

static sigset_t ends;

/* Its clean end is that of all, for it is significant. */
static int signals(void *arg)
{
	(void)arg;
	while (sigwaitinfo(&ends, NULL) < 0)
		sup_checkpoint();
	return 0;
}

#define SPEC(type) .size = sizeof(struct type)

static const struct sup_thread_spec ending = {
	SPEC(sup_thread_spec), .name = "signals", .run = signals,
};

/* Each of these may end, and is started again, without the others. */
static char a[] = "shipper-a", b[] = "shipper-b";

static const struct sup_thread_spec threads[] = {
	{ SPEC(sup_thread_spec), .name = a, .run = orders_ship, .arg = a },
	{ SPEC(sup_thread_spec), .name = b, .run = orders_ship, .arg = b },
	{ SPEC(sup_thread_spec), .name = "door", .run = orders_open,
	  .awaits_ready = true },
};

#define THREAD(i) { \
	SPEC(sup_child_spec), .id = threads[i].name, \
	.start = sup_thread_start, .arg = &threads[i], \
}

static int start_orders(const void *arg, struct sup_pid *ret_pid)
{
	const struct sup_child_spec children[] = {
		THREAD(0), THREAD(1), THREAD(2),
	};
	const struct sup_supervisor_spec spec = {
		SPEC(sup_supervisor_spec), .name = "orders", .intensity = 10,
		.period_s = 10, .children = children, .n_children = 3,
	};

	(void)arg;
	return sup_supervisor_start(&spec, ret_pid);
}

/* Options are read again at restarts: they stay. */
static char file[sizeof(orders_front.sun_path)];

static const struct fnd_event_store_options store = {
	SPEC(fnd_event_store_options), .file = file,
	.durability = FND_EVENT_SYSTEM, .max_events = 10000000,
	.max_age_ms = -1,
};

static const struct fnd_foundation_options services = {
	SPEC(fnd_foundation_options), .event_store = &store,
};

/* Without the services nothing else goes on: rest for one. */
static int start_all(struct sup_pid *ret_top)
{
	const struct sup_child_spec children[] = {
		{ SPEC(sup_child_spec), .id = "signals",
		  .start = sup_thread_start, .arg = &ending,
		  .restart = SUP_TRANSIENT, .significant = true },
		{ SPEC(sup_child_spec), .id = "foundation",
		  .start = fnd_foundation_start, .arg = &services,
		  .type = SUP_SUPERVISOR },
		{ SPEC(sup_child_spec), .id = "orders", .start = start_orders,
		  .type = SUP_SUPERVISOR },
	};
	const struct sup_supervisor_spec spec = {
		SPEC(sup_supervisor_spec), .name = "top",
		.strategy = SUP_REST_FOR_ONE, .children = children,
		.n_children = 3, .auto_shutdown = SUP_AUTO_SHUTDOWN_ANY,
	};

	return sup_supervisor_start(&spec, ret_top);
}

static bool set_path(char *path, const char *folder, const char *what)
{
	return (size_t)snprintf(path, sizeof(file), "%s/%s", folder, what) <
	       sizeof(file);
}

int main(int argc, char **argv)
{
	const struct fnd_breaker_options breaker = {
		.size = sizeof(breaker), .tolerance = 3, .window_ms = 10000,
		.refresh_ms = 1000,
	};
	struct sup_reason reason;
	struct sup_pid top;

	if (argc != 2 ||
	    !set_path(orders_front.sun_path, argv[1], "orders") ||
	    !set_path(orders_back.sun_path, argv[1], "warehouse") ||
	    !set_path(file, argv[1], "orders.db")) {
		fprintf(stderr, "usage: orders FOLDER (a short path)\n");
		return 100;
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	if (sup_open(NULL) || fnd_breaker_open("warehouse", &breaker) ||
	    start_all(&top)) {
		fprintf(stderr, "orders: %s\n", sup_error());
		return 1;
	}
	puts("ready");
	fflush(stdout);
	sup_wait(top, &reason, SUP_FOREVER);
	sup_close();
	return !sup_reason_is_clean(&reason);
}
