#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# supd under --policy retain: what the next supd finds. Needs the module.
# Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"
. "$top/tests/lib/supd.inc"

needs_module

tree() {
	cat >"$work/$1.yaml"
}

keep() {
	start --policy retain "$work/$1.yaml" "${@:2}"
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

keep both
a=$(pid_of a) b=$(pid_of b)
ok "the token is for nobody else" \
	test "$(stat -c %a "$work/state/keep")" = 600
crash
ok "without supd a child lives" lives "$a"
kill -KILL "$b"
ok "a child that ends then has ended" until_ok gone "$b"
keep both
ok "the next supd adopts who lives" test "$(pid_of a)" = "$a"
ok "and starts who has ended" lives "$(pid_of b)"
ok "it is another process" test "$(pid_of b)" != "$b"
ok "what is adopted can be stopped" ctl stop a
ok "it is gone" gone "$a"
ok "and started" ctl start a

a=$(pid_of a) b=$(pid_of b)
crash
keep one
ok "adopted once more" test "$(pid_of a)" = "$a"
ok "what is no child any more is killed" until_ok gone "$b"
ok "supd says so" said "belongs to no child: killed"

stop
ok "an orderly end" test $status -eq 0
ok "leaves nobody" gone "$a"
ok "and nothing to adopt" test ! -e "$work/state/keep"

keep both --grace 300
a=$(pid_of a)
crash
ok "after the grace time all are killed" until_ok gone "$a"
keep both --grace 300
ok "then the tree is started afresh" lives "$(pid_of a)"
ok "supd says why" said "nothing is adopted"

a=$(pid_of a)
crash
echo damaged >"$work/state/keep"
keep both --grace 300
ok "a damaged file: nothing is adopted" said "damaged, nothing is adopted"
ok "what it was for is killed in time" until_ok gone "$a"
stop
tap_end
