#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# supd: programs made with libsup of which a server hangs. What supervises that
# is in the program, so supd knows of it by the watchdog alone. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"
. "$top/tests/lib/supd.inc"

program=$build/tests/integration/stalled
cat >"$work/tree.yaml" <<-E
	name: t
	children:
	  - id: patient
	    argv: [sh, -c, 'exec "$program" 2>>$work/patient.err']
	    ready: notify
	  - id: watched
	    argv: [sh, -c, 'exec "$program" 2>>$work/watched.err']
	    ready: notify
	    watchdog: 5s
E

hangs() {
	grep -qx 'server hangs' "$work/$1.err"
}

is_another() {
	local -r now=$(pid_of "$1")

	[ -n "$now" ] && [ "$now" != 0 ] && [ "$now" != "$2" ]
}

finds() {
	local -r what=$1
	shift

	ctl "$@" | grep -- "$what"
}

start "$work/tree.yaml"
patient=$(pid_of patient) watched=$(pid_of watched)
kill -USR1 "$patient"
ok "a server hangs, and its supervisor knows" until_ok hangs patient
ok "nobody has told supd: the program runs" \
	finds '"patient" is running.*nothing is wrong' explain patient
kill -USR1 "$watched"
ok "so does that of a program with a watchdog" until_ok hangs watched
ok "which ends" until_ok finds 'child_terminated t/watched.*watchdog' events
ok "and is started again" until_ok is_another watched "$watched"
ok "the tree says why" finds 'watched .*watchdog' tree
ok "and so does explain" finds 'watchdog' explain watched
ok "the other is the process it was" test "$(pid_of patient)" = "$patient"
stop
ok "supd ends in order" test "$status" -eq 0
tap_end
