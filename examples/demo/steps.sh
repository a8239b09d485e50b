# SPDX-License-Identifier: 0BSD
# The steps of the demo, in order. Sourced by run.sh.

# Starts a supd in the background and waits until its children are up.
start_supd() {
	local -r tree=$1
	shift

	supd --source "$SOURCE" --state "$state" "$@" "$tree" \
		2>>"$OUT/supd.log" &
	supd=$!
	until_ok 40000 ctl status >/dev/null || return 1
	ctl events --follow --json >>"$OUT/events.jsonl" 2>/dev/null &
	followers="$followers $!"
}

lacks() {
	field lacks "$status"
}

# The clause of what the source lacks that holds a word.
why() {
	lacks | tr ';' '\n' | grep -m1 -i "$1" | sed 's/^ *//'
}

# A supervisor is up when its last child is; the first two are supd's own.
in_order="control supd.control redis nginx keeper burst echo-a echo-b services\
 echod counter loop fragile shop"

step_up() {
	local order

	state=$work/state
	mkdir -m 700 "$state"
	step "The tree comes up" \
		"children start in the order of tree.yaml, each when the" \
		"one before is ready"
	check "supd is up" start_supd tree.yaml || return
	status=$(ctl status --json)
	check "the source is $SOURCE" \
		[ "$(field source "$status")" = "$SOURCE" ]
	ctl events | sed 's/^/   /' | tee -a "$report"
	order=$(ctl events --json | sed -n \
		's/.*"event":"started".*"id":"\([^"]*\)".*/\1/p' | xargs)
	seen "started: $order"
	check "that is the order of the file" [ "$order" = "$in_order" ]
	ctl tree >"$OUT/tree-before.txt"
	say ''
	sed 's/^/   /' "$OUT/tree-before.txt" | tee -a "$report"
}

step_redis() {
	local before pid seq answer

	step "SIGKILL of redis" "it is restarted and answers PING at the" \
		"first try, on the same port"
	before=$(pid_of redis)
	seq=$(newest)
	kill -KILL "$before"
	await child_terminated redis "$seq"
	check "its cause is known: SIGKILL" \
		[ "$(field signal "$event")" = 9 ]
	[ "$SOURCE" != module ] ||
		check "and who sent it: this script, pid $$" \
			[ "$(field sender_pid "$event")" = $$ ]
	await started redis "$seq"
	pid=$(field pid "$event")
	answer=$(ask 16379 'PING\r\n')
	seen "$answer from pid $pid"
	check "PING is answered at the first try" [ "$answer" = +PONG ]
	check "by another process" [ "$pid" != "$before" ]
}

step_contained() {
	local seq open

	step "SIGSEGV in a thread that has opted in to containment" \
		"only that thread ends and is restarted; another service" \
		"thread of the same process goes on over an open connection"
	exec {open}<>/dev/tcp/127.0.0.1/16382
	check "echo-b answers" [ "$(talk "$open" 'one\n')" = one ]
	seq=$(newest)
	ask 16381 'crash\n' >/dev/null
	await child_terminated echo-a "$seq"
	check "its cause is known: SIGSEGV" \
		[ "$(field signal "$event")" = 11 ]
	await started echo-a "$seq"
	check "echo-b still answers over the same connection" \
		[ "$(talk "$open" 'two\n')" = two ]
	exec {open}>&-
	check "echo-a answers again" answers 16381 'three\n' three
	check "supd is the process it was" kill -0 "$supd"
}

step_not_contained() {
	local before seq core

	step "SIGSEGV in a thread that has not opted in" \
		"its process ends with a core, and supd restarts it"
	before=$(pid_of echod)
	seq=$(newest)
	ask 16383 'crash\n' >/dev/null
	await child_terminated echod "$seq"
	check "its cause is known: SIGSEGV" \
		[ "$(field signal "$event")" = 11 ]
	check "the process was the one before" \
		[ "$(field pid "$event")" = "$before" ]
	core=$(core_file "$before")
	if [ -n "$core" ]; then
		check "a core is told of" [ "$(field core "$event")" = true ]
		check "the core is there: $core" [ -s "$core" ]
		rm -f "$core"
	else
		seen "no core: core_pattern or the limit forbids it here"
	fi
	await started echod "$seq"
	check "it answers at the first try" answers 16383 'four\n' four
}

# Where the core of a process was put, if anywhere.
core_file() {
	local -r pattern=$(cat /proc/sys/kernel/core_pattern)
	local f

	case $pattern in
	'|'*) return ;;
	esac
	for f in "$(dirname "$pattern")"/core* "$work"/core*; do
		case $f in
		*."$1" | */core) [ ! -f "$f" ] || { echo "$f"; return; } ;;
		esac
	done
}

