# SPDX-License-Identifier: GPL-2.0-or-later
#
# Takes the programs out of the EXAMPLES of manual pages: PAGE.N.c, and what it
# says that they print, PAGE.N.out, in the folder "out". Other displays are
# faults. In a program troff's own characters are written
#	\e for \	\- for -	\(aq for '
# so that it can be copied from the page as it is shown.

function fault(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	faults = 1
}

function plain(line, bare) {
	bare = line
	gsub(/\\e|\\-|\\\(aq|\\&/, "", bare)
	if (bare ~ /[\\'-]/)
		fault("write \\e for \\, \\- for -, \\(aq for '")
	sub(/^\\&/, "", line)
	gsub(/\\-/, "-", line)
	gsub(/\\\(aq/, "'", line)
	gsub(/\\e/, "\\", line)
	return line
}

# The first line of a display says what it is.
function begin(line) {
	if (line ~ /^#include /) {
		sub(/.*\//, "", page)
		sub(/\.[0-9]$/, "", page)
		file = out "/" page "." ++n ".c"
	} else if (before == "It prints:" && n && !printed) {
		file = out "/" page "." n ".out"
		printed = 1
	} else {
		fault("neither a program nor what one prints")
		file = "/dev/null"
	}
	if (line ~ /^#include /)
		printed = 0
}

FNR == 1 { n = 0; page = FILENAME; examples = display = 0 }
/^\.Sh / { examples = $2 == "EXAMPLES"; next }
!examples { next }
/^\.Bd / { display = 1; file = ""; next }
/^\.Ed/ {
	if (display && file)
		close(file)
	display = 0
	next
}
display {
	if (!file)
		begin($0)
	print plain($0) >file
	next
}
/^\.Pp/ { next }
{ before = $0 }
END { exit faults }
