// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that io_uring sends: by the caller itself, by a worker of its, by
 * the thread that polls, and with credentials that were registered earlier.
 */
#include <dirent.h>
#include <linux/io_uring.h>
#include <sys/socket.h>

#include "sup_test.h"
#include "sup_attack.h"

/* What is sent is where the polling thread, which is its maker's, has it. */
struct message {
	struct msghdr msg;
	struct iovec iov;
	struct request r;
};

struct ring {
	int fd;
	bool polled;
	struct message *message;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};

static void *map(int fd, size_t size, off_t offset)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static int ring_open(struct ring *r, bool polled)
{
	memset(r, 0, sizeof(*r));
	r->polled = polled;
	r->message = shared_page();
	if (polled)
		r->p.flags = IORING_SETUP_SQPOLL;
	r->p.sq_thread_idle = 10;
	r->fd = syscall(SYS_io_uring_setup, 4, &r->p);
	if (r->fd < 0)
		return -errno;
	r->sq = map(r->fd, r->p.sq_off.array + 4 * r->p.sq_entries,
		    IORING_OFF_SQ_RING);
	r->cq = map(r->fd, r->p.cq_off.cqes + r->p.cq_entries *
		    sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	r->sqes = map(r->fd, r->p.sq_entries * sizeof(struct io_uring_sqe),
		      IORING_OFF_SQES);
	return r->sq && r->cq && r->sqes && r->message ? 0 : -ENOMEM;
}

static unsigned int *word(char *base, uint32_t offset)
{
	return (unsigned int *)(base + offset);
}

static int enter(struct ring *r)
{
	unsigned int *flags = word(r->sq, r->p.sq_off.flags);
	int how = IORING_ENTER_GETEVENTS;

	/* The tail is seen by the thread, or the thread is asleep. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->polled &&
	    __atomic_load_n(flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
		how |= IORING_ENTER_SQ_WAKEUP;
	return syscall(SYS_io_uring_enter, r->fd, !r->polled, 1, how, NULL, 0);
}

/* One operation, and its result. */
static int run(struct ring *r, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = word(r->sq, r->p.sq_off.tail);
	unsigned int *head = word(r->cq, r->p.cq_off.head);
	unsigned int *end = word(r->cq, r->p.cq_off.tail);
	unsigned int i = *tail & *word(r->sq, r->p.sq_off.ring_mask);
	const struct io_uring_cqe *cqes;
	int res;

	r->sqes[i] = *sqe;
	word(r->sq, r->p.sq_off.array)[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(end, __ATOMIC_ACQUIRE) == *head)
		if (enter(r) < 0 && errno != EINTR)
			return -errno;
	cqes = (void *)(r->cq + r->p.cq_off.cqes);
	res = cqes[*head & *word(r->cq, r->p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

/* By whom a request is sent. */
struct how {
	struct ring *ring;
	int personality;	/* 0: none */
	bool worker;
};

/* What the kernel answers to a request that is sent in this way. */
static int send_by(const struct how *how, struct sup *s, struct request *r)
{
	struct message *m = how->ring->message;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SENDMSG,
		.flags = how->worker ? IOSQE_ASYNC : 0,
		.fd = s->fd,
		.addr = (uintptr_t)&m->msg,
		.len = 1,
		.personality = how->personality,
	};
	int ret;

	request_end(r);
	m->r = *r;
	m->iov = (struct iovec){ m->r.buf, m->r.len };
	m->msg = (struct msghdr){ .msg_iov = &m->iov, .msg_iovlen = 1 };
	ret = run(how->ring, &sqe);
	return ret < 0 ? ret - 1000 : answer(s, r);
}

static int ring_new(const struct how *how, struct sup *s)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_NEW, false);
	return send_by(how, s, &r);
}

static int ring_adopt(const struct how *how, struct sup *s, struct group *g,
		      bool token)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_ADOPT, false);
	put_u64(&r, SUP_A_GROUP_ID, g->id);
	if (token)
		put_data(&r, SUP_A_GROUP_TOKEN, g->token, SUP_TOKEN_SIZE);
	return send_by(how, s, &r);
}

static int ring_add_self(const struct how *how, struct sup *s, uint64_t id)
{
	struct request r;

	request_init(&r, s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, id);
	put_data(&r, SUP_A_MEMBER_SELF, NULL, 0);
	return send_by(how, s, &r);
}

static int ring_spawn_set(const struct how *how, struct sup *s, uint64_t id)
{
	struct request r;

	request_init(&r, s, SUP_CMD_SPAWN_SET, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, id);
	put_u32(&r, SUP_A_MEMBER_KIND, PROCESS);
	return send_by(how, s, &r);
}