step_counter() {
	local pid

	step "A bug in the 30 lines of the README" \
		"\"!\" fails an assertion in the thread that counts; only the" \
		"thread ends, and the count begins again"
	pid=$(pid_of counter)
	printf 'aaa' >counter.in
	check "it counts to 3" until_ok 10000 counted "1 2 3"
	printf '!' >counter.in
	check "it counts from 1 again" until_ok 10000 counts_again "1 2 3 1"
	check "the process is the one before" [ "$(pid_of counter)" = "$pid" ]
}

# What the counter has said so far begins with these numbers.
counted() {
	[[ "$(grep -x '[0-9]*' counter.log | xargs) " == "$1 "* ]]
}

# What is asked while the thread is down gets no answer.
counts_again() {
	printf a >counter.in
	pause
	counted "$1"
}

step_nginx() {
	local master workers seq

	step "SIGKILL of nginx's master" \
		"no worker is left behind; nginx is restarted and serves"
	master=$(pid_of nginx)
	until_ok 10000 has_children "$master" 2
	workers=$(children_of "$master")
	seen "master $master, workers $workers"
	check "it serves" until_ok 5000 served_by
	seq=$(newest)
	kill -KILL "$master"
	await child_terminated nginx "$seq"
	await started nginx "$seq"
	# shellcheck disable=SC2086
	check "the old workers are gone" gone $workers
	check "it serves again" until_ok 10000 served_by
}

has_children() {
	local -r found=$(children_of "$1")

	[ "$(wc -w <<<"$found")" -ge "$2" ]
}

served_by() {
	ask 16380 'GET / HTTP/1.0\r\n\r\n' | grep -q '^HTTP/1.1 200'
}

step_grandchild() {
	local -r title="A grandchild that was let go of ends"
	local keeper pid seq

	if [ "$SOURCE" = pidfd ]; then
		unavailable "$title" "$(why 'child')"
		return
	fi
	step "$title" "its end is told, though it is nobody's child any more"
	keeper=$(pid_of keeper)
	kill -USR1 "$keeper"
	read -r -t 20 pid <>grandchild
	seen "keeper is $keeper, its grandchild $pid, child of" \
		"$(parent_of "$pid")"
	check "it is not keeper's child" [ "$(parent_of "$pid")" != "$keeper" ]
	seq=$(newest)
	kill -USR2 "$pid"
	await task_exit "$pid" "$seq"
	check "its exit status is known: 7" [ "$(field code "$event")" = 7 ]
}

