#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The C example of the README is examples/counter.c, word for word, and
# compiles; that of sup(4) is examples/netlink/watch.c; the verbs and files the
# README names exist. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/env.sh"
. "$top/tests/lib/tap.inc"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first block of C of the README.
example() {
	awk '/^```c$/ { on = 1; next } /^```$/ && on { exit } on' \
		"$top/README.md"
}

same_as_file() {
	example | diff -u "$top/examples/counter.c" -
}

# The example of sup(4), in which troff would read some characters as its own.
same_as_page() {
	sed -n '/examples\/netlink\/watch.c\.$/,/^\.Ed/p' \
		"$top/Documentation/man/man4/sup.4" | sed '1,2d;$d' |
		diff -u <(sed -e 's/\\/\\e/g' -e 's/-/\\-/g' \
			-e "s/'/\\\\(aq/g" "$top/examples/netlink/watch.c") -
}

compiles() {
	example >"$work/example.c"
	[ -s "$work/example.c" ] || { echo "no C in the README"; return 1; }
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only \
		-I"$top/libsup/include" "$work/example.c"
}

verbs_exist() {
	[ -s "$top/README.md" ] || return 1
	local verb status=0

	for verb in $(grep -oE '`make [a-z-]+' "$top/README.md" |
		awk '{ print $2 }' | sort -u); do
		grep -qE "^$verb:" "$top/Makefile" ||
			{ echo "no verb: $verb"; status=1; }
	done
	return $status
}

files_exist() {
	[ -s "$top/README.md" ] || return 1
	local file status=0

	for file in $(grep -oE '\]\([^)#]+' "$top/README.md" | cut -c3- |
		grep -v '://' | sort -u); do
		[ -e "$top/$file" ] || { echo "no file: $file"; status=1; }
	done
	return $status
}

ok "the example is examples/counter.c" same_as_file
ok "the example compiles" compiles
ok "the example of sup(4) is examples/netlink/watch.c" same_as_page
ok "the verbs it names exist" verbs_exist
ok "the files it links to exist" files_exist
tap_end
