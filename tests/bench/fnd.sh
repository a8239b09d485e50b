#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How fast the services are for their callers, beside Elixir and, for events,
# SQLite on the same machine in the same run: five rounds, in each both sides
# once. Prints a line "metric NAME value us" for ours, "ratio NAME value", ours
# divided by theirs, times or rates, and after each its bar, the rounds, and
# what upstream took for it when it was measured. What the programs have printed
# is in build/bench/foundation.
#
# usage: fnd.sh [-s]	-s: one small round, without bars: is there a figure
#			for each name?
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/bench/cpus.inc"

here=$top/tests/bench
out=$build/bench
rounds=5
divisor=1
case ${1:-} in
'') ;;
-s) rounds=1 divisor=100 ;;
*) usage "unknown argument \"$1\"" ;;
esac

# "NAME VALUE" becomes "SIDE NAME ROUND VALUE".
note() {
	awk -v side="$1" -v round="$2" '{ print side, $1, round, $2 }' \
		>>"$out/foundation"
}

# In small, what is not there is no fault.
missing() {
	[ $rounds -gt 1 ] || { echo "skip: $*"; exit 77; }
	die "$*"
}

cpus=$(own_cpus) || missing "needs two CPUs"
[ $rounds -eq 1 ] || "$top/tests/lib/setup.sh" bench >/dev/null
command -v elixir >/dev/null || missing "there is no Elixir"
mkdir -p "$out"
rm -f "$out/foundation"
make -s -C "$here" fnd_programs
for ((round = 1; round <= rounds; round++)); do
	rm -f "$out"/events* "$out"/sqlite*
	taskset -c "$cpus" "$build/tests/bench/fnd_bench" $divisor \
		"$out/events" | note ours $round
	taskset -c "$cpus" "$build/tests/bench/fnd_sqlite" $divisor \
		"$out/sqlite" "$out/events" | note theirs $round
	ELIXIR_ERL_OPTIONS="+S 2:2 +sbt ts" taskset -c "$cpus" \
		elixir "$here/fnd_peer.exs" $divisor | note theirs $round
done
rm -f "$out"/events* "$out"/sqlite*
awk -v small="$([ $rounds -gt 1 ] || echo yes)" \
	-f "$here/median.awk" -f "$here/fnd.awk" "$out/foundation"
