#!/bin/sh
# requests_of.sh PROGRAM [FILTER…]: runs tests against the lab's APIs with a log of every exchange, and checks the requests in it
# against the official documents.
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
KAVI_LAB_LOG=$log "$@" >/dev/null || { echo "the tests failed"; exit 1; }
[ -s "$log" ] || { echo "the tests sent nothing"; exit 1; }
python3 -B "$(dirname "$0")/check.py" --requests-only "$log"
