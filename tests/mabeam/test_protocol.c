/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arithmetic of each protocol, by tables; what they refuse; and the list of
 * those that are known.
 */
#include "rounds.h"

#define AGREED MAB_AGREED
#define NOT MAB_NOT_AGREED
#define YES "\"yes\""
#define NO "\"no\""
#define AB "{\"options\": [\"a\", \"b\"]"
#define ABC "{\"options\": [\"a\", \"b\", \"c\"]"
#define EARLY "{\"early\": true}"

static const struct example ballots[] = {
	{ "majority", "", { YES, YES, NO }, AGREED,
	  "{\"confidence\":0.66666666666666663,\"decision\":\"yes\","
	  "\"reached\":true,\"votes\":{\"no\":1,\"yes\":2}}" },
	/* Half is not enough. */
	{ "majority", "{}", { YES, NO, YES, NO }, NOT,
	  "{\"confidence\":0.5,\"decision\":null,\"reached\":false,"
	  "\"votes\":{\"no\":2,\"yes\":2}}" },
	/* Half of those who vote is nothing: of all. */
	{ "majority", "{}", { YES, "-", "null", YES }, NOT,
	  "{\"confidence\":0.5,\"decision\":null,\"reached\":false,"
	  "\"votes\":{\"no\":0,\"yes\":2}}" },
	{ "majority", ABC "}", { "\"c\"", "\"a\"", "\"c\"", "\"d\"", "\"c\"" },
	  AGREED, "{\"confidence\":0.59999999999999998,\"decision\":\"c\","
	  "\"reached\":true,\"votes\":{\"a\":1,\"b\":0,\"c\":3}}" },
	{ "majority", EARLY, { YES, YES, YES, NO }, AGREED,
	  "{\"decision\":\"yes\",\"reached\":true}" },
	{ "majority", EARLY, { YES, "-", NO, "-" }, NOT,
	  "{\"decision\":null,\"reached\":false}" },
	{ "unanimous", "", { YES, YES, YES }, AGREED,
	  "{\"confidence\":1.0,\"decision\":\"yes\",\"reached\":true,"
	  "\"votes\":{\"no\":0,\"yes\":3}}" },
	{ "unanimous", "", { YES, "-", YES, YES }, NOT,
	  "{\"confidence\":0.75,\"decision\":null,\"reached\":false,"
	  "\"votes\":{\"no\":0,\"yes\":3}}" },
	{ "unanimous", EARLY, { YES, NO, YES }, NOT,
	  "{\"decision\":null,\"reached\":false}" },
	/* 0.6 is enough; a weight that is not given is 1. */
	{ "weighted", "{\"weights\": {\"a\": 3, \"b\": 1.5, \"c\": 0.5}}",
	  { YES, NO, NO }, AGREED,
	  "{\"confidence\":0.59999999999999998,\"decision\":\"yes\","
	  "\"reached\":true,\"votes\":{\"no\":2.0,\"yes\":3.0}}" },
	{ "weighted", "{\"weights\": {\"a\": 0.5}}", { YES, NO }, AGREED,
	  "{\"confidence\":0.66666666666666663,\"decision\":\"no\","
	  "\"reached\":true,\"votes\":{\"no\":1.0,\"yes\":0.5}}" },
	{ "weighted", "{\"threshold\": 0.75}", { YES, YES, NO, "-" }, NOT,
	  "{\"confidence\":0.5,\"decision\":null,\"reached\":false,"
	  "\"votes\":{\"no\":1.0,\"yes\":2.0}}" },
	/* Ten times 0.1 is 1, exactly. */
	{ "weighted", "{\"threshold\": 1, \"weights\": {\"a\": 0.1, \"b\": 0.1,"
	  "\"c\": 0.1, \"d\": 0.1, \"e\": 0.1, \"f\": 0.1, \"g\": 0.1,"
	  "\"h\": 0.1, \"i\": 0.1, \"j\": 0.1}}",
	  { YES, YES, YES, YES, YES, YES, YES, YES, YES, YES }, AGREED,
	  "{\"confidence\":1.0,\"decision\":\"yes\",\"reached\":true,"
	  "\"votes\":{\"no\":0.0,\"yes\":1.0}}" },
	{ "weighted", "{\"early\": true, \"weights\": {\"b\": 9}}",
	  { NO, YES, NO }, AGREED,
	  "{\"decision\":\"yes\",\"reached\":true}" },
	{ "quorum", "", { YES, "-", YES, "-", NO }, AGREED,
	  "{\"confidence\":0.66666666666666663,\"decision\":\"yes\","
	  "\"reached\":true,\"votes\":{\"no\":1,\"yes\":2}}" },
	{ "quorum", "", { YES, "-", YES, "-" }, NOT,
	  "{\"confidence\":1.0,\"decision\":null,\"reached\":false,"
	  "\"votes\":{\"no\":0,\"yes\":2}}" },
	{ "quorum", "{\"quorum\": 2}", { YES, "-", YES, "-" }, AGREED,
	  "{\"confidence\":1.0,\"decision\":\"yes\",\"reached\":true,"
	  "\"votes\":{\"no\":0,\"yes\":2}}" },
	{ "quorum", "{\"quorum\": 1}", { "-", "-" }, NOT,
	  "{\"confidence\":0.0,\"decision\":null,\"reached\":false,"
	  "\"votes\":{\"no\":0,\"yes\":0}}" },
	{ "quorum", "{\"quorum\": 3, \"early\": true}",
	  { YES, YES, YES, YES, NO }, AGREED,
	  "{\"decision\":\"yes\",\"reached\":true}" },
	{ "quorum", "{\"quorum\": 4, \"early\": true}",
	  { YES, "-", YES, "-", NO }, NOT,
	  "{\"decision\":null,\"reached\":false}" },
};

