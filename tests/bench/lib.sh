#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How fast the library is, beside Erlang/OTP and Elixir on the same machine in
# the same run. Five rounds; in each every topic is run once here and once
# there, one after the other. Prints a line for each figure ("metric value
# unit" or "ratio NAME value", ours divided by theirs), then the bar it has to
# keep and the spread of its rounds. What the programs have printed is in
# build/bench/lib.
#
# usage: lib.sh [-s]	-s: a smoke run, one small round, as TAP: is there a
#			sane figure for each name? No bars.
#
# Both sides have the first two of the CPUs that may be used; Erlang has a
# scheduler bound to each.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/bench/cpus.inc"

here=$top/tests/bench
out=$build/bench
bin=$build/tests/bench
rounds=5
divisor=1
topics='restart window call cast down timer many registry idle'

on_ours() {
	taskset -c "$cpus" "$bin/lib_bench" "$1" "$divisor"
}

on_erlang() {
	taskset -c "$cpus" erl +S 2:2 +sbt ts -noinput -pa "$bin" \
		-run lib_peer main "$divisor" "$@"
}

on_elixir() {
	ELIXIR_ERL_OPTIONS="+S 2:2 +sbt ts" taskset -c "$cpus" \
		elixir "$here/lib_peer.exs" "$1" "$divisor"
}

# Of a topic that only we have there is nothing to say.
on_theirs() {
	case $1 in
	idle) ;;
	registry) on_elixir "$1" ;;
	*) on_erlang "$1" ;;
	esac
}

# "NAME VALUE" becomes "SIDE NAME ROUND VALUE".
note() {
	awk -v side="$1" -v round="$2" '{ print side, $1, round, $2 }' \
		>>"$out/lib"
}

run_round() {
	local topic

	for topic in $topics; do
		on_ours "$topic" | note ours "$1"
		on_theirs "$topic" | note theirs "$1"
	done
}

# In small, starting Erlang is what takes long: once for all.
run_smoke() {
	local topic

	for topic in $topics; do
		on_ours "$topic" | note ours 1
	done
	# shellcheck disable=SC2086
	on_erlang ${topics%registry*} | note theirs 1
	[ -z "$elixir" ] || on_elixir registry | note theirs 1
}

smoke=
case ${1:-} in
'') ;;
-s) smoke=1 rounds=0 divisor=100 out=$build/bench/smoke ;;
*) usage "unknown argument \"$1\"" ;;
esac
cpus=$(own_cpus) || {
	[ -z "$smoke" ] || { echo "skip: needs two CPUs"; exit 77; }
	die "needs two CPUs"
}
[ -n "$smoke" ] || "$top/tests/lib/setup.sh" bench >/dev/null
command -v erlc >/dev/null || die "there is no Erlang: make setup"
elixir=$(command -v elixir || true)
mkdir -p "$out"
rm -f "$out/lib"
make -s -C "$here" lib_programs
[ -z "$smoke" ] || run_smoke
for ((round = 1; round <= rounds; round++)); do
	run_round $round
done
awk -v smoke="$smoke" -v elixir="$elixir" \
	-f "$here/median.awk" -f "$here/lib.awk" "$out/lib"
