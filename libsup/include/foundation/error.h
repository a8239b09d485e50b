/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An error as a value: its number (<foundation/error_codes.h>), a sentence, and
 * what is known of how it came about. It has no memory besides: it may be
 * copied, and sent in a message. Strings that are too long are cut, and end in
 * "...". No call here is a safe point. Any thread.
 */
#ifndef FOUNDATION_ERROR_H
#define FOUNDATION_ERROR_H

#include <foundation/error_codes.h>
#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FND_ERROR_PAIRS_MAX 8
#define FND_ERROR_KEY_MAX 31
#define FND_ERROR_VALUE_MAX 95
#define FND_ERROR_MESSAGE_MAX 255
#define FND_ERROR_WORD_MAX 47	/* bytes of a module, an operation */
#define FND_BREADCRUMBS_MAX 16

struct fnd_error_pair {
	char key[FND_ERROR_KEY_MAX + 1];
	char value[FND_ERROR_VALUE_MAX + 1];
};

/* A step that was taken. */
struct fnd_breadcrumb {
	char module[FND_ERROR_WORD_MAX + 1];
	char operation[FND_ERROR_WORD_MAX + 1];
	int64_t time;		/* ns of CLOCK_MONOTONIC */
};

struct fnd_error {
	unsigned int code;	/* 0: there is none */
	int error;		/* the negative errno that it was, or 0 */
	int64_t time;		/* ns since 1970, UTC */
	struct sup_pid pid;	/* whose; SUP_PID_NONE: a foreign thread's */
	/*
	 * Not to be tried again for so long, by whom that is known from, as
	 * from fnd_rate_check(); -1: for ever.
	 */
	int64_t retry_ns;
	bool emitted;		/* by fnd_error_emit() */
	char message[FND_ERROR_MESSAGE_MAX + 1];
	char correlation[FND_NAME_MAX + 1];	/* "": none */
	size_t n_pairs;
	struct fnd_error_pair pairs[FND_ERROR_PAIRS_MAX];

	/* What <foundation/error_context.h> adds; operation_id 0: nothing. */
	uint64_t operation_id;
	char module[FND_ERROR_WORD_MAX + 1];
	char operation[FND_ERROR_WORD_MAX + 1];
	int64_t duration_ns;	/* from the begin of the operation */
	size_t n_crumbs;
	struct fnd_breadcrumb crumbs[FND_BREADCRUMBS_MAX];
};

/*
 * One with that number, FND_ERROR_UNKNOWN if it is none, of now and the calling
 * task. message is copied; NULL: the text of the number.
 */
SUP_API void fnd_error_set(struct fnd_error *ret_error, unsigned int code,
			   const char *message);

/*
 * One of a negative errno that a call of the calling thread has just returned;
 * the message is the sentence of sup_error(), or what strerror(3) has.
 */
SUP_API void fnd_error_of_errno(enum fnd_error_area area, int error,
				struct fnd_error *ret_error);

/*
 * One of the end of a task, with the reason as its message. False, and nothing
 * is written: it was a clean one (sup_reason_is_clean()).
 */
SUP_API bool fnd_error_of_reason(const struct sup_reason *reason,
				 struct fnd_error *ret_error);

/*
 * Adds a pair, or gives its key another value. Errors: -EINVAL no key, or no
 * value; -ENAMETOOLONG the key; -ENOSPC there are FND_ERROR_PAIRS_MAX.
 */
SUP_API int fnd_error_add(struct fnd_error *error, const char *key,
			  const char *value);

/* The value of a key, within the error; NULL: it has none. */
SUP_API const char *fnd_error_get(const struct fnd_error *error,
				  const char *key);

/*
 * Says what has failed for want of what failed first: the error stays what it
 * is, with pairs "wrapped_by", the name of code, and "wrapper_message", unless
 * that is NULL. -ENOSPC.
 */
SUP_API int fnd_error_wrap(struct fnd_error *error, unsigned int code,
			   const char *message);

/*
 * When to try again what has failed, after it was tried again nth times before:
 * *ret_at, as a deadline, is the delay of the number's strategy from now, or
 * retry_ns if that is longer. Nothing here waits, or counts: how often is for
 * the caller to bound. Errors: -ECANCELED never, as it would not go better;
 * -ETIMEDOUT not before the deadline.
 */
SUP_API int fnd_error_retry_at(const struct fnd_error *error, unsigned int nth,
			       int64_t deadline, int64_t *ret_at);

/*
 * Executes foundation.errors.CATEGORY.SUBCATEGORY, a count, with error_type,
 * severity and code, unless it has been done with that error. Errors as
 * fnd_telemetry_execute().
 */
SUP_API int fnd_error_emit(struct fnd_error *error);

/*
 * Writes it in one line, such as "[1004:range_error] it is 2 | path=a.b |
 * severity high, config/validation, retry none"; what is not printable is '?'.
 * Always terminates buf. Returns buf.
 */
SUP_API const char *fnd_error_format(const struct fnd_error *error, char *buf,
				     size_t len);

#ifdef __cplusplus
}
#endif

#endif
