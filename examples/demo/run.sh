#!/bin/bash
# SPDX-License-Identifier: 0BSD
#
# The demo: a tree of ordinary programs and of native threads, things that
# happen to it, and for each what was expected and what was seen.
#
# usage: OUT=FOLDER SOURCE=module|pidfd [ROUNDS=N] run.sh
#
# Exit status: 0 when every step that can be shown was as expected. OUT gets
# report.txt, tree-before.txt, tree-after.txt, events.jsonl, latency.txt.
set -u
demo=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$demo/../.." && pwd)
export PATH=$top/build/bin:$PATH:/usr/sbin:/sbin LC_ALL=C
: "${OUT:=$top/build/demo}" "${SOURCE:=module}" "${ROUNDS:=${SUP_VM:+30}}"
: "${ROUNDS:=200}"
mkdir -p "$OUT/work"
OUT=$(cd "$OUT" && pwd)
report=$OUT/report.txt
: >"$report"
. "$demo/lib.sh"
. "$demo/steps.sh"

cleanup() {
	local pid

	trap - EXIT
	for pid in $followers $supd; do
		kill -CONT "$pid" 2>/dev/null
		kill "$pid" 2>/dev/null
	done
	wait
	rm -rf "$work"
}

prepare() {
	local port fd

	for port in 16379 16380 16381 16382 16383 16389; do
		if (exec {fd}<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "demo: port $port is in use" >&2
			exit 111
		fi
	done
	cp "$demo"/*.yaml "$demo"/nginx.conf "$demo"/keeper.py \
		"$demo"/loop.sh "$work"
	cd "$work" || exit 111
	mkfifo grandchild burst.done counter.in never
	exec {never}<>never
	ulimit -c unlimited 2>/dev/null
}

print_end() {
	local line

	step_end
	say ''
	say "== Summary (source: $SOURCE)"
	for line in "${summary[@]}"; do
		say "   $line"
	done
	say ''
	say "demo: $n_ok ok, $n_failed failed, $n_unavailable not available"
}

supd='' followers=''
work=$(mktemp -d)
chmod 755 "$work"
trap cleanup EXIT
trap 'exit 130' INT TERM
prepare
say "libsup demo, Linux $(uname -r), source $SOURCE"
[ -z "${SUP_VM:-}" ] || say "in a test machine: its CPU is emulated, so its" \
	"times are no measure of a real one"
step_up
step_redis
step_contained
step_not_contained
step_counter
step_nginx
step_grandchild
step_crash_loop
step_burst
step_kill_policy
step_retain_policy
step_services
step_latency
print_end
cp -- *.log "$OUT/work" 2>/dev/null
[ $n_failed -eq 0 ]
