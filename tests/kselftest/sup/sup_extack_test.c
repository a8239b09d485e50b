// SPDX-License-Identifier: GPL-2.0
/* Bad requests: each is refused, with a sentence that says why. */
#include "sup_test.h"

FIXTURE(extack) {
	struct sup s;
	struct group g;
	struct request r;
};

FIXTURE_SETUP(extack)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
}

FIXTURE_TEARDOWN(extack)
{
	sup_close(&self->s);
}

#define BEGIN(cmd) request_init(&self->r, &self->s, SUP_CMD_##cmd, false)
#define U32(attr, value) put_u32(&self->r, SUP_A_##attr, value)
#define U64(attr, value) put_u64(&self->r, SUP_A_##attr, value)
#define REFUSED(error, sentence)					\
	do {								\
		EXPECT_EQ(error, call(&self->s, &self->r, NULL, NULL));	\
		EXPECT_STREQ(sentence, self->s.extack);			\
	} while (0)

TEST_F(extack, missing_group)
{
	BEGIN(GROUP_GET);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(GROUP_DEL);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(GROUP_KILL);
	U32(GROUP_SIGNAL, 9);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(GROUP_ADOPT);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(MEMBER_ADD);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(MEMBER_GET);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(RECORD_ACK);
	U64(BATCH_SEQ, 1);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(RECORD_GET);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(GROUP_HAND_OVER);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(OBSERVE);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(SPAWN_SET);
	REFUSED(-EINVAL, "group is missing");
	BEGIN(SPAWN_CLEAR);
	REFUSED(-EINVAL, "group is missing");
	request_init(&self->r, &self->s, SUP_CMD_RECORD_GET, true);
	REFUSED(-EINVAL, "group is missing");
	request_init(&self->r, &self->s, SUP_CMD_MEMBER_GET, true);
	REFUSED(-EINVAL, "group is missing");
}

TEST_F(extack, no_such_group)
{
	BEGIN(GROUP_GET);
	U64(GROUP_ID, 1);
	REFUSED(-ENOENT, "no such group");
	EXPECT_NE(0, self->s.extack_attr);
	BEGIN(RECORD_ACK);
	U64(BATCH_GROUP, UINT64_MAX);
	U64(BATCH_SEQ, 1);
	REFUSED(-ENOENT, "no such group");
	request_init(&self->r, &self->s, SUP_CMD_MEMBER_GET, true);
	U64(MEMBER_GROUP, 1);
	REFUSED(-ENOENT, "no such group");
	BEGIN(GROUP_HAND_OVER);
	U64(GROUP_ID, 1);
	REFUSED(-ENOENT, "no such group");
	BEGIN(OBSERVE);
	U64(GROUP_ID, 1);
	REFUSED(-ENOENT, "no such group");
	BEGIN(SPAWN_SET);
	U64(MEMBER_GROUP, 1);
	REFUSED(-ENOENT, "no such group");
	BEGIN(SPAWN_CLEAR);
	U64(MEMBER_GROUP, 1);
	REFUSED(-ENOENT, "no such group");
}

TEST_F(extack, group_new)
{
	BEGIN(GROUP_NEW);
	U32(GROUP_FLAGS, 16);
	REFUSED(-EINVAL, "reserved bit set");
	BEGIN(GROUP_NEW);
	U32(GROUP_POLICY, 2);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(GROUP_NEW);
	U32(GROUP_GRACE_MS, 1);
	REFUSED(-EINVAL, "grace time is for policy retain");
	BEGIN(GROUP_NEW);
	U32(GROUP_POLICY, SUP_POLICY_RETAIN);
	U32(GROUP_GRACE_MS, UINT32_MAX);
	REFUSED(-ERANGE, "grace time is above the module's max_grace_ms");
	BEGIN(GROUP_NEW);
	U32(GROUP_EVENTS, 1 << (SUP_RECORD_KIND_ENDED + 1));
	REFUSED(-EINVAL, "reserved bit set");
	BEGIN(GROUP_NEW);
	U32(GROUP_FATAL, 1 << (SUP_RECORD_KIND_ENDED + 1));
	REFUSED(-EINVAL, "reserved bit set");
	BEGIN(GROUP_NEW);
	U32(GROUP_STUCK_MS, 9);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(GROUP_NEW);
	U32(GROUP_MAX_RECORDS, 0);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(GROUP_NEW);
	U32(GROUP_MAX_RECORDS, UINT32_MAX);
	REFUSED(-ERANGE,
		"max-records is above the module's max_group_records");
}

