/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types that the services share. The laws of <sup/types.h> hold here, too:
 * 0 or a negative errno, results by ret_ parameters and on success only,
 * absolute deadlines, a sentence in sup_error().
 */
#ifndef FOUNDATION_TYPES_H
#define FOUNDATION_TYPES_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Names are unique within a namespace: that of production, or one of the tests,
 * each of which takes a number of its own, from 1.
 */
struct fnd_namespace {
	uint64_t v;
};

#define FND_PRODUCTION ((struct fnd_namespace){ 0 })
#define FND_TEST(n) ((struct fnd_namespace){ (n) })

/* What names of the services have at most, without their terminator. */
#define FND_NAME_MAX 255

#ifdef __cplusplus
}
#endif

#endif
