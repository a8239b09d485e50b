# SPDX-License-Identifier: GPL-2.0-or-later
# Compares the results of two drivers; README.md says what is masked.
#
# usage: awk -f compare.awk OURS ERLANG
#
# Prints each trace that differs, with the first operation that does, and a
# line "N traces, N operations, N masked, N differ". Exit status 1 if any
# differ, or if there was nothing to compare.

BEGIN { FS = "\t"; n = 0 }

/^#/ {
	if (FNR == NR)
		next
	otp = $1
	sub(/.* otp /, "", otp)
	next
}

# Ends of children of one simple_one_for_one supervisor, which are told to
# stop at once, have no order: sorted by name.
function sorted(events,	n, i, j, e, sup, swap, out) {
	n = split(events, e, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && unordered(e[j - 1], e[j]); j--) {
			swap = e[j]
			e[j] = e[j - 1]
			e[j - 1] = swap
		}
	for (i = 1; i <= n; i++)
		out = out " " e[i]
	return out
}

function unordered(a, b) {
	if (a !~ /^-x/ || b !~ /^-x/ || a <= b)
		return 0
	return substr(a, 1, index(a, ".")) == substr(b, 1, index(b, "."))
}

# The name of the difference, if Documentation/otp.md lists it.
function mask(op, events) {
	if (otp < 27 && op != "start" && events ~ /!x/)
		return "simple_ignore_at_restart"
	return ""
}

FNR == NR {
	ours[$1, $2] = $3 FS $4 FS sorted($5) FS $6 FS $7
	count[$1] = $2
	next
}

function differ(theirs) {
	printf "trace %s, operation %s differs", $1, $2
	printf " (make conformance SEED=%s N=1)\n", $1
	print "  libsup: " (($1, $2) in ours ? ours[$1, $2] : "nothing")
	print "  OTP:    " theirs
	bad[$1] = 1
	n_bad++
}

{
	if ($1 != trace) {
		end_of_trace()
		trace = $1
		n_traces++
	}
	last = $2
	if (($1 in bad) || ($1 in masked))
		next
	n++
	theirs = $3 FS $4 FS sorted($5) FS $6 FS $7
	if (!(($1, $2) in ours) || ours[$1, $2] != theirs) {
		why = mask($3, $5)
		if (why != "") {
			masked[$1] = 1
			names[why]++
			n_masked++
		} else {
			differ(theirs)
		}
	}
}

function end_of_trace() {
	if (trace == "" || (trace in bad) || (trace in masked))
		return
	if (count[trace] != last) {
		printf "trace %s: libsup performed %d operations, OTP %d\n",
			trace, count[trace], last
		bad[trace] = 1
		n_bad++
	}
}

END {
	end_of_trace()
	for (why in names)
		printf "masked: %s, in %d traces\n", why, names[why]
	printf "%d traces, %d operations, %d masked, %d differ\n", n_traces,
		n, n_masked, n_bad
	if (n_bad || !n)
		exit 1
}
