# Storage mounted by sshfs. Below the mount point lies an immutable empty folder: what is written without the mount fails
# instead of filling the disk. A keeper looks every minute, because a mount that hangs doesn't say so. There is no
# automount: everything that merely looks at the path would wait for the box.
KEYS = "/var/lib/kavi/keys"
MOUNT_LISTS = "/var/lib/kavi/mounts"
SENTINEL = ".kavi-mount"


def mount_unit(at):
    """The unit's name for a path, as systemd-escape --path has it."""
    plain = lambda c: c.isascii() and (c.isalnum() or c in ":_.")
    escaped = ["-" if c == "/" else c if plain(c) else "".join("\\x%02x" % b for b in c.encode()) for c in at.strip("/")]
    return "".join(escaped) + ".mount"


def key_path(name):
    return "%s/%s_ed25519" % (KEYS, name)


def known_hosts(name):
    return "%s/%s_known_hosts" % (KEYS, name)


def fingerprint_of(blob):
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")


def box_name(spec):
    return spec["host"] if spec["port"] == 22 else "[%s]:%d" % (spec["host"], spec["port"])


def pin_box(spec):
    """Writes the box's host key, which must be the one that the estate file names, to a known_hosts of its own."""
    line = (read_text(known_hosts(spec["name"])) or "").split()
    if len(line) == 3 and line[0] == box_name(spec) and fingerprint_of(line[2]) == spec["host_key"]:
        return
    status, out, errors = run(["ssh-keyscan", "-T", "10", "-t", "ed25519", "-p", str(spec["port"]), spec["host"]], timeout=30)
    keys = [words for words in (line.split() for line in out.splitlines()) if len(words) == 3 and words[1] == "ssh-ed25519"]
    if not keys:
        raise Failure("KAVI-E0601", "the box %s can't be reached from this server" % spec["host"],
                      errors.strip().splitlines()[-2:], "is the box switched on for SSH and for access from outside?")
    if fingerprint_of(keys[0][2]) != spec["host_key"]:
        raise Failure("KAVI-E0603", "the host key of %s isn't the pinned one" % spec["host"],
                      ["it shows %s" % fingerprint_of(keys[0][2]), "the estate file says %s" % spec["host_key"]])
    write_file(known_hosts(spec["name"]), ("%s ssh-ed25519 %s\n" % (box_name(spec), keys[0][2])).encode(), 0o644)


def ssh_options(spec):
    return ["IdentityFile=" + key_path(spec["name"]), "IdentitiesOnly=yes", "UserKnownHostsFile=" + known_hosts(spec["name"]),
            "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes", "HostKeyAlgorithms=ssh-ed25519",
            "PasswordAuthentication=no", "ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=3"]


def way_in(spec):
    """The host's own key for the box and the box's pin. → {"public", "accepted": does the box let it in?, "why"}"""
    os.makedirs(KEYS, mode=0o700, exist_ok=True)
    public = make_key(key_path(spec["name"]))
    pin_box(spec)
    words = ["sftp", "-q", "-b", "-", "-P", str(spec["port"])]
    for option in ssh_options(spec):
        words += ["-o", option]
    status, _, errors = run(words + ["%s@%s" % (spec["user"], spec["host"])], timeout=40, data=b"pwd\n")
    return {"public": public, "accepted": status == 0, "why": errors.strip().splitlines()[-1:]}


@operation("mount/prepare", changes=True)
def prepare_mount(parameters, frames):
    return way_in(parameters["spec"])


def unit_texts(spec):
    """{file name: content} of the units for one mount."""
    at, name, mount = spec["at"], spec["name"], mount_unit(spec["at"])
    options = ["port=%d" % spec["port"], "reconnect", "allow_other", "noatime"] + ssh_options(spec)
    restart = "docker ps -aq --filter label=com.docker.compose.project=$$project --filter label=com.docker.compose.service=$$service"
    look = "timeout 20 stat %s/%s >/dev/null 2>&1" % (at, SENTINEL)
    return {
        mount: "[Unit]\nDescription=%s (kavi)\nWants=network-online.target\nAfter=network-online.target\n\n"
               "[Mount]\nWhat=%s@%s:\nWhere=%s\nType=fuse.sshfs\nOptions=%s\nTimeoutSec=60\n\n"
               "[Install]\nWantedBy=multi-user.target\n" % (name, spec["user"], spec["host"], at, ",".join(options)),
        # Services that need the mount: started with it, never without it.
        "kavi-services-%s.service" % name:
               "[Unit]\nDescription=Services that need %s\nBindsTo=%s\nAfter=%s docker.service\nWants=docker.service\n\n"
               "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'while read -r project service; do "
               "%s | xargs -r docker restart; done <%s/%s'\n\n[Install]\nWantedBy=%s\n"
               % (name, mount, mount, restart, MOUNT_LISTS, name, mount),
        "kavi-keep-%s.service" % name:
               "[Unit]\nDescription=Mounts %s again if it was lost\nAfter=network-online.target\n\n[Service]\nType=oneshot\n"
               "ExecStart=/bin/sh -c '%s || { umount -l %s 2>/dev/null; systemctl reset-failed %s; systemctl restart %s; }'\n"
               % (name, look, at, mount, mount),
        "kavi-keep-%s.timer" % name:
               "[Unit]\nDescription=Looks after %s\n\n[Timer]\nOnBootSec=1min\nOnUnitActiveSec=1min\n\n"
               "[Install]\nWantedBy=timers.target\n" % name,
    }


