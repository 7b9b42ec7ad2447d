#!/bin/sh
# performance.sh - the section of README.md that tells what libiocp is meant to reach, and does.
# SPDX-License-Identifier: MIT
#
# usage: performance.sh IOCP-BENCH [PERFORMANCE.json]
#
# Keeps the file that iocp-bench --goals has left as bench/performance.json, and fills README.md
# between its two marks with what iocp-bench --markdown says of it. Without a file nothing is
# written: the exit status is 1, with the difference, unless README.md tells of the kept one.
set -eu

folder=$(dirname "$0")
readme=$folder/../README.md
kept=$folder/performance.json
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM

for mark in '<!-- goals -->' '<!-- /goals -->'; do
    if [ "$(grep -c -x -F -e "$mark" "$readme")" -ne 1 ]; then
        echo "performance.sh: README.md needs one line $mark" >&2
        exit 1
    fi
done
"$1" --markdown "${2:-$kept}" > "$place/section"
awk -v section="$place/section" '
    $0 == "<!-- /goals -->" { within = 0 }
    !within
    $0 == "<!-- goals -->" {
        within = 1
        while ((getline line < section) > 0)
            print line
    }' "$readme" > "$place/readme"
if [ $# -eq 1 ]; then
    diff -u "$readme" "$place/readme"
    exit
fi
cmp -s "$2" "$kept" || cp "$2" "$kept"
cat "$place/readme" > "$readme"
