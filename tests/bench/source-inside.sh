#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What depends on how the library learns of exits, in the test machine: with the
# module, over pidfds, and Erlang and Elixir. Prints "SIDE NAME ROUND VALUE" for
# source.sh.
#
# usage: source-inside.sh ROUNDS DIVISOR LARGE
#
# DIVISOR: how much less to do in a round. LARGE: the same of what only says
# something in full, 20,000 restarts and 10,000 children; so it is done once.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/bench/cpus.inc"

[ $# = 3 ] || usage "how many rounds of how much?"
rounds=$1
divisor=$2
large=$3
bin=$build/tests/bench
cpus=$(own_cpus) || die "needs two CPUs"

ours() {
	taskset -c "$cpus" "$bin/lib_bench" "$2" "$divisor" "$1"
}

theirs() {
	if [ "$1" = registry ]; then
		ELIXIR_ERL_OPTIONS="+S 2:2 +sbt ts" taskset -c "$cpus" elixir \
			"$top/tests/bench/lib_peer.exs" "$1" "$divisor"
	else
		taskset -c "$cpus" erl +S 2:2 +sbt ts -noinput -pa "$bin" \
			-run lib_peer main "$divisor" "$1"
	fi
}

note() {
	awk -v side="$1" -v round="$round" '{ print side, $1, round, $2 }'
}

run() {
	local -r topic=$1
	local side
	shift

	for side; do
		case $side in
		theirs) theirs "$topic" ;;
		*) ours "$side" "$topic" ;;
		esac | note "$side"
	done
}

for ((round = 1; round <= rounds; round++)); do
	for topic in restart down registry; do
		run $topic module pidfd theirs
	done
done
# How ends are learnt of makes no difference to how restarts are counted.
divisor=$large round=1
run window module theirs
run many module pidfd theirs
