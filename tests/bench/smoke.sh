#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmarks of the library in small, as a test: they run, and all figures
# are there.
exec "$(dirname "$0")/lib.sh" -s
