#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints the accelerator the test machine uses. Emulation by one thread always
# works; SUP_ACCEL names another one (tcg,thread=multi or kvm), which is used
# only if a machine booted with it ends well within 10 seconds. The result is
# kept in build/vm/accel.
#
# What is known to work is the default, and nothing else is tried unasked: a
# host can offer /dev/kvm and hang in it.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

slow=tcg,thread=single
wanted=${SUP_ACCEL:-$slow}
known=$build/vm/accel

if [ "$wanted" = $slow ]; then
	echo $slow
	exit 0
fi
if ! grep -qs "^$wanted " "$known"; then
	mkdir -p "$build/vm"
	used=$wanted
	SUP_PROBE=$wanted "$top/tests/vm/run.sh" -q -n probe -t 10 true \
		>/dev/null 2>&1 || used=$slow
	echo "$wanted $used" >"$known"
fi
awk '{ print $2 }' "$known"
