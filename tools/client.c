/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client has at most one request under way and one packet in our hands. The
 * next packet is made when that one is sent: rows come from a picture taken
 * once, or from the ring of events by number, so that a client that does not
 * read costs one packet of memory, and at the deadline its connection.
 */
#include "client.h"
#include "events.h"
#include "json.h"
#include "rows.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sup/types.h>

#define IDLE_MS		30000	/* to ask */
#define STALL_MS	10000	/* to read what was asked for */
#define AUDIT_MS	2000	/* for what is under way in libsup */
#define BURST		64	/* packets until others have their turn */

void client_init(struct client *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->state = CLIENT_IDLE;
	c->deadline = sup_deadline_ms(IDLE_MS);
}

static void free_pictures(struct client *c)
{
	free(c->nodes);
	c->nodes = NULL;
	free(c->strays);
	c->strays = NULL;
}

void client_drop(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free_pictures(c);
	if (c->op != NULL && !op_ended(c->op)) {
		c->state = CLIENT_CLOSING;
		return;
	}
	free(c->op);
	c->op = NULL;
	c->state = CLIENT_FREE;
}

short client_wants(const struct client *c)
{
	if (c->out_len > 0)
		return POLLOUT;
	return c->state == CLIENT_IDLE ? POLLIN : 0;
}

static void put_end(struct client *c, enum proto_code code, const char *text)
{
	struct json_writer w;
	int len;

	json_open(&w, c->out, sizeof(c->out));
	json_put_string(&w, "t", "end");
	json_put_int(&w, "code", code);
	if (text[0] != '\0')
		json_put_string(&w, "text", text);
	len = json_close(&w);
	c->out_len = len > 0 ? (size_t)len : 0;
	c->ending = true;
}

static void ask_tree(struct client *c, const struct client_view *view,
		     const struct json *req)
{
	int ret;

	ret = tree_snapshot(view->tree, json_bool(req, "all"), &c->nodes,
			    &c->n_nodes);
	if (ret < 0) {
		put_end(c, PROTO_SYSTEM, strerror(-ret));
		return;
	}
	c->next_node = 0;
	c->state = CLIENT_TREE;
}

static int keep_stray(const struct sup_stray *stray, void *arg)
{
	struct client *c = arg;
	struct sup_stray *more;

	more = reallocarray(c->strays, c->n_strays + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	more[c->n_strays++] = *stray;
	c->strays = more;
	return 0;
}

static void ask_audit(struct client *c)
{
	int ret;

	c->next_stray = c->n_strays = 0;
	ret = sup_audit(keep_stray, c, sup_deadline_ms(AUDIT_MS));
	if (ret < 0) {
		put_end(c, PROTO_SYSTEM, ret == -ENOMEM ? strerror(ENOMEM) :
			sup_error());
		return;
	}
	c->state = CLIENT_AUDIT;
}

static void put_row(struct client *c, int len)
{
	if (len < 0) {
		put_end(c, PROTO_SYSTEM, strerror(-len));
		return;
	}
	c->out_len = (size_t)len;
	c->next_node = c->n_nodes = 0;
	c->state = CLIENT_TREE;
}

static void ask_status(struct client *c, const struct client_view *view)
{
	put_row(c, row_status(view, c->out, sizeof(c->out)));
}

static void ask_events(struct client *c, const struct json *req)
{
	int64_t since = json_int(req, "since", -1);
	int64_t last = json_int(req, "last", -1);

	c->until = events_newest();
	c->cursor = since >= 0 ? (uint64_t)since : 0;
	if (last >= 0 && (uint64_t)last < c->until &&
	    c->cursor < c->until - (uint64_t)last)
		c->cursor = c->until - (uint64_t)last;
	c->follow = json_bool(req, "follow");
	c->state = CLIENT_EVENTS;
}

static void fill_op(struct op *op, enum op_kind kind, const char *target,
		    const struct client_view *view, const struct json *req)
{
	op->kind = kind;
	op->wake_fd = view->wake_fd;
	op->signo = (int)json_int(req, "signal", 0);
	op->lineage = json_bool(req, "tree");
	snprintf(op->tree, sizeof(op->tree), "%s", view->tree);
	snprintf(op->target, sizeof(op->target), "%s", target);
}

static void ask_explain(struct client *c, const struct client_view *view,
			const struct json *req)
{
	struct sup_explanation e;
	struct op op = { 0 };

	fill_op(&op, OP_KILL, json_string(req, "id", ""), view, req);
	if (op_explain(&op, &e))
		put_row(c, row_explanation(&e, c->out, sizeof(c->out)));
	else
		put_end(c, op.code, op.text);
}

static void ask_op(struct client *c, const struct client_view *view,
		   enum op_kind kind, const struct json *req)
{
	const char *target = json_string(req, "id", "");
	int64_t signo = json_int(req, "signal", 0);
	int ret;

	if (target[0] == '\0' || strlen(target) >= sizeof(c->op->target)) {
		put_end(c, PROTO_USAGE, "\"id\": an id, path or pid expected");
		return;
	}
	if (signo < 0 || signo > SIGRTMAX) {
		put_end(c, PROTO_USAGE, "\"signal\": there is no such signal");
		return;
	}
	c->op = calloc(1, sizeof(*c->op));
	if (c->op == NULL) {
		put_end(c, PROTO_SYSTEM, strerror(ENOMEM));
		return;
	}
	fill_op(c->op, kind, target, view, req);
	ret = op_start(c->op);
	if (ret < 0) {
		free(c->op);
		c->op = NULL;
		put_end(c, PROTO_SYSTEM, strerror(-ret));
		return;
	}
	c->state = CLIENT_OP;
}

static void ask(struct client *c, const struct client_view *view,
		const struct json *req)
{
	static const struct {
		const char *name;
		enum op_kind kind;
	} ops[] = {
		{ "kill", OP_KILL }, { "stop", OP_STOP },
		{ "start", OP_START }, { "restart", OP_RESTART },
	};
	const char *op = json_string(req, "op", "");
	size_t i;

	if (json_int(req, "v", -1) != PROTO_VERSION) {
		put_end(c, PROTO_USAGE, "\"v\": this supd speaks version 1");
		return;
	}
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(op, ops[i].name) == 0) {
			ask_op(c, view, ops[i].kind, req);
			return;
		}
	}
	if (strcmp(op, "tree") == 0)
		ask_tree(c, view, req);
	else if (strcmp(op, "status") == 0)
		ask_status(c, view);
	else if (strcmp(op, "explain") == 0)
		ask_explain(c, view, req);
	else if (strcmp(op, "audit") == 0)
		ask_audit(c);
	else if (strcmp(op, "events") == 0)
		ask_events(c, req);
	else
		put_end(c, PROTO_USAGE, "\"op\": one of tree, status, "
			"explain, audit, events, kill, stop, start, restart "
			"expected");
}