static const struct example auctions[] = {
	{ "sealed_bid", "", { "5", "7", "6.5" }, AGREED,
	  "{\"bids\":{\"a\":5,\"b\":7,\"c\":6.5},\"price\":7,"
	  "\"winner\":\"b\"}" },
	{ "sealed_bid", "{\"reserve\": 7.5}", { "5", "7" }, NOT,
	  "{\"bids\":{\"a\":5,\"b\":7},\"price\":null,\"winner\":null}" },
	/* As much as the reserve is enough. */
	{ "sealed_bid", "{\"reserve\": 7}", { "-", "7", "null" }, AGREED,
	  "{\"bids\":{\"b\":7},\"price\":7,\"winner\":\"b\"}" },
	{ "sealed_bid", "", { "-1", "\"9\"", "x", "0" }, AGREED,
	  "{\"bids\":{\"d\":0},\"price\":0,\"winner\":\"d\"}" },
	{ "sealed_bid", "", { "-", "-" }, NOT,
	  "{\"bids\":{},\"price\":null,\"winner\":null}" },
	{ "second_price", "", { "5", "7", "6.5" }, AGREED,
	  "{\"bids\":{\"a\":5,\"b\":7,\"c\":6.5},\"price\":6.5,"
	  "\"winner\":\"b\"}" },
	{ "second_price", "{\"reserve\": 6}", { "5", "7" }, AGREED,
	  "{\"bids\":{\"a\":5,\"b\":7},\"price\":6,\"winner\":\"b\"}" },
	{ "second_price", "{\"reserve\": 7.25}", { "5", "7" }, NOT,
	  "{\"bids\":{\"a\":5,\"b\":7},\"price\":null,\"winner\":null}" },
	{ "second_price", "", { "3" }, AGREED,
	  "{\"bids\":{\"a\":3},\"price\":0,\"winner\":\"a\"}" },
};

#define TEN "{\"amount\": 10}"