static int ring_add(const struct how *how, struct sup *s, uint64_t id,
		    pid_t pid)
{
	struct request r;

	request_init(&r, s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, id);
	put_u32(&r, SUP_A_MEMBER_PID, pid);
	put_u64(&r, SUP_A_MEMBER_START_TICKS, start_ticks(pid));
	return send_by(how, s, &r);
}

static int ring_kill(const struct how *how, struct sup *s, uint64_t id,
		     int sig)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_KILL, false);
	put_u64(&r, SUP_A_GROUP_ID, id);
	put_u32(&r, SUP_A_GROUP_SIGNAL, sig);
	return send_by(how, s, &r);
}

static int ring_ack(const struct how *how, struct sup *s, uint64_t id)
{
	struct request r;

	request_init(&r, s, SUP_CMD_RECORD_ACK, false);
	put_u64(&r, SUP_A_BATCH_GROUP, id);
	put_u64(&r, SUP_A_BATCH_SEQ, 0);
	return send_by(how, s, &r);
}

FIXTURE(uring) {
	struct sup s;
	struct group g;
	struct ring ring, polled;
	int up[2];
};

FIXTURE_SETUP(uring)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	ret = ring_open(&self->ring, false);
	if (ret)
		SKIP(return, "no io_uring here: %s", strerror(-ret));
	ASSERT_EQ(0, ring_open(&self->polled, true));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(uring)
{
	sup_close(&self->s);
}

#define uring_data _test_data_uring

TEST_F(uring, caller_itself_is_as_with_send)
{
	struct how how = { .ring = &self->ring };
	pid_t pid;

	EXPECT_EQ(0, ring_new(&how, &self->s));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	EXPECT_EQ(0, ring_add_self(&how, &self->s, self->g.id));
	EXPECT_EQ(0, ring_spawn_set(&how, &self->s, self->g.id));
	pid = spawn_waiting();
	EXPECT_EQ(0, ring_ack(&how, &self->s, self->g.id));
	EXPECT_EQ(0, ring_kill(&how, &self->s, self->g.id, SIGKILL));
	EXPECT_TRUE(wait_gone(pid));
}

/* What is about the caller itself is refused to who only works for it. */
static void expect_no_self(struct __test_metadata *_metadata,
			   struct uring_data *self, const struct how *how)
{
	struct group retained;
	struct sup s;

	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, group_new(&s, 0, SUP_POLICY_RETAIN, 60000, &retained));
	sup_close(&s);
	ASSERT_TRUE(reaches_state(&self->s, retained.id,
				  SUP_GROUP_STATE_RETAINED));
	EXPECT_EQ(-EPERM, ring_new(how, &self->s));
	EXPECT_EQ(-EPERM, ring_adopt(how, &self->s, &retained, true));
	EXPECT_EQ(-EPERM, ring_adopt(how, &self->s, &retained, false));
	EXPECT_EQ(-EPERM, ring_add_self(how, &self->s, self->g.id));
	EXPECT_EQ(-EPERM, ring_spawn_set(how, &self->s, self->g.id));
	ASSERT_EQ(0, group_adopt(&self->s, retained.id, retained.token, 0,
				 &retained));
	EXPECT_EQ(0, group_del(&self->s, retained.id, true));
}

/* What an owner's process asks for its group it may ask by any thread. */
static void expect_owner(struct __test_metadata *_metadata,
			 struct uring_data *self, const struct how *how)
{
	pid_t pid = spawn_waiting();

	EXPECT_EQ(0, ring_ack(how, &self->s, self->g.id));
	EXPECT_EQ(0, ring_kill(how, &self->s, self->g.id, SIGKILL));
	EXPECT_TRUE(wait_gone(pid));
}

TEST_F(uring, worker)
{
	struct how how = { .ring = &self->ring, .worker = true };

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	expect_no_self(_metadata, self, &how);
	expect_owner(_metadata, self, &how);
}

TEST_F(uring, polling_thread)
{
	struct how how = { .ring = &self->polled };

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	expect_no_self(_metadata, self, &how);
	expect_owner(_metadata, self, &how);
}

