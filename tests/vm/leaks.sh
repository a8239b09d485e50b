#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Asks kmemleak, where the kernel has it, for what has been lost since it was
# told to forget. Prints each lost object and where it was allocated; the exit
# status is 1 when there is one.
#
# usage: leaks.sh [forget]
set -uo pipefail

kmemleak=/sys/kernel/debug/kmemleak

[ -e $kmemleak ] || exit 0
scan() {
	echo scan >$kmemleak || exit 1
}

# It reports what has been lost in two scans, and is older than 5 seconds.
scan
read -rt 6 <> <(:) || :
scan
if [ "${1:-}" = forget ]; then
	echo clear >$kmemleak
	exit 0
fi
! grep '' $kmemleak
