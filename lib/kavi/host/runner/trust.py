# sshd and its host keys. A change of sshd undoes itself unless a new connection confirms it.
SSH_FOLDER = "/etc/ssh"
OWN_KEY = SSH_FOLDER + "/kavi_host_ed25519_key"
DROPINS = SSH_FOLDER + "/sshd_config.d"
KEY_DROPIN = "10-kavi-host-key.conf"
KEY_SETTING = "HostKey %s\n" % OWN_KEY
REVERT_AFTER = 120


def public_line(private):
    """The public half of a private key, without its comment."""
    return " ".join(must_run(["ssh-keygen", "-y", "-f", private]).split()[:2])


@operation("trust/make", changes=True)
def make_host_key(parameters, frames):
    """The host's own key, made here if there is none yet; the private half never leaves. → {"public": line}."""
    if not os.path.exists(OWN_KEY):
        folder = tempfile.mkdtemp(prefix=".kavi-", dir=SSH_FOLDER)
        try:
            must_run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder + "/key"])
            sync(folder + "/key")
            os.replace(folder + "/key", OWN_KEY)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    line = public_line(OWN_KEY)
    write_file(OWN_KEY + ".pub", (line + "\n").encode(), 0o644)
    return {"public": line}


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
    return {"switched": change_sshd(KEY_DROPIN, KEY_SETTING)}


@operation("trust/settle", changes=True)
def settle_host_key(parameters, frames):
    """The new connection is here: the switch stays, and the keys that cloud-init brought or made go."""
    confirm_sshd(KEY_DROPIN)
    if read_text(DROPINS + "/" + KEY_DROPIN) != KEY_SETTING:
        raise Failure("KAVI-E0604", "sshd went back to its old host key", ["two minutes had passed"],
                      "run the command again")
    for name in sorted(os.listdir(SSH_FOLDER)):
        if name.startswith("ssh_host_") and (name.endswith("_key") or name.endswith("_key.pub")):
            os.unlink(os.path.join(SSH_FOLDER, name))
    # cloud-init and sshd-keygen would make new ones at the next boot, which sshd wouldn't use; nor would a rebuild's.
    write_file("/etc/cloud/cloud.cfg.d/99-kavi-host-key.cfg", b"ssh_deletekeys: false\nssh_genkeytypes: []\n", 0o644)
    return {}


@operation("sshd/change", changes=True)
def sshd_change(parameters, frames):
    """{"name": of a drop-in, "content"} → {"changed": bool}. Undone in two minutes, unless sshd/confirm comes."""
    return {"changed": change_sshd(parameters["name"], parameters["content"])}


@operation("sshd/confirm", changes=True)
def sshd_confirm(parameters, frames):
    """{"name"}: the change stays."""
    confirm_sshd(parameters["name"])
    return {}


def revert_unit(name):
    return "kavi-revert-" + re.sub("[^a-z0-9]+", "-", name.lower())


def saved_copy(name):
    """What the drop-in was before its change; empty: it wasn't there."""
    return "%s/revert/%s" % (STATE, name)


def change_sshd(name, content):
    path = inside(DROPINS, name)
    if read_text(path) == content:
        return os.path.exists(saved_copy(name))  # an unconfirmed change of an earlier run: it still needs confirming
    old = read_text(path, "")
    if not os.path.exists(saved_copy(name)):
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        write_file(saved_copy(name), old.encode(), 0o600)
    # The way back stands before the first step is made. It needs nothing of kavi's that might be missing then.
    restore = 'if [ -s "$1" ]; then cp "$1" "$2"; else rm -f "$2"; fi; rm -f "$1"; %s' % RELOAD
    run(["systemctl", "stop", revert_unit(name) + ".timer"])
    must_run(["systemd-run", "--quiet", "--collect", "--unit", revert_unit(name), "--on-active=%d" % REVERT_AFTER,
              "--timer-property=AccuracySec=1s", "/bin/sh", "-c", restore, "sh", saved_copy(name), path])
    write_file(path, content.encode(), 0o644)
    status, _, errors = run(["sshd", "-t"], env=dict(os.environ, PATH=PATH_WITH_SBIN))
    if status != 0:
        undo_sshd(name)
        raise Failure("KAVI-E0604", "sshd refuses its new settings", errors.strip().splitlines()[-3:])
    must_run(["/bin/sh", "-c", RELOAD])
    return True


def undo_sshd(name):
    old = read_text(saved_copy(name), "")
    path = inside(DROPINS, name)
    if old:
        write_file(path, old.encode(), 0o644)
    elif os.path.exists(path):
        os.unlink(path)
    confirm_sshd(name)


def confirm_sshd(name):
    run(["systemctl", "stop", revert_unit(name) + ".timer"])
    if os.path.exists(saved_copy(name)):
        os.unlink(saved_copy(name))


# Debian and Ubuntu call the unit ssh. Connections that are open stay.
RELOAD = "systemctl try-reload-or-restart ssh.service 2>/dev/null || systemctl try-reload-or-restart sshd.service"
PATH_WITH_SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
