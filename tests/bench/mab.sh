#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How fast agents are started, asked and balanced, beside Elixir, whose agents
# are servers that a dynamic supervisor starts and a Registry names: as fnd.sh.
# What the programs have printed is in build/bench/mabeam.
#
# usage: mab.sh [-s]	-s: one small round, without bars
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/bench/beside.inc"

rm -f "$out/mabeam"
make -s -C "$here" mab_programs
for ((round = 1; round <= rounds; round++)); do
	taskset -c "$cpus" "$build/tests/bench/mab_bench" $divisor |
		note mabeam ours $round
	elixir_here "$here/mab_peer.exs" $divisor | note mabeam theirs $round
done
figures mabeam mab.awk
