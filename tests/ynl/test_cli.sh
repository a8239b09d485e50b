#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The YNL command-line client shows what the module has, from our spec alone,
# and genl-ctrl-list knows the family. A holder process owns a group meanwhile:
# its thread is a member, and three children. Speaks TAP; needs the module.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

source=$cache/linux-source-6.12
spec=$top/Documentation/netlink/specs/sup.yaml
schema=$source/Documentation/netlink/genetlink-legacy.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cli() {
	python3 -B "$source/tools/net/ynl/cli.py" --spec "$spec" \
		--schema "$schema" --output-json "$@"
}

# A line of Python decides about the JSON in a file; it is called j.
holds() {
	[ "$(value "$1" "bool($2)")" = True ] && return
	echo "not so: $2"
	cat "$work/$1"
	return 1
}

value() {
	python3 -B -c "import json, sys
j = json.load(open(sys.argv[1]))
print($2)" "$work/$1"
}

start_holder() {
	mkfifo "$work/in" "$work/up"
	"$build/tests/kselftest/sup_holder" <"$work/in" >"$work/up" &
	exec 8>"$work/in"
	read -r said <"$work/up"
}

end_holder() {
	exec 8>&-
	wait
}

lists_operations() {
	cli --list-ops >"$work/ops" || return
	grep -q '^group-get .*do.*dump' "$work/ops" &&
		grep -q '^group-new .*do' "$work/ops"
}

dumps_groups() {
	cli --dump group-get >"$work/groups" || return
	holds groups "len(j) == 1"
	holds groups "j[0]['processes'] == 3 and j[0]['threads'] == 1" &&
		holds groups "j[0]['state'] == 'owned'" &&
		holds groups "j[0]['policy'] == 'kill'" &&
		holds groups "set(j[0]['flags']) ==
			{'inherit-threads', 'inherit-children'}" &&
		holds groups "j[0]['owner-uid'] == 0 and
			'token' not in j[0]"
}

gets_group() {
	cli --do group-get --json "{\"id\": $group}" >"$work/group" || return
	holds group "j['id'] == $group and j['processes'] == 3"
}

dumps_members() {
	cli --dump member-get --json "{\"group\": $group}" >"$work/members" ||
		return
	holds members "sorted(m['kind'] for m in j) ==
		['process', 'process', 'process', 'thread']" &&
		holds members "all(m['comm'] == 'sup_holder' for m in j)" &&
		holds members "all(m['state'] == 'alive' for m in j)" &&
		holds members "len(set(m['lineage'] for m in j)) == 4"
}

# A dump of one lineage; of the pid that is given back there is a process.
dumps_lineage() {
	local lineage

	lineage=$(value members "max(m['lineage'] for m in j)") || return
	cli --dump member-get \
		--json "{\"group\": $group, \"lineage\": $lineage}" \
		>"$work/lineage" || return
	holds lineage "len(j) == 1 and j[0]['lineage'] == $lineage" &&
		kill -0 "$(value lineage "j[0]['pid']")"
}

refuses() {
	local -r sentence=$1
	shift
	! cli "$@" >"$work/refused" || return
	grep "$sentence" "$work/refused"
}

no_groups() {
	local end=$((SECONDS + 10))

	until cli --dump group-get >"$work/none" && holds none "j == []"; do
		[ $SECONDS -lt $end ] || return
	done
}

family_is_listed() {
	genl-ctrl-list >"$work/families" || return
	grep -E '^0x[0-9a-f]+ sup version 1$' "$work/families"
}

# With what it can do: as many operations as the spec has requests.
family_in_detail() {
	local -r ops=$(grep -c '\[ .*\(do\|dump\)' "$work/ops")

	genl-ctrl-list -d >"$work/detail" || return
	awk '/^0x/ { on = $2 == "sup" } on && $1 == "op" { n++ }
	     END { print n + 0 }' "$work/detail" >"$work/n"
	[ "$ops" -gt 0 ] && [ "$(cat "$work/n")" = "$ops" ] ||
		{ echo "$(cat "$work/n") operations, not $ops"; return 1; }
}

start_holder
ok "a holder has a group" [ "$said" = ready ]
ok "cli.py takes the spec and lists its operations" lists_operations
ok "cli.py dumps groups" dumps_groups
group=$(value groups "j[0]['id']")
ok "cli.py gets one group" gets_group
ok "cli.py dumps members" dumps_members
ok "cli.py dumps one lineage" dumps_lineage
ok "a refusal comes with its sentence" \
	refuses "no such group" --do group-get --json '{"id": 1000000}'
ok "and names the attribute" \
	refuses "bad-attr.*.id" --do group-get --json '{"id": 1000000}'
ok "who does not own a group cannot kill it" refuses "does not own" \
	--do group-kill --json "{\"id\": $group, \"signal\": 9}"
ok "genl-ctrl-list shows the family" family_is_listed
ok "genl-ctrl-list -d shows its operations" family_in_detail
end_holder
ok "cli.py dumps no groups when the owner is gone" no_groups
tap_end
