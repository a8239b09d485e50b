#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What supd and supctl say to bad input, and their exit codes. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"
. "$top/tests/lib/supd.inc"

hostile="python3 $top/tests/tools/hostile.py"

# says CODE TEXT COMMAND...: ends with the code, and its output has the text.
says() {
	local -r code=$1 text=$2
	local output status
	shift 2

	output=$(timeout 30 "$@" 2>&1 </dev/null)
	status=$?
	[ $status -eq "$code" ] && grep -qF -- "$text" <<<"$output" && return
	echo "status $status, expected $code; output, expected \"$text\":"
	echo "$output"
	return 1
}

# tree NAME: a tree file from stdin.
tree() {
	cat >"$work/$1.yaml"
}

# A port of the loopback address that nobody listens on.
free_port() {
	local port=16391

	while (exec {fd}<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((port + 1))
	done
	echo $port
}

# replies CODE TEXT ARGUMENT...: of hostile.py
replies() {
	local -r code=$1 text=$2
	local reply
	shift 2

	reply=$($hostile "$work/state/control" "$@" 2>&1)
	grep -qF "\"code\":$code" <<<"$reply" && grep -qF "$text" <<<"$reply" &&
		return
	echo "$reply"
	return 1
}

supd_options() {
	ok "supd: no file is wrong usage" \
		says 100 "TREE.yaml is missing" "$supd"
	ok "supd: two files are wrong usage" \
		says 100 "one TREE.yaml" "$supd" a b
	ok "supd: an unknown option is wrong usage" \
		says 100 "unrecognized option" "$supd" --nonsense a
	ok "supd: an unknown source is wrong usage" \
		says 100 'not one of auto, module, pidfd' "$supd" --source x a
	ok "supd: an unknown policy is wrong usage" \
		says 100 'not one of kill, retain' "$supd" --policy x a
	ok "supd: a grace time that is none is wrong usage" \
		says 100 '"5s" is not a number' "$supd" --grace 5s a
	ok "supd: a grace time without retain is wrong usage" \
		says 100 '--policy retain' "$supd" --grace 5 a
	ok "supd: retain without the module is wrong usage" says 100 \
		'needs the module' "$supd" --policy retain --source pidfd a
}

supd_trees() {
	local f

	tree good <<-E
	name: good
	children:
	  - {id: a, argv: [cat]}
	E
	tree key <<-E
	name: t
	children:
	  - id: a
	    argv: [cat]
	    colour: red
	E
	tree program <<-E
	name: t
	children:
	  - {id: the-child, argv: [no-such-program]}
	E
	ok "a good tree is correct" \
		says 0 "good.yaml: correct" "$supd" --check "$work/good.yaml"
	for f in "$top"/examples/*.yaml; do
		ok "the example ${f##*/} is correct" says 0 ": correct" \
			env PATH="$PATH:/usr/sbin" "$supd" --check "$f"
	done
	ok "an unknown key: line, column, and what is allowed" says 100 \
		'key.yaml:5:5: unknown key "colour"; allowed here: id, argv' \
		"$supd" --check "$work/key.yaml"
	ok "an unknown key starts nothing" says 100 "unknown key" \
		"$supd" --state "$work/none" "$work/key.yaml"
	ok "nor makes a folder" test ! -e "$work/none"
	ok "a missing program is named with its child" says 100 \
		'child "the-child": there is no program "no-such-program"' \
		"$supd" "$work/program.yaml"
	ok "a missing file is a system error" says 111 \
		"No such file or directory" "$supd" "$work/no.yaml"
}

supd_state() {
	mkdir -m 777 "$work/open"
	chmod 777 "$work/open"
	touch "$work/file"
	ok "a state folder that others may write to is refused" \
		says 111 "others may write there" \
		"$supd" --source pidfd --state "$work/open" "$work/good.yaml"
	ok "a state folder that is a file is refused" \
		says 111 "Not a directory" \
		"$supd" --source pidfd --state "$work/file" "$work/good.yaml"
	ok "a state folder that cannot be made is told" \
		says 111 "No such file or directory" \
		"$supd" --source pidfd --state "$work/a/b" "$work/good.yaml"
	ok "a name too long for a socket is told" says 111 "too long" \
		"$supd" --source pidfd --state "$work/$(printf '%0100d' 0)" \
		"$work/good.yaml"
}

supd_source() {
	if grep -q '^sup ' /proc/modules 2>/dev/null; then
		tap_n=$((tap_n + 1))
		echo "ok $tap_n - the module is not there # SKIP it is loaded"
		return
	fi
	ok "without the module --source module is refused" says 111 \
		"module" "$supd" --source module --state "$work/state" \
		"$work/good.yaml"
	ok "so is --policy retain" says 111 "retain needs the module" \
		"$supd" --policy retain --state "$work/state" "$work/good.yaml"
}

supctl_alone() {
	ok "supctl: no command is wrong usage" \
		says 100 "a command is missing" "$supctl"
	ok "supctl: an unknown command is wrong usage" \
		says 100 'no command "dance"' "$supctl" dance
	ok "supctl: an unknown option is wrong usage" \
		says 100 "unrecognized option" "$supctl" tree --nonsense
	ok "supctl: an unknown signal is wrong usage" \
		says 100 '"NOTHING" is no signal' "$supctl" kill -s NOTHING a
	ok "supctl: a number that is none is wrong usage" \
		says 100 '"x" is not a number' "$supctl" events -n x
	ok "supctl: a missing id is wrong usage" \
		says 100 "an id is missing" "$supctl" stop
	ok "supctl: without supd it names the socket" \
		says 111 "$work/state/control: no supd there" \
		"$supctl" --state "$work/state" tree
}

