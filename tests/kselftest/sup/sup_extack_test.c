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

TEST_HARNESS_MAIN