/* A ring that a child has from the owner makes no owner of it. */
TEST_F(uring, childs_on_the_owners_ring)
{
	struct how how = { .ring = &self->ring };
	int status;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	pid = fork();
	if (!pid) {
		if (ring_new(&how, &self->s) != -EPERM ||
		    ring_kill(&how, &self->s, self->g.id, 0) != -EPERM)
			_exit(1);
		how.worker = true;
		if (ring_new(&how, &self->s) != -EPERM ||
		    ring_kill(&how, &self->s, self->g.id, 0) != -EPERM)
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* The polling thread is the ring's maker's, whoever has it send. */
TEST_F(uring, polling_thread_acts_for_the_rings_maker)
{
	struct how how = { .ring = &self->polled };
	int status;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = fork();
	if (!pid) {
		if (become(ALICE))
			_exit(1);
		/* A group of the child's: it is not the child who asks. */
		if (ring_new(&how, &self->s) != -EPERM)
			_exit(2);
		_exit(-ring_ack(&how, &self->s, self->g.id));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

static pid_t polling_thread(pid_t pid)
{
	char path[64], name[64];
	struct dirent *entry;
	pid_t ret = 0;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", pid,
			 entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) &&
		    !strncmp(name, "iou-sqp", 7))
			ret = atoi(entry->d_name);
		fclose(f);
	}
	closedir(dir);
	return ret;
}

/* It takes its name after it has begun. */
static bool has_polling_thread(void *arg)
{
	return (*(pid_t *)arg = polling_thread(getpid()));
}

TEST_F(uring, threads_of_the_kernel_are_no_members)
{
	struct ring another;
	struct record r;
	struct member m;
	pid_t tid;

	ASSERT_TRUE(eventually(has_polling_thread, &tid));
	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &self->g));
	EXPECT_EQ(-EPERM, member_add_pid(&self->s, self->g.id, tid,
					 start_ticks(tid), THREAD, 0, &m));
	ASSERT_EQ(0, member_add_self(&self->s, self->g.id, 0, &m));
	EXPECT_EQ(1, m.added);
	/* Nor are those that begin later; their ends are not told. */
	ASSERT_EQ(0, ring_open(&another, true));
	ASSERT_EQ(0, ring_ack(&(struct how){ .ring = &another, .worker = true },
			      &self->s, self->g.id));
	close(another.fd);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(1, self->g.threads);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
}

/* Root has registered itself, then became Alice; it has sockets of both. */
struct both {
	struct sup root, alice;
	struct how how;
	struct group g;
	pid_t victim;
};

static int as_both(struct uring_data *self, int (*fn)(struct both *b))
{
	struct both b = { .how.ring = &self->ring };
	int status;
	pid_t pid;

	b.victim = spawn_waiting();
	pid = fork();
	if (!pid) {
		if (sup_open(&b.root) || ring_open(b.how.ring, false))
			_exit(255);
		b.how.personality = syscall(SYS_io_uring_register,
					    b.how.ring->fd,
					    IORING_REGISTER_PERSONALITY, NULL,
					    0);
		if (b.how.personality <= 0 || become(ALICE) ||
		    sup_open(&b.alice) ||
		    group_new(&b.alice, 0, 0, 0, &b.g))
			_exit(254);
		status = fn(&b);
		b.how.personality = 0;
		_exit(status);
	}
	waitpid(pid, &status, 0);
	/* Nobody else may, and a group may wait for its end. */
	kill(b.victim, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 253;
}

/* The opener's rights count, too: Alice's sockets do nothing for root. */
static int on_alices_socket(struct both *b)
{
	struct group g = { .id = b->g.id };

	if (ring_new(&b->how, &b->alice) != -EPERM)
		return 1;
	if (ring_adopt(&b->how, &b->alice, &g, false) != -EPERM)
		return 2;
	if (ring_add(&b->how, &b->alice, b->g.id, b->victim) != -EPERM)
		return 3;
	if (ring_kill(&b->how, &b->alice, b->g.id, 0) != -EPERM)
		return 4;
	return 0;
}

TEST_F(uring, registered_root_on_a_users_socket)
{
	EXPECT_EQ(0, as_both(self, on_alices_socket));
}

/* And the caller's: root's sockets do nothing for Alice. */
static int as_alice(struct both *b)
{
	b->how.personality = 0;
	if (ring_new(&b->how, &b->root) != -EPERM)
		return 1;
	if (ring_add(&b->how, &b->root, b->g.id, b->victim) != -EPERM)
		return 2;
	/* Her own group she serves by sockets that she has opened. */
	if (ring_ack(&b->how, &b->root, b->g.id) != -EPERM)
		return 3;
	return -ring_ack(&b->how, &b->alice, b->g.id);
}

TEST_F(uring, user_on_roots_socket)
{
	EXPECT_EQ(0, as_both(self, as_alice));
}

/*
 * With both it is as if root had asked: it has kept these rights. But a group
 * of Alice's has her power, whoever asks.
 */
static int as_root(struct both *b)
{
	if (ring_add(&b->how, &b->root, b->g.id, b->victim))
		return 1;
	if (ring_kill(&b->how, &b->root, b->g.id, SIGKILL) != -EPERM)
		return 2;
	if (!alive(b->victim))
		return 3;
	return -ring_new(&b->how, &b->root);
}

TEST_F(uring, registered_root_on_roots_socket)
{
	EXPECT_EQ(0, as_both(self, as_root));
}

TEST_HARNESS_MAIN
