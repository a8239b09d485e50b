/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both sides of the benchmark of the event store do. */
#ifndef TESTS_BENCH_FND_BENCH_H
#define TESTS_BENCH_FND_BENCH_H

#define EVENT_BATCHES 1000
#define EVENT_BATCH 256
#define EVENT_TYPE "order.placed"
#define EVENT_SOURCE "shop"
#define EVENT_DATA 100	/* bytes */

#endif
