# SPDX-License-Identifier: GPL-2.0-or-later
#
# From lines "NAME ROUND VALUE", one file for each boot, to the figures that
# kmod.sh prints.

BEGIN {
	bar("kmod_idle_process_insns", 50, "insns")
	bar("kmod_idle_thread_insns", 50, "insns")
	bar("kmod_nonmember_process_insns", 300, "insns")
	bar("kmod_nonmember_thread_insns", 300, "insns")
	bar("kmod_member_process_insns", 5000, "insns")
	bar("kmod_member_thread_insns", 4000, "insns")
	bar("kmod_signal_insns", 100, "insns")
	bar("kmod_exit_process", 1.05, "ratio")
	bar("kmod_exit_thread", 0.85, "ratio")
	bar("kmod_watch_10k", 1.1, "ratio")
	bar("kmod_member_bytes", 256, "bytes")
	bar("kmod_record_bytes", 192, "bytes")
	bar("kmod_storm_lost", 0, "records")
	bar("kmod_storm_untracked", 0, "children")
}

function bar(name, most, unit)
{
	names[++n] = name
	bars[name] = most
	units[name] = unit
}

/^[a-z_0-9]+ [0-9]+ -?[0-9.]+$/ {
	boot = FILENAME
	value[$1, boot, ++count[$1, boot]] = $3
	if (!((boot) in boots))
		boots[boot] = 1
	if (!($1 in units) && !($1 in others)) {
		others[$1] = 1
		other[++nother] = $1
	}
}

# The lower of the boots; spread tells of each boot's rounds.
function figure(name,	boot, m, best, first)
{
	first = 1
	spread = ""
	for (boot in boots) {
		if (!((name, boot) in count))
			continue
		m = median(name SUBSEP boot)
		spread = spread sprintf(" %s [%s, %s]", short(m), short(low),
					short(high))
		if (first || m < best)
			best = m
		first = 0
	}
	if (first) {
		print "kmod.awk: no figure for " name >"/dev/stderr"
		failed = 1
		return -1
	}
	return best
}

function short(v)
{
	return sprintf("%.4f", v) + 0 ""
}

END {
	for (i = 1; i <= n; i++) {
		v = figure(names[i])
		if (failed)
			exit 1
		unit = units[names[i]]
		if (names[i] == "kmod_storm_untracked")
			printf "# %s %d %s\n", names[i], v, unit
		else if (unit == "ratio")
			printf "ratio %s %.2f\n", names[i], v
		else
			printf "%s %d %s\n", names[i], v, unit
		printf "# bar %s %s: %s; boots:%s\n", names[i], bars[names[i]],
			v <= bars[names[i]] ? "kept" : "missed", spread
		met += v <= bars[names[i]]
	}
	printf "cn_proc_storm_lost %d records\n", figure("cn_proc_storm_lost")
	for (i = 1; i <= nother; i++)
		if (other[i] != "cn_proc_storm_lost") {
			v = figure(other[i])
			printf "# %s %s; boots:%s\n", other[i], short(v), spread
		}
	printf "# %d of %d bars kept\n", met, n
}
