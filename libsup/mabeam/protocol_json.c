/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What protocols share: their JSON, and lots. */
#include "mabeam/protocols.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/service.h"

#define READING (JSON_DECODE_ANY | JSON_REJECT_DUPLICATES)
#define WRITING (JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS)
#define WHOLE_MAX (INT64_C(1) << 53)	/* up to there all are doubles */

static int check_known(json_t *params, const char *const *known)
{
	const char *const *k;
	const char *name;
	json_t *value;

	json_object_foreach(params, name, value) {
		for (k = known; *k && strcmp(*k, name); k++)
			;
		if (!*k)
			return sup_set_error(-EINVAL, "params: \"%.63s\" is "
					     "unknown", name);
	}
	return 0;
}

int mab__params(const struct mab_round *round, const char *const *known,
		json_t **ret_params)
{
	json_error_t error;
	json_t *params;
	int ret;

	params = round->len ? json_loadb(round->params, round->len, READING,
					 &error) : json_object();
	if (!params && (!round->len || json_error_code(&error) ==
				       json_error_out_of_memory))
		return mab__nomem("parameters");
	if (!params)
		return sup_set_error(-EINVAL, "params: %s", error.text);
	ret = json_is_object(params) ? check_known(params, known) :
		sup_set_error(-EINVAL, "params: no object");
	if (ret)
		json_decref(params);
	else
		*ret_params = params;
	return ret;
}

int mab__params_number(const json_t *value, const char *name, double least,
		       double *ret_number)
{
	double v = json_number_value(value);

	if (!json_is_number(value))
		return sup_set_error(-EINVAL, "params: %s is no number", name);
	if (!isfinite(v) || v < least)
		return sup_set_error(-EINVAL, "params: %s is less than %g",
				     name, least);
	if (json_integer_value(value) > WHOLE_MAX)
		return sup_set_error(-EINVAL, "params: %s is more than 2^53",
				     name);
	*ret_number = v;
	return 0;
}

int mab__answer(const char *body, size_t len, json_t **ret_value)
{
	json_error_t error;

	*ret_value = json_loadb(body, len, READING, &error);
	if (!*ret_value)
		return sup_set_error(-EBADMSG, "it has answered by what is no "
				     "JSON");
	if (!json_is_null(*ret_value))
		return 0;
	return sup_set_error(-EBADMSG, "it abstains");
}

int mab__answer_number(const json_t *value, double *ret_number,
		       bool *ret_whole)
{
	double v = json_number_value(value);

	if (!json_is_number(value))
		return sup_set_error(-EBADMSG, "it has answered by what is no "
				     "number");
	if (v < 0)
		return sup_set_error(-EBADMSG, "it has answered by less than "
				     "0");
	if (json_integer_value(value) > WHOLE_MAX)
		return sup_set_error(-EBADMSG, "it has answered by more than "
				     "2^53");
	*ret_number = v;
	*ret_whole = json_is_integer(value);
	return 0;
}

json_t *mab__number(double number, bool whole)
{
	return whole ? json_integer((json_int_t)number) : json_real(number);
}

json_t *mab__question(const struct mab_round *round, const char *protocol)
{
	return json_pack("{s:I,s:s}", "session", (json_int_t)round->session,
			 "protocol", protocol);
}

int mab__text(json_t *value, char **ret_text)
{
	char *text = value ? json_dumps(value, WRITING) : NULL;

	json_decref(value);
	if (!text)
		return mab__nomem("text");
	*ret_text = text;
	return 0;
}

int mab__question_of(const struct mab_round *round, const char *protocol,
		     const char *const *known, const char *subject,
		     const char *name, json_t *number, char **ret_body)
{
	json_t *params, *of, *question;
	int ret, bad;

	ret = mab__params(round, known, &params);
	if (ret) {
		json_decref(number);
		return ret;
	}
	question = mab__question(round, protocol);
	of = json_object_get(params, subject);
	bad = json_object_set(question, subject, of ? of : json_null());
	if (json_object_set_new(question, name, number) || bad) {
		json_decref(question);
		question = NULL;
	}
	json_decref(params);
	return mab__text(question, ret_body);
}

uint64_t mab__draw(uint64_t *random, uint64_t n)
{
	__extension__ typedef unsigned __int128 product;

	return (uint64_t)((product)mab__random(random) * n >> 64);
}
