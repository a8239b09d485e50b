/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The figures of the process (<foundation/metric.h>) over HTTP, at /metrics,
 * for a Prometheus server and its like. Nobody is asked who he is: whoever may
 * connect may read them.
 */
#ifndef FOUNDATION_METRICS_ENDPOINT_H
#define FOUNDATION_METRICS_ENDPOINT_H

#include <stdint.h>

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FND_METRICS_PATH "/metrics"
#define FND_METRICS_CONNECTIONS_MAX 1024

struct fnd_metrics_options {
	size_t size;
	/* In digits, IPv4 or IPv6; default "127.0.0.1". */
	const char *address;
	uint16_t port;		/* there is no default */
	/*
	 * At once; default 16. If one more comes, who has been there longest
	 * of those that have not asked yet is cut off; if all have, it waits.
	 */
	unsigned int connections;
	/* Of a connection, all in all; then it is cut off. Default 10,000. */
	int64_t timeout_ms;
};

/*
 * Starts the endpoint, a thread, which listens when this has returned: a
 * child's start function, as sup_thread_start(). options is a struct
 * fnd_metrics_options. There is one in a process. The socket is its task's: it
 * is closed before the name is free, so who starts it again gets the port
 * again. Any thread. Errors: -EINVAL names the field; -EEXIST it runs;
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES of the address and port; -EMFILE,
 * -ENFILE; as sup_thread_start() otherwise.
 */
SUP_API int fnd_metrics_start(const void *options, struct sup_pid *ret_pid);

#ifdef __cplusplus
}
#endif

#endif
