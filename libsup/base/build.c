/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/build.h"

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* FNV-1a. */
#define HASH_BEGIN UINT64_C(14695981039346656037)
#define HASH_TIMES UINT64_C(1099511628211)

struct build {
	uint64_t number;
	bool is_first;		/* the program itself is told first */
};

static void add(uint64_t *number, const unsigned char *bytes, size_t n)
{
	while (n--)
		*number = (*number ^ *bytes++) * HASH_TIMES;
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static void add_notes(uint64_t *number, const char *at, size_t left)
{
	const ElfW(Nhdr) *note;
	size_t size;

	while (left >= sizeof(*note)) {
		note = (const ElfW(Nhdr) *)at;
		size = sizeof(*note) + padded(note->n_namesz) +
		       padded(note->n_descsz);
		if (size > left)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    !memcmp(note + 1, "GNU", 4))
			add(number, (const unsigned char *)(note + 1) + 4,
			    note->n_descsz);
		at += size;
		left -= size;
	}
}

static bool holds(const struct dl_phdr_info *object, uintptr_t addr)
{
	const ElfW(Phdr) *p = object->dlpi_phdr;
	int i;

	for (i = 0; i < object->dlpi_phnum; i++)
		if (p[i].p_type == PT_LOAD &&
		    addr - (object->dlpi_addr + p[i].p_vaddr) < p[i].p_memsz)
			return true;
	return false;
}

static int look_at(struct dl_phdr_info *object, size_t size, void *arg)
{
	const ElfW(Phdr) *p = object->dlpi_phdr;
	struct build *build = arg;
	int i;

	(void)size;
	if (build->is_first || holds(object, (uintptr_t)sup__build_number))
		for (i = 0; i < object->dlpi_phnum; i++)
			if (p[i].p_type == PT_NOTE)
				add_notes(&build->number, (const char *)
					  (object->dlpi_addr + p[i].p_vaddr),
					  p[i].p_memsz);
	build->is_first = false;
	return 0;
}

uint64_t sup__build_number(void)
{
	struct build build = { .number = HASH_BEGIN, .is_first = true };

	dl_iterate_phdr(look_at, &build);
	return build.number;
}
