/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client of the generic netlink family "sup", with no library below it.
 * Calls return 0 or -errno; what the kernel says of an error is in extack.
 */
#ifndef SUP_NL_H
#define SUP_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/sup.h>

struct record {
	uint32_t kind, member_kind, pid, tgid, code, signal, flags;
	uint32_t sender_pid, sender_uid, cause, killed, untracked, count;
	uint32_t sender_kind, fault_code, fault_trap, old_tid, stage;
	uint32_t leader_code, leader_signal, last_tid, last_code, last_signal;
	uint32_t owner_loss;
	uint64_t lifetime, fault_addr, parent;
	uint64_t seq, time, member, cookie, lineage, utime, stime, max_rss;
	uint64_t start_time, start_boottime;
	char comm[SUP_COMM_SIZE], exec_name[SUP_COMM_SIZE];
	char sender_comm[SUP_COMM_SIZE];
	uint64_t attrs;		/* a bit for each attribute that it has */
	/* Of the message that it came in. */
	uint64_t group, lost;
	uint8_t cmd;
};

struct group {
	uint64_t id, parent, parent_lineage, seq, acked;
	uint32_t flags, policy, grace_ms, credit, state, owner_pid, owner_uid;
	uint32_t processes, threads, subgroups, records;
	uint32_t signalled, refused;
	uint32_t events, fatal, stuck_ms, max_records, observers;
	uint64_t lost;
	unsigned char token[SUP_TOKEN_SIZE];
};

struct member {
	uint64_t group, id, lineage, cookie, start_boottime;
	uint32_t kind, pid, tgid, state, added;
	char comm[SUP_COMM_SIZE];
};

struct sup {
	int fd;
	uint32_t seq;
	uint16_t family;
	char extack[256];
	uint32_t extack_attr;	/* type of the attribute that is to blame */
	uint64_t ack;		/* a group: record_next() acknowledges for it */
	int taken;		/* records since that did */
	int messages;		/* record-ntf messages that came */
	struct record *records;	/* that came and were not taken */
	int nrecords, cap;
};

/* A request being made. */
struct request {
	unsigned char buf[512];
	size_t len;
};

int sup_open(struct sup *s);
void sup_close(struct sup *s);

void request_init(struct request *r, struct sup *s, uint8_t cmd, bool dump);
void put_u32(struct request *r, uint16_t type, uint32_t value);
void put_u64(struct request *r, uint16_t type, uint64_t value);
void put_data(struct request *r, uint16_t type, const void *data, size_t len);
void put_flag(struct request *r, uint16_t type);

typedef void (*reply_cb)(uint8_t cmd, const void *attrs, size_t len, void *arg);
/* Sends, and reads until the acknowledgement; records that come are kept. */
int call(struct sup *s, struct request *r, reply_cb cb, void *arg);

/* What a dump fills; n counts on when it is full. */
struct list {
	void *items;
	size_t size;
	int max, n;
	reply_cb parse;
};

void add_to_list(uint8_t cmd, const void *attrs, size_t len, void *arg);
void add_records(uint8_t cmd, const void *attrs, size_t len, void *arg);
void parse_group(uint8_t cmd, const void *attrs, size_t len, void *arg);
void parse_member(uint8_t cmd, const void *attrs, size_t len, void *arg);

int group_new(struct sup *s, uint32_t flags, uint32_t policy,
	      uint32_t grace_ms, struct group *ret);
/* One that asks for events, or has a fatal set; stuck_ms 0: the default. */
int group_new_telling(struct sup *s, uint32_t flags, uint32_t events,
		      uint32_t fatal, uint32_t stuck_ms, struct group *ret);
/* The same with what the caller has put into the request. */
int group_new_with(struct sup *s, struct request *r, struct group *ret);
int group_del(struct sup *s, uint64_t id, bool release);
int group_get(struct sup *s, uint64_t id, struct group *ret);
int group_kill(struct sup *s, uint64_t id, int sig, uint64_t lineage,
	       uint64_t member, struct group *ret);
int group_adopt(struct sup *s, uint64_t id, const unsigned char *token,
		uint32_t flags, struct group *ret);
int group_hand_over(struct sup *s, uint64_t id, uint32_t grace_ms,
		    struct group *ret);
/* The group without its subgroups. */
int group_kill_alone(struct sup *s, uint64_t id, int sig, struct group *ret);
/* Wait until the group has the state, or is no more. */
bool group_reaches(struct sup *s, uint64_t id, uint32_t state);
bool group_ends(struct sup *s, uint64_t id);
int observe(struct sup *s, uint64_t id, uint32_t events);
int spawn_set(struct sup *s, uint64_t group, uint32_t kind, uint64_t cookie);
int spawn_clear(struct sup *s, uint64_t group);
/* Fills up to max, and returns how many there are, or -errno. */
int group_dump(struct sup *s, struct group *ret, int max);
int member_dump(struct sup *s, uint64_t group, uint64_t lineage,
		struct member *ret, int max);
int record_dump(struct sup *s, uint64_t group, struct record *ret, int max);
int member_add_self(struct sup *s, uint64_t group, uint64_t cookie,
		    struct member *ret);
int member_add_pid(struct sup *s, uint64_t group, pid_t pid, uint64_t ticks,
		   uint32_t kind, uint64_t cookie, struct member *ret);
int member_add_pidfd(struct sup *s, uint64_t group, int pidfd, uint64_t cookie,
		     struct member *ret);
/* A process, by its pid, and its descendants; pid 0: those of the caller. */
int member_add_family(struct sup *s, uint64_t group, pid_t pid,
		      struct member *ret);
int member_get(struct sup *s, uint64_t group, pid_t pid, uint32_t kind,
	       struct member *ret);
int record_ack(struct sup *s, uint64_t group, uint64_t seq);

/* The next record, waiting up to timeout_ms; -ETIMEDOUT. */
int record_next(struct sup *s, struct record *ret, int timeout_ms);
/* The next record of a kind; others are passed over. */
int record_wait(struct sup *s, uint32_t kind, struct record *ret);
/* The next exit record of a process or thread; others are passed over. */
int record_exit_of(struct sup *s, pid_t pid, struct record *ret);

/* True if the kernel has put the attribute into the record. */
static inline bool has(const struct record *r, int attr)
{
	return r->attrs >> attr & 1;
}

#endif
