#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the module costs: boots the stock kernel twice with a clock that counts
# instructions, and once with two CPUs for the storms, and prints a line for
# each figure ("metric value unit" or "ratio NAME value"), then the bar it has
# to keep and the spread of its rounds. Of the two boots the lower figure
# counts; of a boot, the median of its rounds. What the programs have printed is
# in build/bench.
#
# usage: kmod.sh
#
# KVER is another kernel; BENCH_EXITS makes a smaller storm. QEMU counts each
# step of a string instruction, and with "enhanced rep movsb" the kernel clears
# memory by bytes: 1024 instructions for 1 KiB. SUP_CPU=max,-erms,-fsrm has
# it done by words.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

out=$build/bench
kver=$(target_kver)
[ -n "$kver" ] || die "no headers of a 6.1 kernel installed (make setup)"

# Arguments: name of the boot, then those of run.sh and the command.
boot() {
	local -r name=$1
	shift
	"$top/tests/vm/run.sh" -k "$kver" -n "bench-$name" \
		-l "$top/tests/bench/kmod.list" "$@" >"$out/$name"
}

count() {
	boot "$1" -c -m 2048 -t 900 -a "nokaslr norandmaps" \
		tests/bench/kmod-inside.sh count
}

mkdir -p "$out"
rm -f "$out"/{count1,count2,storm}
for folder in kmod tests/bench; do
	"$top/tests/lib/quietly.sh" make -C "$top/$folder" KVER="$kver" ||
		die "$folder: cannot be built"
done
count count1
count count2
boot storm -t 3000 -a slab_nomerge \
	tests/bench/kmod-inside.sh storm "${BENCH_EXITS:-200000}"
grep -hE '^(storm|proc connector)' "$out/storm" | sed 's/^/# /'
awk -f "$top/tests/bench/median.awk" -f "$top/tests/bench/kmod.awk" \
	"$out"/{count1,count2,storm}
