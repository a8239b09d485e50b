#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names that are seen outside a file. libsup.so exports what libsup.map lists,
# all of it sup_; what its files share among themselves is sup__; so it is with
# libsup-foundation and fnd_, and with libsup-mabeam and mab_. What those of the
# module share is sup_. Looks at what is built.
. "$(dirname "$0")/lint.inc"

# library, prefix, folder of its public headers
libraries='
libsup			sup	sup
libsup-foundation	fnd	foundation
libsup-mabeam		mab	mabeam
'
total=0

select_library() {
	library=$1 prefix=$2 headers=libsup/include/$3
	map=libsup/$library.map
	so=build/lib/$library.so.0
}

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

	for f in "$headers"/*.h; do
		stripped "$f"
	done | grep -v '^[ \t]*#' |
		grep -oE "(^|[^a-z_>.(])${prefix}_[a-z0-9_]+\(" |
		grep -oE "${prefix}_[a-z0-9_]+" | sort -u
}

check_map() {
	grep -n '[*?]' <(map_names) | sed "s,.*,$map: a pattern: &," |
		bad_lines
	exported | grep -vE "^${prefix}_[a-z0-9]" |
		sed "s/\$/: exported, but not called ${prefix}_/" | bad_lines
	comm -23 <(exported) <(map_names) |
		sed "s|\$|: exported, but not in $map|" | bad_lines
	comm -13 <(exported) <(map_names) |
		sed "s,\$,: in $map but not in the library," | bad_lines
}

objects() {
	find "build/obj/$library" -name '*.o' -not -name "$library.o" -print0
}

# A static inline function of a header is declared but needs no symbol.
check_declared() {
	local name

	comm -13 <(exported) <(declared) | while read -r name; do
		grep -qE "static inline .*\b$name\(" "$headers"/*.h ||
			echo "$name: declared for users, but not exported"
	done | bad_lines
}

check_internal() {
	objects |
		xargs -0 -r nm -g --defined-only |
		awk 'NF == 3 { print $3 }' | sort -u |
		comm -23 - <(map_names) | grep -v "^${prefix}__[a-z0-9]" |
		sed "s/\$/: shared by files of $library, not ${prefix}__/" |
		bad_lines
}

# In a program that libsup is linked into, a stub of the PLT would be taken for
# the program's own code (core/stacks.c).
check_plt() {
	objects |
		xargs -0 -r readelf -rW |
		awk '$3 ~ /PLT32$|_CALL26$/ && $5 !~ /^(sup|fnd|mab)_/ {
			print $5 }' |
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

while read -r name prefix api; do
	[ -n "$name" ] && [ -e "libsup/$name.map" ] || continue
	select_library "$name" "$prefix" "$api"
	[ -e "$so" ] || die "$so: not built (make lib)"
	check_map
	check_declared
	check_internal
	check_plt
	total=$((total + $(exported | wc -l)))
done <<<"$libraries"
check_kmod
verdict "$total" "exported names, all in order"
