#!/bin/sh
# image.sh 15|17: makes sure that the engine (DOCKER_HOST) has an image with PostgreSQL of that version, with the official
# image's promises, and prints its name. 15 comes from Debian 12 with Redis 7, 17 from Debian 13 with Redis 8. The packages' tree is kept in
# KAVI_LAB_CACHE (else /var/cache/kavi-lab) under a digest of its recipe.
set -eu
version=$1
here=$(cd "$(dirname "$0")" && pwd)
entrypoint=$here/../../../apps/kavi-lab/images/services/postgres-entrypoint
cache=${KAVI_LAB_CACHE:-/var/cache/kavi-lab}
case $version in
    15) suite=bookworm ;;
    17) suite=trixie ;;
    *) echo "usage: image.sh 15|17" >&2; exit 2 ;;
esac
key=$(cat "$0" "$entrypoint" | sha256sum | cut -c1-12)
image=kavi-test/postgres:$version-$key
if docker image inspect "$image" >/dev/null 2>&1; then echo "$image"; exit 0; fi

mkdir -p "$cache"
exec 9>"$cache/test-images.lock"
flock 9
tree=$cache/test-postgres-$version-$key.tar
if [ ! -f "$tree" ]; then
    mirror=${KAVI_LAB_MIRROR:-http://deb.debian.org/debian}
    mmdebstrap --variant=minbase --quiet --aptopt='APT::Install-Recommends "false"' \
        --include="postgresql-$version,postgresql-contrib,redis-server" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/libLLVM*' \
        --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' --dpkgopt='path-exclude=/usr/lib/llvm*' \
        --essential-hook='mkdir -p "$1/etc/postgresql-common"; echo create_main_cluster = false >"$1/etc/postgresql-common/createcluster.conf"' \
        --customize-hook="install -m 755 '$entrypoint' \"\$1/usr/bin/docker-entrypoint.sh\"" \
        --customize-hook="for p in \"\$1\"/usr/lib/postgresql/$version/bin/*; do ln -sf \"/usr/lib/postgresql/$version/bin/\${p##*/}\" \"\$1/usr/bin/\"; done" \
        --customize-hook='mkdir -p "$1/docker-entrypoint-initdb.d" "$1/data"; chroot "$1" chown redis:redis /data; chroot "$1" install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data' \
        --format=tar "$suite" "$tree.part" "deb $mirror $suite main" >&2
    mv "$tree.part" "$tree"
fi
docker import --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["postgres"]' \
    --change 'ENV PGDATA=/var/lib/postgresql/data LANG=C.UTF-8' --change 'VOLUME /var/lib/postgresql/data' "$tree" "$image" >/dev/null
echo "$image"
