/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of /metrics begin with: an endpoint, and clients of it. */
#ifndef TESTS_FOUNDATION_ENDPOINT_H
#define TESTS_FOUNDATION_ENDPOINT_H

#include "handlers.h"

#include "http_client.h"

#define ENDPOINT "fnd_metrics"
#define CUT_OFF "foundation.metrics.cut_off"

static struct fnd_metrics_options endpoint_options;

static inline const struct fnd_metrics_options *
options_of(unsigned int connections, int64_t timeout_ms)
{
	endpoint_options = (struct fnd_metrics_options){
		.size = sizeof(endpoint_options), .address = own_address(),
		.port = PORT, .connections = connections,
		.timeout_ms = timeout_ms,
	};
	return &endpoint_options;
}

/* Under a supervisor of its own, which restarts it as often as a test likes. */
static inline int start_endpoint(unsigned int connections, int64_t timeout_ms)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "metrics_endpoint",
		.start = fnd_metrics_start,
		.arg = options_of(connections, timeout_ms),
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.intensity = 1000000,
	};

	sup_set_log_level(-1);
	fnd_telemetry_reset();
	return sup_supervisor_start(&spec, &foundation);
}

/* What accept4() is to do in the endpoint. */
static struct {
	_Atomic int failures;	/* so often for want of descriptors */
	_Atomic bool small;	/* what it sends does not fit into a socket */
} accepting;

int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	const int size = 4096;
	int got;

	if (atomic_load(&accepting.failures) > 0) {
		atomic_fetch_sub(&accepting.failures, 1);
		errno = EMFILE;
		return -1;
	}
	got = __real_accept4(fd, addr, len, flags);
	if (got >= 0 && atomic_load(&accepting.small))
		setsockopt(got, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return got;
}

/* Its supervisor answers when the next one listens. */
static inline void restart_endpoint(void)
{
	struct sup_child_counts counts;

	restart_by_kill(ENDPOINT);
	assert_int_equal(sup_count_children(foundation, &counts), 0);
}

#endif
