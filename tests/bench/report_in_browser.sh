#!/bin/sh
# report_in_browser.sh - is a report as good on a screen as it is on paper?
# SPDX-License-Identifier: MIT
#
# usage: report_in_browser.sh BROWSER WRITER [REPORT PLOTS]
#
# BROWSER is a Chromium. WRITER writes the report of the sample to the path that it is given, and
# tells how many plots that has; with REPORT, that file is judged instead. Prints a line "ok ..."
# or "FAIL ..." for each finding; the exit status is 0 if all are ok.
set -eu

browser=$1
writer=$2
probe=$(dirname "$0")/report_probe.js
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM

# Write a page that holds the probe and calls it; with a picture, which is then a part of it.
page()
{
    {
        echo '<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">'
        if [ $# -eq 2 ]; then
            echo "<img id=\"picture\" src=\"data:image/png;base64,$(base64 -w 0 "$2")\">"
        fi
        echo '<script>'
        cat "$probe"
        echo "$1.catch(give_up);</script>"
    } > "$place/page.html"
}

# Virtual time passes only while the page does nothing, however busy the machine is.
browse()
{
    HOME=$place timeout 120 "$browser" --headless --no-sandbox --disable-gpu \
        --disable-dev-shm-usage --hide-scrollbars --force-device-scale-factor=1 \
        --force-color-profile=srgb --user-data-dir="$place/profile" \
        --virtual-time-budget=20000 "$@" "file://$place/page.html" 2>> "$place/errors"
}

# Run the page; print the findings, leave the state for the next run.
findings()
{
    browse --dump-dom > "$place/dom" || true
    sed -n '/<pre id="outcome">/,/<\/pre>/p' "$place/dom" > "$place/outcome"
    sed -n 's/^state //p' "$place/outcome" > "$place/state"
    sed -e '/^state /d' -e '/^PASSED$/d' -e '/^FAILED$/d' -e 's/<[^>]*>//g' -e '/^$/d' \
        -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&amp;/\&/g' "$place/outcome"
    if ! grep -q -e '^PASSED$' -e '^FAILED$' "$place/outcome"; then
        echo "FAIL the browser did not come to an end:"
        tail -n 5 "$place/errors"
        exit 1
    fi
    grep -q '^PASSED$' "$place/outcome" || status=1
}

status=0
if [ $# -eq 4 ]; then
    cp "$3" "$place/report.html"
    plots=$4
else
    plots=$("$writer" "$place/report.html")
fi
report=$(base64 -w 0 "$place/report.html")

page "look(\"$report\", $plots)"
findings
state=$(cat "$place/state")
height=$(echo "$state" | base64 -d | sed 's/.*"height":\([0-9]*\),"plots".*/\1/')

page "pose(\"$report\", \"$state\")"
browse --window-size="2080,$height" --screenshot="$place/picture.png" > /dev/null || true
if [ ! -s "$place/picture.png" ]; then
    echo "FAIL there is no screenshot:"
    tail -n 5 "$place/errors"
    exit 1
fi

page "count(\"$state\")" "$place/picture.png"
findings
exit "$status"
