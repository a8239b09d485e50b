// SPDX-License-Identifier: GPL-2.0-only
/* The bodies of the tracepoints. */
#include "sup.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
