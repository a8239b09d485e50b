#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a command while a few of a hundred allocations that the module makes
# fail: those with code of sup.ko among their callers. Fails when the command
# does, or when no allocation has failed.
#
# usage: failslab.sh COMMAND [ARGUMENT]...
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"

percent=5
plenty=1000000000
failslab=/sys/kernel/debug/failslab

[ $# -gt 0 ] || usage "no command"
[ -e $failslab/require-start ] || die "this kernel has no failslab"

set_to() {
	echo "$2" >"$failslab/$1" || die "$failslab/$1: cannot be set to $2"
}

# First and last function of the module's code.
read -r first last < <(awk '$4 == "[sup]" && tolower($2) == "t" { print $1 }' \
	/proc/kallsyms | sort | sed -n '1p; $p' | xargs)
[ -n "${last:-}" ] || die "sup.ko is not loaded"

set_to probability 0
set_to require-start "0x$first"
set_to require-end "$(printf '0x%x' $((0x$last + 4096)))"
set_to stacktrace-depth 32
set_to ignore-gfp-wait N
set_to interval 1
set_to space 0
set_to verbose 0
set_to times $plenty
set_to probability $percent
"$@"
status=$?
set_to probability 0
failed=$((plenty - $(cat $failslab/times)))
echo "# $failed allocations failed"
[ $failed -gt 0 ] || status=1
exit $status
