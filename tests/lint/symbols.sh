#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names that are seen outside a file. libsup.so exports what libsup.map lists,
# all of it sup_; what its files share among themselves is sup__; what those
# of the module share is sup_. Looks at what is built.
. "$(dirname "$0")/lint.inc"

map=libsup/libsup.map
so=build/lib/libsup.so.0

# The names a version script lists as global.
map_names() {
	sed 's,/\*.*\*/,,' "$map" | tr -s ' \t;{}' '\n' |
		awk '/^local:/ { on = 0 } on && /^[a-z_*]/ { print }
		     /^global:/ { on = 1 }' | sort -u
}

exported() {
	nm -D --defined-only "$so" | awk '$2 != "A" {
		sub(/@.*/, "", $3); print $3 }' | sort -u
}

# The functions that public headers declare.
declared() {
	local f

	for f in libsup/include/sup/*.h; do
		stripped "$f"
	done | grep -v '^[ \t]*#' | grep -oE '(^|[^a-z_>.(])sup_[a-z0-9_]+\(' |
		grep -oE 'sup_[a-z0-9_]+' | sort -u
}

check_map() {
	grep -n '[*?]' <(map_names) | sed "s,.*,$map: a pattern: &," |
		bad_lines
	exported | grep -vE '^sup_[a-z0-9]' |
		sed 's/$/: exported, but not called sup_/' | bad_lines
	comm -23 <(exported) <(map_names) |
		sed "s|\$|: exported, but not in $map|" | bad_lines
	comm -13 <(exported) <(map_names) |
		sed "s,\$,: in $map but not in the library," | bad_lines
}

# A static inline function of a header is declared but needs no symbol.
check_declared() {
	local name

	comm -13 <(exported) <(declared) | while read -r name; do
		grep -qE "static inline .*\b$name\(" libsup/include/sup/*.h ||
			echo "$name: declared for users, but not exported"
	done | bad_lines
}

check_internal() {
	find build/obj/libsup -name '*.o' -not -name libsup.o -print0 |
		xargs -0 -r nm -g --defined-only |
		awk 'NF == 3 { print $3 }' | sort -u |
		comm -23 - <(map_names) | grep -v '^sup__[a-z0-9]' |
		sed "s,\$,: shared by libsup's files but not sup__," |
		bad_lines
}

# In a program that libsup is linked into, a stub of the PLT would be taken for
# the program's own code (core/stacks.c).
check_plt() {
	find build/obj/libsup -name '*.o' -not -name libsup.o -print0 |
		xargs -0 -r readelf -rW |
		awk '$3 ~ /PLT32$|_CALL26$/ && $5 !~ /^sup_/ { print $5 }' |
		sort -u | sed 's/$/: called by way of the PLT/' | bad_lines
}

# Names that begin with __ are the build system's.
check_kmod() {
	local ko

	for ko in build/kmod/*/sup.ko; do
		[ -e "$ko" ] || die "build/kmod: no sup.ko (make modules)"
		nm -g --defined-only "$ko" | awk 'NF == 3 { print $3 }' |
			grep -vE '^(sup_|init_module$|cleanup_module$)' |
			grep -v '^__' |
			sed 's/$/: shared by kmod, but not called sup_/' |
			bad_lines
	done
}

[ -e "$so" ] || die "$so: not built (make lib)"
check_map
check_declared
check_internal
check_plt
check_kmod
verdict "$(exported | wc -l)" "exported names, all in order"
