/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol as a table, which spec_table.py makes from the netlink spec. */
#ifndef SPEC_H
#define SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec_table.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_OPS		64
#define MAX_ATTRS	32	/* in the list of a request */

enum kind { KIND_NUMBER, KIND_FLAG, KIND_DATA, KIND_NEST, KIND_PAD };

struct attr {
	const char *name;
	uint16_t type;
	enum kind kind;
	uint8_t size;
	enum class class;
	int nest;		/* index of the set, or -1 */
	uint64_t min, max, mask;
	uint16_t min_len, max_len;
};

struct attr_set {
	const char *name;
	const struct attr *attrs;
	size_t n;
};

enum mode { MODE_DO, MODE_DUMP, NMODES };

struct op {
	const char *name;
	uint8_t cmd;
	uint8_t set;
	bool event;
	struct {
		bool exists;
		uint8_t n;
		uint8_t attrs[MAX_ATTRS];
	} requests[NMODES];
};

extern const struct attr_set *const spec_sets;
extern const struct op *const spec_ops;
extern const size_t spec_nops;
const struct op *op_of_cmd(uint8_t cmd);

#endif
