/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agents are asked and told, one and many; what comes of it is the truth. */
#include "mabeam.h"

static int ask(const char *id, const char *method, const char *body)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };
	struct sup_msg reply;
	int ret;

	ret = mab_agent_ask(id, SAY(method, body), &reply, &reason, LONG);
	if (ret)
		return ret;
	assert_int_equal(reply.len, strlen(body));
	assert_string_equal(reply.data, body);
	sup_msg_free(&reply);
	return 0;
}

static void what_it_answers_comes_back(void **state)
{
	(void)state;
	start_agent(AGENT(.id = "a"));
	assert_int_equal(ask("a", "echo", "[1, \"two\"]"), 0);
	assert_int_equal(ask("a", "echo", ""), 0);
	assert_int_equal(ask("a", "error", "no such thing"), -EREMOTEIO);
	assert_non_null(strstr(sup_error(), "no such thing"));
}

static void who_cannot_answer_is_told_apart(void **state)
{
	struct sup_reason reason;
	struct sup_msg reply;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(ask("nobody", "echo", ""), -ENOENT);
	assert_int_equal(ask("a", "echo", ""), -ENOTCONN);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(mab_agent_ask("a", SAY("silent", ""), &reply, NULL,
				       sup_deadline_ms(10)), -ETIMEDOUT);
	assert_int_equal(mab_agent_ask("a", SAY("fail", ""), &reply, &reason,
				       LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -EIO);
	assert_int_equal(ask("a", "echo", ""), -ENOTCONN);
}

static void what_cannot_be_asked_is_refused(void **state)
{
	char name[MAB_NAME_MAX + 2] = "";
	struct sup_msg reply;

	(void)state;
	memset(name, 'x', MAB_NAME_MAX + 1);
	start_agent(AGENT(.id = "a"));
	assert_int_equal(ask("", "echo", ""), -EINVAL);
	assert_int_equal(ask("a", "", ""), -EINVAL);
	assert_int_equal(ask("a", name, ""), -ENAMETOOLONG);
	assert_int_equal(mab_agent_ask("a", &(struct mab_message){
				.method = "echo", .len = MAB_BODY_MAX + 1,
				.body = "" }, &reply, NULL, LONG), -E2BIG);
}

static const struct mab_agent_ops mute_ops = {
	.size = sizeof(mute_ops), .init = simple_init,
};

static void many_are_asked_at_once(void **state)
{
	const char *const ids[] = { "a", "silent", "off", "nobody", "b" };
	struct mab_answer answers[N_OF(ids)];

	(void)state;
	start_agent(AGENT(.id = "a"));
	start_agent(AGENT_OF(&mute_ops, .id = "silent"));
	assert_int_equal(mab_agent_register(AGENT(.id = "off")), 0);
	start_agent(AGENT(.id = "b"));
	assert_int_equal(mab_agent_ask_many(ids, N_OF(ids), SAY("echo", "7"),
					    answers, LONG), 0);
	assert_int_equal(answers[0].error, 0);
	assert_string_equal(answers[0].reply.data, "7");
	assert_int_equal(answers[1].error, -ENOSYS);
	assert_int_equal(answers[2].error, -ENOTCONN);
	assert_int_equal(answers[3].error, -ENOENT);
	assert_int_equal(answers[4].error, 0);
	assert_int_equal(answers[4].pid.v, mab_agent_whereis("b").v);
	mab_answers_free(answers, N_OF(ids));
	assert_int_equal(mab_agent_ask_many(ids, 0, SAY("echo", "7"), answers,
					    LONG), 0);
}

/* One that is silent, one that ends, and one that answers. */
static void the_silent_delay_no_other_answer(void **state)
{
	const char *const ids[] = { "a", "b" };
	struct mab_answer answers[N_OF(ids)];

	(void)state;
	start_agent(AGENT(.id = "a"));
	start_agent(AGENT(.id = "b"));
	assert_int_equal(mab_agent_ask_many(ids, N_OF(ids), SAY("silent", ""),
					    answers, sup_deadline_ms(10)), 0);
	assert_int_equal(answers[0].error, -ETIMEDOUT);
	assert_int_equal(answers[1].error, -ETIMEDOUT);
	assert_int_equal(mab_agent_ask_many(ids, N_OF(ids), SAY("fail", ""),
					    answers, LONG), 0);
	assert_int_equal(answers[0].error, -EPIPE);
	assert_int_equal(answers[0].reason.kind, SUP_REASON_EXIT);
	assert_int_equal(answers[1].reason.code, -EIO);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(mab_agent_start("b", NULL), 0);
	assert_int_equal(mab_agent_ask_many(ids, N_OF(ids), SAY("error", "no"),
					    answers, LONG), 0);
	assert_int_equal(answers[1].error, -EREMOTEIO);
	assert_string_equal(answers[1].reply.data, "no");
	mab_answers_free(answers, N_OF(ids));
}

/* Notes what it was told, and tells it when asked. */
static int note(void *state, const struct mab_message *m)
{
	char *seen = state;

	if (!strcmp(m->method, "end"))
		return -EIO;
	strncat(seen, m->body, 15 - strlen(seen));
	return 0;
}

static int tell(void *state, struct sup_from from, const struct mab_message *m)
{
	(void)m;
	return mab_reply(from, state, strlen(state));
}

static const struct mab_agent_ops noting_ops = {
	.size = sizeof(noting_ops), .init = simple_init, .request = tell,
	.notify = note,
};

static void what_it_is_told_comes_in_order(void **state)
{
	struct sup_msg reply;
	char seen[16] = "";
	struct sup_pid pid;

	(void)state;
	pid = start_agent(AGENT_OF(&noting_ops, .id = "a", .arg = seen));
	assert_int_equal(mab_agent_notify("nobody", SAY("x", ""), LONG),
			 -ENOENT);
	assert_int_equal(mab_agent_notify("a", SAY("x", "1"), LONG), 0);
	assert_int_equal(mab_agent_notify("a", SAY("x", "2"), LONG), 0);
	assert_int_equal(mab_agent_notify("a", SAY("x", "3"), LONG), 0);
	assert_int_equal(mab_agent_ask("a", SAY("y", ""), &reply, NULL, LONG),
			 0);
	assert_string_equal(reply.data, "123");
	sup_msg_free(&reply);
	assert_int_equal(mab_agent_notify("a", SAY("end", ""), LONG), 0);
	sup_wait(pid, NULL, LONG);
	assert_int_equal(mab_agent_notify("a", SAY("x", ""), LONG), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(what_it_answers_comes_back),
		MABEAM_CASE(who_cannot_answer_is_told_apart),
		MABEAM_CASE(what_cannot_be_asked_is_refused),
		MABEAM_CASE(many_are_asked_at_once),
		MABEAM_CASE(the_silent_delay_no_other_answer),
		MABEAM_CASE(what_it_is_told_comes_in_order),
	};

	return RUN_TESTS(tests);
}
