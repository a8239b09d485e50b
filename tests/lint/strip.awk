# SPDX-License-Identifier: GPL-2.0-or-later
# Removes C comments and what stands in string and character literals; keeps
# the lines. "//" comments are kept: they are for style.sh to find.

function literal(s, i, quote,    c)
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

{
	out = ""
	for (i = 1; i <= length($0); i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (comment) {
			if (two == "*/") {
				comment = 0
				i++
			}
		} else if (two == "/*") {
			comment = 1
			out = out " "
			i++
		} else if (two == "//") {
			out = out substr($0, i)
			break
		} else if (c == "\"" || c == "'") {
			out = out c c
			i = literal($0, i, c)
		} else {
			out = out c
		}
	}
	print out
}
