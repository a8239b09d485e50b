/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libmicrohttpd does the protocol. It has no thread here and no socket to
 * listen on: connections are accepted by the endpoint, and it runs when its
 * epoll instance has news.
 *
 * What a client may take is bounded: the connections by their number, what one
 * says before it has asked by MEMORY bytes, and its time by a limit for all of
 * it. libmicrohttpd's own time-out begins anew with each byte, so that who
 * sends one now and then would stay for ever; and it may overlook that a client
 * is gone which has sent half a request just before. Here a connection is for
 * one request, and the oldest one is the first whose time is over.
 *
 *	silent	it has not asked yet		in both lists
 *	asked	it is being answered		in the list by age
 *	cut off	its socket is shut down		in none, until libmicrohttpd
 *						has seen that and closed it
 *
 * A thread that is killed leaves at a safe point, of which there is none in
 * here, so what a destructor of the thread closes is whole.
 */
#include "foundation/metrics_http.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <microhttpd.h>

#include <foundation/metrics_endpoint.h>
#include <foundation/telemetry.h>
#include <sup/error.h>
#include <sup/types.h>

#include "foundation/metrics_accept.h"
#include "foundation/service.h"

#define MEMORY ((size_t)16384)	/* of a connection, for its request */

struct connection {
	TAILQ_ENTRY(connection) by_age, silent;
	int fd;
	int64_t until;
	enum { UNUSED, SILENT, ASKED, CUT_OFF } state;
};
TAILQ_HEAD(connections, connection);

struct fnd__http {
	struct MHD_Daemon *daemon;
	int fd;
	int64_t timeout_ms;
	unsigned int n, n_cut_off, max;
	struct connections by_age, silent, unused;	/* oldest first */
	struct connection all[];
};

static pthread_key_t key;
static int key_error;

static void close_http(void *arg)
{
	struct fnd__http *h = arg;

	MHD_stop_daemon(h->daemon);
	free(h);
}

static void make_key(void)
{
	key_error = -pthread_key_create(&key, close_http);
}

static void count(const char *name, const char *label, const char *value)
{
	const struct fnd_pair pair = { label, value };

	fnd_telemetry_count(name, 1, &(struct fnd_metadata){ &pair, 1 });
}

static void leave_state(struct fnd__http *h, struct connection *c)
{
	if (c->state == SILENT)
		TAILQ_REMOVE(&h->silent, c, silent);
	if (c->state == SILENT || c->state == ASKED)
		TAILQ_REMOVE(&h->by_age, c, by_age);
	h->n_cut_off -= c->state == CUT_OFF;
}

/*
 * Its end is seen by libmicrohttpd, which closes it; the kernel does not keep
 * what has not been sent for somebody who does not read.
 */
static void cut_off(struct fnd__http *h, struct connection *c, const char *why)
{
	const struct linger at_once = { .l_onoff = 1 };

	leave_state(h, c);
	c->state = CUT_OFF;
	h->n_cut_off++;
	/* ORDER: who sees the end finds it counted. */
	count("foundation.metrics.cut_off", "why", why);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(c->fd, SHUT_RDWR);
}

/* libmicrohttpd allows as many as there are. */
static void begin(struct fnd__http *h, struct MHD_Connection *mhd,
		  void **ret_context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd,
		MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = TAILQ_FIRST(&h->unused);

	TAILQ_REMOVE(&h->unused, c, by_age);
	c->fd = info->connect_fd;
	c->until = sup_deadline_ms(h->timeout_ms);
	c->state = SILENT;
	TAILQ_INSERT_TAIL(&h->by_age, c, by_age);
	TAILQ_INSERT_TAIL(&h->silent, c, silent);
	h->n++;
	*ret_context = c;
}

static void end(struct fnd__http *h, struct connection *c)
{
	leave_state(h, c);
	c->state = UNUSED;
	TAILQ_INSERT_TAIL(&h->unused, c, by_age);
	h->n--;
}

static void notify(void *cls, struct MHD_Connection *mhd, void **context,
		   enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		begin(cls, mhd, context);
	else
		end(cls, *context);
}

static enum MHD_Result take_header(void *accept, enum MHD_ValueKind kind,
				   const char *name, const char *value)
{
	(void)kind;
	if (!strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) && value)
		fnd__accept_header(accept, value);
	return MHD_YES;
}

static const char *const media[] = {
	[FND_METRIC_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
	[FND_METRIC_OPENMETRICS] = ("application/openmetrics-text; "
				    "version=1.0.0; charset=utf-8"),
};

/* NULL: no memory. */
static struct MHD_Response *figures(struct MHD_Connection *mhd)
{
	struct fnd__accept accept = { .open = 0 };
	enum fnd_metric_text format;
	struct MHD_Response *r;
	char *text;
	size_t len;

	MHD_get_connection_values(mhd, MHD_HEADER_KIND, take_header, &accept);
	format = fnd__accept_text(&accept);
	if (fnd_metric_write(format, &text, &len))
		return NULL;
	r = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(text);
	else
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
					media[format]);
	return r;
}

