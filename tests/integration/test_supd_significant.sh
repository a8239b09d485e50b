#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# supd: supervisors that end with their significant children. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"
. "$top/tests/lib/supd.inc"

# Each job ends well when its fifo is opened for writing.
mkfifo "$work/go-job" "$work/go-one" "$work/go-two"
cat >"$work/tree.yaml" <<-E
	name: t
	auto_shutdown: any_significant
	children:
	  - id: job
	    argv: [sh, -c, ': <$work/go-job']
	    restart: transient
	    significant: yes
	  - id: other
	    argv: [tail, -f, /dev/null]
	  - id: part
	    auto_shutdown: all_significant
	    restart: temporary
	    children:
	      - {id: one, argv: [sh, -c, ': <$work/go-one'],
	       restart: temporary, significant: yes}
	      - {id: two, argv: [sh, -c, ': <$work/go-two'],
	       restart: temporary, significant: yes}
	      - {id: beside, argv: [tail, -f, /dev/null]}
E

runs_again() {
	local -r now=$(pid_of "$1")

	[ -n "$now" ] && [ "$now" != - ] && [ "$now" != "$2" ]
}

ends() {
	! kill -0 "$1" 2>/dev/null
}

start "$work/tree.yaml"
ok "the tree is up" ctl status
beside=$(pid_of beside) one=$(pid_of one) other=$(pid_of other)
job=$(pid_of job)

: >"$work/go-one"
ok "one of two significant children ends" until_ok ends "$one"
ok "and its supervisor goes on with the rest" \
	test "$(pid_of beside)" = "$beside"
: >"$work/go-two"
ok "with the other all of that supervisor ends" until_ok ends "$beside"
ok "but nothing above it" test "$(pid_of other)" = "$other"

kill -KILL "$job"
ok "an end that is not clean is none: it is restarted" \
	until_ok runs_again job "$job"
: >"$work/go-job"
wait "$pid"
status=$?
pid=''
ok "a clean end of a significant child is that of the tree" test $status -eq 0
ok "in which the others have ended, too" ends "$other"
ok "supd says with whom" grep -q 'ended with its child "job"' "$work/err"
tap_end