static const struct example allocations[] = {
	{ "max_min", TEN, { "2", "3", "4" }, AGREED,
	  "{\"left\":1,\"shares\":{\"a\":2,\"b\":3,\"c\":4}}" },
	{ "max_min", TEN, { "2", "8", "10" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":2,\"b\":4,\"c\":4}}" },
	/* What cannot be divided goes to who wants most. */
	{ "max_min", TEN, { "1", "9", "9.9", "99" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":1,\"b\":3,\"c\":3,\"d\":3}}" },
	{ "max_min", "{\"amount\": 11}", { "4", "6", "7" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":3,\"b\":4,\"c\":4}}" },
	{ "max_min", "{\"amount\": 10.0}", { "8", "2", "-", "8" }, AGREED,
	  "{\"left\":0.0,\"shares\":{\"a\":4.0,\"b\":2.0,\"d\":4.0}}" },
	{ "max_min", TEN, { "0", "null" }, AGREED,
	  "{\"left\":10,\"shares\":{\"a\":0}}" },
	{ "max_min", TEN, { "-", "\"x\"" }, NOT,
	  "{\"left\":10,\"shares\":{}}" },
	{ "proportional", TEN, { "2", "3", "4" }, AGREED,
	  "{\"left\":1,\"shares\":{\"a\":2,\"b\":3,\"c\":4}}" },
	{ "proportional", TEN, { "5", "15", "20" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":1,\"b\":4,\"c\":5}}" },
	/* 3.33, 1.67, 5: the one left over goes where 0.67 was lost. */
	{ "proportional", TEN, { "4", "2", "6" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":3,\"b\":2,\"c\":5}}" },
	/* What one wants counts, even if it is more than there is. */
	{ "proportional", TEN, { "90", "10" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":9,\"b\":1}}" },
	{ "proportional", "{\"amount\": 1.5}", { "2", "1" }, AGREED,
	  "{\"left\":0.0,\"shares\":{\"a\":1.0,\"b\":0.5}}" },
	{ "proportional", "{\"amount\": 0.5}", { "0.25", "0.125" }, AGREED,
	  "{\"left\":0.125,\"shares\":{\"a\":0.25,\"b\":0.125}}" },
	{ "proportional", "{\"amount\": 9007199254740992}",
	  { "9007199254740992", "9007199254740992" }, AGREED,
	  "{\"left\":0,\"shares\":{\"a\":4503599627370496,"
	  "\"b\":4503599627370496}}" },
};

static void votes_come_to_what_they_should(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(ballots); i++)
		check_example(&ballots[i]);
}

static void bids_come_to_what_they_should(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(auctions); i++)
		check_example(&auctions[i]);
}

static void demands_come_to_what_they_should(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(allocations); i++)
		check_example(&allocations[i]);
}

/* Of ties: the same seed has the same outcome, and all are possible. */
static void lots_have_a_seed(void **state)
{
	static const struct {
		const char *protocol, *params;
		round_answers answers;
		unsigned int outcomes;
	} ties[] = {
		{ "quorum", ABC "}", { "\"a\"", "\"b\"" }, 2 },
		{ "sealed_bid", "", { "7", "1", "7", "7" }, 3 },
		{ "second_price", "", { "7", "7" }, 2 },
		{ "max_min", TEN, { "9", "9", "9" }, 3 },
		{ "proportional", TEN, { "9", "9", "9" }, 3 },
	};
	char *seen[8], *body;
	unsigned int n, k;
	uint64_t seed;
	int agreed;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(ties); i++) {
		for (n = 0, seed = 0; seed < 100; seed++) {
			body = outcome_of(ties[i].protocol, ties[i].params,
					  ties[i].answers, seed, seed % 2,
					  &agreed);
			assert_int_equal(agreed, MAB_AGREED);
			for (k = 0; k < n && strcmp(seen[k], body); k++)
				;
			assert_in_range(k, 0, N_OF(seen) - 1);
			if (k == n)
				seen[n++] = body;
			else
				free(body);
			body = outcome_of(ties[i].protocol, ties[i].params,
					  ties[i].answers, seed, true,
					  &agreed);
			assert_string_equal(body, seen[k]);
			free(body);
		}
		assert_int_equal(n, ties[i].outcomes);
		while (n)
			free(seen[--n]);
	}
}

/* The sum of all shares and of what is left is the amount, to the last bit. */
static void check_sum(const char *protocol, const char *params,
		      round_answers answers, double amount)
{
	const char *id;
	json_t *root, *share;
	double sum;
	char *body;
	int agreed;

	body = outcome_of(protocol, params, answers, 7, false, &agreed);
	root = json_loads(body, 0, NULL);
	assert_non_null(root);
	sum = json_number_value(json_object_get(root, "left"));
	assert_true(sum >= 0);
	json_object_foreach(json_object_get(root, "shares"), id, share)
		sum += json_number_value(share);
	assert_true(sum == amount);
	json_decref(root);
	free(body);
}

static void nothing_is_lost_by_rounding(void **state)
{
	static const char *const amounts[] = {
		"1", "7", "1000003", "9007199254740991", "0.1", "1.0", "1e-9",
		"3.3333333333333335", "1e20", "123456.789",
	};
	static round_answers answers[] = {
		{ "1", "1", "1" },
		{ "0.1", "0.7", "1e-12", "3" },
		{ "1e300", "1", "1e20", "1e20" },
		{ "100", "200", "300", "0", "0.3", "17", "1e6" },
	};
	const char *const protocols[] = { "max_min", "proportional" };
	size_t i, j, k;
	char params[64];

	(void)state;
	for (i = 0; i < N_OF(amounts); i++)
		for (j = 0; j < N_OF(answers); j++)
			for (k = 0; k < N_OF(protocols); k++) {
				snprintf(params, sizeof(params),
					 "{\"amount\": %s}", amounts[i]);
				check_sum(protocols[k], params, answers[j],
					  atof(amounts[i]));
			}
}

static void parameters_are_refused_by_name(void **state)
{
	(void)state;
	check_refusal("majority", "[]", "no object");
	check_refusal("majority", "{", "params");
	check_refusal("majority", "{\"opitons\": []}", "\"opitons\"");
	check_refusal("majority", "{\"options\": [\"a\"]}", "options");
	check_refusal("majority", "{\"options\": {}}", "options");
	check_refusal("majority", "{\"options\": [\"a\", 1]}", "options");
	check_refusal("majority", "{\"options\": [\"a\", \"\"]}", "options");
	check_refusal("majority", "{\"options\": [\"a\", \"a\"]}", "options");
	check_refusal("majority", "{\"early\": 1}", "early");
	check_refusal("majority", "{\"quorum\": 1}", "quorum");
	check_refusal("quorum", "{\"quorum\": 0}", "quorum");
	check_refusal("quorum", "{\"quorum\": 4}", "quorum");
	check_refusal("quorum", "{\"quorum\": 1.5}", "quorum");
	check_refusal("weighted", "{\"weights\": [1]}", "weights");
	check_refusal("weighted", "{\"weights\": {\"z\": 1}}", "\"z\"");
	check_refusal("weighted", "{\"weights\": {\"a\": 0}}", "\"a\"");
	check_refusal("weighted", "{\"weights\": {\"a\": 1e7}}", "\"a\"");
	check_refusal("weighted", "{\"threshold\": 0.5}", "threshold");
	check_refusal("weighted", "{\"threshold\": 1.1}", "threshold");
	check_refusal("sealed_bid", "{\"reserve\": -1}", "reserve");
	check_refusal("sealed_bid", "{\"reserve\": \"1\"}", "reserve");
	check_refusal("second_price", "{\"options\": []}", "options");
	check_refusal("max_min", "", "amount");
	check_refusal("max_min", "{\"amount\": 0}", "amount");
	check_refusal("max_min", "{\"amount\": 0.0}", "amount");
	check_refusal("max_min", "{\"amount\": 1e301}", "amount");
	check_refusal("proportional", "{\"amount\": 9007199254740993}",
		      "amount");
	check_refusal("proportional", "{\"amount\": null}", "amount");
}

static void questions_say_all_that_is_to_be_known(void **state)
{
	static const struct {
		const char *protocol, *params, *method, *question;
	} all[] = {
		{ "majority", AB ", \"proposal\": {\"x\": 1}}", "vote",
		  "{\"options\":[\"a\",\"b\"],\"proposal\":{\"x\":1},"
		  "\"protocol\":\"majority\",\"session\":1}" },
		{ "weighted", "{\"threshold\": 1}", "vote",
		  "{\"options\":[\"yes\",\"no\"],\"proposal\":null,"
		  "\"protocol\":\"weighted\",\"session\":1}" },
		{ "second_price", "{\"item\": \"slot\", \"reserve\": 2}",
		  "bid", "{\"item\":\"slot\",\"protocol\":\"second_price\","
		  "\"reserve\":2,\"session\":1}" },
		{ "max_min", "{\"resource\": \"memory\", \"amount\": 0.1}",
		  "demand", "{\"amount\":0.10000000000000001,"
		  "\"protocol\":\"max_min\",\"resource\":\"memory\","
		  "\"session\":1}" },
	};
	struct mab_round round;
	char *body;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(all); i++) {
		round = new_round(all[i].protocol, 3, all[i].params, 0);
		assert_int_equal(ops_of(all[i].protocol)->begin(&round), 0);
		assert_int_equal(ops_of(all[i].protocol)->question(&round,
								   &body), 0);
		assert_string_equal(body, all[i].question);
		assert_string_equal(ops_of(all[i].protocol)->method,
				    all[i].method);
		free(round.state);
		free(body);
	}
}

/* Each answer that is none has its sentence. */
static void what_is_no_answer_is_told(void **state)
{
	static const struct {
		const char *protocol, *params, *answer, *why;
	} all[] = {
		{ "majority", "", "yes", "no JSON" },
		{ "majority", "", "\"maybe\"", "no option" },
		{ "majority", "", "1", "no option" },
		{ "majority", "", "null", "abstains" },
		{ "sealed_bid", "", "true", "no number" },
		{ "sealed_bid", "", "-0.5", "less than 0" },
		{ "max_min", TEN, "9007199254740993", "2^53" },
	};
	const struct mab_protocol *p;
	struct mab_round round;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(all); i++) {
		p = ops_of(all[i].protocol);
		round = new_round(all[i].protocol, 1, all[i].params, 0);
		assert_int_equal(p->begin(&round), 0);
		assert_int_equal(p->answer(&round, 0, all[i].answer,
					   strlen(all[i].answer)), -EBADMSG);
		assert_non_null(strstr(sup_error(), all[i].why));
		free(round.state);
	}
}

