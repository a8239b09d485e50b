#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What depends on how the library learns of exits, with the module: boots the
# stock kernel and runs the benchmarks there with the module, over pidfds, and
# beside Erlang and Elixir. Five rounds; but one of 20,000 restarts, and of
# 10,000 children. Prints "ratio module_NAME value", ours divided by theirs, and
# "ratio module_to_pidfd_NAME value", with the spread of the rounds. The ratios
# restart_window_20k, module's and erlang's, are of restarts with that many in
# the window to those with none. Times of an emulator are no times of a machine,
# so there are no bars. What the programs have printed is in build/bench/source.
#
# usage: source.sh [-s]	-s: a smoke run, one small round, as TAP
#
# KVER is another kernel.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

out=$build/bench
kver=$(target_kver)
rounds=5 divisor=20 large=1 smoke=''
case ${1:-} in
'') ;;
-s) rounds=1 divisor=100 large=100 smoke=1 out=$build/bench/smoke ;;
*) usage "unknown argument \"$1\"" ;;
esac
[ -n "$kver" ] || die "no headers of a 6.1 kernel installed (make setup)"
[ -n "$smoke" ] || "$top/tests/lib/setup.sh" bench >/dev/null
for program in erlc elixir; do
	command -v $program >/dev/null && continue
	[ -z "$smoke" ] || { echo "skip: there is no $program"; exit 77; }
	die "there is no $program: make setup"
done
mkdir -p "$out"
"$top/tests/lib/quietly.sh" make -C "$top/kmod" KVER="$kver"
"$top/tests/lib/quietly.sh" make -C "$top/tests/bench" lib_programs
"$top/tests/vm/run.sh" -k "$kver" -n bench-source -m 2048 -t 1500 \
	-l "$top/tests/bench/source.list" tests/vm/with-module.sh \
	tests/bench/source-inside.sh $rounds $divisor $large >"$out/source"
awk -v smoke="$smoke" -f "$top/tests/bench/median.awk" \
	-f "$top/tests/bench/source.awk" "$out/source"
