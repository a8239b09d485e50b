#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Performs random traces on our supervisors and on Erlang's, and compares.
#
# usage: run.sh [-s]	-s: also plant differences, each of which must be found
#
# By environment variables, which are those of "make conformance":
#   SEED     of the first trace (default: by chance); SEED+1 of the next
#   N        how many (default 1000)
#   TRACE    a file of traces, instead of random ones
#
# Traces and results stay in build/tests/conformance. Exit status: 0 when
# nothing differs, 1 when something does, 111 without Erlang.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

here=$top/tests/conformance
out=$build/tests/conformance
seed=${SEED:-$(od -An -tu4 -N3 /dev/urandom | xargs)}
n=${N:-1000}
[[ $seed =~ ^[0-9]{1,9}$ ]] || usage "SEED is a number"
[[ $n =~ ^[1-9][0-9]{0,6}$ ]] || usage "N is a number from 1"
[ $# -eq 0 ] || [ "$*" = -s ] || usage "unknown argument \"$1\""
command -v erlc >/dev/null || die "there is no Erlang: make setup"

ours() {
	"$out/ours" <"$1" >"$out/ours.results"
}

compare() {
	awk -f "$here/compare.awk" "$out/ours.results" "$out/erlang.results"
}

# As many traces as libsup is seen to fail with a supervisor that is not what
# it was told to be: $2 is what sed makes of the trace that only it gets.
plant() {
	local -r name=$1 expression=$2
	local said

	sed -E "$expression" "$out/traces" >"$out/planted"
	! cmp -s "$out/traces" "$out/planted" || die "$name: nothing planted"
	ours "$out/planted"
	if said=$(compare); then
		echo "planted difference is not found: $name"
		missed=1
	else
		echo "found: $name: ${said##*$'\n'}"
	fi
}

# The same for what is said: $2 is what sed makes of our results.
forge() {
	local -r name=$1 expression=$2
	local said

	ours "$out/traces"
	sed -E -i "$expression" "$out/ours.results"
	if said=$(compare); then
		echo "forged result is not found: $name"
		missed=1
	else
		echo "found: $name: ${said##*$'\n'}"
	fi
}

self_test() {
	missed=0
	plant "one restart more" 's/"intensity":2/"intensity":3/'
	plant "one restart less" 's/"intensity":3/"intensity":2/'
	plant "a period that is longer" 's/"period":2,/"period":9,/'
	plant "others are not restarted" 's/"one_for_all"/"one_for_one"/'
	plant "those before are restarted" 's/"rest_for_one"/"one_for_all"/'
	plant "transient is permanent" 's/"transient"/"permanent"/'
	plant "temporary is transient" 's/"temporary"/"transient"/'
	plant "no auto_shutdown" 's/"any_significant"/"all_significant"/'
	plant "nobody is significant" 's/"significant":1/"significant":0/'
	plant "no one ignores" 's/("starts":"[of]*)i/\1o/'
	plant "brutal_kill asks" 's/"brutal_kill"/"5000"/'
	plant "killed is a crash" 's/"reason":"kill"/"reason":"crash"/'
	plant "fails once less" 's/("starts":"o+)f/\1o/'
	plant "asks in another order" 's/"asks":"tr/"asks":"rt/'
	forge "a return value" '/\trestart\t/s/not_found/running/'
	forge "an order of starts" 's/(\+a0#[0-9]+) (\+b0#[0-9]+)/\2 \1/'
	forge "an order of stops" 's/(-b0#[^ ]*) (-a0#[^ ]*)/\2 \1/'
	forge "a reason" 's/=shutdown7/=shutdown/'
	forge "a task that was not replaced" 's/a0#2/a0#1/'
	forge "a count" 's/\(3,3,/(3,2,/'
	forge "a state" 's/ b0-/ b0#1/'
	forge "an end too few" '0,/\tstop\t/{/\tstop\t/d}'
	return $missed
}

make --no-print-directory -s -C "$here" all
if [ -n "${TRACE:-}" ]; then
	cp -- "$TRACE" "$out/traces"
else
	echo "SEED=$seed N=$n"
	"$out/generate" "$seed" "$n" >"$out/traces"
fi
ours "$out/traces"
erl +S 1 -noinput -pa "$out" -s conformance main \
	-extra "$out/traces" "$out/erlang.results"
compare
[ $# -eq 0 ] || self_test
