# Files, records and the facts about the machine itself.


@facts("machine")
def machine_facts(parameters):
    release = {}
    for line in (read_text("/etc/os-release") or "").splitlines():
        key, _, value = line.partition("=")
        release[key] = value.strip('"')
    disk = os.statvfs("/var/lib")
    memory = dict(line.split(":", 1) for line in (read_text("/proc/meminfo") or "").splitlines() if ":" in line)
    return {
        "os": release.get("ID", ""),
        "os_version": release.get("VERSION_ID", ""),
        "os_name": release.get("PRETTY_NAME", ""),
        "hostname": socket.gethostname(),
        "kernel": os.uname().release,
        "machine": os.uname().machine,
        "now": int(time.time()),
        "uptime": int(float((read_text("/proc/uptime") or "0").split()[0])),
        "disk_free": disk.f_bavail * disk.f_frsize,
        "disk_size": disk.f_blocks * disk.f_frsize,
        "memory_kib": int(memory.get("MemTotal", "0").split()[0]),
        "memory_available_kib": int(memory.get("MemAvailable", "0").split()[0]),
        "reboot_required": os.path.exists("/run/reboot-required"),
        "cloud_init": cloud_init_status(),
        "container": os.path.exists("/run/systemd/container"),
    }


def cloud_init_status():
    """"done", "running", "error" or "none", without starting cloud-init (it takes half a second)."""
    if not os.path.exists("/run/cloud-init/enabled") and not os.path.exists("/var/lib/cloud/data/status.json"):
        return "none"
    result = read_json("/var/lib/cloud/data/result.json")
    if result is None or not os.path.exists("/var/lib/cloud/instance/boot-finished"):
        return "running"
    return "error" if (result.get("v1") or {}).get("errors") else "done"


@facts("hostkeys")
def host_key_facts(parameters):
    keys = {}
    for name in sorted(os.listdir("/etc/ssh") if os.path.isdir("/etc/ssh") else []):
        if name.startswith("ssh_host_") and name.endswith(".pub"):
            keys[name[:-4]] = (read_text("/etc/ssh/" + name) or "").strip()
    return keys


@facts("records")
def record_facts(parameters):
    """{"stacks": {name: record}, "deployed": {…}} as kavi wrote them."""
    stacks = {}
    folder = STATE + "/stacks"
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            stacks[name[:-5]] = read_json(folder + "/" + name)
    return {"stacks": stacks, "deployed": read_json(STATE + "/deployed.json"), "releases": last_releases()}


def last_releases(count=10):
    found = {}
    folder = STATE + "/releases"
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".jsonl"):
            lines = (read_text(folder + "/" + name) or "").splitlines()[-count:]
            found[name[:-6]] = [json.loads(line) for line in lines if line.strip()]
    return found


@facts("files")
def file_facts(parameters):
    """Digests of what lies in the folders {"folders": […]}: {folder: {path: {"sha256", "mode"}}}; links aren't
    followed."""
    found = {}
    for folder in parameters.get("folders", []):
        entries = {}
        for where, folders, names in os.walk(folder):
            folders.sort()
            for name in names:
                path = os.path.join(where, name)
                seen = os.lstat(path)
                if stat.S_ISREG(seen.st_mode):
                    entries[os.path.relpath(path, folder)] = {"sha256": sha256_file(path),
                                                              "mode": "%04o" % stat.S_IMODE(seen.st_mode)}
        found[folder] = entries
    return found


@facts("mounts")
def mount_facts(parameters):
    """{"places": […]} → {place: {"mounted", "type", "source", "sentinel"}}; a mount that hangs is said to hang."""
    table = {}
    for line in (read_text("/proc/self/mounts") or "").splitlines():
        source, target, kind = line.split()[:3]
        table[target.replace("\\040", " ")] = {"source": source, "type": kind}
    found = {}
    for place in parameters.get("places", []):
        entry = table.get(place)
        found[place] = dict(entry or {}, mounted=entry is not None and entry["type"] != "autofs")
        if found[place]["mounted"]:
            status, _, _ = run(["stat", place + "/.kavi-mount"], timeout=10)
            found[place]["sentinel"] = status == 0
            found[place]["hangs"] = status == -1
    return found


