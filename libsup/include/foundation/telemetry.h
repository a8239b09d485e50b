/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TelemetryService: events with measurements, which become figures
 * (<foundation/metric.h>) and are handed to whom asked for them. Figures and
 * handlers are the process's. The service counts what supervisors report,
 * detaches handlers that have failed, and forgets figures of events that come
 * no more. Any thread.
 */
#ifndef FOUNDATION_TELEMETRY_H
#define FOUNDATION_TELEMETRY_H

#include <foundation/metric.h>
#include <foundation/types.h>
#include <sup/task.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fnd_telemetry_options {
	size_t size;
	/*
	 * A figure that only events have made, none within that time, is
	 * forgotten. Default 300,000; < 0: never.
	 */
	int64_t retention_ms;
	int64_t cleanup_ms;	/* between two looks; default 60,000 */
};

/*
 * Starts the service: a child's start function, as sup_server_start(). options
 * is a struct fnd_telemetry_options, or NULL. -EEXIST it runs; -EINVAL; as
 * sup_server_start() otherwise.
 */
SUP_API int fnd_telemetry_start(const void *options, struct sup_pid *ret_pid);

struct fnd_measurement {
	const char *name;	/* of the figure: EVENT.NAME; NULL: EVENT */
	enum fnd_metric_kind kind;
	double value;		/* SUMMARY: seconds; COUNTER: whole, >= 0 */
};

#define FND_MEASUREMENTS_MAX 16

/*
 * Something has happened: its measurements become figures, whose labels are the
 * metadata, and handlers of its name get all of it. That never waits: a handler
 * that has no room misses it, which is counted. metadata may be NULL. Not a
 * safe point. Errors: as fnd_metric_open(), with the bounds that there are;
 * what is wrong with one measurement is not counted, nor any after it.
 */
SUP_API int fnd_telemetry_execute(const char *event,
				  const struct fnd_measurement *measurements,
				  size_t n,
				  const struct fnd_metadata *metadata);

/* The same with one measurement, of the name of the event. */
SUP_API int fnd_telemetry_count(const char *event, uint64_t n,
				const struct fnd_metadata *metadata);
SUP_API int fnd_telemetry_gauge(const char *event, double value,
				const struct fnd_metadata *metadata);
SUP_API int fnd_telemetry_histogram(const char *event, double value,
				    const struct fnd_metadata *metadata);
SUP_API int fnd_telemetry_duration(const char *event, int64_t ns,
				   const struct fnd_metadata *metadata);

/*
 * Calls fn, whose result goes to *ret_result, which may be NULL: negative is a
 * failure. Then executes EVENT.stop, or of a failure EVENT.exception, with the
 * summary "duration". If the caller ends in fn nothing is executed. Errors as
 * fnd_telemetry_execute(), and fn has been called all the same.
 */
SUP_API int fnd_telemetry_measure(const char *event,
				  const struct fnd_metadata *metadata,
				  int (*fn)(void *arg), void *arg,
				  int *ret_result);

struct fnd_telemetry_event {
	const char *name;
	int64_t time;		/* ns since 1970, UTC */
	struct sup_pid pid;	/* who has executed it, or SUP_PID_NONE */
	const struct fnd_measurement *measurements;
	size_t n;
	struct fnd_metadata metadata;	/* by key */
};

struct fnd_handler_spec {
	size_t size;
	const char *id;		/* what it is called, among all */
	const char *prefix;	/* events that begin with these words; "" all */
	/*
	 * Called on a task of the handler's own, with one event after another,
	 * which it borrows. Negative: it has failed.
	 */
	int (*handle)(const struct fnd_telemetry_event *event, void *arg);
	void *arg;
	/*
	 * CONTAIN: a fault of handle() ends its task alone: it has failed.
	 */
	enum sup_containment containment;
	size_t capacity;	/* events that wait; default 1024 */
};

#define FND_HANDLER_CAPACITY_MAX 65536

/*
 * Attaches a handler: it gets all events of its prefix from then on. A handler
 * that has failed, or was killed, is detached, and foundation.telemetry.
 * handler_detached is executed, with its id and the reason; it is started again
 * if it ended with the task supervisor. The spec is copied. Errors: -EEXIST
 * there is one of that id; -EINVAL names the member; -ENAMETOOLONG; -ENOTCONN
 * the task supervisor does not run; -EAGAIN there are too many threads;
 * -EDEADLK on the task supervisor's own thread; -ENOMEM. A safe point: if it
 * ends the caller the handler is attached, or not.
 */
SUP_API int fnd_telemetry_attach(const struct fnd_handler_spec *spec);

/*
 * Takes a handler away, and waits until it has returned from the event that it
 * is at; those that wait for it are dropped. Called in it, it does not wait.
 * Errors: -ENOENT; -EINVAL; -ENAMETOOLONG; -ETIMEDOUT, -EDEADLK it is away, but
 * still at an event. A safe point.
 */
SUP_API int fnd_telemetry_detach(const char *id, int64_t deadline);

struct fnd_telemetry_status {
	size_t figures, handlers;
	uint64_t executed;	/* events for which there was a handler */
	uint64_t dropped;	/* by a handler, for want of room */
	uint64_t failed;	/* handlers */
};

SUP_API void fnd_telemetry_status(struct fnd_telemetry_status *ret_status);

/* Forgets figures that only events have made; the others begin anew. */
SUP_API void fnd_telemetry_reset(void);

#ifdef __cplusplus
}
#endif

#endif
