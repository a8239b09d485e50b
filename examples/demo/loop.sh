#!/bin/sh
# SPDX-License-Identifier: 0BSD
# Fails as often as the file "failures" says, then runs on.
n=$(cat failures 2>/dev/null || echo 0)
if [ "$n" -gt 0 ]; then
	echo $((n - 1)) >failures
	exit 3
fi
exec tail -f /dev/null
