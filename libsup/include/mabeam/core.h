/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core: variables that agents share (<mabeam/variable.h>,
 * <mabeam/variable_look.h>). The service tells their subscribers, and sets
 * their limits. Any thread.
 */
#ifndef MABEAM_CORE_H
#define MABEAM_CORE_H

#include <mabeam/variable.h>
#include <mabeam/variable_look.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of what is made from now on. */
struct mab_core_options {
	size_t size;
	size_t max_variables;	/* default 1000 */
	size_t max_value;	/* bytes; default, and most: MAB_VALUE_MAX */
	size_t max_history;	/* versions of a variable; default 100 */
	size_t max_subscribers;	/* of a variable; default 1000 */
};

/*
 * Starts the service: a child's start function, as sup_server_start(). options
 * is a struct mab_core_options, or NULL. -EEXIST it runs; -EINVAL; as
 * sup_server_start() otherwise.
 */
SUP_API int mab_core_start(const void *options, struct sup_pid *ret_pid);

#ifdef __cplusplus
}
#endif

#endif
