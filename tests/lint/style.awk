# SPDX-License-Identifier: GPL-2.0-or-later
# The form of one or more files, given as arguments; prints a complaint for each
# fault. With strip.awk. Variables: later, machine (patterns, see style.sh).

function bad(what)
{
	print FILENAME ":" FNR ": " what
}

function columns(line,    n, at)
{
	n = 0
	while ((at = index(line, "\t")) > 0) {
		n += at - 1
		n += 8 - n % 8
		line = substr(line, at + 1)
	}
	return n + length(line)
}

# In C, what is shown to people is not broken, so that it can be found.
function is_sentence(line)
{
	return FILENAME ~ /\.c$/ && gsub(/"([^"\\]|\\.)*"/, "", line) &&
		columns(line) <= 72
}

function max_lines()
{
	if (FILENAME == "tests/vm/init.c")
		return 300
	if (FILENAME == "kmod/sup.h" || FILENAME == "kmod/objects.h")
		return 300
	if (FILENAME ~ /^libsup\/include\/.*\.h$/)
		return 150
	return FILENAME ~ /\.h$/ ? 160 : 600
}

function max_function()
{
	return FILENAME ~ /^(kmod|libsup\/exit)\/netlink[a-z_]*\.c$/ ? 110 : 70
}

function begin_file()
{
	kind = "text"
	if (FILENAME ~ /\.[ch]$/)
		kind = "c"
	else if (FILENAME ~ /\.(sh|inc|awk|mk)$|Makefile$|Kbuild$|^\.ci\//)
		kind = "script"
	if (FILENAME ~ /^kmod\/netlink_gen\.[ch]$|uapi\/linux\/sup\.h$/)
		kind = "generated"
	is_test = FILENAME ~ /^(tests|examples)\// &&
		FILENAME !~ /^tests\/lint\//
	in_comment = 0
	start = 0
}

function check_text()
{
	if (columns($0) > 80 && !is_sentence($0))
		bad(columns($0) " columns")
	if ($0 ~ /[ \t]$/)
		bad("ends in blanks")
	if ($0 ~ /^\t*        /)
		bad("spaces where a tab should be")
	if ($0 ~ later)
		bad("left for later")
}

function check_c(code)
{
	if (FNR == max_lines() + 1)
		bad("more than " max_lines() " lines")
	if (index(code, "//") && !($0 ~ /^\/\/ SPDX/ && FNR == 1))
		bad("a // comment")
	if ($0 ~ /^[a-z].*\) *\{$/ && $0 !~ /^[a-zA-Z_]+\(/)
		bad("brace of a function at the end of its line")
	if ($0 ~ /^\{/)
		start = FNR
	if ($0 ~ /^\}/) {
		if (start && FNR - start - 1 > max_function())
			bad("a function of " FNR - start - 1 " lines")
		start = 0
	}
}

# Tests synchronise on an event. A program called sleep, run in the background
# or as someone else's argument, is no synchronisation.
function check_sleep(code)
{
	if (kind == "c" && code ~ /(^|[^a-z_])(u|nano|clock_nano)?sleep *\(/)
		bad("sleeps")
	if (FILENAME ~ /\.(sh|py)$/ && $0 !~ /&$/ &&
	    $0 ~ /^[ \t]*(time\.)?sleep[ (]/)
		bad("sleeps")
}

FNR == 1 { begin_file() }
$0 ~ machine && !/^#!/ { bad("a path of one machine") }
{ code = kind == "c" ? strip($0) : "" }
kind == "c" || kind == "script" { check_text() }
kind == "c" { check_c(code) }
is_test && kind != "generated" { check_sleep(code) }
