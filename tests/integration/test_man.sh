#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs in the EXAMPLES of the manual pages of libsup: each runs well
# and prints what its page says; and here, built with AddressSanitizer, leaves
# not a byte behind. In the test machine, where a program takes a second or two
# to begin, only those that start processes or look for them; who needs the
# module ends with 77 without it. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

programs=$build/tests/integration/man
with_asan=$build/tests/man-asan
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export ASAN_OPTIONS=detect_stack_use_after_return=0

# Ends with 77 if the program does.
prints_what_the_page_says() {
	local status

	timeout 60 "$1" </dev/null >printed
	status=$?
	[ $status -eq 0 ] || return $status
	diff -u "$programs/${1##*/}.out" printed
}

verdict() {
	cat said
	return "$1"
}

case_of() {
	local -r name=$1 program=$2
	local status

	prints_what_the_page_says "$program" >said 2>&1
	status=$?
	if [ $status -eq 77 ] && [ "${SOURCE:-pidfd}" = pidfd ]; then
		tap_n=$((tap_n + 1))
		echo "ok $tap_n - $name # SKIP it needs the module"
		return
	fi
	ok "$name" verdict $status
}

for source in "$programs"/*.c; do
	[ -e "$source" ] || break
	[ "${SOURCE:-pidfd}" = pidfd ] ||
		grep -qE 'sup_(process_start|audit|orphans)' "$source" ||
		continue
	name=${source##*/}
	name=${name%.c}
	case_of "$name" "$programs/$name"
	[ "${SOURCE:-pidfd}" != pidfd ] || [ ! -x "$with_asan/$name" ] ||
		case_of "$name, with AddressSanitizer" "$with_asan/$name"
done
[ $tap_n -gt 0 ] || ok "there are programs" false
tap_end
