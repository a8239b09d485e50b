#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may include what. A file includes its own rank or a lower one; the
# numbers are in the table below. In libsup, includes are written from there
# ("core/mailbox.h").
. "$(dirname "$0")/lint.inc"

# folder or file (a_b.c goes with a), rank
ranks='
libsup/base		0
libsup/exit		10
libsup/core/strategy	20
libsup/core/intensity	20
libsup/core/event	20
libsup/core/backoff	20
libsup/core		22
libsup/core/server	23
libsup/core/child	24
libsup/core/roster	24
libsup/core/tree	24
libsup/core/supervisor	25
libsup/core/dynamic	25
libsup/core/explain	25
libsup/core/partition	25
libsup/core/job		26
libsup/core/async	27
libsup/core/stream	28
libsup/foundation	30
libsup/mabeam		35
tools			40
examples		40
tests			50
'

# Kernel interfaces and libraries each have one place.
confined='
^linux/sup\.h$		libsup/exit/netlink*
^netlink/		libsup/exit/netlink*
^sqlite3\.h$		libsup/foundation/event_db*
^microhttpd\.h$		libsup/foundation/metrics_http*
^jansson\.h$		libsup/mabeam/*
^cyaml/			tools/*
'

# The rank of a path: that of the longest entry it matches.
rank_of() {
	local path=${1%.[ch]} name rank best=-1 length=0

	while read -r name rank; do
		[ -n "$name" ] || continue
		case $path in
		"$name" | "$name"/* | "$name"_*)
			if [ ${#name} -gt $length ]; then
				length=${#name}
				best=$rank
			fi
			;;
		esac
	done <<<"$ranks"
	echo "$best"
}

# Prints "line<TAB>quote<TAB>name" for each include of a file.
includes() {
	sed -nE 's/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]*)[>"].*/\1\t\2/;T
		=;p' "$1" | paste - - 2>/dev/null
}

check_confined() {
	local file=$1 line=$2 name=$3 regex place

	case $file in
	tests/* | kmod/* | examples/netlink/*) return ;;
	esac
	while read -r regex place; do
		[ -n "$regex" ] && [[ $name =~ $regex ]] || continue
		# shellcheck disable=SC2254
		case $file in
		$place) ;;
		*) bad "$file:$line: <$name> belongs to $place alone" ;;
		esac
	done <<<"$confined"
}

# Public headers use public headers alone; so do tools and examples.
check_public() {
	local file=$1 line=$2 name=$3

	case $file,$name in
	*,base/* | *,exit/* | *,core/*)
		bad "$file:$line: \"$name\" is private to libsup"
		;;
	libsup/foundation/*,foundation/* | libsup/include/foundation/*) ;;
	libsup/mabeam/*,* | libsup/include/mabeam/*) ;;
	libsup/*,mabeam/*)
		bad "$file:$line: <$name> is above it"
		;;
	libsup/*,foundation/*)
		bad "$file:$line: <$name> is above libsup"
		;;
	esac
}

# Services have what a stranger has: the public headers of what is below them,
# and what is private to their own library.
check_rank() {
	local file=$1 line=$2 name=$3 own other

	case $file,$name in
	*,sup/*) return ;;
	libsup/foundation/*,foundation/* | libsup/mabeam/*,mabeam/*) ;;
	libsup/foundation/* | libsup/mabeam/*)
		bad "$file:$line: \"$name\" is private to libsup"
		return
		;;
	*,base/* | *,exit/* | *,core/* | *,foundation/*) ;;
	*)
		bad "$file:$line: \"$name\": write it from libsup/"
		return
		;;
	esac
	[ -e "libsup/$name" ] ||
		bad "$file:$line: \"$name\" does not exist"
	own=$(rank_of "$file")
	other=$(rank_of "libsup/$name")
	[ "$other" -le "$own" ] ||
		bad "$file:$line: rank $own includes \"$name\", rank $other"
}

check_kmod() {
	local file=$1 line=$2 name=$3

	case $name in
	sup/* | base/* | exit/* | core/* | ../libsup/* | std*.h)
		bad "$file:$line: \"$name\" in the kernel"
		;;
	esac
}

check() {
	local file=$1 line quote name

	while IFS=$'\t' read -r line quote name; do
		check_confined "$file" "$line" "$name"
		case $file in
		tests/*) ;;
		kmod/*) check_kmod "$file" "$line" "$name" ;;
		libsup/include/* | tools/* | examples/*)
			check_public "$file" "$line" "$name"
			;;
		libsup/*)
			[ "$quote" = '"' ] ||
				check_public "$file" "$line" "$name"
			[ "$quote" = '<' ] ||
				check_rank "$file" "$line" "$name"
			;;
		esac
	done < <(includes "$file")
}

n=0
while IFS= read -r f; do
	check "$f"
	n=$((n + 1))
done < <(files '*.c' '*.h')
verdict "$n" "files keep to their layers"
