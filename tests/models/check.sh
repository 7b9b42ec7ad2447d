#!/bin/sh
# check.sh - let Spin explore a model: it must hold, and each of its mutants must be refuted.
# SPDX-License-Identifier: MIT
# Run as: check.sh MODEL.pml [C_COMPILER]. The model's head names the sizes at which it is explored
# ("check: -D...") and its mutants ("mutant N: what is wrong"). 77: there is no spin.
set -eu

model=$(realpath "$1")
compiler=${2:-cc}
depth_limit=100000
memory_limit_mb=1500

if ! command -v spin >/dev/null; then
    echo "skipped: there is no spin (Debian package: spin)"
    exit 77
fi

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cp "$model" "$directory/model.pml"
cd "$directory"

fail()
{
    echo "FAILED: $1"
    cat output
    [ ! -f model.pml.trail ] || ./pan -r -n | tail -100
    exit 1
}

# explore OPTIMISATION DEFINES... - into `output`. -b: a path that the depth limit cuts short is an
# error.
explore()
{
    optimisation=$1
    shift
    spin "$@" -a model.pml >output 2>&1 || fail "spin does not understand $* of $model"
    "$compiler" "$optimisation" -w -DSAFETY -DCOLLAPSE -DMEMLIM=$memory_limit_mb \
        -o pan pan.c >output 2>&1 ||
        fail "what spin made of $model does not compile"
    ./pan -b -m$depth_limit >output 2>&1 || true
    grep -q 'errors: ' output || fail "the search of $* did not end"
    ! grep -q -e 'max search depth too small' -e 'out of memory' -e 'memory limit' output ||
        fail "the search of $* went over its limits"
}

holds()
{
    grep -q 'errors: 0$' output
}

figures()
{
    sed -n -e 's/^State-vector.*depth reached \([0-9]*\).*/depth \1/p' \
        -e 's/^ *\([0-9.e+]*\) states, stored.*/\1 states/p' output | paste -sd, - | sed 's/,/, /'
}

reason()
{
    sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' output | cut -c1-90
}

# The first size at which the mutant is refuted; a step that no run comes to proves nothing.
refute()
{
    while read -r size; do
        # shellcheck disable=SC2086 # a size is several words
        explore -O0 $size -DMUTANT="$1"
        if ! holds; then
            echo "mutant $1 is refuted, at $size: $(reason)"
            return
        fi
    done <sizes
    fail "mutant $1 survives"
}

sed -n 's/^ \* check: //p' "$model" >sizes
sed -n 's/^ \* mutant \([0-9]*\): .*/\1/p' "$model" >mutants
[ -s sizes ] && [ -s mutants ] || fail "$model names no size or no mutant"

while read -r size; do
    # shellcheck disable=SC2086
    explore -O1 $size
    holds || fail "$size: $(reason)"
    echo "holds, at $size: $(figures)"
done <sizes

while read -r mutant; do
    refute "$mutant"
done <mutants
