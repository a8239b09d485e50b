/* SPDX-License-Identifier: 0BSD */
/* Clients: the door, and a job for each, which reads lines and answers them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <foundation/foundation.h>

#include "orders.h"

#define ANSWER_MAX 4096

static const struct fnd_rate order_rate = {
	.kind = FND_RATE_TOKEN_BUCKET, .limit = 60, .window_ms = 60000,
};

struct client {
	int fd;
	char name[ORDERS_NAME_MAX + 1];
};

static void say(struct client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct client *c, const char *format, ...)
{
	char line[ANSWER_MAX];
	va_list args;
	size_t len, done;
	ssize_t n;

	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	len = strlen(line);
	line[len++] = '\n';
	for (done = 0; done < len; done += (size_t)n) {
		n = write(c->fd, line + done, len - done);
		if (n < 0 && errno != EINTR)
			return;		/* to read from it fails, too */
		n = n < 0 ? 0 : n;
		sup_checkpoint();
	}
}

/* Who asked too soon, or failed, may ask again. */
static void refuse(struct client *c, int error, int64_t retry_ns)
{
	if (error == -EDQUOT)
		say(c, "later %lld", (long long)(retry_ns / 1000000 + 1));
	else
		say(c, "error %s: %s", strerror(-error), sup_error());
}

static bool is_name(const char *s)
{
	return s && *s && strlen(s) <= ORDERS_NAME_MAX && !strchr(s, '/');
}

static void name(struct client *c, const char *wanted)
{
	const struct fnd_pair kind = { "kind", "client" };
	const struct fnd_metadata metadata = { &kind, 1 };
	int ret;

	if (*c->name || !is_name(wanted)) {
		say(c, "error name: %s", *c->name ? "you have one" : "bad");
		return;
	}
	ret = fnd_process_register(FND_PRODUCTION, wanted, sup_self(),
				   &metadata, NULL);
	if (ret) {
		refuse(c, ret, 0);
		return;
	}
	snprintf(c->name, sizeof(c->name), "%s", wanted);
	say(c, "ok hello");
}

/* What is known of an order, as text, and its id; -ENOENT: nothing. */
static int chain(const char *correlation, uint64_t *ret_id, char *text,
		 size_t len)
{
	struct fnd_event *e;
	size_t n, i, at = 0;
	int ret;

	ret = fnd_event_chain(correlation, &e, &n, orders_soon());
	if (ret || !n)
		return ret ? ret : -ENOENT;
	*ret_id = e[0].id;
	for (i = 0; i < n && at < len; i++)
		at += (size_t)snprintf(text + at, len - at, " %llu %s",
				       (unsigned long long)e[i].id, e[i].type);
	free(e);
	return 0;
}

/* Whoever leads looks once more; who leads next does so anyhow. */
static void tell_shipper(void)
{
	const struct sup_msg msg = { .tag = 0 };
	struct fnd_leader leader;

	if (!fnd_election_leader("shipping", &leader))
		sup_send(leader.pid, &msg, SUP_TRY);
}

/*
 * Two steps, to look and to store; but nobody else stores for this client, who
 * has its name. A task that had it before and was ended while it stored has
 * asked the store before this one does.
 */
static int store_once(const struct client *c, const char *correlation,
		      const char *what, uint64_t *ret_id)
{
	const struct fnd_event order = {
		.type = "order", .source = c->name, .correlation = correlation,
		.data = { what, strlen(what) },
	};
	char text[ANSWER_MAX];
	int ret;

	ret = chain(correlation, ret_id, text, sizeof(text));
	if (ret != -ENOENT)
		return ret;
	ret = fnd_event_store(&order, ret_id, orders_soon());
	if (ret)
		return ret;
	fnd_counter_add("orders", 1, NULL);
	tell_shipper();
	return 0;
}

static void order(struct client *c, const char *correlation, const char *what)
{
	int64_t retry_ns = 0;
	uint64_t id;
	int ret;

	if (!what || !*what) {
		say(c, "error order: REF WHAT");
		return;
	}
	ret = fnd_rate_check(c->name, "order", &order_rate, &retry_ns);
	if (!ret)
		ret = store_once(c, correlation, what, &id);
	if (ret)
		refuse(c, ret, retry_ns);
	else
		say(c, "ok %llu", (unsigned long long)id);
}

static void track(struct client *c, const char *correlation)
{
	char text[ANSWER_MAX - 16];
	uint64_t id;
	int ret;

	ret = chain(correlation, &id, text, sizeof(text));
	if (ret)
		refuse(c, ret, 0);
	else
		say(c, "ok%s", text);
}

