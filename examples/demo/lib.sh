# SPDX-License-Identifier: 0BSD
# What the steps of the demo are written with. Sourced by run.sh.

n_steps=0 n_ok=0 n_failed=0 n_unavailable=0
step_failed=no step_open=no step_title='' step_began=0
summary=()

say() {
	printf '%s\n' "$*" | tee -a "$report"
}

# Ends the step under way and counts it.
step_end() {
	local ms

	[ $step_open = yes ] || return 0
	step_open=no
	ms=$(($(now_ms) - step_began))
	step_title+=$(printf ' (%d.%d s)' $((ms / 1000)) $((ms / 100 % 10)))
	if [ $step_failed = yes ]; then
		n_failed=$((n_failed + 1))
		summary+=("FAILED         $step_title")
	else
		n_ok=$((n_ok + 1))
		summary+=("ok             $step_title")
	fi
}

# step TITLE EXPECTATION...
step() {
	step_end
	n_steps=$((n_steps + 1))
	step_title="$n_steps. $1"
	step_open=yes step_failed=no step_began=$(now_ms)
	say ''
	say "== $step_title"
	shift
	say "   expected   $(fold -s -w 62 <<<"$*" |
		sed '2,$s/^/              /; s/ *$//')"
}

# unavailable TITLE REASON: a step that this source cannot show.
unavailable() {
	step_end
	n_steps=$((n_steps + 1))
	n_unavailable=$((n_unavailable + 1))
	summary+=("not available  $n_steps. $1")
	say ''
	say "== $n_steps. $1"
	say "   not available with source $SOURCE: $2"
}

seen() {
	say "   seen       $*"
}

# check WHAT COMMAND...: the command has to end well.
check() {
	local -r what=$1
	shift
	if "$@"; then
		say "   ok         $what"
	else
		say "   FAILED     $what"
		step_failed=yes
	fi
}

# The value of a key in a line of JSON: field KEY LINE.
field() {
	[[ $2 =~ \"$1\":(\"([^\"]*)\"|-?[0-9]+|true|false) ]] || return 0
	if [[ ${BASH_REMATCH[1]} == \"* ]]; then
		printf '%s' "${BASH_REMATCH[2]}"
	else
		printf '%s' "${BASH_REMATCH[1]}"
	fi
}

seconds() {
	printf '%d.%06d' $(($1 / 1000000000)) $(($1 / 1000 % 1000000))
}

# Prints an event; the time in brackets is the kernel's own of the exit.
show() {
	local -r e=$1
	local at id reason who

	at=$(field exit_ns "$e")
	who=$(field tid "$e")
	who=${who:+thread $who}
	id=$(field supervisor "$e")
	[ -z "$(field id "$e")" ] || id=${id:+$id/}$(field id "$e")
	reason=$(field reason "$e")
	if [ -n "$at" ]; then
		at="[$(seconds "$at")]"
	else
		at=" $(seconds "$(field time_ns "$e")") "
	fi
	say "   $at $(field event "$e") $id ${who:-pid $(field pid "$e")}" \
		"${reason:+($reason)}"
}

ctl() {
	supctl --state "$state" "$@"
}

# The number of the newest event.
newest() {
	field events "$(ctl status --json)"
}

# await EVENT ID|PID SINCE: sets event, and shows it.
await() {
	local by=--id

	[[ $2 == *[!0-9]* ]] || by=--pid
	event=$(ctl wait --json --for "$1" $by "$2" --since "$3" \
		--timeout 20000) && show "$event" && return
	event=''
	say "   FAILED     no event $1 of $2 within 20 s"
	step_failed=yes
	return 1
}

pid_of() {
	local line

	line=$(ctl list | grep "/$1 ") && set -- $line && printf '%s' "$3"
}

now_ms() {
	local t=$EPOCHREALTIME

	printf '%s' $((${t/./} / 1000))
}

# A pause between two looks at something that tells nobody when it changes.
pause() {
	read -r -t 0.05 -u "$never" || :
}

# until_ok MS COMMAND...: again and again until it ends well.
until_ok() {
	local -r end=$(($(now_ms) + $1))
	shift
	until "$@" 2>/dev/null; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		pause
	done
}

# ask PORT TEXT: sends a line over a new connection, prints the first answer.
ask() {
	local answer fd

	exec {fd}<>"/dev/tcp/127.0.0.1/$1" || return
	printf '%b' "$2" >&"$fd"
	read -r -t 10 -u "$fd" answer || { exec {fd}>&-; return 1; }
	exec {fd}>&-
	printf '%s' "${answer%$'\r'}"
}

answers() {
	[ "$(ask "$1" "$2" 2>/dev/null)" = "$3" ]
}

# talk FD TEXT: the same over a connection that stays open.
talk() {
	local answer

	printf '%b' "$2" >&"$1" && read -r -t 10 -u "$1" answer &&
		printf '%s' "${answer%$'\r'}"
}

gone() {
	local pid

	for pid; do
		[ ! -e "/proc/$pid" ] || [[ $(state_of "$pid") == [ZX] ]] ||
			return 1
	done
}

state_of() {
	local stat

	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	set -- ${stat##*) }
	printf '%s' "$1"
}

# The living children of a process.
children_of() {
	cat "/proc/$1"/task/*/children 2>/dev/null
}

# Its children, theirs, and so on.
descendants_of() {
	local child

	for child in $(children_of "$1"); do
		printf '%s ' "$child"
		descendants_of "$child"
	done
}
