# sshd and its host keys. A change of sshd undoes itself unless a new connection confirms it.
SSH_FOLDER = "/etc/ssh"
OWN_KEY = SSH_FOLDER + "/kavi_host_ed25519_key"
DROPINS = SSH_FOLDER + "/sshd_config.d"
KEY_DROPIN = "10-kavi-host-key.conf"
KEY_SETTING = "HostKey %s\n" % OWN_KEY
REVERT_AFTER = 120


def make_key(path):
    """A key pair made here, if there is none yet: whole or not there. The private half never leaves. → the public
    line."""
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=".kavi-", dir=os.path.dirname(path))
        try:
            must_run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder + "/key"])
            sync(folder + "/key")
            os.replace(folder + "/key", path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    line = public_line(path)
    write_file(path + ".pub", (line + "\n").encode(), 0o644)
    return line


def public_line(private):
    """The public half of a private key, without its comment."""
    return " ".join(must_run(["ssh-keygen", "-y", "-f", private]).split()[:2])


@operation("trust/make", changes=True)
def make_host_key(parameters, frames):
    """The host's own key, made here if there is none yet; the private half never leaves. → {"public": line}."""
    return {"public": make_key(OWN_KEY)}


def sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@operation("trust/switch", changes=True)
def switch_host_key(parameters, frames):
    """sshd shows the host's own key from now on, and again the old one in two minutes, unless trust/settle comes.
    → {"switched": bool}."""
    if not os.path.exists(OWN_KEY):
        raise Failure("KAVI-E0604", "the host's own key isn't there", [OWN_KEY])
    return {"switched": guarded_change(KEY_DROPIN, DROPINS + "/" + KEY_DROPIN, KEY_SETTING, 0o644, RELOAD_SSHD,
                                       ["sshd", "-t"])}


@operation("trust/settle", changes=True)
def settle_host_key(parameters, frames):
    """The new connection is here: the switch stays, and the keys that cloud-init brought or made go."""
    confirm(KEY_DROPIN)
    if read_text(DROPINS + "/" + KEY_DROPIN) != KEY_SETTING:
        raise Failure("KAVI-E0604", "sshd went back to its old host key", ["two minutes had passed"],
                      "run the command again")
    for name in sorted(os.listdir(SSH_FOLDER)):
        if name.startswith("ssh_host_") and (name.endswith("_key") or name.endswith("_key.pub")):
            os.unlink(os.path.join(SSH_FOLDER, name))
    # cloud-init and sshd-keygen would make new ones at the next boot, which sshd wouldn't use; nor would a rebuild's.
    write_file("/etc/cloud/cloud.cfg.d/99-kavi-host-key.cfg", b"ssh_deletekeys: false\nssh_genkeytypes: []\n", 0o644)
    return {}


# --- Changes that undo themselves ------------------------------------------------------------------------------------

# Debian and Ubuntu call the unit ssh. Connections that are open stay.
RELOAD_SSHD = "systemctl try-reload-or-restart ssh.service 2>/dev/null || systemctl try-reload-or-restart sshd.service"
PATH_WITH_SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
RESTORE = 'if [ -s "$1" ]; then cp -p "$1" "$2"; else rm -f "$2"; fi; rm -f "$1"; '


@operation("guard/confirm", changes=True)
def confirm_change(parameters, frames):
    """{"name"}: what a guarded change did stays; the client has come back on a new connection."""
    confirm(parameters["name"])
    return {}


def revert_unit(name):
    return "kavi-revert-" + re.sub("[^a-z0-9]+", "-", name.lower())


def saved_copy(name):
    """What the file was before its change; empty: it wasn't there."""
    return "%s/revert/%s" % (STATE, name)


def guarded_change(name, path, content, mode, reload="true", check=None):
    """Writes a file that decides who can log in. In two minutes it is as it was, unless guard/confirm comes.
    → does the change (of now, or of a run that was cut off) still need confirming?"""
    saved = saved_copy(name)
    if read_text(path) == content:
        return os.path.exists(saved)
    if not os.path.exists(saved):
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        write_file(saved, read_text(path, "").encode(), 0o600)
    # The way back stands before the first step is made, and needs nothing that might be missing then.
    run(["systemctl", "stop", revert_unit(name) + ".timer"])
    must_run(["systemd-run", "--quiet", "--collect", "--unit", revert_unit(name), "--on-active=%d" % REVERT_AFTER,
              "--timer-property=AccuracySec=1s", "/bin/sh", "-c", RESTORE + reload, "sh", saved, path])
    write_file(path, content.encode(), mode)
    status, _, errors = run(check, env=dict(os.environ, PATH=PATH_WITH_SBIN)) if check else (0, "", "")
    if status != 0:
        must_run(["/bin/sh", "-c", RESTORE, "sh", saved, path])
        confirm(name)
        raise Failure("KAVI-E0604", "%s was refused, and is as it was" % path, errors.strip().splitlines()[-3:])
    must_run(["/bin/sh", "-c", reload])
    return True


def confirm(name):
    run(["systemctl", "stop", revert_unit(name) + ".timer"])
    if os.path.exists(saved_copy(name)):
        os.unlink(saved_copy(name))
