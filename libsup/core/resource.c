/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each block has a head, by which it is in the list of its task. Only the
 * task's own thread touches the list, so there is no lock, and no fault that
 * is contained leaves it half-made: those come from frames of the program
 * alone. But a task that goes wrong may have written anywhere, so each head is
 * looked at before it is believed.
 */
#include "core/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "core/mutex.h"
#include "core/table.h"

#define MARK UINT64_C(0x5ab1e0c4b10c6ead)

struct sup__block {
	alignas(max_align_t) struct sup__block *prev;
	struct sup__block *next;	/* NULL: it is the last one */
	uint64_t owner;			/* a pid; 0: given away */
	uint64_t mark;			/* MARK ^ its address */
};

static uint64_t mark_of(const struct sup__block *b)
{
	return MARK ^ (uintptr_t)b;
}

static void __attribute__((noreturn)) complain(const char *what, void *p)
{
	sup__log(LOG_CRIT, "the block at %p %s: the process ends", p, what);
	abort();
}

static void check(const struct sup__block *b)
{
	if (b->mark != mark_of(b) ||
	    (b->next && b->next->prev != b) ||
	    (b->prev && b->prev->next != b))
		complain("is none of sup_alloc(), was freed before, or its "
			 "head was written over", (void *)(b + 1));
}

static void enter(struct sup__block *b, struct sup__resources *r)
{
	b->owner = sup_self().v;
	b->mark = mark_of(b);
	b->prev = NULL;
	b->next = r->blocks;
	if (b->next)
		b->next->prev = b;
	r->blocks = b;
}

static void leave(struct sup__block *b, struct sup__resources *r)
{
	if (b->next)
		b->next->prev = b->prev;
	if (b->prev)
		b->prev->next = b->next;
	else
		r->blocks = b->next;
	b->owner = 0;
	b->prev = b->next = NULL;
}

/* The head of a block that the calling task owns; any other one is a bug. */
static struct sup__block *own_block(void *p)
{
	struct sup__block *b = (struct sup__block *)p - 1;

	check(b);
	if (!sup__self || b->owner != sup_self().v)
		complain("is not the calling task's", p);
	return b;
}

static struct sup__resources *of_self(void)
{
	if (sup__self)
		return &sup__self->resources;
	sup__error(-EPERM, "only a task owns memory and descriptors");
	return NULL;
}

void *sup_alloc(size_t size)
{
	struct sup__resources *r = of_self();
	struct sup__block *b = NULL;

	if (!r)
		return NULL;
	if (size <= PTRDIFF_MAX - sizeof(*b))
		b = sup__zalloc(sizeof(*b) + size);
	if (!b) {
		sup__error(-ENOMEM, "no memory for %zu bytes", size);
		return NULL;
	}
	enter(b, r);
	return b + 1;
}

void *sup_realloc(void *p, size_t size)
{
	struct sup__block *b, *moved = NULL;
	struct sup__resources *r;

	if (!p)
		return sup_alloc(size);
	b = own_block(p);
	r = &sup__self->resources;
	leave(b, r);
	if (size <= PTRDIFF_MAX - sizeof(*b))
		moved = sup__realloc(b, sizeof(*b) + size);
	enter(moved ? moved : b, r);
	if (moved)
		return moved + 1;
	sup__error(-ENOMEM, "no memory for %zu bytes", size);
	return NULL;
}

static void free_block(struct sup__block *b)
{
	b->mark = 0;
	sup__free(b);
}

void sup_free(void *p)
{
	struct sup__block *b;

	if (!p)
		return;
	b = (struct sup__block *)p - 1;
	check(b);
	if (b->owner)
		leave(own_block(p), &sup__self->resources);
	free_block(b);
}

void sup_give(void *p)
{
	if (p)
		leave(own_block(p), &sup__self->resources);
}

/* Where the descriptor stands, or r->n_fds. */
static size_t find_fd(const struct sup__resources *r, int fd)
{
	size_t i;

	for (i = 0; i < r->n_fds && r->fds[i] != fd; i++)
		;
	return i;
}

static int make_room(struct sup__resources *r)
{
	size_t max = r->max_fds ? 2 * r->max_fds : 4;
	int *fds;

	if (r->n_fds < r->max_fds)
		return 0;
	fds = sup__realloc(r->fds, max * sizeof(*fds));
	if (!fds)
		return sup__error_nomem("a descriptor");
	r->fds = fds;
	r->max_fds = max;
	return 0;
}

int sup_own_fd(int fd)
{
	struct sup__resources *r = of_self();
	int ret;

	if (!r)
		return -EPERM;
	if (fcntl(fd, F_GETFD) < 0)
		return sup__error_sys(-errno, "fd: %d", fd);
	if (find_fd(r, fd) < r->n_fds)
		return sup__error(-EALREADY, "fd: the task owns %d", fd);
	ret = make_room(r);
	if (!ret)
		r->fds[r->n_fds++] = fd;
	return ret;
}

int sup_disown_fd(int fd)
{
	struct sup__resources *r = of_self();
	size_t i = r ? find_fd(r, fd) : 0;

	if (!r || i == r->n_fds)
		return sup__error(-ENOENT, "fd: the caller does not own %d",
				  fd);
	r->n_fds--;
	memmove(r->fds + i, r->fds + i + 1, (r->n_fds - i) * sizeof(*r->fds));
	return 0;
}

int sup_close_fd(int fd)
{
	int ret = sup_disown_fd(fd);

	if (!ret && close(fd))
		ret = sup__error_sys(-errno, "fd: %d", fd);
	/* Linux has closed it by then. */
	return ret == -EINTR ? 0 : ret;
}

static void close_all(struct sup__task *t)
{
	struct sup__resources *r = &t->resources;

	while (r->n_fds)
		if (close(r->fds[--r->n_fds]) && errno == EBADF)
			sup__log(LOG_WARNING, "\"%s\" owned descriptor %d, "
				 "which somebody else has closed", t->name,
				 r->fds[r->n_fds]);
	sup__free(r->fds);
	r->fds = NULL;
}

static void free_all(struct sup__resources *r)
{
	struct sup__block *b;

	while ((b = r->blocks)) {
		check(b);
		leave(b, r);
		free_block(b);
	}
}

void sup__resource_task_ending(struct sup__task *t)
{
	/* ORDER: as <sup/resource.h> says. */
	close_all(t);
	sup__mutex_owner_ends(atomic_load(&t->seat));
	free_all(&t->resources);
}
