/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/chunks.h"

struct element {
	uint32_t index, next;
	char more[20];
};

static struct sup__chunks table;
static uint32_t first = UINT32_MAX, n_made;

static void init(void *element, uint32_t index)
{
	struct element *e = element;

	assert_int_equal(e->index, 0);
	assert_int_equal(e->more[19], 0);
	/* Nobody can find it yet. */
	assert_null(sup__chunks_at(&table, sizeof(*e), index));
	e->index = index;
	e->next = first;
	first = index;
	n_made++;
}

static struct element *at(uint32_t index)
{
	return sup__chunks_at(&table, sizeof(struct element), index);
}

static void elements_stay_where_they_are(void **state)
{
	struct element *zero;
	uint32_t i;

	(void)state;
	assert_null(at(0));
	assert_int_equal(sup__chunks_grow(&table, sizeof(struct element), init),
			 0);
	zero = at(0);
	assert_int_equal((uintptr_t)zero % SUP__CACHE_LINE, 0);
	/* The first is made last, and so is the first of a list. */
	assert_int_equal(first, 0);
	assert_int_equal(n_made, SUP__CHUNK);
	assert_null(at(SUP__CHUNK));
	assert_int_equal(sup__chunks_grow(&table, sizeof(struct element), init),
			 0);
	assert_int_equal(table.n, 2 * SUP__CHUNK);
	assert_ptr_equal(at(0), zero);
	for (i = 0; i < table.n; i++)
		assert_int_equal(at(i)->index, i);
}

static void want_of_memory_changes_nothing(void **state)
{
	uint32_t n = table.n, made = n_made;

	(void)state;
	sup__alloc_fail_nth(1);
	assert_int_equal(sup__chunks_grow(&table, sizeof(struct element), init),
			 -ENOMEM);
	sup__alloc_fail_nth(0);
	assert_int_equal(table.n, n);
	assert_int_equal(n_made, made);
	assert_null(at(n));
}

static void there_is_an_end(void **state)
{
	uint32_t n = table.n;

	(void)state;
	assert_null(at(UINT32_MAX));
	table.n = SUP__CHUNKS * SUP__CHUNK;
	assert_int_equal(sup__chunks_grow(&table, sizeof(struct element), init),
			 -ENOSPC);
	table.n = n;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_stay_where_they_are),
		cmocka_unit_test(want_of_memory_changes_nothing),
		cmocka_unit_test(there_is_an_end),
	};

	return RUN_TESTS(tests);
}
