#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmarks of the module, in the test machine. Prints "NAME ROUND VALUE"
# for kmod.sh, and sentences.
#
# usage: kmod-inside.sh count	what instructions can be counted for
#        kmod-inside.sh storm EXITS	what needs two CPUs; sizes
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

# All that can wait for a reader, and the living members.
raised_limit=262144
programs=$build/tests/bench
export SUP_KO=$build/kmod/$(uname -r)/sup.ko

# The kernel merges caches of like size, and then knows no size of its own.
object_size() {
	local file=/sys/kernel/slab/$1/object_size

	[ ! -L "/sys/kernel/slab/$1" ] || die "$1: boot with slab_nomerge"
	echo "$2 1 $(cat "$file")"
}

case ${1:-} in
count)
	"$programs/kmod_cost"
	"$programs/kmod_exit"
	"$programs/kmod_watch"
	;;
storm)
	[ $# = 2 ] || usage "of how many exits?"
	insmod "$SUP_KO"
	object_size sup_member kmod_member_bytes
	object_size sup_record kmod_record_bytes
	rmmod sup
	"$programs/kmod_storm" "$2" "$raised_limit"
	"$programs/kmod_storm" "$2" 0
	;;
*)
	usage "count or storm"
	;;
esac