static void status(struct client *c)
{
	static const char *const states[] = {
		[FND_BREAKER_CLOSED] = "closed", [FND_BREAKER_OPEN] = "open",
		[FND_BREAKER_HALF_OPEN] = "half-open",
	};
	struct fnd_leader leader = { .proclaimed = "nobody" };
	struct fnd_breaker_status breaker = { .state = FND_BREAKER_CLOSED };
	int64_t orders = 0, shipped = 0;

	fnd_counter_get("orders", &orders);
	fnd_counter_get("shipped", &shipped);
	fnd_breaker_status("warehouse", &breaker);
	fnd_election_leader("shipping", &leader);
	say(c, "ok orders %lld shipped %lld warehouse %s leader %s term %llu",
	    (long long)orders, (long long)shipped, states[breaker.state],
	    leader.proclaimed, (unsigned long long)leader.term);
}

static void clients(struct client *c)
{
	const struct fnd_pair kind = { "kind", "client" };
	const struct fnd_process_query q = { .has = { &kind, 1 } };
	char text[ANSWER_MAX - 16] = "";
	struct fnd_process *found;
	size_t n, i, at = 0;
	int ret;

	ret = fnd_process_find(FND_PRODUCTION, &q, &found, &n);
	if (ret) {
		refuse(c, ret, 0);
		return;
	}
	for (i = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %s",
				       found[i].name);
	free(found);
	say(c, "ok%s", text);
}

/* It ends, and is started again, behind the one that stood by. */
static void hand_over(struct client *c)
{
	struct fnd_leader leader;
	int ret;

	ret = fnd_election_leader("shipping", &leader);
	if (!ret)
		ret = sup_exit(leader.pid, &SUP_SHUTDOWN);
	if (ret)
		refuse(c, ret, 0);
	else
		say(c, "ok from %s", leader.proclaimed);
}

static void obey(struct client *c, char *line)
{
	char *rest = line, *verb = strsep(&rest, " ");
	char *ref = strsep(&rest, " ");
	char correlation[ORDERS_CORRELATION];

	if (!strcmp(verb, "name")) {
		name(c, ref);
	} else if (!strcmp(verb, "status")) {
		status(c);
	} else if (!strcmp(verb, "clients")) {
		clients(c);
	} else if (!strcmp(verb, "handover")) {
		hand_over(c);
	} else if (strcmp(verb, "order") && strcmp(verb, "track")) {
		say(c, "error what?");
	} else if (!*c->name || !is_name(ref)) {
		say(c, "error %s: %s", verb, *c->name ? "bad REF" : "no name");
	} else {
		snprintf(correlation, sizeof(correlation), "%s/%s", c->name,
			 ref);
		if (*verb == 'o')
			order(c, correlation, rest);
		else
			track(c, correlation);
	}
}

/* The lines that are complete; how many bytes are left at the beginning. */
static size_t obey_all(struct client *c, char *buf, size_t len)
{
	char *line = buf, *end;

	while ((end = memchr(line, '\n', len))) {
		*end = '\0';
		obey(c, line);
		len -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	memmove(buf, line, len);
	return len;
}

static int serve(void *arg, struct sup_msg *ret_result)
{
	struct client c = { .fd = *(int *)arg };
	char buf[ORDERS_LINE_MAX];
	size_t len = 0;
	ssize_t n;

	(void)ret_result;
	while (len < sizeof(buf)) {
		n = read(c.fd, buf + len, sizeof(buf) - len);
		sup_checkpoint();
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		len = obey_all(&c, buf, len + (size_t)n);
	}
	say(&c, "error the line is too long");
	return 0;
}

static void hang_up(void *arg)
{
	close(*(int *)arg);
	free(arg);
}

static void welcome(int fd)
{
	struct sup_job_spec job = {
		.size = sizeof(job), .name = "client", .run = serve,
		.free_arg = hang_up,
	};
	struct sup_pid pid;

	job.arg = malloc(sizeof(int));
	if (!job.arg) {
		close(fd);
		return;
	}
	*(int *)job.arg = fd;
	if (sup_start_job(fnd_task_supervisor(), &job, &pid))
		hang_up(job.arg);
}

/* The store is open, so no other one serves in this folder. */
static int open_door(int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	unlink(orders_front.sun_path);
	if (bind(fd, (struct sockaddr *)&orders_front, sizeof(orders_front)) ||
	    listen(fd, 64))
		ret = -errno;
	else
		ret = sup_own_fd(fd);
	if (ret)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}

int orders_open(void *arg)
{
	int listener = -1, fd, ret;

	(void)arg;
	ret = open_door(&listener);
	if (ret)
		return ret;
	sup_ready();
	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			welcome(fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return -errno;
		sup_checkpoint();
	}
}
