# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each call that a library exports, whose names begin with "prefix", has a page
# of section 3: its name in NAME, the header's prototype in SYNOPSIS, a line in
# ATTRIBUTES, a program that uses it in EXAMPLES, and in ERRORS the errors that
# the comment above the prototype names. Reads the map, then public headers,
# then the same without comments, then pages; prints what is missing.

function squeeze(s) {
	gsub(/[ \t]+/, " ", s)
	gsub(/ ?\* ?/, "*", s)
	gsub(/ ?\( ?/, "(", s)
	gsub(/ ?, ?/, ", ", s)
	gsub(/^ | $/, "", s)
	return s
}

# The declaration that ends on this line, if one does.
function declaration(line, name) {
	if (line ~ /^SUP_API /) {
		text = ""
		open = 1
	}
	if (!open)
		return
	text = text " " line
	if (line !~ /;/)
		return
	open = 0
	sub(/ *SUP_API /, "", text)
	sub(/ *__attribute__.*/, "", text)
	sub(/;.*/, "", text)
	name = text
	sub(/\(.*/, "", name)
	sub(/.*[ *]/, "", name)
	declared[name] = squeeze(text)
}

# What stands above a prototype, of which there may be several.
function contract(line, name) {
	if (line ~ /^\/\*/)
		errors = ""
	if (line ~ /^(\/\*| \*)/)
		errors = errors " " line
	if (line !~ /^SUP_API .*\(/)
		return
	name = line
	sub(/\(.*/, "", name)
	sub(/.*[ *]/, "", name)
	named_errors[name] = errors
}

# The errors of a contract that its page has not.
function lacking(page, text, e, out) {
	while (match(text, /-E[A-Z0-9]+/)) {
		e = substr(text, RSTART + 1, RLENGTH - 1)
		text = substr(text, RSTART + RLENGTH)
		if (!listed[page, e])
			out = out " " e
	}
	return out
}

# The next argument of a macro: quoted, or a word.
function argument(s) {
	if (match(rest, /^ *"[^"]*"/))
		s = substr(rest, RSTART, RLENGTH)
	else if (match(rest, /^ *[^ ]+/))
		s = substr(rest, RSTART, RLENGTH)
	else
		return ""
	rest = substr(rest, RLENGTH + 1)
	gsub(/^ *"?|"$/, "", s)
	return s
}

function add_argument(s) {
	proto = proto (n_args++ ? ", " : "") s
}

function end_prototype() {
	shown[page, call] = squeeze(type " " proto ")")
}

function begin_prototype() {
	call = argument()
	proto = call "("
	n_args = 0
}

function synopsis(s) {
	rest = $0
	sub(/^\.[A-Z][a-z] */, "", rest)
	if ($1 == ".Ft") {
		type = rest
		gsub(/"/, "", type)
	} else if ($1 == ".Fn") {
		begin_prototype()
		while ((s = argument()) != "")
			add_argument(s)
		end_prototype()
	} else if ($1 == ".Fo") {
		begin_prototype()
	} else if ($1 == ".Fa") {
		add_argument(argument())
	} else if ($1 == ".Fc") {
		end_prototype()
	}
}

FNR == 1 { section = ""; page = FILENAME }
FILENAME ~ /\.map$/ && index($0, "\t" prefix) == 1 { exported[substr($1, 1,
	length($1) - 1)] = FNR; map = FILENAME }
FILENAME ~ /\.map$/ { next }
FILENAME ~ /\.h$/ { contract($0); next }
FILENAME !~ /\.[0-9]$/ { declaration($0); next }
$1 == ".Sh" { section = $2; program = 0; next }
section == "NAME" && $1 == ".Nm" { named[$2] = page; next }
section == "SYNOPSIS" { synopsis(); next }
section == "ERRORS" && $1 == ".It" {
	for (i = 2; i <= NF; i++)
		if (match($i, /E[A-Z0-9]+/))
			listed[page, substr($i, RSTART, RLENGTH)] = 1
	next
}
section == "ATTRIBUTES" && $1 == ".It" { told[page, $3] = 1; next }
section == "EXAMPLES" && $1 == ".Ed" { program = 0; next }
section == "EXAMPLES" && /^#include </ { program = 1 }
section == "EXAMPLES" && program {
	line = $0
	while (match(line, prefix "[a-z0-9_]+")) {
		used[page, substr(line, RSTART, RLENGTH)] = 1
		line = substr(line, RSTART + RLENGTH)
	}
}

END {
	for (name in exported) {
		page = named[name]
		if (page == "") {
			printf "%s:%d: %s: no page has it in its NAME\n",
				map, exported[name], name
			continue
		}
		if (shown[page, name] != declared[name])
			printf "%s: SYNOPSIS: the header has: %s;\n", page,
				declared[name]
		missing = lacking(page, named_errors[name])
		if (missing)
			printf "%s: ERRORS: %s may fail with%s\n", page, name,
				missing
		if (!told[page, name])
			printf "%s: ATTRIBUTES: no line for %s\n", page, name
		if (!used[page, name])
			printf "%s: EXAMPLES: no program uses %s\n", page, name
	}
	for (name in named)
		if (!(name in exported))
			printf "%s: NAME: %s is not exported\n", named[name],
				name
}
