/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The services of supd itself: one native thread each, that serves lines of
 * text over TCP on the loopback address. The listening socket outlives the
 * thread, so that no client is refused while it is restarted.
 */
#ifndef TOOLS_SERVICE_H
#define TOOLS_SERVICE_H

#include "config.h"

struct service;

/* cfg is borrowed. -ENOMEM. */
int service_new(const struct config_child *cfg, struct service **ret_s);

/* As sup_child_spec.start; arg is the service. Errors: of bind(2), too. */
int service_start(const void *arg, struct sup_pid *ret_pid);

/* Only when its thread has ended. */
void service_free(struct service *s);

#endif
