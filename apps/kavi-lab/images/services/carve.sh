#!/bin/sh
# carve.sh ROOT OUT: takes a tree of Debian packages apart into the file systems of the small images, one tar each:
# busybox (what a shell script needs), postgres, redis, and box (the whole tree without the databases).
set -eu
root=$1
out=$2
here=$(dirname "$0")
pg=usr/lib/postgresql/15
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# take NAME PATH…: copies files or folders of the tree into an image, and the libraries that they ask for.
take() {
    name=$1
    shift
    for path in "$@"; do
        (cd "$root" && cp -a --parents "$path" "$work/$name")
    done
    # Nothing but libraries named by the loader itself; the image has Debian's merged /usr.
    for path in "$@"; do
        find "$root/$path" -type f \( -perm -100 -o -name '*.so*' \) -printf '/%P\n' |
            sed "s,^/,/$path/,; s,/$,," |
            while read -r file; do chroot "$root" ldd "$file" 2>/dev/null || true; done
    done | sed -nE 's/.*(=> |^[[:space:]]*)(\/[^ ]+) \(0x.*/\2/p' | sort -u |
        while read -r library; do
            real=$(chroot "$root" readlink -f "$library")
            install -D -m 755 "$root$real" "$work/$name/usr$(echo "$library" | sed 's,^/usr,,')"
        done
}

# skeleton NAME PASSWD-LINE…: folders, accounts and busybox.
skeleton() {
    name=$1
    shift
    install -d "$work/$name/usr/bin" "$work/$name/usr/sbin" "$work/$name/usr/lib" "$work/$name/usr/lib64" \
        "$work/$name/etc" "$work/$name/proc" "$work/$name/sys" "$work/$name/dev" "$work/$name/run" "$work/$name/var"
    install -d -m 1777 "$work/$name/tmp" "$work/$name/var/tmp"
    install -d -m 700 "$work/$name/root"
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$work/$name/$folder"; done
    cp "$root/bin/busybox" "$work/$name/usr/bin/busybox"
    "$work/$name/usr/bin/busybox" --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$work/$name/usr/bin/$applet"
    done
    for line in root:x:0:0:root:/root:/bin/sh "$@" nobody:x:65534:65534:nobody:/:/bin/false; do
        echo "$line" >>"$work/$name/etc/passwd"
        echo "$line" | awk -F: '{ print $1 ":x:" $4 ":" }' >>"$work/$name/etc/group"
    done
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$work/$name/etc/nsswitch.conf"
}

pack() { tar -C "$work/$1" --sort=name --mtime=@0 --numeric-owner -cf "$out/$1.tar" .; }

skeleton busybox git:x:1000:1000:git:/var/lib/gitea:/bin/sh
pack busybox

skeleton postgres postgres:x:70:70:postgres:/var/lib/postgresql:/bin/sh
rm "$work/postgres/usr/bin/setpriv"
rm -rf "$root/$pg/lib/bitcode" "$root/$pg/lib/llvmjit.so" "$root"/$pg/lib/llvmjit_types.bc
take postgres "$pg/bin" "$pg/lib" usr/share/postgresql/15 usr/share/zoneinfo usr/lib/locale/C.utf8 usr/bin/bash usr/bin/setpriv
for program in "$work/postgres/$pg"/bin/*; do ln -sf "../lib/postgresql/15/bin/$(basename "$program")" "$work/postgres/usr/bin/"; done
install -m 755 "$here/postgres-entrypoint" "$work/postgres/usr/bin/docker-entrypoint.sh"
install -d "$work/postgres/docker-entrypoint-initdb.d"
install -d -o 70 -g 70 -m 1777 "$work/postgres/var/lib/postgresql/data"
install -d -o 70 -g 70 -m 2777 "$work/postgres/run/postgresql"
ln -s ../run "$work/postgres/var/run"
pack postgres

skeleton redis redis:x:999:1000:redis:/data:/bin/sh
take redis usr/bin/redis-server usr/bin/redis-check-rdb usr/bin/redis-cli
install -d -o 999 -g 1000 "$work/redis/data"
pack redis

rm -rf "${root:?}/$pg" "$root/usr/share/postgresql" "$root"/usr/lib/x86_64-linux-gnu/libLLVM* "$root"/etc/ssh/ssh_host_*
sh "$here/../box/customize.sh" "$root"
tar -C "$root" --sort=name --numeric-owner --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -cf "$out/box.tar" .