static struct MHD_Response *words(const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text),
		(void *)text, MHD_RESPMEM_PERSISTENT);

	if (r)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
					"text/plain; charset=utf-8");
	return r;
}

static struct MHD_Response *answer(struct MHD_Connection *mhd, const char *url,
				   const char *method, unsigned int *ret_status)
{
	struct MHD_Response *r;

	*ret_status = MHD_HTTP_NOT_FOUND;
	if (strcmp(url, FND_METRICS_PATH))
		return words("The figures are at " FND_METRICS_PATH "\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD)) {
		*ret_status = MHD_HTTP_METHOD_NOT_ALLOWED;
		r = words("GET or HEAD\n");
		if (r)
			MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW,
						"GET, HEAD");
		return r;
	}
	*ret_status = MHD_HTTP_OK;
	r = figures(mhd);
	if (r)
		return r;
	*ret_status = MHD_HTTP_SERVICE_UNAVAILABLE;
	return words("There is no memory for it\n");
}

static const char *code(unsigned int status)
{
	switch (status) {
	case MHD_HTTP_OK:
		return "200";
	case MHD_HTTP_NOT_FOUND:
		return "404";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "405";
	default:
		return "503";
	}
}

/* Once for each connection, when its headers have come; a body is not read. */
static enum MHD_Result request(void *cls, struct MHD_Connection *mhd,
			       const char *url, const char *method,
			       const char *version, const char *body,
			       size_t *body_len, void **context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd,
		MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *c = info->socket_context;
	struct fnd__http *h = cls;
	struct MHD_Response *r;
	enum MHD_Result ret;
	unsigned int status;

	(void)version;
	(void)body;
	(void)body_len;
	(void)context;
	if (c->state == SILENT) {
		TAILQ_REMOVE(&h->silent, c, silent);
		c->state = ASKED;
	}
	r = answer(mhd, url, method, &status);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	count("foundation.metrics.requests", "code", code(status));
	ret = MHD_queue_response(mhd, status, r);
	MHD_destroy_response(r);
	return ret;
}

static struct fnd__http *new_http(unsigned int max, int64_t timeout_ms)
{
	struct fnd__http *h;
	unsigned int i;

	h = calloc(1, sizeof(*h) + max * sizeof(h->all[0]));
	if (!h)
		return NULL;
	h->max = max;
	h->timeout_ms = timeout_ms;
	TAILQ_INIT(&h->by_age);
	TAILQ_INIT(&h->silent);
	TAILQ_INIT(&h->unused);
	for (i = 0; i < max; i++)
		TAILQ_INSERT_TAIL(&h->unused, &h->all[i], by_age);
	return h;
}

static int start_daemon(struct fnd__http *h)
{
	const union MHD_DaemonInfo *info;

	errno = 0;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET,
		0, NULL, NULL, request, h,
		MHD_OPTION_CONNECTION_LIMIT, h->max,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
		MHD_OPTION_NOTIFY_CONNECTION, notify, h,
		MHD_OPTION_END);
	if (!h->daemon)
		return errno == EMFILE || errno == ENFILE ?
			sup_set_error(-errno, "no descriptor for HTTP") :
			fnd__nomem("HTTP");
	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	h->fd = info->epoll_fd;
	return 0;
}

int fnd__http_open(unsigned int max, int64_t timeout_ms,
		   struct fnd__http **ret_http)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fnd__http *h;
	int ret;

	pthread_once(&once, make_key);
	if (key_error)
		return sup_set_error(key_error, "no key for a thread");
	h = new_http(max, timeout_ms);
	if (!h)
		return fnd__nomem("HTTP");
	ret = start_daemon(h);
	if (ret) {
		free(h);
		return ret;
	}
	if (pthread_setspecific(key, h)) {
		close_http(h);
		return fnd__nomem("HTTP");
	}
	*ret_http = h;
	return 0;
}

int fnd__http_fd(const struct fnd__http *h)
{
	return h->fd;
}

bool fnd__http_has_room(const struct fnd__http *h)
{
	return h->n < h->max;
}

bool fnd__http_can_make_room(const struct fnd__http *h)
{
	return !h->n_cut_off && !TAILQ_EMPTY(&h->silent);
}

void fnd__http_make_room(struct fnd__http *h)
{
	cut_off(h, TAILQ_FIRST(&h->silent), "room");
}

void fnd__http_add(struct fnd__http *h, int fd, const struct sockaddr *addr,
		   socklen_t len)
{
	MHD_add_connection(h->daemon, fd, addr, len);
}

static void cut_off_late(struct fnd__http *h)
{
	int64_t now = sup_deadline_ms(0);
	struct connection *c;

	while ((c = TAILQ_FIRST(&h->by_age)) && c->until <= now)
		cut_off(h, c, "late");
}

int64_t fnd__http_run(struct fnd__http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	struct connection *c;

	cut_off_late(h);
	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		return sup_deadline_ms(ms);
	c = TAILQ_FIRST(&h->by_age);
	return c ? c->until : SUP_FOREVER;
}
