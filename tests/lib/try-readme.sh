#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The C example of the README is examples/counter.c, word for word, and
# compiles; the verbs and files the README names exist. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/env.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

ok() {
	local -r name=$1
	local output status
	shift

	output=$("$@" 2>&1)
	status=$?
	n=$((n + 1))
	if [ $status -eq 0 ]; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' <<<"$output"
		echo "not ok $n - $name"
	fi
}

# The first block of C of the README.
example() {
	awk '/^```c$/ { on = 1; next } /^```$/ && on { exit } on' \
		"$top/README.md"
}

same_as_file() {
	example | diff -u "$top/examples/counter.c" -
}

compiles() {
	example >"$work/example.c"
	[ -s "$work/example.c" ] || { echo "no C in the README"; return 1; }
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only \
		-I"$top/libsup/include" "$work/example.c"
}

verbs_exist() {
	local verb status=0

	for verb in $(grep -oE '`make [a-z-]+' "$top/README.md" |
		awk '{ print $2 }' | sort -u); do
		grep -qE "^$verb:" "$top/Makefile" ||
			{ echo "no verb: $verb"; status=1; }
	done
	return $status
}

files_exist() {
	local file status=0

	for file in $(grep -oE '\]\([^)#]+' "$top/README.md" | cut -c3- |
		grep -v '://' | sort -u); do
		[ -e "$top/$file" ] || { echo "no file: $file"; status=1; }
	done
	return $status
}

ok "the example is examples/counter.c" same_as_file
ok "the example compiles" compiles
ok "the verbs it names exist" verbs_exist
ok "the files it links to exist" files_exist
echo "1..$n"
