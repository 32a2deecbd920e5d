#!/bin/sh
# The whole way on an emulated organization: plan, apply, verify, and a plan that finds nothing to do.
# Usage: demo.sh PATH-OF-RECONCILER
set -eu

reconciler=$1
example=$(dirname "$0")
work=$(mktemp -d)
trap '"$reconciler" lab down --dir "$work/lab" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

run() {
    printf '\n$ reconciler %s\n\n' "$*"
    "$reconciler" "$@" --connections "$work/lab/connections.yaml" --state "$work/state"
}

printf '$ reconciler lab up --dir %s\n\n' "$work/lab"
"$reconciler" lab up --dir "$work/lab"

run plan "$example"
run apply "$example" --auto-approve
run verify "$example"
run plan "$example"