parent_of() {
	local stat

	read -r stat <"/proc/$1/stat" || return
	set -- ${stat##*) }
	printf '%s' "$2"
}

step_crash_loop() {
	local seq

	step "A crash loop" "\"loop\" fails three times within its budget of" \
		"2 restarts in 10 s: its supervisor \"fragile\" gives up, and" \
		"is restarted by its own"
	echo 3 >failures
	seq=$(newest)
	kill -KILL "$(pid_of loop)"
	await give_up loop "$seq"
	check "it is fragile that gives up" \
		[ "$(field supervisor "$event")" = fragile ]
	await child_terminated fragile "$seq"
	await started fragile "$seq"
	check "in the end everything runs" until_ok 10000 all_run
	check "the root has not given up" kill -0 "$supd"
}

all_run() {
	ctl status >/dev/null
}

step_burst() {
	local -r title="2,000 exits while supd does not read"
	local burst seq done=''

	if [ "$SOURCE" = pidfd ]; then
		unavailable "$title" "$(why 'child')"
		return
	fi
	step "$title" "supd is stopped, 2,000 processes end, supd goes on:" \
		"each exit is told once"
	burst=$(pid_of burst)
	seq=$(newest)
	kill -STOP "$supd"
	until_ok 5000 is_stopped "$supd"
	kill -USR1 "$burst"
	read -r -t 60 done <>burst.done
	check "2,000 processes have ended" [ "$done" = done ]
	kill -CONT "$supd"
	sort burst.pids >burst.expected
	check "2,000 exits are told" told_times 2000 "$seq"
	ctl events --json --since "$seq" | sed -n \
		's/.*"event":"task_exit".*"pid":\([0-9]*\).*/\1/p' |
		sort >burst.told
	seen "$(wc -l <burst.expected) ended, $(wc -l <burst.told) told," \
		"$(grep -vxFcf burst.told burst.expected) lost," \
		"$(uniq -d burst.told | wc -l) told twice"
	check "0 lost, none told twice" cmp -s burst.expected burst.told
	ctl tree >"$OUT/tree-after.txt"
}

told_times() {
	ctl wait --for task_exit --count "$1" --since "$2" --timeout 30000 \
		>/dev/null
}

is_stopped() {
	[ "$(state_of "$1")" = T ]
}

step_kill_policy() {
	local -r title="supd is killed; policy kill"
	local all

	ctl tree >"$OUT/tree-after.txt"
	all=$(descendants_of "$supd")
	if [ "$SOURCE" = pidfd ]; then
		unavailable "$title" "$(why 'live on')"
		kill "$supd"
		wait "$supd"
		supd=''
		return
	fi
	step "$title" "the kernel ends everything that supd has started"
	seen "supd $supd, below it: $all"
	check "there is something to end" [ "$(wc -w <<<"$all")" -ge 7 ]
	kill -KILL "$supd"
	wait "$supd" 2>/dev/null
	# shellcheck disable=SC2086
	check "all of them are gone" until_ok 5000 gone $all
	supd=''
}

step_retain_policy() {
	local -r title="supd is killed; policy retain"
	local redis keeper open answer seq

	if [ "$SOURCE" = pidfd ]; then
		unavailable "$title" "$(why 'taken\|adopt')"
		return
	fi
	step "$title" "its processes go on; a new supd adopts them, same" \
		"pids, same connections, and restarts one when it ends"
	state=$work/kept
	mkdir -m 700 "$state"
	check "supd is up" start_supd keep.yaml --policy retain --grace 30000
	redis=$(pid_of redis) keeper=$(pid_of keeper)
	exec {open}<>/dev/tcp/127.0.0.1/16389
	answer=$(talk "$open" 'SET key 42\r\n')
	check "redis takes a value" [ "$answer" = +OK ]
	kill -KILL "$supd"
	wait "$supd" 2>/dev/null
	check "without supd redis answers" \
		[ "$(talk "$open" 'PING\r\n')" = +PONG ]
	check "a new supd is up" start_supd keep.yaml --policy retain \
		--grace 30000
	seen "redis was $redis, is $(pid_of redis); keeper was $keeper, is" \
		"$(pid_of keeper)"
	check "redis is the process it was" [ "$(pid_of redis)" = "$redis" ]
	check "so is keeper" [ "$(pid_of keeper)" = "$keeper" ]
	talk "$open" 'GET key\r\n' >/dev/null
	read -r -t 10 -u "$open" answer
	check "redis has the value, over the connection of before" \
		[ "${answer%$'\r'}" = 42 ]
	exec {open}>&-
	seq=$(newest)
	kill -KILL "$redis"
	await child_terminated redis "$seq"
	check "its cause is known: SIGKILL" [ "$(field signal "$event")" = 9 ]
	await started redis "$seq"
	check "it answers at the first try" answers 16389 'PING\r\n' +PONG
	kill "$supd"
	wait "$supd"
	check "the new supd ends in order" [ $? -eq 0 ]
	supd=''
}

# The trees of the guide, in one process: what it prints is told here.
step_services() {
	local -r lines=$OUT/services.txt
	local word tree name from to us cause n=0 crashed='' killed=''

	step "The services of Foundation and MABEAM, with agents at work" \
		"an agent that is a thread crashes, one that is a Python" \
		"program is killed, then each service of both trees: each" \
		"comes back, and the work goes on each time"
	check "all came back" run_services "$lines"
	say ''
	say "   service                  from       to   back after   cause"
	while IFS=$'\t' read -r word tree name from to us cause; do
		[ "$word" = recovered ] || continue
		n=$((n + 1))
		say "$(printf '   %-23s %5d -> %5d %8d us   %s' "$name" \
			"$from" "$to" "$us" "$cause")"
		[ "$from" != "$to" ] || n=-1000
		case $tree,$cause in
		agents,*SEGV*) crashed=$cause ;;
		agents,*KILL*) killed=$cause ;;
		esac
	done <"$lines"
	IFS=$'\t' read -r word from to < <(grep ^work "$lines")
	seen "$from tasks were done, $to had to be given again"
	check "each is another thread or process" [ $n -ge 22 ]
	check "the crash is told with its address" has "$crashed" ' at 0x'
	check "the kill is told" [ -n "$killed" ]
	[ "$SOURCE" != module ] ||
		check "and who sent it" has "$killed" services
}

run_services() {
	services "$SOURCE" "$demo/worker.py" services.db \
		>"$1" 2>>"$OUT/supd.log"
}

has() {
	[[ $1 == *"$2"* ]]
}

# The figures of latency.txt, as a table.
step_latency() {
	local s rounds told up sources='module pidfd waitid'

	step "How long it takes" "medians of $ROUNDS rounds, measured now"
	: >"$OUT/latency.txt"
	[ "$SOURCE" = module ] || sources='pidfd waitid'
	for s in $sources; do
		check "measured by $s" \
			measure "$s" "$ROUNDS"
	done
	say ''
	say "   source    exit to notified   exit to restarted"
	while read -r s rounds told up; do
		say "$(printf '   %-9s %13d us %16d us' "$s" $((told / 1000)) \
			$((up / 1000)))"
	done <"$OUT/latency.txt"
	[ -z "${SUP_VM:-}" ] ||
		say "   (an emulated CPU: compare the rows with each other)"
	[ "$SOURCE" = module ] ||
		say "   module: not available with source $SOURCE"
}

measure() {
	latency "$1" "$2" >>"$OUT/latency.txt" 2>>"$OUT/supd.log"
}
