# SPDX-License-Identifier: GPL-2.0-or-later
#
# From lines "SIDE NAME ROUND VALUE" to the figures that lib.sh prints. smoke:
# one TAP case for each name instead; elixir: empty if there is none.

BEGIN {
	ratio("restart_idle", "us", "most", 1)
	ratio("restart_hot", "us")
	ratio("call_cross", "us", "most", 0.5)
	ratio("call_idle", "us")
	ratio("call_8_clients", "per_s", "least", 1)
	ratio("cast_1", "per_s", "least", 1)
	ratio("cast_2", "per_s", "least", 2)
	ratio("cast_4", "per_s", "least", 2)
	ratio("down_cross", "us", "most", 1)
	ratio("down_1000", "us", "most", 0.3)
	ratio("timer_10ms_late", "us", "most", 0.1)
	ratio("registry_lookup", "us", "most", 1)
	ratio("name_reuse", "us", "most", 1)
	ratio("restart_window_20k", "us", "most", 1.1)
	metric("thread_child_bytes", "bytes", "most", 12288)
	metric("idle_cpu_percent", "percent", "most", 0.1)
	# With a full window to an empty one, both ours.
	peer["restart_window_20k"] = "ours restart_window_empty"
	# As many processes as it takes there to hold them one by one.
	peer["down_1000"] = "theirs down_1000_tasks"
	other("down_1000", "us", "theirs")
	other("down_1000_tasks", "us")
	other("restart_window_20k", "us", "theirs")
	other("restart_window_empty", "us", "theirs")
	other("many_start", "us")
	other("many_stop", "us")
	other("thread_child_bytes", "bytes", "theirs")
	other("thread_child_tables", "bytes", "ours")
	other("thread_child_kernel", "bytes", "ours")
	# The machine's, so that of a hundred threads it means nothing.
	not_in_smoke["thread_child_kernel"] = 1
	is_elixirs["registry_lookup"] = is_elixirs["name_reuse"] = 1
}

function ratio(name, unit, way, bar)
{
	metric(name, unit, way, bar)
	peer[name] = "theirs " name
}

function metric(name, unit, way, bar)
{
	names[++n] = name
	units[name] = unit
	ways[name] = way
	bars[name] = bar
}

# Printed beside the others; side: only one of them has it.
function other(name, unit, side)
{
	others[++nother] = name
	other_unit[nother] = unit
	other_side[nother] = side
}

NF == 4 && $4 ~ /^[0-9.]+$/ { value[$1 " " $2, ++count[$1 " " $2]] = $4 }

function short(v)
{
	return sprintf(v < 100 ? "%.3f" : "%.0f", v) + 0 ""
}

function spread(of,	m)
{
	m = median(of)
	return sprintf("%s [%s, %s]", short(m), short(low), short(high))
}

function need(of)
{
	if (median(of) > 0)
		return
	print "lib.awk: no figure for " of >"/dev/stderr"
	exit failed = 1
}

function judge(name, v, rounds)
{
	if (ways[name] == "") {
		printf "# no bar for %s; rounds: %s\n", name, rounds
		return
	}
	nbars++
	kept = ways[name] == "most" ? v <= bars[name] : v >= bars[name]
	met += kept
	printf "# bar %s at %s %s: %s; rounds: %s\n", name, ways[name],
		bars[name], kept ? "kept" : "missed", rounds
}

function print_ratio(name,	v, ours, theirs)
{
	need("ours " name)
	need(peer[name])
	ours = median("ours " name)
	theirs = median(peer[name])
	v = ours / theirs
	printf "%s %s %s\n", name, short(ours), units[name]
	printf "ratio %s %.2f\n", name, v
	judge(name, v, spread("ours " name) " to " spread(peer[name]))
}

function print_metric(name,	v)
{
	need("ours " name)
	v = median("ours " name)
	printf "%s %s %s\n", name, short(v), units[name]
	judge(name, v, spread("ours " name))
}

function print_other(i,	name)
{
	name = others[i]
	printf "# %s, %s:", name, other_unit[i]
	if (other_side[i] != "theirs") {
		need("ours " name)
		printf " %s", spread("ours " name)
	}
	if (other_side[i] != "ours") {
		need("theirs " name)
		printf "%s Erlang %s", other_side[i] == "" ? ";" : "",
			spread("theirs " name)
	}
	print ""
}

# Sane: a time, a rate or a size that is neither nothing nor absurd.
function is_sane(of,	v)
{
	v = median(of)
	return v > 0 && v < 1e9
}

function test(name, of)
{
	if (is_elixirs[name] && elixir == "" && of ~ /^theirs/)
		printf "ok %d %s # SKIP no Elixir\n", ++ntests, of
	else
		printf "%s %d %s: %s\n", is_sane(of) ? "ok" : "not ok",
			++ntests, of, short(median(of))
}

function smoke_run(	i)
{
	for (i = 1; i <= n; i++) {
		test(names[i], "ours " names[i])
		if (names[i] in peer)
			test(names[i], peer[names[i]])
	}
	for (i = 1; i <= nother; i++) {
		if (others[i] in not_in_smoke)
			continue
		if (other_side[i] != "theirs")
			test(others[i], "ours " others[i])
		if (other_side[i] != "ours")
			test(others[i], "theirs " others[i])
	}
	print "1.." ntests
}

END {
	if (smoke) {
		smoke_run()
		exit
	}
	for (i = 1; i <= n && !failed; i++) {
		if (names[i] in peer)
			print_ratio(names[i])
		else
			print_metric(names[i])
	}
	for (i = 1; i <= nother && !failed; i++)
		print_other(i)
	if (failed)
		exit 1
	printf "# %d of %d bars kept\n", met, nbars
}
