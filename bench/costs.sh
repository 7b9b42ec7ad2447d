#!/bin/sh
# costs.sh - what one echo costs a server, in figures that hardly differ from run to run.
# SPDX-License-Identifier: MIT
#
# usage: costs.sh BUILD, where BUILD is where it was built: build/release
#
# 50 connections send 64 bytes each, wait for the echo, and send again, to a server with one worker.
# Told are, for one echo: instructions in user space; those of them that are locked (an atomic
# read-modify-write, on which processors may wait for each other), by the functions they are in;
# system calls. valgrind counts how often each instruction runs, in a short and in a long run: the
# difference leaves out how a server begins and ends. objdump knows which instructions are locked.
# The system calls are those of iocp-bench, whose strace counts them; without strace it is "-".
#
# Under valgrind one thread runs at a time, and a server with io_uring waits in poll
# (poll_first.c): what is counted is a server that always finds work.
set -eu

build=$(cd "${1:?usage: costs.sh BUILD}" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
cd "$place"

# The command line of a server.
command_of()
{
    case $1 in
    iocp-server*)
        echo "$build/server/iocp-server --listen=127.0.0.1:{port} --engine=${1#* } --workers=1" \
            "--concurrency=1 --handler=echo --end=eof --quiet"
        ;;
    *)
        echo "$build/bench/peers/peer-$1 --port={port} --workers=1"
        ;;
    esac
}

# Run a server for so many seconds: leaves FILE.counts, and in FILE.echoes how many echoes it was.
run()
{
    valgrind="valgrind --tool=callgrind --dump-instr=yes --dump-line=no --compress-strings=no"
    valgrind="$valgrind --compress-pos=no --separate-callers1=pthread_mutex_lock*"
    valgrind="$valgrind --separate-callers1=pthread_mutex_unlock*"
    valgrind="$valgrind --callgrind-out-file=$place/$3.counts"
    "$build/bench/echoes" "$2" \
        "env LD_PRELOAD=$build/bench/poll_first.so $valgrind $(command_of "$1")" > "$3.echoes"
}

# The addresses of the locked instructions of a program or library, in the order of the counts.
locked_in()
{
    file=$(echo "$1" | tr / _).locked
    if [ ! -e "$file" ]; then
        objdump -d --no-show-raw-insn "$1" |
            awk -F: '/[\t ]lock |[\t ]xchg .*\(/ { gsub(" ", "", $1); print "0x" $1 }' > "$file"
    fi
    awk -v object="$1" '{ print object, $1 }' "$file"
}

# How often each locked instruction of a run ran, by function: COUNT FUNCTION; first that of all.
weigh()
{
    sed -n 's/^ob=\(\/.*\)/\1/p' "$1" | sort -u | while read -r object; do
        if [ -e "$object" ]; then
            locked_in "$object"
        fi
    done > locked
    awk '
        FILENAME == "locked" { locked[$1, $2] = 1; next }
        /^ob=/               { object = substr($0, 4) }
        /^fn=/               { name = substr($0, 4); gsub(/@@?[A-Z0-9_.]+/, "", name) }
        /^calls=/            { getline; next }
        /^0x/                { all += $2; if ((object, $1) in locked) count[name] += $2 }
        END                  { print all, "all"; for (name in count) print count[name], name }
    ' locked "$1"
}

# Both runs of a server as one: INSTRUCTIONS "all" and LOCKED FUNCTION, for an echo.
costs_of()
{
    run "$1" 0.5 short
    run "$1" 2 long
    if [ "$(cat long.echoes)" -lt $((2 * $(cat short.echoes))) ]; then
        echo "costs.sh: $1: hardly more echoes in 2 s than in 0.5 s: something else is running" >&2
        exit 1
    fi
    weigh short.counts > short
    weigh long.counts > long
    awk -v echoes="$(($(cat long.echoes) - $(cat short.echoes)))" '
        FILENAME == "short" { before[$2] = $1; next }
                            { print ($1 - before[$2]) / echoes, $2 }' short long
}

if ! "$build/bench/iocp-bench" --quick --scenario pingpong --peers epoll,io_uring --rounds 1 \
    --seconds 0.5 --out calls > said 2>&1; then
    cat said >&2
    exit 1
fi
awk -F'"' '
    /"subject":/    { name = $4 }
    /"syscalls": \[/ { getline; gsub(/[ ,]/, ""); print name ":" $0 }' calls/results.json > calls.of

printf '%-22s %12s %12s %12s\n' 'for one echo' instructions 'of them' system
printf '%-22s %12s %12s %12s\n' '' 'in user space' locked calls
for server in 'iocp-server io_uring' io_uring 'iocp-server epoll' epoll; do
    costs_of "$server" > costs
    awk -v name="$server" -v calls="$(sed -n "s/^$server://p" calls.of)" '
        $2 == "all" { all = $1; next }
                    { locked += $1 }
        END {
            calls = calls == "" ? "-" : sprintf("%.2f", calls)
            printf "%-22s %13.0f %12.2f %12s\n", name, all, locked, calls
        }' costs
    sort -rn costs | awk -v name="$server" '
        $2 != "all" && $1 >= 0.005 {
            sub(/\047/, " of ", $2)
            printf "%-20s  %6.2f  %s\n", name, $1, $2
        }' >> functions
done
printf '\nlocked instructions by function:\n'
cat functions
