// SPDX-License-Identifier: GPL-2.0
/* The sequence of records, acknowledging and dumping. */
#include "sup_test.h"

#define MANY 500

FIXTURE(records) {
	struct sup s;
	struct group g;
	struct record all[MANY + 1];
};

FIXTURE_SETUP(records)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &self->g));
}

FIXTURE_TEARDOWN(records)
{
	sup_close(&self->s);
}

static void *nothing(void *arg)
{
	return NULL;
}

/* Each thread makes one record, and no other kinds. */
static void end_threads(int n)
{
	pthread_t thread;

	while (n--)
		if (!pthread_create(&thread, NULL, nothing, NULL))
			pthread_join(thread, NULL);
}

struct expect {
	struct sup *s;
	uint64_t id, seq;
};

/* The record of a thread that was joined may be a moment away. */
static bool has_seq(void *arg)
{
	struct expect *e = arg;
	struct group g;

	return !group_get(e->s, e->id, &g) && g.seq == e->seq;
}

static bool all_made(struct sup *s, uint64_t id, uint64_t seq)
{
	struct expect e = { s, id, seq };

	return eventually(has_seq, &e);
}

TEST_F(records, sequence_has_no_gap)
{
	struct record r;
	int i;

	for (i = 1; i <= MANY; i++) {
		end_threads(1);
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		ASSERT_EQ(i, r.seq);
		ASSERT_EQ(0, record_ack(&self->s, self->g.id, i));
	}
}

TEST_F(records, unacknowledged_are_kept_and_dumped)
{
	struct group g;
	int i;

	end_threads(MANY);
	ASSERT_TRUE(all_made(&self->s, self->g.id, MANY));
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(MANY, g.records);
	EXPECT_EQ(0, g.acked);
	ASSERT_EQ(MANY, record_dump(&self->s, self->g.id, self->all, MANY + 1));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(i + 1, self->all[i].seq);
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, 100));
	ASSERT_EQ(MANY - 100, record_dump(&self->s, self->g.id, self->all,
					  MANY + 1));
	EXPECT_EQ(101, self->all[0].seq);
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, MANY));
	EXPECT_EQ(0, record_dump(&self->s, self->g.id, self->all, 1));
}

TEST_F(records, ack_is_cumulative_and_may_be_repeated)
{
	struct group g;

	end_threads(5);
	ASSERT_TRUE(all_made(&self->s, self->g.id, 5));
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, 3));
	EXPECT_EQ(0, record_ack(&self->s, self->g.id, 3));
	EXPECT_EQ(0, record_ack(&self->s, self->g.id, 1));
	EXPECT_EQ(0, record_ack(&self->s, self->g.id, 0));
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(3, g.acked);
	EXPECT_EQ(2, g.records);
}

TEST_F(records, ack_of_what_is_to_come_is_refused)
{
	end_threads(1);
	ASSERT_TRUE(all_made(&self->s, self->g.id, 1));
	EXPECT_EQ(-ERANGE, record_ack(&self->s, self->g.id, 2));
	EXPECT_STREQ("no record has this seq yet", self->s.extack);
	EXPECT_EQ(-ERANGE, record_ack(&self->s, self->g.id, UINT64_MAX));
	EXPECT_EQ(0, record_ack(&self->s, self->g.id, 1));
}

TEST_F(records, backlog_comes_several_to_a_message)
{
	struct record r;
	int i;

	end_threads(MANY);
	for (i = 1; i <= MANY; i++) {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		ASSERT_EQ(i, r.seq);
		/* Late enough for the credit to run out. */
		if (i % 20 == 0)
			ASSERT_EQ(0, record_ack(&self->s, self->g.id, i));
	}
	EXPECT_LT(self->s.messages, MANY / 2);
}

struct batch {
	int records;
	uint32_t pending;
};

static void count_batch(uint8_t cmd, const void *attrs, size_t len, void *arg)
{
	const struct { uint16_t len, type; uint32_t value; } *a = attrs;
	struct batch *b = arg;
	size_t at;

	for (at = 0; at + 4 <= len; at += (a->len + 3) & ~3) {
		a = (const void *)((const char *)attrs + at);
		if ((a->type & 0x3fff) == SUP_A_BATCH_RECORD)
			b->records++;
		else if (a->type == SUP_A_BATCH_PENDING)
			b->pending = a->value;
	}
}

TEST_F(records, get_without_dump_has_the_oldest)
{
	struct batch b = {};
	struct request r;

	end_threads(MANY);
	ASSERT_TRUE(all_made(&self->s, self->g.id, MANY));
	request_init(&r, &self->s, SUP_CMD_RECORD_GET, false);
	put_u64(&r, SUP_A_BATCH_GROUP, self->g.id);
	ASSERT_EQ(0, call(&self->s, &r, count_batch, &b));
	EXPECT_LT(1, b.records);
	EXPECT_EQ(MANY, b.records + b.pending);
}

TEST_F(records, records_go_with_the_group)
{
	struct group g;

	end_threads(3);
	ASSERT_TRUE(all_made(&self->s, self->g.id, 3));
	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	EXPECT_EQ(-ENOENT, record_dump(&self->s, self->g.id, self->all, 1));
	EXPECT_EQ(-ENOENT, group_get(&self->s, self->g.id, &g));
}

TEST_HARNESS_MAIN
