#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs programs of kselftest for what they do to the module, not for their
# verdicts: with its allocations failing, a test may well fail, or wait for
# what does not come. They are those that bear, end, hand over and watch, not
# all: every allocation looks at its callers now, and each takes a minute. That
# each can be killed, and leaves nobody in the kernel, is what is asked; the
# kernel's log and kmemleak tell the rest. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

limit=20
group=/sys/fs/cgroup/failslab
programs=(inherit thread kill empty owner spawn hand_over observe descend)

# Whoever outlives the end of its cgroup hangs in the kernel.
ends() {
	local -r program=$1 end=$((SECONDS + limit + 20))

	[ -x "$program" ] || return 1
	# shellcheck disable=SC2016
	timeout -s KILL $limit bash -c \
		'echo 0 >"$0/cgroup.procs" && exec "$1"' $group "$program" \
		</dev/null
	echo "exit status $?"
	echo 1 >$group/cgroup.kill || return 1
	while grep -q '^populated 1' $group/cgroup.events; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 <> <(:) || :
	done
}

# Groups that are kept for an adopter hold the module for their grace time.
can_be_drained() {
	local -r module=/sys/module/sup end=$((SECONDS + 60))
	local status=0

	cat /sys/kernel/debug/sup/groups
	echo kill >$module/parameters/drain || return 1
	while [ "$(cat $module/refcnt)" -ne 0 ]; do
		[ $SECONDS -lt $end ] || { status=1; break; }
		read -rt 0.1 <> <(:) || :
	done
	[ $status -eq 0 ] || cat /sys/kernel/debug/sup/groups
	echo off >$module/parameters/drain || return 1
	return $status
}

mkdir $group || die "$group: cannot be made"
for name in "${programs[@]}"; do
	ok "sup_${name}_test leaves nobody behind" \
		ends "$build/tests/kselftest/sup_${name}_test"
done
ok "what waits for an adopter can be drained" can_be_drained
tap_end
