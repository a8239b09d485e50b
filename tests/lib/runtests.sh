#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs test programs one after another and notes the result of each test case.
#
# usage: runtests.sh -s SUITE [-o FOLDER] [-t SECONDS] [-w WRAPPER] PROGRAM...
#        runtests.sh -s SUITE [-o FOLDER] [-t SECONDS] -c CASE COMMAND [ARG]...
#
#   -s SUITE    name of the suite, part of every case's name
#   -o FOLDER   where results/SUITE and logs/SUITE/ go (default: build/check)
#   -t SECONDS  limit for each program (default 120)
#   -w WRAPPER  words put before each program, e.g. "setarch -R"
#   -c CASE     the rest is one command, and one test case
#
# Programs speak TAP (kselftest, and cmocka, which is asked to) or just exit:
# 0 passed, 4 or 77 skipped, anything else failed. A program that speaks TAP
# fails as a whole, too, when it ends with any other status, runs into the
# limit, or says less than its plan promises; one that says nothing at all has
# failed. So has one that leaves a process behind, found by a variable in its
# environment, which those that it starts inherit. The reason of a skip is what
# follows "# SKIP", or else the last line before it that starts with "skip:".
#
# A result is one line: passed|failed|skipped TAB SUITE/PROGRAM TAB CASE TAB
# REASON. Exit status: 0 when nothing failed, else 1.
set -uo pipefail
. "$(dirname "$0")/env.sh"

suite='' folder=$build/check limit=120 wrapper='' one=''
while getopts s:o:t:w:c: opt; do
	case $opt in
	s) suite=$OPTARG ;;
	o) folder=$OPTARG ;;
	t) limit=$OPTARG ;;
	w) wrapper=$OPTARG ;;
	c) one=$OPTARG ;;
	*) usage "wrong option; see the top of $0" ;;
	esac
done
shift $((OPTIND - 1))
[ -n "$suite" ] || usage "no suite; see the top of $0"
[ $# -gt 0 ] || usage "suite $suite: no programs"

results=$folder/results/$suite
logs=$folder/logs/$suite
mkdir -p "$folder/results" "$logs"
[ -n "$one" ] || : >"$results"

# Turns a log (stdin), exit status and seconds into result lines.
judge() {
	local -r name=$1 status=$2 seconds=$3

	awk -v name="$suite/$name" -v status="$status" -v limit="$limit" \
		-v seconds="$seconds" -v silent="${one:+ok}" \
		-f "$top/tests/lib/judge.awk"
}

# The processes that still run with that mark in their environments.
left_behind() {
	local file pid

	grep -lzsx "SUP_TEST_RUN=$1" /proc/[0-9]*/environ |
		while IFS=/ read -r _ _ pid _; do
			printf '%s %s\n' "$pid" \
				"$(cat "/proc/$pid/comm" 2>/dev/null)"
		done
}

# They may be on their way out. What stays is a failure, and is ended.
check_left_behind() {
	local -r name=$1 mark=$2 limit=$((SECONDS + 5))
	local left

	while
		left=$(left_behind "$mark")
		[ -n "$left" ]
	do
		[ $SECONDS -lt $limit ] || break
	done
	[ -n "$left" ] || return 0
	printf 'failed\t%s\t(processes)\tleft behind: %s\n' "$suite/$name" \
		"$(tr '\n' ' ' <<<"$left")"
	cut -d' ' -f1 <<<"$left" | xargs -r kill -9 2>/dev/null
	return 0
}

# Runs one program with its log, prints a summary line, adds the results.
run() {
	local name=$1 log=$logs/$1.log begin=$EPOCHREALTIME start=$SECONDS
	local -r mark=$$.$RANDOM
	local status lines left
	shift

	# shellcheck disable=SC2086
	(
		export SUP_TEST_RUN=$mark CMOCKA_MESSAGE_OUTPUT=TAP
		timeout -k 5 "$limit" $wrapper "$@" >"$log" 2>&1 </dev/null
		exit $?
	) 2>/dev/null
	status=$?
	lines=$(judge "$name" $status $((SECONDS - start)) <"$log")
	[ -n "$lines" ] ||
		lines="failed"$'\t'"$suite/$name"$'\t(program)\tleft no log'
	left=$(check_left_behind "$name" "$mark")
	lines=$lines${left:+$'\n'$left}
	printf '%s\n' "$lines" >>"$results"
	summary "$name" "$begin" <<<"$lines"
	! grep -q ^failed <<<"$lines"
}

summary() {
	local -r name=$1 ms=$(((${EPOCHREALTIME/./} - ${2/./}) / 1000))

	awk -F'\t' -v name="$suite/$name" -v ms="$ms" '
		{ n[$1]++ }
		END {
			s = n["passed"] + 0 " passed"
			if (n["failed"]) s = s ", " n["failed"] " FAILED"
			if (n["skipped"]) s = s ", " n["skipped"] " skipped"
			printf "  %-44s %s (%.1f s)\n", name, s, ms / 1000
		}'
}

bad=0
if [ -n "$one" ]; then
	run "$one" "$@" || bad=1
else
	for program; do
		name=${program##*/}
		run "${name%.sh}" "$program" || bad=1
	done
fi
exit $bad
