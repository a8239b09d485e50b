#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the programs of kselftest for what they do to the module, not for their
# verdicts: with its allocations failing, a test may well fail, or wait for
# what does not come. That each can be killed, and leaves nobody in the kernel,
# is what is asked; the kernel's log and kmemleak tell the rest. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

limit=20
list=$build/tests/kselftest.programs

# Whoever outlives SIGKILL hangs in the kernel.
ends() {
	local -r program=$1 end=$((SECONDS + limit + 20))

	timeout -s KILL $limit "$program" </dev/null
	echo "exit status $?"
	while pkill -KILL -f "$program"; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 <> <(:) || :
	done
}

while read -r program; do
	case $program in
	*.sh) continue ;;
	esac
	ok "${program##*/} leaves nobody behind" ends "$top/$program"
done <"$list"
tap_end
