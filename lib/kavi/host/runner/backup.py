# Backups: this server's own keys, what its agent reads, and the timer.
REQUEST = "/etc/kavi/backup.json"
BACKUP_UNITS = ("kavi-backup.service", "kavi-backup.timer")
SIGNING = "backup_signing"


def short_digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def accepted_file(name):
    return "%s/%s_accepted" % (KEYS, name)


def accepted_text(spec, public):
    return "%s@%s:%d %s" % (spec["user"], spec["host"], spec["port"], public)


def unit_state(unit):
    """What systemd says of it, {property: text}; times are UTC, and what says nothing is left out."""
    _, out, _ = run(["systemctl", "show", unit, "-p", "UnitFileState,ActiveState,NextElapseUSecRealtime,LastTriggerUSec,Result,"
                     "ExecMainStatus,ExecMainStartTimestamp,ExecMainExitTimestamp"], timeout=20, env=dict(os.environ, TZ="UTC"))
    pairs = (line.partition("=") for line in out.splitlines())
    return {name: value for name, _, value in pairs if value not in ("", "n/a")}


@facts("backup")
def backup_facts(parameters):
    """{"writers": [names of keys]} → digests of what deploy puts here, public halves, and what the timer's units say."""
    request = read_json(REQUEST)
    if not isinstance(request, dict):
        request = {}
    compact = lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    found = {"request": {name: short_digest(compact(value)) for name, value in request.items()},
             "units": {name: short_digest(read_text(ETC_SYSTEMD + "/" + name, "")) for name in BACKUP_UNITS},
             "keys": {name: read_text(key_path(name) + ".pub", "").strip() for name in [SIGNING] + parameters["writers"]},
             "accepted": {name: short_digest(read_text(accepted_file(name), "")) for name in parameters["writers"]},
             "timer": unit_state(BACKUP_UNITS[1]), "service": unit_state(BACKUP_UNITS[0])}
    if request:
        about = os.stat(REQUEST)
        found["mode"] = "%d %04o" % (about.st_uid, stat.S_IMODE(about.st_mode))
    return found


@operation("backup/keys", changes=True)
def backup_keys(parameters, frames):
    """{"spec": a store's, as a mount's}: this server's keys, made here if there are none yet. → {"signing", "public", "accepted"}."""
    spec = parameters["spec"]
    answer = dict(way_in(spec), signing=make_key(key_path(SIGNING)))
    if answer["accepted"]:
        write_file(accepted_file(spec["name"]), accepted_text(spec, answer["public"]).encode(), 0o600)
    return answer


@operation("backup/schedule", changes=True)
def backup_schedule(parameters, frames):
    """{"units": {name: content}, "keep": [members]}; frame "backup-request": what the agent reads. `keep`: as they are here already."""
    request, old = json.loads(frames["backup-request"]), read_json(REQUEST, {})
    request.update((name, old[name]) for name in parameters["keep"] if name in old)
    write_file(REQUEST, (json.dumps(request, sort_keys=True, ensure_ascii=False) + "\n").encode(), 0o600)
    for name, content in parameters["units"].items():
        write_file(ETC_SYSTEMD + "/" + name, content.encode(), 0o644)
    must_run(["systemctl", "daemon-reload"])
    must_run(["systemctl", "enable", "--quiet", BACKUP_UNITS[1]])
    must_run(["systemctl", "restart", BACKUP_UNITS[1]])
    return {}
