#!/bin/bash
# portable_test.sh EXECUTABLE: the portable executable is what it promises to be, runs on Debian 12 and 13 with nothing installed, speaks
# TLS and HTTP/2, and passes all cases of the command line.
set -euo pipefail
kavi=$1
root=$(cd "$(dirname "$0")/../../.." && pwd)

fail() {
    echo "✘ $*" >&2
    exit 1
}

check() {
    local what=$1
    shift
    "$@" >"$folder/output" 2>&1 || fail "$what: $(tail -n 5 "$folder/output")"
    echo "  ✔ $what"
}

[ -x "$kavi" ] || { echo "SKIPPED: $kavi isn't there (packaging/portable builds it)"; exit 0; }
kavi=$(realpath "$kavi")
folder=$(mktemp -d)
trap 'kill ${server:-} 2>/dev/null; rm -rf "$folder"' EXIT

check "libraries, symbol versions, size and hardening" "$root/packaging/portable-check" "$kavi"
check "ldd finds glibc's parts alone" test -z "$(ldd "$kavi" | grep -vE '^\s(linux-vdso|libc|libm|libresolv)\.so|^\s/lib64/ld-linux')"
libraries=$("$kavi" --version --json | jq -r '.data.libraries | .libssh')
check "its libssh is 0.11.5 or later" test "$(printf '%s\n' 0.11.5 "${libraries%%/*}" | sort -V | head -n 1)" = 0.11.5

# in_tree RELEASE COMMAND…: in a Debian of that release, in a mount namespace of its own; /kavi holds the executable and the estate.
in_tree() {
    local tree
    tree=$("$root/packaging/debian-tree" "$1")
    shift
    unshare --mount --propagation private sh -euc '
        tree=$1 kavi=$2 config=$3; shift 3
        mount -t overlay overlay -o "lowerdir=$tree,upperdir=$PWD/upper,workdir=$PWD/work" "$PWD/tree" 2>/dev/null || mount --bind "$tree" "$PWD/tree"
        mkdir -p "$PWD/tree/tmp/kavi"
        mount -t tmpfs tmpfs "$PWD/tree/tmp/kavi"
        cp "$kavi" "$PWD/tree/tmp/kavi/kavi"
        cp -r "$config" "$PWD/tree/tmp/kavi/config"
        chmod -R go-w "$PWD/tree/tmp/kavi"
        exec chroot "$PWD/tree" env -i HOME=/tmp/kavi PATH=/usr/bin:/bin "$@"' sh "$tree" "$kavi" "$root/config" "$@"
}

if [ "$(id -u)" = 0 ]; then
    cd "$folder"
    mkdir upper work tree
    for release in bookworm trixie; do
        check "$release: has neither curl's nor libssh's library" in_tree $release sh -c '! ls /usr/lib/*/libssh* /usr/lib/*/libcurl*'
        check "$release: --version" in_tree $release /tmp/kavi/kavi --version
        grep -qx "$("$kavi" --version)" output || fail "$release: $(cat output)"
        check "$release: config check" in_tree $release /tmp/kavi/kavi -c /tmp/kavi/config/kavi.toml config check
        grep -q "is well described" output || fail "$release: $(cat output)"
    done
    cd "$root"
else
    echo "  - not run: Debian 12 and 13 (needs root)"
fi

# A server that speaks HTTP/2 over TLS, with a certificate that SSL_CERT_FILE alone makes good.
port=$((20000 + RANDOM % 10000))
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
nghttpd --address=127.0.0.1 -d "$folder" "$port" "$folder/key.pem" "$folder/certificate.pem" >/dev/null 2>&1 &
server=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 $server || fail "nghttpd doesn't run"; done
cp -r "$root/config" "$folder/estate"
chmod -R go-w "$folder/estate"
ask() {
    env -i HOME="$folder" PATH="$PATH" KAVI_LOOPBACK_ONLY=1 INFISICAL_API_URL="https://localhost:$port" INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=a \
        INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=b "$@" "$kavi" -c "$folder/estate/kavi.toml" -vv secrets pull 2>&1
}
ask SSL_CERT_FILE="$folder/certificate.pem" >"$folder/known" || true
check "TLS and HTTP/2 with a certificate of ours" grep "^< HTTP/2" "$folder/known"
ask >"$folder/unknown" || true
check "a certificate that nobody vouches for is refused" grep -iE "certificate" "$folder/unknown"

passed=0
mkdir "$folder/bin"
cp "$kavi" "$folder/bin/kavi" # the cases call it by that name
for case in "$root"/tests/cli/*.cli; do
    KAVI_LOOPBACK_ONLY=1 python3 "$root/tests/cli/run.py" "$folder/bin/kavi" "$case" >"$folder/output" 2>&1 || fail "$(basename "$case"): $(tail -n 30 "$folder/output")"
    passed=$((passed + 1))
done
echo "  ✔ $passed files of cases of the command line"
