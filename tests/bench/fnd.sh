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
. "$top/tests/bench/beside.inc"

rm -f "$out/foundation"
make -s -C "$here" fnd_programs
for ((round = 1; round <= rounds; round++)); do
	rm -f "$out"/events* "$out"/sqlite*
	taskset -c "$cpus" "$build/tests/bench/fnd_bench" $divisor \
		"$out/events" | note foundation ours $round
	taskset -c "$cpus" "$build/tests/bench/fnd_sqlite" $divisor \
		"$out/sqlite" "$out/events" | note foundation theirs $round
	elixir_here "$here/fnd_peer.exs" $divisor |
		note foundation theirs $round
done
rm -f "$out"/events* "$out"/sqlite*
figures foundation fnd.awk