supctl_with_supd() {
	tree two <<-E
	name: two
	children:
	  - {id: a, argv: [cat, never]}
	  - id: below
	    children:
	      - {id: a, argv: [cat, never]}
	      - {id: t, service: echo, port: $port}
	E
	mkfifo "$work/never"
	start --source pidfd "$work/two.yaml"
	ok "supd starts" ctl tree
	ok "a second supd on the same state is refused" \
		says 111 "another supd uses it" "$supd" --source pidfd \
		--state "$work/state" "$work/good.yaml"
	ok "an unknown id: no" \
		says 1 'there is no child "x"' ctl kill x
	ok "an ambiguous id: no, with a way out" \
		says 1 'give the path' ctl kill a
	ok "a signal for a thread: refused" \
		says 100 "by KILL only" ctl kill -s TERM t
	ok "another signal for a whole tree: refused" \
		says 100 "--tree kills by KILL only" ctl kill -s TERM -t two/a
	ok "the root cannot be stopped" \
		says 100 "stops with supd" ctl stop two
	ok "start of what runs: no" says 1 "cannot start" ctl start two/a
	ok "stop, then status says no" says 0 "" ctl stop two/a
	ok "an audit over pidfds: not possible" \
		says 111 "an audit needs the module" ctl audit
	ok "status 1: a child is down" says 1 "4 of 5" ctl status
	ok "stop of what is stopped: done" says 0 "" ctl stop two/a
	ok "start again" says 0 "" ctl start two/a
	ok "nothing happens: wait says no" says 1 "" \
		ctl wait --for give_up --timeout 10
}

garbage() {
	ok "garbage: told what is wrong, and where" \
		replies 100 "not understood: '{' expected, at byte 1" raw hello
	ok "another version: refused" \
		replies 100 'speaks version 1' raw '{"v":2,"op":"tree"}'
	ok "no version: refused" \
		replies 100 'speaks version 1' raw '{"op":"tree"}'
	ok "an unknown op: told which there are" \
		replies 100 'one of tree, status' raw '{"v":1,"op":"dance"}'
	ok "nesting: refused" \
		replies 100 'nesting' raw '{"v":1,"op":["tree"]}'
	ok "no id: refused" \
		replies 100 'expected' raw '{"v":1,"op":"kill"}'
	ok "a signal out of range: refused" replies 100 'no such signal' \
		raw '{"v":1,"op":"kill","id":"t","signal":-1}'
	ok "a signal far out of range: refused" replies 100 'no such signal' \
		raw '{"v":1,"op":"kill","id":"t","signal":4294967305}'
	ok "a request that is too long: refused" replies 100 'too long' long
	ok "too many clients: the last is told" \
		replies 111 'too many clients' crowd 40
	ok "afterwards there is room again" until_ok ctl tree
}

# Clients that ask for all events and read none, while events happen.
deaf() {
	local i line

	coproc DEAF { $hostile "$work/state/control" deaf; }
	read -r -t 20 -u "${DEAF[0]}" line || return 1
	for i in 1 2 3 4 5 6; do
		ctl restart two/a || return 1
	done
	ctl tree >/dev/null || return 1
	eval "exec ${DEAF[1]}>&-"
	wait "$DEAF_PID"
}

permission() {
	if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
		tap_n=$((tap_n + 1))
		echo "ok $tap_n - another user # SKIP needs root and setpriv"
		return
	fi
	ok "another user may not ask" says 111 "Permission denied" \
		setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$work/bin/supctl" --state "$work/state" tree
}

give_up() {
	tree loop <<-E
	name: loop
	intensity: 1
	children:
	  - {id: bad, argv: [sh, -c, 'exit 3']}
	E
	tree unready <<-E
	name: unready
	children:
	  - {id: bad, argv: [sh, -c, 'exit 3'], ready: notify}
	E
	tree port <<-E
	name: port
	children:
	  - {id: e, service: echo, port: $port}
	E
	ok "a tree that gives up: 1, and why" says 1 \
		'the tree "loop" gave up: child "bad"' "$supd" --source pidfd \
		--state "$work/state" "$work/loop.yaml"
	ok "a child that ends before it is ready: 1, and which" says 1 \
		'the tree "unready" did not start' "$supd" --source pidfd \
		--state "$work/state" "$work/unready.yaml"
	mkdir -m 700 "$work/other"
	start --source pidfd "$work/port.yaml"
	ok "a port that is taken: 1" says 1 'Address already in use' "$supd" \
		--source pidfd --state "$work/other" "$work/port.yaml"
	stop
	ok "nothing is left in the state folder but the lock" \
		test "$(ls "$work/state")" = lock
}

[ -x "$supd" ] && [ -x "$supctl" ] || die "$BIN: not built"
cd "$work" || exit 111
mkdir -p "$work/bin"
printf '#!/bin/sh\nexec %s --state %s/state "$@"\n' "$supctl" "$work" \
	>"$work/bin/ctl"
chmod 755 "$work/bin/ctl"
PATH=$work/bin:$PATH
chmod 755 "$work" "$work/bin"
cp "$supctl" "$work/bin"
port=$(free_port)
supd_options
supd_trees
supd_state
supd_source
supctl_alone
supctl_with_supd
garbage
ok "clients that do not read hold nobody up" deaf
permission
stop
ok "SIGTERM: an orderly end" test $status -eq 0 || cat "$work/err"
give_up
tap_end
