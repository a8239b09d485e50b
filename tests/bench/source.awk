# SPDX-License-Identifier: GPL-2.0-or-later
#
# From lines "SIDE NAME ROUND VALUE" to the ratios that source.sh prints. smoke:
# one TAP case for each instead.

BEGIN {
	n = split("restart_idle restart_hot down_cross down_1000 " \
		"down_1000_tasks name_reuse many_start many_stop", names)
}

NF == 4 && $4 ~ /^[0-9.]+$/ { value[$1 " " $2, ++count[$1 " " $2]] = $4 }

function spread(of,	m)
{
	m = median(of)
	return sprintf("%.0f [%.0f, %.0f]", m, low, high)
}

# Of two figures, each "SIDE NAME".
function show(ratio, a, b,	ours, theirs)
{
	ours = median(a)
	theirs = median(b)
	if (smoke) {
		printf "%s %d %s\n", (ours > 0 && theirs > 0) ? "ok" : \
			"not ok", ++ntests, ratio
	} else if (ours <= 0 || theirs <= 0) {
		print "source.awk: no figure for " ratio >"/dev/stderr"
		failed = 1
	} else {
		printf "ratio %s %.2f\n", ratio, ours / theirs
		printf "# us: %s %s, %s %s\n", a, spread(a), b, spread(b)
	}
}

# A child's memory, which the source makes no difference to.
function bytes(name,	ours)
{
	ours = median("module " name)
	if (smoke) {
		printf "%s %d module_%s\n", (ours > 0) ? "ok" : "not ok",
			++ntests, name
	} else if (ours <= 0) {
		print "source.awk: no figure for " name >"/dev/stderr"
		failed = 1
	} else {
		printf "module_%s %.0f bytes\n", name, ours
	}
}

END {
	for (i = 1; i <= n; i++) {
		show("module_" names[i], "module " names[i],
		     "theirs " names[i])
		show("module_to_pidfd_" names[i], "module " names[i],
		     "pidfd " names[i])
	}
	show("module_restart_window_20k", "module restart_window_20k",
	     "module restart_window_empty")
	show("erlang_restart_window_20k", "theirs restart_window_20k",
	     "theirs restart_window_empty")
	bytes("thread_child_bytes")
	bytes("thread_child_tables")
	if (smoke)
		print "1.." ntests
	exit failed
}
