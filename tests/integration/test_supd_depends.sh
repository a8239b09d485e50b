#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# supd: children that depend on each other, and those that restart often or not
# any more. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"
. "$top/tests/lib/supd.inc"

state_of() {
	ctl list | awk -v id="/$1" 'index($1, id) { print $2 }'
}

is() {
	[ "$(state_of "$1")" = "$2" ]
}

# A child runs, and not in its life with that pid.
runs_again() {
	is "$1" running && [ "$(pid_of "$1")" != "$2" ]
}

has_event() {
	ctl events | grep -q -- "$1"
}

# To open a fifo takes two: x and y are ready only if both are being started.
mkfifo "$work/1" "$work/2"
cat >"$work/tree.yaml" <<-E
	name: t
	intensity: 100
	hold: 1min
	children:
	  - id: last
	    argv: [sh, -c, 'echo last >>$work/order; exec tail -f /dev/null']
	    depends_on: [x, y]
	  - id: x
	    argv: [sh, -c, ': >$work/1; : <$work/2; echo x >>$work/order;
	      echo >&3; exec tail -f /dev/null']
	    ready: fd
	    depends_on: [base]
	  - id: y
	    argv: [sh, -c, ': <$work/1; : >$work/2; echo y >>$work/order;
	      echo >&3; exec tail -f /dev/null']
	    ready: fd
	    depends_on: [base]
	  - id: base
	    argv: [sh, -c, 'echo base >>$work/order; exec tail -f /dev/null']
	  - id: poor
	    argv: [tail, -f, /dev/null]
	    budget: 1
	    budget_period: 10min
	    budget_spent: stop
	    flapping: 1
	    flapping_stable: 10min
	  - id: strict
	    intensity: 0
	    hold: 10min
	    children:
	      - {id: held, argv: [tail, -f, /dev/null]}
E

start "$work/tree.yaml"
ok "x and y start at the same time" ctl status
ok "and last when both are ready" until_ok is last running
ok "in the order of what needs what" \
	test "$(sed -n '1p;4p' "$work/order" | tr '\n' ' ')" = "base last "

shows() {
	ctl tree | grep -q -- "$1"
}

explains() {
	ctl explain "$1" | grep -q -- "$2"
}

ok "a child that runs is explained" explains x "running.*nothing is wrong"
ok "so is the tree" explains t "nothing is wrong"
ok "one that is needed can be stopped" ctl stop base
ok "it was told to" explains base "told it to end"
ok "in JSON, too" sh -c "$supctl --state $work/state --json explain \
	t/base | grep -q '\"why\":\"terminated\"'"
ok "there is not always such a child" sh -c \
	"! $supctl --state $work/state explain nobody"
last=$(pid_of last)
kill -KILL "$last"
ok "who needs others alone is restarted" until_ok runs_again last "$last"
ok "who needs one that is stopped cannot start" sh -c \
	"! $supctl --state $work/state restart x"
ok "it does once that is up" ctl start base

poor=$(pid_of poor)
kill -KILL "$poor"
ok "a child with a budget is restarted once" until_ok has_event flapping
until_ok runs_again poor "$poor"
ok "which the tree shows" shows 'poor .* 1/1 in 600s'
ok "and that it does so often" shows 'poor *process *flapping '
ok "a list for programs has states alone" is poor running
kill -KILL "$(pid_of poor)"
ok "and then stays stopped" until_ok has_event budget_spent
ok "alone" is last running
ok "for its budget is spent" explains poor "budget of restarts is spent"

kill -KILL "$(pid_of held)"
ok "one that nobody may restart is held" until_ok has_event 'held .*strict/held'
ok "which the tree shows" shows 'held *process *held '

stop
ok "an orderly end" test $status -eq 0
tap_end
