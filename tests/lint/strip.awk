# SPDX-License-Identifier: GPL-2.0-or-later
# strip(LINE) is a line of C without comments and without what stands in string
# and character literals; lines have to be given in order, and in_comment set
# to 0 before the first of a file. "//" comments are kept: style.awk finds them.

function literal_end(s, i, quote,    c)
{
	for (i++; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\\")
			i++
		else if (c == quote)
			return i
	}
	return i
}

function strip(line,    out, at, c)
{
	out = ""
	while (line != "") {
		if (in_comment) {
			at = index(line, "*/")
			if (!at)
				return out
			in_comment = 0
			line = substr(line, at + 2)
			continue
		}
		at = match(line, /["']|\/\*|\/\//)
		if (!at)
			return out line
		c = substr(line, at, 1)
		out = out substr(line, 1, at - 1)
		if (c == "/" && RLENGTH == 2 && substr(line, at, 2) == "//")
			return out substr(line, at)
		if (c == "/") {
			in_comment = 1
			out = out " "
			line = substr(line, at + 2)
		} else {
			out = out c c
			line = substr(line, literal_end(line, at, c) + 1)
		}
	}
	return out
}
