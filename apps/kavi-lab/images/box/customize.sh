#!/bin/sh
# customize.sh ROOT: the look-alike of a Storage Box: OpenSSH with a list of commands on port 23, ProFTPD on port 22.
set -eu
root=$1
here=$(dirname "$0")
install -m 755 "$here/box-start" "$here/box-shell" "$root/usr/local/sbin/"
install -d "$root/box" "$root/etc/box" "$root/run/sshd"
