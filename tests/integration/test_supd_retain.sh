#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# supd under --policy retain: what the next supd finds. Needs the module.
# Speaks TAP. BIN is where supd and supctl are.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

: "${BIN:=$build/bin}"
if ! grep -q '^sup ' /proc/modules 2>/dev/null; then
	echo "1..0 # SKIP the module is not loaded"
	exit 0
fi
work=$(mktemp -d)
pid=''
end() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	wait
	rm -rf "$work"
}
trap end EXIT
unset XDG_RUNTIME_DIR NOTIFY_SOCKET JOURNAL_STREAM
exec {never}<> <(:)

tree() {
	cat >"$work/$1.yaml"
}

until_ok() {
	local -r end=$((SECONDS + 20))

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -r -t 0.05 -u "$never" || :
	done
}

ctl() {
	"$BIN/supctl" --state "$work/state" "$@"
}

start() {
	local -r tree=$1
	shift

	"$BIN/supd" --policy retain --state "$work/state" "$@" \
		"$work/$tree.yaml" 2>>"$work/err" &
	pid=$!
	until_ok ctl status || cat "$work/err"
}

kill_supd() {
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	pid=''
}

# Sets status.
stop() {
	kill "$pid"
	wait "$pid"
	status=$?
	pid=''
}

pid_of() {
	ctl list | awk -v id="/$1" 'index($1, id) { print $3 }'
}

lives() {
	[ -n "$1" ] && [ -e "/proc/$1" ] &&
		! grep -q '^State:.[ZX]' "/proc/$1/status"
}

gone() {
	! lives "$1"
}

said() {
	grep -q -- "$1" "$work/err" || { cat "$work/err"; false; }
}

tree both <<-E
	name: both
	intensity: 5
	children:
	  - {id: a, argv: [tail, -f, /dev/null]}
	  - {id: b, argv: [tail, -f, /dev/null]}
E
tree one <<-E
	name: both
	intensity: 5
	children:
	  - {id: a, argv: [tail, -f, /dev/null]}
E
: >"$work/err"

start both
a=$(pid_of a) b=$(pid_of b)
ok "the token is for nobody else" \
	test "$(stat -c %a "$work/state/keep")" = 600
kill_supd
ok "without supd a child lives" lives "$a"
kill -KILL "$b"
ok "a child that ends then has ended" until_ok gone "$b"
start both
ok "the next supd adopts who lives" test "$(pid_of a)" = "$a"
ok "and starts who has ended" lives "$(pid_of b)"
ok "it is another process" test "$(pid_of b)" != "$b"
ok "what is adopted can be stopped" ctl stop a
ok "it is gone" gone "$a"
ok "and started" ctl start a

a=$(pid_of a) b=$(pid_of b)
kill_supd
start one
ok "adopted once more" test "$(pid_of a)" = "$a"
ok "what is no child any more is killed" until_ok gone "$b"
ok "supd says so" said "belongs to no child: killed"

stop
ok "an orderly end" test $status -eq 0
ok "leaves nobody" gone "$a"
ok "and nothing to adopt" test ! -e "$work/state/keep"

start both --grace 300
a=$(pid_of a)
kill_supd
ok "after the grace time all are killed" until_ok gone "$a"
start both --grace 300
ok "then the tree is started afresh" lives "$(pid_of a)"
ok "supd says why" said "nothing is adopted"

a=$(pid_of a)
kill_supd
echo damaged >"$work/state/keep"
start both --grace 300
ok "a damaged file: nothing is adopted" said "damaged, nothing is adopted"
ok "what it was for is killed in time" until_ok gone "$a"
stop
tap_end
