#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The long run of the fuzzer, in a debug kernel: an hour of its time.
#
# usage: run.sh
#
# By environment variables, which are those of "make fuzz":
#   MINUTES    of the kernel's time (default 60)
#   MESSAGES   sent meanwhile, evenly (default 1000 each minute)
#   SEED       makes the choices of another run again (default: by chance)
#   KERNEL     uml, smp (debug-build.sh); default uml
#
# The clock of User-Mode Linux jumps over what nobody does, so that the hour
# takes as long as sending the messages does. That of the other kernel cannot.
# Exit status: that of tests/vm/run.sh, 99 if the kernel complained.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

minutes=${MINUTES:-60}
kernel=${KERNEL:-uml}
seed=${SEED:-$(od -An -tu4 -N4 /dev/urandom | xargs)}
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || usage "MINUTES is a number from 1"
messages=${MESSAGES:-$((minutes * 1000))}
case $kernel in
uml) kargs=ARCH=um append=time-travel ;;
smp) kargs='' append='' ;;
*) usage "KERNEL is uml or smp" ;;
esac

"$top/tests/lib/setup.sh" debug
dir=$("$top/tests/vm/debug-build.sh" "$kernel")
kver=$(cat "$dir/o/include/config/kernel.release")
make --no-print-directory -C "$top/kmod" module KVER="$kver" KDIR="$dir/o" \
	KARGS=$kargs
make --no-print-directory -C "$top/tests/fuzz"
list=$build/tests/fuzz-run.list
cat >"$list" <<LIST
sup build/kmod/$kver/sup.ko build/tests/fuzz/sup_fuzz
sup tests/lib tests/vm/*.sh
LIST
exec "$top/tests/vm/run.sh" -d "$kernel" -n fuzz -m 2048 \
	-t $((minutes * 120 + 1200)) -a "log_buf_len=64M $append" -l "$list" \
	tests/vm/with-module.sh build/tests/fuzz/sup_fuzz -s "$seed" \
	-t $((minutes * 60)) -n "$messages"
