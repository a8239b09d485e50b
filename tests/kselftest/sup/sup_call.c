// SPDX-License-Identifier: GPL-2.0
/* A call for each request of the family. */
#include <errno.h>
#include <string.h>

#include "sup_nl.h"
#include "sup_proc.h"

int group_new(struct sup *s, uint32_t flags, uint32_t policy,
	      uint32_t grace_ms, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_NEW, false);
	if (flags)
		put_u32(&r, SUP_A_GROUP_FLAGS, flags);
	if (policy)
		put_u32(&r, SUP_A_GROUP_POLICY, policy);
	if (grace_ms)
		put_u32(&r, SUP_A_GROUP_GRACE_MS, grace_ms);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_new_telling(struct sup *s, uint32_t flags, uint32_t events,
		      uint32_t fatal, uint32_t stuck_ms, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_FLAGS, flags);
	if (events)
		put_u32(&r, SUP_A_GROUP_EVENTS, events);
	if (fatal)
		put_u32(&r, SUP_A_GROUP_FATAL, fatal);
	if (stuck_ms)
		put_u32(&r, SUP_A_GROUP_STUCK_MS, stuck_ms);
	return group_new_with(s, &r, ret);
}

int group_new_with(struct sup *s, struct request *r, struct group *ret)
{
	memset(ret, 0, sizeof(*ret));
	return call(s, r, parse_group, ret);
}

