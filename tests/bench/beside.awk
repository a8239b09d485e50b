# SPDX-License-Identifier: GPL-2.0-or-later
#
# From lines "SIDE NAME ROUND VALUE" to the figures of a benchmark whose peer
# ran beside it. small: a round of no meaning, so no bars. Another file says,
# by figure() and add(), which there are.

# bar: ours divided by theirs, at most; of rates, at least; upstream: what its
# own service took, in us, or what it claims, in words.
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

NF == 4 && $4 ~ /^[0-9.]+$/ { value[$1 " " $2, ++count[$1 " " $2]] = $4 }

function spread(of,	m)
{
	m = median(of)
	return sprintf("%.3f [%.3f, %.3f]", m, low, high)
}

function said(upstream)
{
	if (upstream ~ /^[0-9.]+$/)
		return sprintf("upstream took %.1f us", upstream)
	return "upstream claims " upstream " us"
}

function show(name,	ours, theirs, ratio, kept)
{
	ours = median("ours " name)
	theirs = median("theirs " name)
	if (ours <= 0 || theirs <= 0) {
		print "beside.awk: no figure for " name >"/dev/stderr"
		failed = 1
		return
	}
	ratio = rates[name] ? theirs / ours : ours / theirs
	printf "metric %s %.3f us\nratio %s %.2f\n", name, ours, name, ratio
	if (small)
		return
	kept = rates[name] ? ratio >= bars[name] : ratio <= bars[name]
	met += kept
	printf "# bar %s %s: %s; ours %s, %s %s; %s\n",
		rates[name] ? "of rates, at least" : "at most", bars[name],
		kept ? "kept" : "missed", spread("ours " name), peers[name],
		spread("theirs " name), said(upstreams[name])
}

END {
	for (i = 1; i <= n; i++)
		show(names[i])
	if (failed)
		exit 1
	if (!small)
		printf "# %d of %d bars kept\n", met, n
}
