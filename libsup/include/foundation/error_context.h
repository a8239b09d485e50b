/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an operation is about, so that an error in it can say so: its module and
 * name, a correlation id, pairs, and the steps that led there. A context is the
 * caller's memory, and current on the calling thread while a function runs in
 * it; contexts nest. That is all: a task that ends in one, however it ends,
 * leaves nothing behind. On a foreign thread it is the same. No call here is a
 * safe point of its own. Any thread; a context is for one at a time.
 */
#ifndef FOUNDATION_ERROR_CONTEXT_H
#define FOUNDATION_ERROR_CONTEXT_H

#include <foundation/error.h>
#include <foundation/process_registry.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* To be read, and copied, as into the argument of a job. */
struct fnd_context {
	uint64_t operation_id;		/* of this process, from 1 */
	uint64_t parent_id;		/* 0: none */
	enum fnd_error_area area;
	char module[FND_ERROR_WORD_MAX + 1];
	char operation[FND_ERROR_WORD_MAX + 1];
	char correlation[FND_NAME_MAX + 1];
	int64_t began;			/* ns of CLOCK_MONOTONIC */
	size_t n_pairs;
	struct fnd_error_pair pairs[FND_ERROR_PAIRS_MAX];
	/* The last steps, the oldest first, and how many there are not here. */
	size_t n_crumbs;
	uint64_t crumbs_lost;
	struct fnd_breadcrumb crumbs[FND_BREADCRUMBS_MAX];
};

struct fnd_context_spec {
	size_t size;
	const char *module, *operation;
	/* Whose errno its function returns. */
	enum fnd_error_area area;
	/* Default: that of the parent, or else a new random UUID. */
	const char *correlation;
	/* Default: the current context of the calling thread, if any. */
	const struct fnd_context *parent;
	struct fnd_metadata metadata;
};

/*
 * Makes a context, begun now, whose last breadcrumb is its operation. From its
 * parent it has the correlation id, pairs, of which metadata may replace some,
 * and breadcrumbs. Errors: -EINVAL names the member; -ENAMETOOLONG module or
 * operation has more than FND_ERROR_WORD_MAX bytes, a key more than
 * FND_ERROR_KEY_MAX, the correlation id more than FND_NAME_MAX; -ENOSPC there
 * are too many pairs; what getrandom(2) says.
 */
SUP_API int fnd_context_init(struct fnd_context *ret_context,
			     const struct fnd_context_spec *spec);

/*
 * Calls fn with the context as the current one, and returns what it returns;
 * then the current one is again what it was. Executes
 * foundation.operations.duration, a summary, with module, function, and result:
 * "ok", or of a negative one "error".
 *
 * Of a negative result *ret_error, which may be NULL, tells. fn may have set
 * *error itself, which has no number before. Otherwise it is that of the errno,
 * with the sentence of sup_error() if there has been one since. Then
 * fnd_context_enrich() and fnd_error_emit() are done with it, and sup_error()
 * has its message. An error of a context within, which fn passes on in *error,
 * stays as it is.
 *
 * A safe point as fn is. If the caller ends in fn nothing is executed. Takes
 * about 5 KiB of the stack.
 */
SUP_API int fnd_context_run(struct fnd_context *context,
			    int (*fn)(struct fnd_error *error, void *arg),
			    void *arg, struct fnd_error *ret_error);

/* The current one of the calling thread, while its function runs; or NULL. */
SUP_API const struct fnd_context *fnd_context_current(void);

/*
 * A step is taken: the breadcrumb is the last one, and if there is no room the
 * first one goes. context NULL: the current one. Errors: -ENOENT there is none;
 * -EINVAL module or operation is empty, or NULL; -ENAMETOOLONG.
 */
SUP_API int fnd_context_step(struct fnd_context *context, const char *module,
			     const char *operation);

/* As fnd_error_add(), of a context; NULL: the current one. -ENOENT. */
SUP_API int fnd_context_add(struct fnd_context *context, const char *key,
			    const char *value);

/*
 * The error gets the correlation id if it has none; the pairs that it has not,
 * as far as there is room; and unless it is that of another context already,
 * the operation, how long that has taken until now, and the breadcrumbs.
 * context NULL: the current one. -ENOENT there is none.
 */
SUP_API int fnd_context_enrich(const struct fnd_context *context,
			       struct fnd_error *error);

/* How long it is since it began, in ns. */
SUP_API int64_t fnd_context_duration(const struct fnd_context *context);

/*
 * Writes the breadcrumbs in one line: "shop.order (1.5 ms ago) -> db.insert
 * (12 us ago)". Always terminates buf. Returns buf.
 */
SUP_API const char *fnd_context_format(const struct fnd_context *context,
				       char *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