static int begin_any(struct mab_round *round)
{
	(void)round;
	return 0;
}

static int text_of_any(const struct mab_round *round, char **ret_body)
{
	(void)round;
	*ret_body = strdup("{}");
	return *ret_body ? 0 : -ENOMEM;
}

static int answer_any(struct mab_round *round, size_t agent, const char *body,
		      size_t len)
{
	(void)round;
	(void)agent;
	(void)body;
	(void)len;
	return 0;
}

static int outcome_of_any(struct mab_round *round, char **ret_body)
{
	return text_of_any(round, ret_body);
}

#define PROTOCOL(...) (&(struct mab_protocol){ \
	.size = sizeof(struct mab_protocol), .method = "any", \
	.begin = begin_any, .question = text_of_any, .answer = answer_any, \
	__VA_ARGS__ })
#define WHOLE_PROTOCOL(n) PROTOCOL(.name = (n), .outcome = outcome_of_any)

static void others_can_be_made_known(void **state)
{
	static const char *const names[] = {
		"any", "majority", "max_min", "proportional", "quorum",
		"sealed_bid", "second_price", "unanimous", "weighted",
	};
	char name[MAB_NAME_MAX + 2] = "", text[] = "any";
	struct mab_protocol_info info, *infos;
	size_t i, n;

	(void)state;
	assert_int_equal(mab_protocol_register(WHOLE_PROTOCOL(text)), 0);
	text[0] = 'x';
	assert_int_equal(mab_protocol_register(WHOLE_PROTOCOL("any")),
			 -EEXIST);
	assert_int_equal(mab_protocol_register(WHOLE_PROTOCOL("quorum")),
			 -EEXIST);
	assert_int_equal(mab_protocol_register(WHOLE_PROTOCOL("")), -EINVAL);
	assert_int_equal(mab_protocol_register(PROTOCOL(.name = "b")),
			 -EINVAL);
	assert_non_null(strstr(sup_error(), "outcome"));
	memset(name, 'x', MAB_NAME_MAX + 1);
	assert_int_equal(mab_protocol_register(WHOLE_PROTOCOL(name)),
			 -ENAMETOOLONG);
	assert_int_equal(mab_protocol_list(&infos, &n), 0);
	assert_int_equal(n, N_OF(names));
	for (i = 0; i < n; i++) {
		assert_string_equal(infos[i].name, names[i]);
		assert_int_equal(infos[i].built_in, !!i);
		assert_int_equal(infos[i].runs, 0);
	}
	free(infos);
	assert_int_equal(mab_protocol_get("any", &info), 0);
	assert_string_equal(info.protocol->name, "any");
	assert_ptr_equal(info.protocol->begin, begin_any);
	assert_int_equal(mab_protocol_unregister("any"), 0);
	assert_int_equal(mab_protocol_unregister("any"), -ENOENT);
	assert_int_equal(mab_protocol_get("any", &info), -ENOENT);
	assert_int_equal(mab_protocol_get(NULL, &info), -ENOENT);
	assert_int_equal(mab_protocol_unregister("quorum"), -EPERM);
}

static void there_are_so_many_at_most(void **state)
{
	char name[16];
	int i, ret;

	(void)state;
	for (i = 0; i <= MAB_PROTOCOLS_MAX; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		ret = mab_protocol_register(WHOLE_PROTOCOL(name));
		if (ret)
			break;
	}
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(i, MAB_PROTOCOLS_MAX - 8);
	while (i--) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(mab_protocol_unregister(name), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(votes_come_to_what_they_should),
		cmocka_unit_test(bids_come_to_what_they_should),
		cmocka_unit_test(demands_come_to_what_they_should),
		cmocka_unit_test(lots_have_a_seed),
		cmocka_unit_test(nothing_is_lost_by_rounding),
		cmocka_unit_test(parameters_are_refused_by_name),
		cmocka_unit_test(questions_say_all_that_is_to_be_known),
		cmocka_unit_test(what_is_no_answer_is_told),
		cmocka_unit_test(others_can_be_made_known),
		cmocka_unit_test(there_are_so_many_at_most),
	};

	return RUN_TESTS(tests);
}