int group_hand_over(struct sup *s, uint64_t id, uint32_t grace_ms,
		    struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_HAND_OVER, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	if (grace_ms)
		put_u32(&r, SUP_A_GROUP_GRACE_MS, grace_ms);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int observe(struct sup *s, uint64_t id, uint32_t events)
{
	struct request r;

	request_init(&r, s, SUP_CMD_OBSERVE, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	put_u32(&r, SUP_A_GROUP_EVENTS, events);
	return call(s, &r, NULL, NULL);
}

int spawn_set(struct sup *s, uint64_t group, uint32_t kind, uint64_t cookie)
{
	struct request r;

	request_init(&r, s, SUP_CMD_SPAWN_SET, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	put_u32(&r, SUP_A_MEMBER_KIND, kind);
	put_u64(&r, SUP_A_MEMBER_COOKIE, cookie);
	return call(s, &r, NULL, NULL);
}

int spawn_clear(struct sup *s, uint64_t group)
{
	struct request r;

	request_init(&r, s, SUP_CMD_SPAWN_CLEAR, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	return call(s, &r, NULL, NULL);
}

int group_del(struct sup *s, uint64_t id, bool release)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_DEL, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	if (release)
		put_data(&r, SUP_A_GROUP_RELEASE, NULL, 0);
	return call(s, &r, NULL, NULL);
}

int group_get(struct sup *s, uint64_t id, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_GET, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_kill(struct sup *s, uint64_t id, int sig, uint64_t lineage,
	       uint64_t member, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_KILL, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	put_u32(&r, SUP_A_GROUP_SIGNAL, sig);
	if (lineage)
		put_u64(&r, SUP_A_GROUP_LINEAGE, lineage);
	if (member)
		put_u64(&r, SUP_A_GROUP_MEMBER, member);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_kill_alone(struct sup *s, uint64_t id, int sig, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_KILL, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	put_u32(&r, SUP_A_GROUP_SIGNAL, sig);
	put_flag(&r, SUP_A_GROUP_ALONE);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_adopt(struct sup *s, uint64_t id, const unsigned char *token,
		uint32_t flags, struct group *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_ADOPT, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	if (token)
		put_data(&r, SUP_A_GROUP_TOKEN, token, SUP_TOKEN_SIZE);
	if (flags)
		put_u32(&r, SUP_A_GROUP_FLAGS, flags);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_group, ret);
}

int group_dump(struct sup *s, struct group *ret, int max)
{
	struct list list = { ret, sizeof(*ret), max, 0, parse_group };
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_GET, true);
	return call(s, &r, add_to_list, &list) ?: list.n;
}

int member_dump(struct sup *s, uint64_t group, uint64_t lineage,
		struct member *ret, int max)
{
	struct list list = { ret, sizeof(*ret), max, 0, parse_member };
	struct request r;

	request_init(&r, s, SUP_CMD_MEMBER_GET, true);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	if (lineage)
		put_u64(&r, SUP_A_MEMBER_LINEAGE, lineage);
	return call(s, &r, add_to_list, &list) ?: list.n;
}

int record_dump(struct sup *s, uint64_t group, struct record *ret, int max)
{
	struct list list = { ret, sizeof(*ret), max, 0, NULL };
	struct request r;

	request_init(&r, s, SUP_CMD_RECORD_GET, true);
	put_u64(&r, SUP_A_BATCH_GROUP, group);
	return call(s, &r, add_records, &list) ?: list.n;
}

static void begin_add(struct request *r, struct sup *s, uint64_t group,
		      uint64_t cookie)
{
	request_init(r, s, SUP_CMD_MEMBER_ADD, false);
	put_u64(r, SUP_A_MEMBER_GROUP, group);
	if (cookie)
		put_u64(r, SUP_A_MEMBER_COOKIE, cookie);
}

int member_add_self(struct sup *s, uint64_t group, uint64_t cookie,
		    struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, cookie);
	put_data(&r, SUP_A_MEMBER_SELF, NULL, 0);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_add_pid(struct sup *s, uint64_t group, pid_t pid, uint64_t ticks,
		   uint32_t kind, uint64_t cookie, struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, cookie);
	put_u32(&r, SUP_A_MEMBER_PID, pid);
	put_u64(&r, SUP_A_MEMBER_START_TICKS, ticks);
	put_u32(&r, SUP_A_MEMBER_KIND, kind);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_add_pidfd(struct sup *s, uint64_t group, int pidfd, uint64_t cookie,
		     struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, cookie);
	put_u32(&r, SUP_A_MEMBER_PIDFD, pidfd);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_add_family(struct sup *s, uint64_t group, pid_t pid,
		      struct member *ret)
{
	struct request r;

	begin_add(&r, s, group, 0);
	if (pid) {
		put_u32(&r, SUP_A_MEMBER_PID, pid);
		put_u64(&r, SUP_A_MEMBER_START_TICKS, start_ticks(pid));
	} else {
		put_flag(&r, SUP_A_MEMBER_SELF);
	}
	put_flag(&r, SUP_A_MEMBER_DESCENDANTS);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int member_get(struct sup *s, uint64_t group, pid_t pid, uint32_t kind,
	       struct member *ret)
{
	struct request r;

	request_init(&r, s, SUP_CMD_MEMBER_GET, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	put_u32(&r, SUP_A_MEMBER_PID, pid);
	put_u32(&r, SUP_A_MEMBER_KIND, kind);
	memset(ret, 0, sizeof(*ret));
	return call(s, &r, parse_member, ret);
}

int record_ack(struct sup *s, uint64_t group, uint64_t seq)
{
	struct request r;

	request_init(&r, s, SUP_CMD_RECORD_ACK, false);
	put_u64(&r, SUP_A_BATCH_GROUP, group);
	put_u64(&r, SUP_A_BATCH_SEQ, seq);
	return call(s, &r, NULL, NULL);
}

struct awaited {
	struct sup *s;
	uint64_t id;
	uint32_t state;
};

static bool has_state(void *arg)
{
	struct awaited *a = arg;
	struct group g;

	return !group_get(a->s, a->id, &g) && g.state == a->state;
}

bool group_reaches(struct sup *s, uint64_t id, uint32_t state)
{
	struct awaited a = { s, id, state };

	return eventually(has_state, &a);
}

static bool is_over(void *arg)
{
	struct awaited *a = arg;
	struct group g;

	return group_get(a->s, a->id, &g) == -ENOENT;
}

bool group_ends(struct sup *s, uint64_t id)
{
	struct awaited a = { s, id, 0 };

	return eventually(is_over, &a);
}
