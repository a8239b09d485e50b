# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reads C files of tests, then Documentation/otp.md; prints what of its tables
# of cases and rules is not so. An id is a family and a number, with a letter
# or not: "GS-07b", in the name of a test "GS_07b". More numbers may follow,
# and ranges: "TSK-24 … 26, 37", "TSK_24_to_26_37_with_fun".

# Each id at the beginning of s: found[family, number] = 1.
function ids(s, found,	n, i, k, token, family, last) {
	split("", found)
	n = split(s, token, /[ _]+/)
	for (i = 1; i <= n; i++) {
		if (token[i] ~ /^[A-Z]+$/ && token[i + 1] ~ NUMBER) {
			family = token[i]
			continue
		}
		if (token[i] == "to")
			continue
		if (!family || token[i] !~ NUMBER)
			return
		k = token[i - 1] == "to" ? last + 1 : token[i] + 0
		for (; k < token[i] + 0; k++)
			found[family, sprintf("%02d", k)] = 1
		found[family, token[i]] = 1
		last = token[i] + 0
	}
}

function has_test(id) {
	return (id in carried) || (substr(id, 1, length(id) - 1) in carried)
}

function bad(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
}

# The names in a cell; with "…" at its end one is the beginning of a name.
function check_names(cell, only,	name, t) {
	while (match(cell, /`[a-zA-Z0-9_]+(…)?`/)) {
		name = substr(cell, RSTART + 1, RLENGTH - 2)
		cell = substr(cell, RSTART + RLENGTH)
		if (name !~ only)
			continue
		n_names++
		if (sub(/…$/, "", name)) {
			for (t in tests)
				if (index(t, name) == 1)
					break
			if (index(t, name) != 1)
				bad("there is no test " name "…")
		} else if (!(name in tests)) {
			bad("there is no test " name)
		}
	}
}

function check_mark(test, mark, why) {
	if (mark !~ /^ [sdn] $/)
		bad("marked \"" mark "\", which is not s, d or n")
	if (mark != " s " && why ~ /^ *$/)
		bad("it is not the same, and there is no why")
	if (mark != " n " && test !~ /`/)
		bad("no test is named")
}

function check_ids(mark,	id, s, part) {
	s = $2
	gsub(/…/, " to ", s)
	gsub(/[-,; ]+/, " ", s)
	sub(/^ /, "", s)
	ids(s, row)
	for (id in row) {
		split(id, part, SUBSEP)
		listed[part[1], part[2] + 0] = 1
		if (part[2] + 0 > most[part[1]])
			most[part[1]] = part[2] + 0
		if (mark != " n " && !has_test(id))
			bad("no test has " part[1] "_" part[2] " in its name")
	}
}

BEGIN {
	FS = "|"
	NUMBER = "^[0-9][0-9][a-z]?$"
}

FNR == 1 {
	name = FILENAME
	gsub(/.*\/|\.c$/, "", name)
	tests[name] = 1
}

FILENAME !~ /\.md$/ {
	if (match($0, /^static void [a-zA-Z0-9_]+\(void \*\*state\)/)) {
		name = substr($0, 13, RLENGTH - 12 - 14)
		tests[name] = 1
		ids(name, found)
		for (id in found)
			carried[id] = name
	}
	next
}

!/^\|/ { table = ""; check_names($0, "^test_"); next }
/^\| (case|rule) \| test / { table = $2; next }
/^\|---/ { next }
table == "" { check_names($0, "^test_"); next }
{ check_names($3, "") }
NF > 4 { check_mark($3, $4, $5) }
table == " case " { check_ids($4) }

END {
	for (id in carried) {
		split(id, part, SUBSEP)
		if (!((part[1], part[2] + 0) in listed))
			bad("no row has " part[1] "-" part[2] ", which " \
			    carried[id] " has in its name")
	}
	for (family in most)
		for (i = 1; i <= most[family]; i++)
			if (!((family, i) in listed))
				bad("no row has " sprintf("%s-%02d", family, i))
	if (!n_names)
		bad("no table names a test")
}