TEST_F(extack, inheriting_twice)
{
	struct group g;
	uint32_t flag;

	for (flag = THREADS; flag <= CHILDREN; flag <<= 1) {
		ASSERT_EQ(0, group_new(&self->s, flag, 0, 0, &g));
		BEGIN(GROUP_NEW);
		U32(GROUP_FLAGS, flag);
		REFUSED(-EEXIST,
			"process has a group that inherits this already");
	}
}

TEST_F(extack, fatal_set_and_threads)
{
	static const char sentence[] =
		"a group with a fatal set has no thread members";
	static const uint32_t flags[] = { THREADS,
					  SUP_GROUP_FLAG_MEMBER_THREADS };
	struct group g;
	int i;

	for (i = 0; i < 2; i++) {
		BEGIN(GROUP_NEW);
		U32(GROUP_FATAL, 1 << SUP_RECORD_KIND_EXIT);
		U32(GROUP_FLAGS, flags[i]);
		REFUSED(-EINVAL, sentence);
	}
	BEGIN(GROUP_NEW);
	U32(GROUP_FATAL, 1 << SUP_RECORD_KIND_EXIT);
	ASSERT_EQ(0, group_new_with(&self->s, &self->r, &g));
	BEGIN(SPAWN_SET);
	U64(MEMBER_GROUP, g.id);
	U32(MEMBER_KIND, THREAD);
	REFUSED(-EOPNOTSUPP, sentence);
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, g.id);
	U32(MEMBER_PID, gettid());
	U64(MEMBER_START_TICKS, start_ticks(gettid()));
	U32(MEMBER_KIND, THREAD);
	REFUSED(-EOPNOTSUPP, sentence);
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, g.id);
	put_flag(&self->r, SUP_A_MEMBER_SELF);
	REFUSED(-EOPNOTSUPP, sentence);
	/* An adopter has flags of its own. */
	ASSERT_EQ(0, group_hand_over(&self->s, g.id, 0, &g));
	for (i = 0; i < 2; i++) {
		BEGIN(GROUP_ADOPT);
		U64(GROUP_ID, g.id);
		put_data(&self->r, SUP_A_GROUP_TOKEN, g.token, SUP_TOKEN_SIZE);
		U32(GROUP_FLAGS, flags[i]);
		REFUSED(-EINVAL, sentence);
	}
	EXPECT_EQ(0, group_adopt(&self->s, g.id, g.token, CHILDREN, &g));
}

TEST_F(extack, group_kill)
{
	BEGIN(GROUP_KILL);
	U64(GROUP_ID, self->g.id);
	REFUSED(-EINVAL, "signal is missing");
	BEGIN(GROUP_KILL);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_SIGNAL, 65);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(GROUP_KILL);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_SIGNAL, 9);
	U64(GROUP_LINEAGE, 1);
	U64(GROUP_MEMBER, 1);
	REFUSED(-EINVAL, "give a lineage or a member, not both");
	BEGIN(GROUP_KILL);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_SIGNAL, 9);
	U64(GROUP_LINEAGE, 1);
	put_flag(&self->r, SUP_A_GROUP_ALONE);
	REFUSED(-EINVAL, "alone is for the whole group");
	BEGIN(GROUP_KILL);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_SIGNAL, 9);
	U64(GROUP_LINEAGE, 0);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(GROUP_KILL);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_SIGNAL, 9);
	U64(GROUP_MEMBER, 1);
	REFUSED(-ESRCH, "no such lineage or member in the group");
}

TEST_F(extack, member_add)
{
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, self->g.id);
	REFUSED(-EINVAL, "give one of self, pidfd and pid");
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, self->g.id);
	put_data(&self->r, SUP_A_MEMBER_SELF, NULL, 0);
	U32(MEMBER_PID, 1);
	REFUSED(-EINVAL, "give one of self, pidfd and pid");
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, self->g.id);
	U32(MEMBER_PID, 1);
	REFUSED(-EINVAL, "a pid needs start-ticks, too");
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, self->g.id);
	U32(MEMBER_PID, 0);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, self->g.id);
	U32(MEMBER_PIDFD, 0);
	U32(MEMBER_KIND, THREAD);
	REFUSED(-EINVAL, "a pidfd is for a process");
	BEGIN(MEMBER_ADD);
	U64(MEMBER_GROUP, self->g.id);
	U32(MEMBER_PID, gettid());
	U64(MEMBER_START_TICKS, start_ticks(gettid()));
	U32(MEMBER_KIND, THREAD);
	put_flag(&self->r, SUP_A_MEMBER_DESCENDANTS);
	REFUSED(-EINVAL, "descendants are of a process, not of a thread");
}

