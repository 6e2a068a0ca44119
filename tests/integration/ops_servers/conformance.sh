#!/bin/sh
# conformance.sh PROGRAM CHECK: runs the tests with a log of every exchange, and checks the requests in it.
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
KAVI_LAB_LOG=$log "$1" >/dev/null || { echo "the tests failed"; exit 1; }
python3 -B "$2" --requests-only "$log"
