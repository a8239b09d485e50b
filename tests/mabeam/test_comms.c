/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Speaking with agents: one, many, by topic, here and by another transport. */
#include "comms.h"

static void a_request_has_its_answer(void **state)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	char name[MAB_NAME_MAX + 2] = "";
	struct sup_msg reply;

	(void)state;
	memset(name, 'x', MAB_NAME_MAX + 1);
	start_agent(AGENT(.id = "a"));
	start_agent(AGENT(.id = "odd/name"));
	assert_int_equal(mab_agent_register(AGENT(.id = "off")), 0);
	assert_int_equal(request("a", "echo", "[1]", "[1]", NULL), 0);
	assert_int_equal(request("local/a", "echo", "2", "2", NULL), 0);
	assert_int_equal(request("odd/name", "echo", "3", "3", NULL), 0);
	assert_int_equal(request("local/odd/name", "echo", "", "", NULL), 0);
	assert_int_equal(request("a", "error", "no!", "", NULL), -EREMOTEIO);
	assert_non_null(strstr(sup_error(), "no!"));
	assert_int_equal(request("nobody", "echo", "", "", NULL), -ENOENT);
	assert_int_equal(request("off", "echo", "", "", &reason), -ENOTCONN);
	assert_int_equal(reason.kind, SUP_REASON_NOPROC);
	assert_int_equal(request("", "echo", "", "", NULL), -EINVAL);
	assert_int_equal(request("local/", "echo", "", "", NULL), -EINVAL);
	assert_int_equal(request(NULL, "echo", "", "", NULL), -EINVAL);
	assert_int_equal(request("a", "", "", "", NULL), -EINVAL);
	assert_int_equal(request(name, "echo", "", "", NULL), -ENAMETOOLONG);
	assert_int_equal(request("a", name, "", "", NULL), -ENAMETOOLONG);
	assert_int_equal(mab_comms_request("a", &(struct mab_message){
				.method = "echo", .len = MAB_BODY_MAX + 1,
				.body = "" }, &reply, NULL, LONG), -E2BIG);
	assert_int_equal(mab_comms_request("a", SAY("silent", ""), &reply, NULL,
					   sup_deadline_ms(10)), -ETIMEDOUT);
}

/* Who is asking when it ends, and who asks later: both know why. */
static void of_an_end_callers_know_why(void **state)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	struct sup_pid pid;

	(void)state;
	pid = start_agent(AGENT(.id = "a"));
	assert_int_equal(request("a", "fail", "", "", &reason), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -EIO);
	sup_wait(pid, NULL, LONG);
	reason = SUP_NORMAL;
	assert_int_equal(request("a", "echo", "", "", &reason), -ENOTCONN);
	assert_int_equal(reason.code, -EIO);
}

static const struct mab_program odd = {
	.size = sizeof(odd), .argv = (const char *const[]){ ODD_AGENT, NULL },
	.env_set = programs_env,
};

static void a_program_is_asked_the_same(void **state)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	struct sup_pid pid;

	(void)state;
	pid = start_agent(PROGRAM_AGENT(&odd, .id = "p"));
	assert_int_equal(request("p", "echo", "[1,2]", "[1,2]", NULL), 0);
	assert_int_equal(once("p", "1", "echo", "1"), 0);
	assert_int_equal(mab_comms_subscribe("note", pid), 0);
	assert_int_equal(mab_comms_publish(SAY("note", "7"), NULL), 0);
	assert_int_equal(mab_comms_notify("p", SAY("note", "8"), LONG), 0);
	assert_int_equal(mab_comms_broadcast(SAY("note", "9"), NULL), 0);
	assert_int_equal(request("p", "tell_notes", "", "[7,8,9]", NULL), 0);
	assert_int_equal(request("p", "crash", "", "", &reason), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(reason.signo, SIGSEGV);
	sup_wait(pid, NULL, LONG);
	reason = SUP_NORMAL;
	assert_int_equal(request("p", "echo", "", "", &reason), -ENOTCONN);
	assert_int_equal(reason.signo, SIGSEGV);
}