def is_mounted(at):
    for line in (read_text("/proc/self/mounts") or "").splitlines():
        if line.split()[1].replace("\\040", " ") == at and line.split()[2].startswith("fuse"):
            return True
    return False


def sentinel_there(at):
    return run(["timeout", "20", "stat", "%s/%s" % (at, SENTINEL)], timeout=30)[0] == 0


def folder_there(at, name):
    return run(["timeout", "20", "test", "-d", "%s/%s" % (at, name)], timeout=30)[0] == 0


@kind("mount")
class Mount:
    @staticmethod
    def services_text(spec):
        return "".join("%s %s\n" % (project, service) for project, service in spec["services"])

    @staticmethod
    def check(spec):
        if "sshfs" not in installed(["sshfs"]):
            return ["sshfs isn't installed"]
        if not is_mounted(spec["at"]):
            return ["%s isn't mounted" % spec["at"]]
        found = [] if sentinel_there(spec["at"]) else ["%s doesn't answer" % spec["at"]]
        if not found:
            found = ["%s/%s isn't there" % (spec["at"], name) for name in spec.get("folders", []) if not folder_there(spec["at"], name)]
        for name, content in sorted(unit_texts(spec).items()):
            found += file_problem(ETC_SYSTEMD + "/" + name, content, "0644")
        found += file_problem(MOUNT_LISTS + "/" + spec["name"], Mount.services_text(spec), "0644")
        return found

    @staticmethod
    def mend(spec):
        at, name, mount = spec["at"], spec["name"], mount_unit(spec["at"])
        if "sshfs" not in installed(["sshfs"]):
            apt_install(["sshfs"])
        changed = Mount.write_units(spec)
        write_file(MOUNT_LISTS + "/" + name, Mount.services_text(spec).encode(), 0o644)
        if changed or (is_mounted(at) and not sentinel_there(at)):
            run(["umount", "-l", at])
        if not is_mounted(at):
            Mount.prepare_point(at)
            run(["systemctl", "reset-failed", mount])
            must_run(["systemctl", "start", mount], timeout=90)
        if not sentinel_there(at):
            must_run(["timeout", "20", "touch", "%s/%s" % (at, SENTINEL)])
        for folder in spec.get("folders", []):
            must_run(["timeout", "20", "mkdir", "-p", "%s/%s" % (at, folder)])
        for unit in (mount, "kavi-services-%s.service" % name, "kavi-keep-%s.timer" % name):
            must_run(["systemctl", "enable", "--quiet", unit])
        must_run(["systemctl", "start", "kavi-keep-%s.timer" % name])

    @staticmethod
    def write_units(spec):
        """Did the mount itself change?"""
        mount, changed = mount_unit(spec["at"]), False
        for name, content in unit_texts(spec).items():
            if file_problem(ETC_SYSTEMD + "/" + name, content, "0644"):
                write_file(ETC_SYSTEMD + "/" + name, content.encode(), 0o644)
                changed = changed or name == mount
        must_run(["systemctl", "daemon-reload"])
        return changed

    @staticmethod
    def prepare_point(at):
        """Nobody writes below a mount point while nothing is mounted there."""
        os.makedirs(at, exist_ok=True)
        run(["chattr", "-i", at])
        if os.listdir(at):
            raise Failure("KAVI-E0604", "%s isn't empty, and nothing is mounted there" % at, sorted(os.listdir(at))[:5],
                          "move what lies there away (it was written while the mount was lost), then run the command again")
        os.chmod(at, 0o555)
        run(["chattr", "+i", at])  # a file system without that flag has the mode at least
