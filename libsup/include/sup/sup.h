/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsup: supervision of native threads and processes. Includes the lot. */
#ifndef SUP_SUP_H
#define SUP_SUP_H

#include <sup/api.h>
#include <sup/application.h>
#include <sup/audit.h>
#include <sup/call.h>
#include <sup/children.h>
#include <sup/contain.h>
#include <sup/dynamic.h>
#include <sup/error.h>
#include <sup/event.h>
#include <sup/explain.h>
#include <sup/foreign.h>
#include <sup/function.h>
#include <sup/hang.h>
#include <sup/job.h>
#include <sup/link.h>
#include <sup/log.h>
#include <sup/loop.h>
#include <sup/monitor.h>
#include <sup/mutex.h>
#include <sup/partition.h>
#include <sup/process.h>
#include <sup/process_status.h>
#include <sup/reason.h>
#include <sup/registry.h>
#include <sup/registry_lock.h>
#include <sup/request.h>
#include <sup/resource.h>
#include <sup/runtime.h>
#include <sup/server.h>
#include <sup/stream.h>
#include <sup/supervisor.h>
#include <sup/task.h>
#include <sup/timer.h>
#include <sup/tree.h>
#include <sup/types.h>

#endif
