#!/bin/bash
# lab_test.sh KAVI-LAB FOLDER: the lab itself. Servers that were there before, a server made through the API with its prepared host
# key, Docker and the registry in it, its Storage Box, its faults; and that 'down' leaves nothing.
set -euo pipefail
lab=$1
folder=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
unset CURL_CA_BUNDLE

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

if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: the lab's real servers need root"
    exit 0
fi

mkdir -p "$folder"
"$lab" down --dir "$folder" >/dev/null 2>&1 || true
trap '"$lab" down --dir "$folder" >/dev/null 2>&1' EXIT
"$lab" up --dir "$folder" --estate "$root/config/kavi.toml" >"$folder/up.log" 2>&1 || fail "up: $(tail -n 5 "$folder/up.log")"
. "$folder/env"
prefix=$(jq -r .prefix "$folder/lab.json")
pid=$(jq -r .pid "$folder/lab.json")
docker_host=$(jq -r .docker_host "$folder/lab.json")

# mapped HOST:PORT: our loopback port for it.
mapped() { tr , '\n' <<<"$KAVI_CONNECT_TO" | sed -n "s/^$1=127.0.0.1://p"; }

# login PORT KEY-FILE COMMAND: only where the server shows that key.
login() {
    local port=$1 key=$2
    shift 2
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$key")" >"$folder/known_hosts"
    timeout 60 ssh -F none -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o HostKeyAlgorithms=ssh-ed25519 \
        -o "UserKnownHostsFile=$folder/known_hosts" -i "$KAVI_SSH_KEY" -p "$port" root@127.0.0.1 "$@"
}

eva=$(mapped 144.217.76.53:22)
pinned=$(ssh-keygen -lf "$folder/host-keys/eva.pub" | cut -d' ' -f2)
check "the estate's copy pins eva's own key" grep -q "$pinned" "$folder/estate/kavi.toml"
check "the copy is a repository of one commit" test "$(git -C "$folder/estate" rev-list --count HEAD)" = 1
check "eva lets the operator in, with the pinned key" login "$eva" "$folder/host-keys/eva.pub" true
check "eva's services answer" login "$eva" "$folder/host-keys/eva.pub" \
    'curl -fsS http://127.0.0.1:5055/api/v1/status && curl -fsS http://127.0.0.1:2283/api/server/ping'
check "there is no way out" login "$eva" "$folder/host-keys/eva.pub" '! timeout 3 bash -c "echo >/dev/tcp/192.0.2.1/80"'

ssh-keygen -q -t ed25519 -N '' -C bruno -f "$folder/bruno_key" <<<y >/dev/null
api() { curl -fsS -m 30 -H "Authorization: Bearer $HCLOUD_TOKEN" -H 'Content-Type: application/json' "$@"; }
address=$(api "$HCLOUD_ENDPOINT/primary_ips" | jq '.primary_ips[] | select(.ip == "188.34.198.57") | .id')
jq -n --rawfile key "$folder/bruno_key" --rawfile public "$folder/bruno_key.pub" --rawfile ana "$KAVI_SSH_KEY.pub" --argjson address "$address" '
    {ssh_keys: {ed25519_private: $key, ed25519_public: $public}, users: [{name: "root", ssh_authorized_keys: [$ana]}]} as $data |
    {name: "bruno", server_type: "cpx32", image: "ubuntu-24.04", location: "nbg1", user_data: ("#cloud-config\n" + ($data | tojson)),
     public_net: {enable_ipv4: true, enable_ipv6: false, ipv4: $address}}' >"$folder/order.json"
check "the API makes a server" api -d "@$folder/order.json" "$HCLOUD_ENDPOINT/servers"
bruno=$(mapped 188.34.198.57:22)
until login "$bruno" "$folder/bruno_key.pub" true 2>/dev/null; do
    [ "$SECONDS" -lt 150 ] || fail "the new server doesn't let the operator in"
done
check "it has the host key that it was given" login "$bruno" "$folder/bruno_key.pub" true
refused() { ! "$@"; }
check "another host key is refused" refused login "$bruno" "$folder/host-keys/eva.pub" true
check "cloud-init ends well" login "$bruno" "$folder/bruno_key.pub" 'cloud-init status --wait'
check "Docker and Compose run in it" login "$bruno" "$folder/bruno_key.pub" \
    'for _ in $(seq 50); do docker info >/dev/null 2>&1 && break; sleep 0.2; done; docker compose version --short | grep ^2'
check "an image is pulled under its real name" login "$bruno" "$folder/bruno_key.pub" 'docker pull -q postgres:16.11-alpine'
check "and one of another registry" login "$bruno" "$folder/bruno_key.pub" 'docker pull -q codeberg.org/forgejo/forgejo:11.0.9-rootless'
check "a missing tag is told" login "$bruno" "$folder/bruno_key.pub" 'docker pull postgres:0-missing 2>&1 | grep "manifest unknown"'
check "containers run" login "$bruno" "$folder/bruno_key.pub" \
    'docker run --rm postgres:16.11-alpine postgres --version | grep "postgres (PostgreSQL)"'

"$lab" fault add --dir "$folder" registry 429 >/dev/null
check "the registry's fault strikes" login "$bruno" "$folder/bruno_key.pub" \
    '! docker pull redis:8.2.2-alpine >/tmp/out 2>&1 && grep -i "pull rate limit" /tmp/out'
"$lab" fault add --dir "$folder" machine=bruno disk-full >/dev/null
check "a full disk is full" login "$bruno" "$folder/bruno_key.pub" '! dd if=/dev/zero of=/opt/x bs=64K count=16'
"$lab" fault clear --dir "$folder"
check "and is free again" login "$bruno" "$folder/bruno_key.pub" 'dd if=/dev/zero of=/opt/x bs=64K count=16'

box=$(mapped u000000.your-storagebox.de:23)
echo "[127.0.0.1]:$box $(cut -d' ' -f1,2 "$folder/box/etc/ssh_host_ed25519_key.pub")" >"$folder/known_box"
boxssh() {
    local account=$1 key=$2
    shift 2
    timeout 20 ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$folder/known_box" \
        -i "$folder/operator/$key" -p "$box" "$account@127.0.0.1" "$@"
}
echo kept | boxssh u000000-sub2 box_prune dd of=file status=none
check "the box keeps what one account wrote for another" test "$(boxssh u000000-sub3 box_read cat file)" = kept
check "the reader can't write" refused boxssh u000000-sub3 box_read dd of=other </dev/null
check "a shell is refused" test "$(boxssh u000000 box_admin bash >/dev/null 2>&1; echo $?)" = 127
check "connections are logged" grep -q '"machine":"eva","port":22' "$folder/ssh.jsonl"

"$lab" down --dir "$folder" >"$folder/down.log" 2>&1 || fail "down: $(cat "$folder/down.log")"
trap - EXIT
check "no container is left" test -z "$(docker --host "$docker_host" ps -aq --filter "label=kavi-lab=$prefix" 2>/dev/null)"
check "no network is left" test ! -e "/sys/class/net/klab${prefix#kavi-lab-}"
check "no mount is left" refused grep -q " $folder/" /proc/self/mounts
check "its process is gone" refused kill -0 "$pid"
check "no other process is left" refused grep -lzq -- "$folder/" /proc/[0-9]*/cmdline
echo "the lab works"
