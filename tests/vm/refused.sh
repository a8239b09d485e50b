#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Meant for a test machine whose kernel the module cannot run on: loading it
# fails, and the kernel's log has one line that says why.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

ko=$build/kmod/$(uname -r)/sup.ko

is_preempt_rt() {
	uname -v | grep PREEMPT_RT
}

is_refused() {
	[ -r "$ko" ] && ! insmod "$ko" && [ ! -e /sys/module/sup ]
}

# busybox tries two system calls, one after the other.
says_why() {
	dmesg | grep -o 'sup: .*' | grep -v 'module' | sort -u >/tmp/said
	cat /tmp/said
	[ "$(wc -l </tmp/said)" -eq 1 ] && grep -q PREEMPT_RT /tmp/said
}

ok "the kernel is PREEMPT_RT" is_preempt_rt
ok "the module is refused" is_refused
ok "one line says why" says_why
tap_end