static void what_was_sent_is_answered(void **state)
{
	struct sup_request first, second;
	struct sup_reason reason;
	struct sup_msg reply;
	struct sup_pid pid;

	(void)state;
	pid = start_agent(AGENT(.id = "a"));
	assert_int_equal(mab_comms_send("nobody", SAY("echo", ""), false, LONG,
					&first), -ENOENT);
	assert_int_equal(mab_comms_send("a", SAY("echo", ""), true, LONG,
					&first), -EPERM);
	assert_int_equal(mab_comms_send("a", SAY("silent", ""), false, LONG,
					&first), 0);
	assert_int_equal(mab_comms_send("a", SAY("echo", "x"), false, LONG,
					&second), 0);
	assert_int_equal(has(mab_comms_answer(second, &reply, NULL, LONG),
			     &reply, "x"), 0);
	assert_int_equal(mab_comms_answer(second, &reply, NULL, LONG), -ENOENT);
	assert_int_equal(mab_comms_answer(first, &reply, NULL, SUP_TRY),
			 -ETIMEDOUT);
	sup_kill(pid, LONG);
	assert_int_equal(mab_comms_answer(first, &reply, &reason, LONG),
			 -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_KILLED);
}

/* One answer, one error and one end. */
static int hears(void *arg)
{
	static const char *const methods[] = { "echo", "error", "fail" };
	static const int errors[] = { 0, -EREMOTEIO, -EPIPE };
	struct sup_request requests[N_OF(methods)];
	struct sup_reason reason;
	struct sup_msg reply;
	struct sup_info info;
	size_t i;

	(void)arg;
	for (i = 0; i < N_OF(methods); i++)
		EXPECT(!mab_comms_send("a", SAY(methods[i], "x"), true, LONG,
				       &requests[i]));
	for (i = 0; i < N_OF(methods); i++) {
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(info.request.v == requests[i].v);
		EXPECT(has(mab_comms_response(&info, &reply, &reason), &reply,
			   "x") == errors[i]);
		sup_msg_free(&info.msg);
	}
	EXPECT(reason.code == -EIO);
	info.kind = SUP_INFO_MSG;
	EXPECT(mab_comms_response(&info, &reply, NULL) == -EINVAL);
	return 0;
}

static void answers_arrive_as_messages(void **state)
{
	(void)state;
	start_agent(AGENT(.id = "a"));
	run_with(hears, NULL);
}

/*
 * One waits for an agent that does not go on before 15 others have had all of
 * their answers: if they had to wait for it, nobody would ever go on.
 */
#define CALLERS 16

struct queue {
	struct worker slow, fast;
	_Atomic int over;
};

static int speaks(int nth, void *arg)
{
	struct queue *q = arg;
	char key[32];
	int i;

	if (!nth)
		return once("slow", "queue", "hold", "1: queue");
	while (!atomic_load(&q->slow.done))
		sup_checkpoint();
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "queue %d %d", nth, i);
		EXPECT(!request("fast", "echo", key, key, NULL));
		EXPECT(!once("fast", key, "echo", key));
	}
	if (atomic_fetch_add(&q->over, 1) + 1 == CALLERS - 1)
		sem_post(&q->slow.go);
	return 0;
}

static void a_slow_agent_delays_nobody_else(void **state)
{
	static struct queue q;

	(void)state;
	start_agent(WORKER(&q.slow, .id = "slow"));
	start_agent(WORKER(&q.fast, .id = "fast"));
	assert_int_equal(crowd(CALLERS, speaks, &q), CALLERS);
	assert_int_equal(atomic_load(&q.slow.done), 1);
}

/* Their mailboxes are in the order in which they were told. */
static void fifty_notifications_come_in_order(void **state)
{
	static struct worker w;
	char expected[51], word[2] = "";
	int i;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	for (i = 0; i < 50; i++) {
		word[0] = 'A' + i;
		assert_int_equal(mab_comms_notify("a", SAY("n", word), LONG),
				 0);
		expected[i] = word[0];
	}
	expected[50] = '\0';
	assert_int_equal(request("a", "seen", "", expected, NULL), 0);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(mab_comms_notify("a", SAY("n", ""), LONG), -ENOTCONN);
	assert_int_equal(mab_comms_notify("b", SAY("n", ""), LONG), -ENOENT);
}

