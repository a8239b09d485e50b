#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# supctl audit: who is not supervised in a supd. Needs the module. Speaks TAP.
# stray.so stands beside this.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"
. "$top/tests/lib/supd.inc"

needs_module

# Sets strays, code.
audit() {
	strays=$(ctl audit "$@")
	code=$?
}

nobody() {
	[ "$code" -eq 0 ] && [ -z "$strays" ] && return
	echo "status $code: $strays"
	return 1
}

# Exactly so many strays, one of which looks like that.
found() {
	[ "$code" -eq 1 ] && [ "$(wc -l <<<"$strays")" -eq "$1" ] &&
		grep -q -- "$2" <<<"$strays" && return
	echo "status $code: $strays"
	return 1
}

gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status"
}

# A daemon of a child, in a session of its own, is that child's.
cat >"$work/tree.yaml" <<-E
	name: audited
	intensity: 5
	children:
	  - {id: plain, argv: [tail, -f, /dev/null]}
	  - id: forks
	    argv: [sh, -c, "setsid tail -f /dev/null & exec tail -f /dev/null"]
E

start "$work/tree.yaml"
audit
ok "a tree alone has no strays" nobody
audit --json
ok "nor in JSON" nobody
ctl kill -s KILL plain
ok "a child is restarted" ctl wait --for started --id plain --count 2 \
	--since 0 --timeout 20000
audit
ok "then there is none, either" nobody
stop

mkfifo "$work/go" "$work/go.done"
supd_prefix=(env LD_PRELOAD="$build/tests/integration/stray.so"
	STRAY="$work/go")
start "$work/tree.yaml"
audit
ok "a thread that is not supervised" found 1 \
	"^thread .*stray-thread .*not started by libsup"
audit --json
ok "the same in JSON" found 1 \
	'"type":"thread","name":"stray-thread","pid":'"$pid",
echo >"$work/go"
read -r _ <"$work/go.done"
audit
ok "and a process" found 2 "^process .*stray-process .*not started by libsup"
process=$(awk '$1 == "process" { print $2 }' <<<"$strays")
kill -KILL "$process"
ok "it is killed" until_ok gone "$process"
audit
ok "one that has ended is none" found 1 stray-thread
stop
tap_end