@operation("facts")
def all_facts(parameters, frames):
    """{"parts": {name: parameters}} → {name: value}; a part that fails says so and doesn't hide the others."""
    found = {}

    def one(name, more):
        try:
            found[name] = FACTS[name](more) if name in FACTS else {"failed": "unknown"}
        except Exception as problem:
            found[name] = {"failed": "%s: %s" % (type(problem).__name__, problem)}

    threads = [threading.Thread(target=one, args=part) for part in parameters.get("parts", {}).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@operation("files/put", changes=True)
def put_files(parameters, frames):
    """{"folder", "folder_mode", "files": [{"path", "mode", "frame"}], "remove_others": bool}: each file whole or not
    at all, only where it differs. `path` is relative to the folder. → {"written": […], "removed": […]}."""
    folder = parameters["folder"]
    os.makedirs(folder, mode=0o755, exist_ok=True)
    os.chmod(folder, int(parameters.get("folder_mode", "0755"), 8))
    written, kept = [], set()
    for entry in parameters["files"]:
        path = inside(folder, entry["path"])
        kept.add(path)
        data, mode = frames[entry["frame"]], int(entry["mode"], 8)
        if not same_file(path, data, mode):
            write_file(path, data, mode)
            written.append(entry["path"])
    removed = remove_others(folder, kept) if parameters.get("remove_others") else []
    return {"written": written, "removed": removed}


def inside(folder, path):
    full = os.path.normpath(os.path.join(folder, path))
    if not full.startswith(folder.rstrip("/") + "/"):
        raise Failure("KAVI-E0604", "the path %s leads out of %s" % (path, folder))
    return full


def same_file(path, data, mode):
    try:
        seen = os.lstat(path)
        if not stat.S_ISREG(seen.st_mode) or stat.S_IMODE(seen.st_mode) != mode or seen.st_size != len(data):
            return False
        with open(path, "rb") as file:
            return file.read() == data
    except OSError:
        return False


def remove_others(folder, kept):
    removed = []
    for where, folders, names in os.walk(folder, topdown=False):
        for name in names:
            path = os.path.join(where, name)
            if path not in kept:
                os.unlink(path)
                removed.append(os.path.relpath(path, folder))
        if where != folder and not os.listdir(where):
            os.rmdir(where)
    return removed


@operation("record/write", changes=True)
def write_record(parameters, frames):
    """{"path": below /var/lib/kavi, "value": JSON}."""
    path = inside(STATE, parameters["path"])
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    write_file(path, json.dumps(parameters["value"], sort_keys=True, indent=1).encode(), 0o600)
    return {}


@operation("record/append", changes=True)
def append_record(parameters, frames):
    """{"path": below /var/lib/kavi, "value": JSON}: one line more; the same line twice in a row is written once."""
    path = inside(STATE, parameters["path"])
    old = read_text(path, "")
    line = json.dumps(parameters["value"], sort_keys=True)
    if not old.endswith(line + "\n"):
        write_file(path, (old + line + "\n").encode(), 0o600)
    return {}


@operation("machine/wait", changes=False)
def wait_for_machine(parameters, frames):
    """Until cloud-init has ended. {"timeout"} → {"cloud_init"}."""
    until = time.monotonic() + parameters.get("timeout", 300)
    while cloud_init_status() == "running":
        if time.monotonic() > until:
            raise Failure("KAVI-E0604", "cloud-init didn't end", ["its status is still 'running'"],
                          "kavi ssh, then: cloud-init status --long")
        progress("cloud-init", "running")
        time.sleep(0.25)
    return {"cloud_init": cloud_init_status()}