static void read_request(struct client *c, const struct client_view *view)
{
	char text[PROTO_REQUEST_MAX], sentence[160];
	const char *why;
	struct json req;
	ssize_t n;
	size_t at;

	n = recv(c->fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(c);
		return;
	}
	c->deadline = sup_deadline_ms(STALL_MS);
	if ((size_t)n > sizeof(text)) {
		put_end(c, PROTO_USAGE, "the request is too long");
	} else if (json_parse(&req, text, (size_t)n, &why, &at) < 0) {
		snprintf(sentence, sizeof(sentence),
			 "the request is not understood: %s, at byte %zu", why,
			 at + 1);
		put_end(c, PROTO_USAGE, sentence);
	} else {
		ask(c, view, &req);
	}
}

static void make_event(struct client *c)
{
	struct numbered_event e;
	struct json_writer w;
	int len;

	if (!c->follow && c->cursor >= c->until) {
		put_end(c, PROTO_OK, "");
		return;
	}
	if (events_next(c->cursor, &e) < 0)
		return;
	if (e.seq != c->cursor + 1) {
		json_open(&w, c->out, sizeof(c->out));
		json_put_string(&w, "t", "gap");
		json_put_int(&w, "lost", (int64_t)(e.seq - c->cursor - 1));
		len = json_close(&w);
		c->cursor = e.seq - 1;
	} else {
		len = events_format(&e, c->out, sizeof(c->out));
		c->cursor = e.seq;
	}
	c->out_len = len > 0 ? (size_t)len : 0;
}

/* Makes the next packet, if there is anything to say. */
static void make_packet(struct client *c)
{
	int len;

	switch (c->state) {
	case CLIENT_TREE:
		if (c->next_node == c->n_nodes) {
			put_end(c, PROTO_OK, "");
			break;
		}
		len = row_node(&c->nodes[c->next_node++], c->out,
			       sizeof(c->out));
		c->out_len = len > 0 ? (size_t)len : 0;
		break;
	case CLIENT_AUDIT:
		if (c->next_stray == c->n_strays) {
			put_end(c, PROTO_OK, "");
			break;
		}
		len = row_stray(&c->strays[c->next_stray++], c->out,
				sizeof(c->out));
		c->out_len = len > 0 ? (size_t)len : 0;
		break;
	case CLIENT_EVENTS:
		make_event(c);
		break;
	case CLIENT_OP:
		if (!op_ended(c->op))
			break;
		if (atomic_load(&c->op->done))
			put_end(c, c->op->code, c->op->text);
		else
			put_end(c, PROTO_SYSTEM, "supd is stopping");
		break;
	default:
		break;
	}
}

static void finish_reply(struct client *c)
{
	c->ending = false;
	free_pictures(c);
	free(c->op);
	c->op = NULL;
	c->state = CLIENT_IDLE;
	c->deadline = sup_deadline_ms(IDLE_MS);
}

/* 0: sent, there may be more. */
static int send_packet(struct client *c)
{
	ssize_t n;

	n = send(c->fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n < 0) {
		client_drop(c);
		return -EPIPE;
	}
	c->out_len = 0;
	c->deadline = sup_deadline_ms(STALL_MS);
	if (c->ending)
		finish_reply(c);
	return 0;
}

static void send_packets(struct client *c)
{
	int i;

	for (i = 0; i < BURST; i++) {
		if (c->out_len == 0)
			make_packet(c);
		if (c->out_len == 0) {
			if (c->state != CLIENT_IDLE)
				c->deadline = -1;
			return;
		}
		if (c->deadline < 0)
			c->deadline = sup_deadline_ms(STALL_MS);
		if (send_packet(c) < 0)
			return;
	}
	/* poll(2) shall not wait while there is more. */
	if (c->out_len == 0)
		make_packet(c);
}

void client_step(struct client *c, const struct client_view *view,
		 short revents)
{
	if (c->state == CLIENT_CLOSING || c->state == CLIENT_FREE ||
	    (revents & (POLLHUP | POLLERR)) ||
	    (c->deadline >= 0 && sup_deadline_ms(0) >= c->deadline)) {
		client_drop(c);
		return;
	}
	if (c->state == CLIENT_IDLE && c->out_len == 0 && (revents & POLLIN))
		read_request(c, view);
	if (c->state != CLIENT_FREE && c->state != CLIENT_CLOSING)
		send_packets(c);
}
