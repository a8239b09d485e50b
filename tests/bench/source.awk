# SPDX-License-Identifier: GPL-2.0-or-later
#
# From lines "SIDE NAME ROUND VALUE" to the ratios that source.sh prints. smoke:
# one TAP case for each instead.

BEGIN {
	n = split("restart_idle restart_hot down_cross down_1000 " \
		"down_1000_tasks name_reuse", names)
}

NF == 4 && $4 ~ /^[0-9.]+$/ { value[$1 " " $2, ++count[$1 " " $2]] = $4 }

function spread(of,	m)
{
	m = median(of)
	return sprintf("%.0f [%.0f, %.0f]", m, low, high)
}

function show(ratio, name, side,	ours, theirs)
{
	ours = median("module " name)
	theirs = median(side " " name)
	if (smoke) {
		printf "%s %d %s\n", (ours > 0 && theirs > 0) ? "ok" : \
			"not ok", ++ntests, ratio
	} else if (ours <= 0 || theirs <= 0) {
		print "source.awk: no figure for " ratio >"/dev/stderr"
		failed = 1
	} else {
		printf "ratio %s %.2f\n", ratio, ours / theirs
		printf "# us: module %s, %s %s\n", spread("module " name), side,
			spread(side " " name)
	}
}

END {
	for (i = 1; i <= n; i++) {
		show("module_" names[i], names[i], "theirs")
		show("module_to_pidfd_" names[i], names[i], "pidfd")
	}
	if (smoke)
		print "1.." ntests
	exit failed
}