TEST_F(extack, member_get)
{
	BEGIN(MEMBER_GET);
	U64(MEMBER_GROUP, self->g.id);
	REFUSED(-EINVAL, "give one of id and pid");
	BEGIN(MEMBER_GET);
	U64(MEMBER_GROUP, self->g.id);
	U64(MEMBER_ID, 1);
	U32(MEMBER_PID, 1);
	REFUSED(-EINVAL, "give one of id and pid");
	BEGIN(MEMBER_GET);
	U64(MEMBER_GROUP, self->g.id);
	U64(MEMBER_ID, 1);
	REFUSED(-ESRCH, "no such living member in the group");
}

TEST_F(extack, record_ack)
{
	BEGIN(RECORD_ACK);
	U64(BATCH_GROUP, self->g.id);
	REFUSED(-EINVAL, "seq is missing");
}

TEST_F(extack, attributes_of_the_wrong_size_or_unknown)
{
	BEGIN(GROUP_GET);
	U32(GROUP_ID, 1);
	EXPECT_EQ(-EINVAL, call(&self->s, &self->r, NULL, NULL));
	EXPECT_NE(0, self->s.extack[0]);
	BEGIN(GROUP_GET);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_SIGNAL, 9);
	EXPECT_EQ(-EINVAL, call(&self->s, &self->r, NULL, NULL));
	EXPECT_NE(0, self->s.extack[0]);
	BEGIN(GROUP_ADOPT);
	U64(GROUP_ID, self->g.id);
	put_data(&self->r, SUP_A_GROUP_TOKEN, "short", 5);
	EXPECT_EQ(-ERANGE, call(&self->s, &self->r, NULL, NULL));
	EXPECT_NE(0, self->s.extack[0]);
	/* Answers only. */
	BEGIN(GROUP_NEW);
	U64(GROUP_ID, 7);
	EXPECT_EQ(-EINVAL, call(&self->s, &self->r, NULL, NULL));
}

TEST_F(extack, reserved_header_bits)
{
	BEGIN(GROUP_GET);
	U64(GROUP_ID, self->g.id);
	self->r.buf[18] = 1;
	EXPECT_EQ(-EINVAL, call(&self->s, &self->r, NULL, NULL));
}

TEST_F(extack, group_adopt)
{
	BEGIN(GROUP_ADOPT);
	U64(GROUP_ID, self->g.id);
	put_data(&self->r, SUP_A_GROUP_TOKEN, self->g.token, SUP_TOKEN_SIZE);
	REFUSED(-EBUSY, "group does not wait for adoption");
}

TEST_F(extack, group_hand_over)
{
	BEGIN(GROUP_HAND_OVER);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_GRACE_MS, UINT32_MAX);
	REFUSED(-ERANGE, "grace time is above the module's max_grace_ms");
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 0, &self->g));
	BEGIN(GROUP_HAND_OVER);
	U64(GROUP_ID, self->g.id);
	REFUSED(-EPERM, "caller does not own the group");
	BEGIN(GROUP_ADOPT);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_EVENTS, 1 << (SUP_RECORD_KIND_ENDED + 1));
	REFUSED(-EINVAL, "reserved bit set");
	ASSERT_EQ(0, group_adopt(&self->s, self->g.id, self->g.token, 0,
				 &self->g));
}

TEST_F(extack, observe)
{
	BEGIN(OBSERVE);
	U64(GROUP_ID, self->g.id);
	U32(GROUP_EVENTS, 1 << (SUP_RECORD_KIND_ENDED + 1));
	REFUSED(-EINVAL, "reserved bit set");
}

TEST_F(extack, spawn_templates)
{
	BEGIN(SPAWN_SET);
	U64(MEMBER_GROUP, self->g.id);
	U32(MEMBER_KIND, THREAD + 1);
	REFUSED(-ERANGE, "integer out of range");
	BEGIN(SPAWN_CLEAR);
	U64(MEMBER_GROUP, self->g.id);
	REFUSED(-ENOENT, "calling thread has no template for this group");
}

TEST_HARNESS_MAIN