static void many_are_told_at_once(void **state)
{
	static struct worker a, b;
	size_t n;

	(void)state;
	start_agent(WORKER(&a, .id = "a", .capabilities = CAN("x", "y")));
	start_agent(WORKER(&b, .id = "b", .capabilities = CAN("x")));
	assert_int_equal(mab_agent_register(AGENT(.id = "off")), 0);
	assert_int_equal(mab_comms_broadcast(SAY("n", "1"), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mab_comms_multicast(CAN("x"), SAY("n", "2"), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mab_comms_multicast(CAN("x", "y"), SAY("n", "3"), &n),
			 0);
	assert_int_equal(n, 1);
	assert_int_equal(mab_comms_multicast(CAN("z"), SAY("n", "4"), &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(mab_comms_multicast(NULL, SAY("n", "5"), NULL), 0);
	assert_int_equal(mab_comms_multicast(CAN(""), SAY("n", ""), &n),
			 -EINVAL);
	assert_int_equal(mab_comms_broadcast(SAY("", ""), &n), -EINVAL);
	assert_int_equal(request("a", "seen", "", "1235", NULL), 0);
	assert_int_equal(request("b", "seen", "", "125", NULL), 0);
}

/* It is at the first one, has room for one more, and gets that. */
static void who_has_no_room_is_left_out(void **state)
{
	static struct worker a, b;
	struct mab_comms_count before = count_of(MAB_COMMS_BROADCAST), after;
	size_t n;

	(void)state;
	start_agent(WORKER(&a, .id = "a", .mailbox = 1));
	start_agent(WORKER(&b, .id = "b"));
	assert_int_equal(mab_comms_notify("a", SAY("hold", "1"), LONG), 0);
	AWAIT(atomic_load(&a.done));
	assert_int_equal(mab_comms_broadcast(SAY("n", "2"), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mab_comms_broadcast(SAY("n", "3"), &n), 0);
	assert_int_equal(n, 1);
	after = count_of(MAB_COMMS_BROADCAST);
	assert_int_equal(after.sent - before.sent, 4);
	assert_int_equal(after.failed - before.failed, 1);
	assert_int_equal(after.bytes_sent - before.bytes_sent, 4);
	sem_post(&a.go);
	/* An answer shows that it has room again. */
	assert_int_equal(request("a", "seen", "", "12", NULL), 0);
	assert_int_equal(request("b", "seen", "", "23", NULL), 0);
}

/* A plain task that is subscribed, until it was told the end. */
struct subscriber {
	_Atomic bool subscribed;
	char seen[16];
};

static int subscribes(void *arg)
{
	struct subscriber *s = arg;
	struct mab_message m;
	struct sup_info info;
	bool over = false;

	EXPECT(!mab_comms_subscribe("news", sup_self()));
	EXPECT(!mab_comms_subscribe("other", sup_self()));
	EXPECT(mab_comms_subscribe("news", sup_self()) == -EALREADY);
	EXPECT(!mab_comms_unsubscribe("other", sup_self()));
	EXPECT(mab_comms_unsubscribe("other", sup_self()) == -ENOENT);
	atomic_store(&s->subscribed, true);
	while (!over) {
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(mab_message_read(&info.msg, &m));
		EXPECT(!strcmp(m.method, "news"));
		strncat(s->seen, m.body, sizeof(s->seen) - 1);
		over = !strcmp(m.body, ".");
		sup_msg_free(&info.msg);
	}
	return 0;
}

static void subscribers_get_what_is_published(void **state)
{
	static struct subscriber s;
	static struct worker w;
	struct sup_pid task, agent;
	size_t n;

	(void)state;
	agent = start_agent(WORKER(&w, .id = "a"));
	task = start(subscribes, &s);
	AWAIT(atomic_load(&s.subscribed));
	assert_int_equal(mab_comms_publish(SAY("news", "1"), &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(mab_comms_subscribe("news", agent), 0);
	assert_int_equal(mab_comms_publish(SAY("news", "2"), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mab_comms_publish(SAY("other", "3"), &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(mab_comms_publish(SAY("news", "."), NULL), 0);
	assert_int_equal(end_of(task).code, 0);
	assert_string_equal(s.seen, "12.");
	assert_int_equal(request("a", "seen", "", "2.", NULL), 0);
	assert_int_equal(mab_comms_subscribe("", agent), -EINVAL);
	assert_int_equal(mab_comms_subscribe("news", SUP_PID_NONE), -ESRCH);
	assert_int_equal(mab_comms_publish(SAY("", ""), &n), -EINVAL);
}

/* Of any kind of end; and a next life is not subscribed. */
static void who_ends_is_no_subscriber_any_more(void **state)
{
	static struct worker w;
	struct sup_pid pids[3], agent;
	size_t i, n;

	(void)state;
	agent = start_agent(WORKER(&w, .id = "a", .restart = MAB_PERMANENT));
	assert_int_equal(mab_comms_subscribe("topic", agent), 0);
	for (i = 0; i < N_OF(pids); i++) {
		pids[i] = start(stays, NULL);
		assert_int_equal(mab_comms_subscribe("topic", pids[i]), 0);
	}
	assert_int_equal(mab_comms_publish(SAY("topic", ""), &n), 0);
	assert_int_equal(n, 4);
	kill_and_wait(pids[0]);
	assert_int_equal(mab_comms_publish(SAY("topic", ""), &n), 0);
	assert_int_equal(n, 3);
	kill_and_wait(agent);
	assert_int_equal(mab_comms_publish(SAY("topic", ""), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mab_comms_unsubscribe("topic", pids[0]), -ENOENT);
	AWAIT(mab_agent_whereis("a").v);
	assert_int_equal(mab_comms_publish(SAY("topic", ""), &n), 0);
	assert_int_equal(n, 2);
	kill_and_wait(pids[1]);
	kill_and_wait(pids[2]);
	assert_int_equal(mab_comms_subscribe("topic", pids[2]), -ESRCH);
	assert_int_equal(mab_comms_publish(SAY("topic", ""), &n), 0);
	assert_int_equal(n, 0);
}

/* Another transport: one agent, for which a task of the test stands. */
struct peer {
	struct sup_pid pid;
	_Atomic int told;
};

static int peer_init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int peer_call(void *state, struct sup_from from, struct sup_msg *msg)
{
	struct mab_message m;

	if (!mab_message_read(msg, &m))
		return -EPROTO;
	return simple_request(state, from, &m);
}

static int peer_cast(void *state, struct sup_msg *msg)
{
	struct peer *peer = state;
	struct mab_message m;

	if (!mab_message_read(msg, &m))
		return -EPROTO;
	atomic_fetch_add(&peer->told, 1);
	return 0;
}

static int peer_find(const char *id, void *arg, struct sup_pid *ret_pid,
		     struct sup_reason *ret_reason)
{
	const struct peer *peer = arg;

	if (!strcmp(id, "gone")) {
		*ret_reason = SUP_SHUTDOWN;
		return -ENOTCONN;
	}
	if (strcmp(id, "b"))
		return sup_set_error(-ENOENT, "there is no \"%s\" there", id);
	*ret_pid = peer->pid;
	return 0;
}

static int peer_each(const char *const *capabilities, void *arg,
		     int (*found)(struct sup_pid pid, void *to), void *to)
{
	const struct peer *peer = arg;

	return capabilities ? 0 : found(peer->pid, to);
}

static const struct mab_transport_ops peer_ops = {
	.size = sizeof(peer_ops), .find = peer_find, .each = peer_each,
};

static void set_up_peer(struct peer *peer)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = peer_init, .call = peer_call,
		.cast = peer_cast,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = peer,
	};

	assert_int_equal(sup_server_start(&spec, &peer->pid), 0);
	assert_int_equal(mab_transport_register("peer", &peer_ops, peer), 0);
}

static void another_transport_joins(void **state)
{
	static struct worker w;
	struct sup_reason reason;
	struct peer peer = { .told = 0 };
	size_t n;

	(void)state;
	start_agent(WORKER(&w, .id = "a"));
	set_up_peer(&peer);
	assert_int_equal(request("peer/b", "echo", "1", "1", NULL), 0);
	assert_int_equal(request("peer/b", "error", "", "", NULL), -EREMOTEIO);
	assert_int_equal(request("peer/c", "echo", "", "", NULL), -ENOENT);
	assert_non_null(strstr(sup_error(), "\"c\" there"));
	assert_int_equal(request("b", "echo", "", "", NULL), -ENOENT);
	assert_int_equal(request("peer/gone", "echo", "", "", &reason),
			 -ENOTCONN);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(once("peer/b", "peer", "echo", "peer"), 0);
	assert_int_equal(mab_comms_notify("peer/b", SAY("n", ""), LONG), 0);
	assert_int_equal(mab_comms_broadcast(SAY("n", ""), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mab_comms_multicast(CAN("x"), SAY("n", ""), &n), 0);
	assert_int_equal(n, 0);
	AWAIT(atomic_load(&peer.told) == 2);
	assert_int_equal(request("peer/b", "fail", "", "", &reason), -EPIPE);
	assert_int_equal(reason.code, -EIO);
	assert_int_equal(mab_transport_unregister("peer"), 0);
	assert_int_equal(request("peer/b", "echo", "", "", NULL), -ENOENT);
}

static void transports_are_checked(void **state)
{
	static const struct mab_transport_ops none = { .size = sizeof(none) };
	char name[MAB_NAME_MAX + 2] = "";
	int i;

	(void)state;
	memset(name, 'x', MAB_NAME_MAX + 1);
	assert_int_equal(mab_transport_register("", &peer_ops, NULL), -EINVAL);
	assert_int_equal(mab_transport_register("a/b", &peer_ops, NULL),
			 -EINVAL);
	assert_int_equal(mab_transport_register(name, &peer_ops, NULL),
			 -ENAMETOOLONG);
	assert_int_equal(mab_transport_register("a", &none, NULL), -EINVAL);
	assert_int_equal(mab_transport_register("a", NULL, NULL), -EINVAL);
	assert_int_equal(mab_transport_register(MAB_LOCAL, &peer_ops, NULL),
			 -EEXIST);
	assert_int_equal(mab_transport_unregister(MAB_LOCAL), -EPERM);
	assert_int_equal(mab_transport_unregister("a"), -ENOENT);
	assert_int_equal(mab_transport_unregister(NULL), -ENOENT);
	for (i = 1; i < MAB_TRANSPORTS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(mab_transport_register(name, &peer_ops, NULL),
				 0);
	}
	assert_int_equal(mab_transport_register("a", &peer_ops, NULL), -ENOSPC);
	for (i = 1; i < MAB_TRANSPORTS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(mab_transport_unregister(name), 0);
	}
}

/* Answered, failed, late; of what is wrong in itself nothing. */
static void what_was_said_is_counted(void **state)
{
	const struct mab_comms_count before = count_of(MAB_COMMS_REQUEST);
	struct mab_comms_count c;
	struct sup_msg reply;

	(void)state;
	start_agent(AGENT(.id = "a"));
	assert_int_equal(request("a", "echo", "four", "four", NULL), 0);
	assert_int_equal(request("a", "error", "x", "", NULL), -EREMOTEIO);
	assert_int_equal(request("b", "echo", "", "", NULL), -ENOENT);
	assert_int_equal(mab_comms_request("a", SAY("silent", ""), &reply, NULL,
					   sup_deadline_ms(10)), -ETIMEDOUT);
	assert_int_equal(request("a", "", "", "", NULL), -EINVAL);
	assert_int_equal(request("", "echo", "", "", NULL), -EINVAL);
	c = count_of(MAB_COMMS_REQUEST);
	assert_int_equal(c.sent - before.sent, 4);
	assert_int_equal(c.answered - before.answered, 2);
	assert_int_equal(c.failed - before.failed, 1);
	assert_int_equal(c.timed_out - before.timed_out, 1);
	assert_int_equal(c.bytes_sent - before.bytes_sent, 5);
	assert_int_equal(c.bytes_received - before.bytes_received, 4);
}

/* How often something of that name was observed, or what was counted. */
static uint64_t observed(const char *name)
{
	struct fnd_figure *figures;
	uint64_t sum = 0;
	size_t i, n;

	assert_int_equal(fnd_metric_list(name, &figures, &n), 0);
	for (i = 0; i < n; i++)
		sum += figures[i].count;
	free(figures);
	return sum;
}

static void what_was_said_is_an_event(void **state)
{
	const uint64_t requests = observed("foundation.mabeam.comms.request");
	const uint64_t notes = observed("foundation.mabeam.comms.notify");

	(void)state;
	start_agent(AGENT(.id = "a"));
	assert_int_equal(request("a", "echo", "", "", NULL), 0);
	assert_int_equal(request("a", "echo", "", "", NULL), 0);
	assert_int_equal(request("a", "error", "", "", NULL), -EREMOTEIO);
	assert_int_equal(mab_comms_notify("a", SAY("n", ""), LONG), 0);
	assert_int_equal(observed("foundation.mabeam.comms.request") - requests, 2);
	assert_int_equal(observed("foundation.mabeam.comms.notify") - notes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(a_request_has_its_answer),
		MABEAM_CASE(of_an_end_callers_know_why),
		MABEAM_CASE(a_program_is_asked_the_same),
		MABEAM_CASE(what_was_sent_is_answered),
		MABEAM_CASE(answers_arrive_as_messages),
		MABEAM_CASE(a_slow_agent_delays_nobody_else),
		MABEAM_CASE(fifty_notifications_come_in_order),
		MABEAM_CASE(many_are_told_at_once),
		MABEAM_CASE(who_has_no_room_is_left_out),
		MABEAM_CASE(subscribers_get_what_is_published),
		MABEAM_CASE(who_ends_is_no_subscriber_any_more),
		MABEAM_CASE(another_transport_joins),
		MABEAM_CASE(transports_are_checked),
		MABEAM_CASE(what_was_said_is_counted),
		MABEAM_CASE(what_was_said_is_an_event),
	};

	return RUN_TESTS(tests);
}
