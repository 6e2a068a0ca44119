#!/bin/sh
# check_generated.sh KAVI SOURCE: what is generated from the table of commands is what lies in the repository, and
# the manual pages are such that man understands them.
set -eu
kavi=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$kavi" __reference >"$folder/cli-reference.md"
if ! cmp -s "$folder/cli-reference.md" "$source/docs/cli-reference.md"; then
    if [ "${KAVI_ACCEPT:-}" = 1 ]; then cp "$folder/cli-reference.md" "$source/docs/cli-reference.md"; fi
    diff -u "$source/docs/cli-reference.md" "$folder/cli-reference.md" || true
    echo "docs/cli-reference.md isn't what 'kavi __reference' prints; KAVI_ACCEPT=1 rewrites it" >&2
    exit 1
fi

"$kavi" __man "$folder/man"
for page in "$folder"/man/*.1; do
    head -n 1 "$page" | grep -q '^\.TH "kavi' || { echo "$page has no title" >&2; exit 1; }
done
if command -v man >/dev/null; then
    for page in "$folder"/man/*.1; do
        said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$said" ] || { echo "$page: $said" >&2; exit 1; }
    done
fi
