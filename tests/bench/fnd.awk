# SPDX-License-Identifier: GPL-2.0-or-later
#
# From lines "SIDE NAME ROUND VALUE" to the figures that fnd.sh prints. small:
# a round of no meaning, so no bars.

# bar: ours divided by theirs, at most; of rates, at least; upstream: its own
# service, in us.
function figure(name, is_rate, bar, peer, upstream_1, upstream_16)
{
	add(name, is_rate, bar, peer, upstream_1)
	add(name "_16", is_rate, bar, peer, upstream_16)
}

function add(name, is_rate, bar, peer, upstream)
{
	names[++n] = name
	rates[name] = is_rate
	bars[name] = bar
	peers[name] = peer
	upstreams[name] = upstream
}

BEGIN {
	figure("fnd_lookup", 0, 1.0, "Registry.lookup", 3.1, 1e6 / 354e3)
	figure("fnd_config_get", 0, 1.0, "ets:lookup", 27.5, 1e6 / 33e3)
	figure("fnd_rate_check", 0, 1.5, "ets:update_counter", 8.9, 1e6 / 80e3)
	figure("fnd_count", 0, 1.5, "ets:update_counter", 4.5, 1e6 / 196e3)
	figure("fnd_lock", 0, 1.0, "two calls of a server", 14.5, 1e6 / 12e3)
	figure("fnd_event_store", 1, 0.5, "SQLite", 37.6, 1e6 / 22e3)
}

NF == 4 && $4 ~ /^[0-9.]+$/ { value[$1 " " $2, ++count[$1 " " $2]] = $4 }

function spread(of,	m)
{
	m = median(of)
	return sprintf("%.3f [%.3f, %.3f]", m, low, high)
}

function show(name,	ours, theirs, ratio, kept)
{
	ours = median("ours " name)
	theirs = median("theirs " name)
	if (ours <= 0 || theirs <= 0) {
		print "fnd.awk: no figure for " name >"/dev/stderr"
		failed = 1
		return
	}
	ratio = rates[name] ? theirs / ours : ours / theirs
	printf "metric %s %.3f us\nratio %s %.2f\n", name, ours, name, ratio
	if (small)
		return
	kept = rates[name] ? ratio >= bars[name] : ratio <= bars[name]
	met += kept
	printf "# bar %s %s: %s; ours %s, %s %s; upstream took %.1f\n",
		rates[name] ? "of rates, at least" : "at most", bars[name],
		kept ? "kept" : "missed", spread("ours " name), peers[name],
		spread("theirs " name), upstreams[name]
}

END {
	for (i = 1; i <= n; i++)
		show(names[i])
	if (failed)
		exit 1
	if (!small)
		printf "# %d of %d bars kept\n", met, n
}
