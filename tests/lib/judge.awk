# SPDX-License-Identifier: GPL-2.0-or-later
# Reads what a test program printed; prints one result line for each case.
# Variables: name (of the program), status (its exit status), limit and seconds
# (allowed and used), silent ("ok": it need not print anything).

function result(what, test, why)
{
	gsub(/\t/, " ", test)
	gsub(/\t/, " ", why)
	printf "%s\t%s\t%s\t%s\n", what, name, test, why
	count[what]++
}

# A skip says why, or it is a failure.
function skipped(test, why)
{
	if (why == "")
		why = last_skip
	if (why == "")
		result("failed", test, "skipped without a reason")
	else
		result("skipped", test, why)
}

# "[not ]ok N [- ]CASE[ # SKIP REASON]"; cmocka has "not ok N # SKIP CASE".
function tap_case(line,    failed, test, why, at)
{
	failed = line ~ /^not /
	sub(/^(not )?ok [0-9]+ */, "", line)
	at = match(line, /# *SKIP */)
	if (at > 0) {
		why = substr(line, at + RLENGTH)
		test = substr(line, 1, at - 1)
	} else {
		test = line
	}
	sub(/^- */, "", test)
	sub(/ +$/, "", test)
	if (at > 0 && failed) {
		test = why
		why = ""
	}
	cases++
	if (at > 0)
		skipped(test, why)
	else
		result(failed ? "failed" : "passed", test, "")
	last_skip = ""
}

/[^ \t]/ { said = 1 }
/^1\.\.0 *# *SKIP/ {
	tap = 1
	sub(/^1\.\.0 *# *SKIP */, "")
	skipped("(program)", $0)
	next
}
/^1\.\.[0-9]+/ { planned += substr($1, 4); tap = 1 }
/^skip(ped)?: / {
	last_skip = $0
	sub(/^[a-z]*: */, "", last_skip)
}
/^# +SKIP +[^ ]/ {
	last_skip = $0
	sub(/^# +SKIP +/, "", last_skip)
}
/^(not )?ok [0-9]+/ { tap_case($0) }

END {
	if (status == 124 || (status == 137 && seconds + 0 >= limit + 0))
		result("failed", "(program)", "time limit of " limit " s")
	else if (status >= 128)
		result("failed", "(program)", "signal " status - 128)
	else if (!said && silent != "ok")
		result("failed", "(program)", "printed nothing")
	else if (tap && cases < planned)
		result("failed", "(program)", \
		       "planned " planned " cases, ran " cases + 0 \
		       ", exit status " status)
	else if (tap && status != 0 && !count["failed"] && !(status == 4 &&
		 count["skipped"]))
		result("failed", "(program)", "exit status " status)
	else if (!tap && (status == 4 || status == 77))
		skipped("(program)", "")
	else if (!tap && !cases)
		result(status == 0 ? "passed" : "failed", "(program)",
		       status == 0 ? "" : "exit status " status)
}
