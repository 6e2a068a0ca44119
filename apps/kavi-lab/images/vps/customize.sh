#!/bin/sh
# customize.sh ROOT: what Debian's packages have to lose and gain to boot in a container as a fresh cloud server does.
set -eu
root=$1
here=$(dirname "$0")

# What belongs to the host's kernel, or waits for a network that is there already.
for unit in systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-networkd.service systemd-networkd.socket \
    systemd-networkd-wait-online.service systemd-firstboot.service systemd-timesyncd.service \
    apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service cloud-init-hotplugd.socket; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

rm -f "$root"/etc/ssh/ssh_host_*_key* "$root/usr/sbin/policy-rc.d"
echo uninitialized >"$root/etc/machine-id"
install -d "$root/lab" "$root/var/lib/cloud/seed/nocloud" "$root/root/.ssh"
chmod 700 "$root/root/.ssh"
install -m 755 "$here/lab-init" "$root/usr/local/sbin/lab-init"

cat >"$root/etc/cloud/cloud.cfg.d/90_lab.cfg" <<'CONFIG'
datasource_list: [NoCloud, None]
network: {config: disabled}
locale: false
manage_etc_hosts: false
package_update: false
package_upgrade: false
disable_root: false
growpart: {mode: "off"}
resize_rootfs: false
CONFIG

# Servers that were there before kavi answer for the services of the estate file.
cat >"$root/etc/systemd/system/lab-standins.service" <<'UNIT'
[Unit]
Description=Stand-ins for the services of this server
ConditionPathExists=/lab/standins.conf

[Service]
ExecStart=/lab/standin /lab/standins.conf
Restart=always

[Install]
WantedBy=multi-user.target
UNIT
install -d "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../lab-standins.service "$root/etc/systemd/system/multi-user.target.wants/lab-standins.service"
