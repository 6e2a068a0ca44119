# What every server has: small items, each with a check that only looks and a mend that may be repeated. What an item is
# comes with the request (config/baseline); how its kind is checked and mended stands here.
import concurrent.futures

KINDS = {}
ETC_SYSTEMD = "/etc/systemd/system"


def kind(name):
    """Registers a kind: a class with check(spec) → list of what differs (empty: as wanted) and mend(spec)."""

    def register(cls):
        KINDS[name] = cls
        return cls

    return register


class NotApplicable(Exception):
    """The item makes no sense on this machine; the text says why."""


def kind_of(spec):
    if spec["kind"] not in KINDS:
        raise Failure("KAVI-E0604", "the runner has no baseline item of kind '%s'" % spec["kind"])
    return KINDS[spec["kind"]]


def check_item(spec):
    """{"state": "ok" | "differs" | "not-applicable", "found": [text]}"""
    try:
        found = kind_of(spec).check(spec)
    except NotApplicable as why:
        return {"state": "not-applicable", "found": [str(why)]}
    return {"state": "differs" if found else "ok", "found": found}


@facts("baseline")
def baseline_facts(parameters):
    """{"items": {id: spec}} → {id: state}. An item that can't be checked differs, and says why."""

    def one(spec):
        try:
            return check_item(spec)
        except Exception as problem:
            return {"state": "differs", "found": ["can't be checked: %s" % problem]}

    # Checking is waiting for programs, mostly.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(zip(parameters["items"], pool.map(one, parameters["items"].values())))


@operation("baseline/check")
def baseline_check(parameters, frames):
    return check_item(parameters["spec"])


@operation("baseline/mend", changes=True)
def baseline_mend(parameters, frames):
    """{"spec"} → {"confirm": name of a guarded change that a new connection must confirm, or ""}."""
    spec = parameters["spec"]
    confirm_name = kind_of(spec).mend(spec) or ""
    after = check_item(spec)
    if after["state"] == "differs" and not confirm_name:
        raise Failure("KAVI-E0604", "%s isn't as wanted even after mending" % spec["title"], after["found"])
    return {"confirm": confirm_name}


def in_container():
    return os.path.exists("/run/systemd/container") or os.path.exists("/.dockerenv")


def run_all(commands):
    for command in commands:
        must_run(command, timeout=300)


def file_problem(path, content, mode):
    text = read_text(path)
    if text is None:
        return ["%s isn't there" % path]
    if text != content:
        return ["%s has other content" % path]
    have = "%04o" % stat.S_IMODE(os.stat(path).st_mode)
    return ["%s has mode %s, wanted %s" % (path, have, mode)] if have != mode else []


@kind("folders")
class Folders:
    @staticmethod
    def check(spec):
        found = []
        for path, mode in sorted(spec["folders"].items()):
            if not os.path.isdir(path):
                found.append("%s isn't there" % path)
            elif "%04o" % stat.S_IMODE(os.stat(path).st_mode) != mode:
                found.append("%s has mode %04o, wanted %s" % (path, stat.S_IMODE(os.stat(path).st_mode), mode))
        return found

    @staticmethod
    def mend(spec):
        for path, mode in spec["folders"].items():
            os.makedirs(path, exist_ok=True)
            os.chmod(path, int(mode, 8))


@kind("file")
class File:
    @staticmethod
    def check(spec):
        return file_problem(spec["path"], spec["content"], spec["mode"])

    @staticmethod
    def mend(spec):
        write_file(spec["path"], spec["content"].encode(), int(spec["mode"], 8))
        run_all(spec.get("then", []))


@kind("json")
class JsonFile:
    """Some members of a JSON file; the others are left alone."""

    @staticmethod
    def merged(have, wanted):
        if not isinstance(have, dict) or not isinstance(wanted, dict):
            return wanted
        return dict(have, **{key: JsonFile.merged(have.get(key), value) for key, value in wanted.items()})

    @staticmethod
    def check(spec):
        text = read_text(spec["path"])
        have = read_json(spec["path"])
        if text and have is None:
            return ["%s isn't JSON" % spec["path"]]
        have = have or {}
        return ["%s is %s" % (key, json.dumps(have.get(key))) for key in sorted(spec["values"])
                if JsonFile.merged(have.get(key), spec["values"][key]) != have.get(key)]

    @staticmethod
    def mend(spec):
        text, have = read_text(spec["path"]), read_json(spec["path"])
        if text and not isinstance(have, dict):
            raise Failure("KAVI-E0604", "%s isn't a JSON object" % spec["path"], [], "correct or remove it by hand")
        merged = JsonFile.merged(have or {}, spec["values"])
        write_file(spec["path"], (json.dumps(merged, indent=2, sort_keys=True) + "\n").encode(), 0o644)
        run_all(spec.get("then", []))


@kind("unit")
class Unit:
    """A systemd unit, enabled and started; `probe` says whether what it does holds now."""

    @staticmethod
    def check(spec):
        found = file_problem(ETC_SYSTEMD + "/" + spec["name"], spec["content"], "0644")
        if not found and run(["systemctl", "is-enabled", "--quiet", spec["name"]])[0] != 0:
            found.append("%s isn't enabled" % spec["name"])
        if not found and "probe" in spec and run(spec["probe"], env=dict(os.environ, PATH=PATH_WITH_SBIN))[0] != 0:
            found.append("%s has no effect" % spec["name"])
        return found

    @staticmethod
    def mend(spec):
        write_file(ETC_SYSTEMD + "/" + spec["name"], spec["content"].encode(), 0o644)
        run_all([["systemctl", "daemon-reload"], ["systemctl", "enable", "--quiet", spec["name"]],
                 ["systemctl", "restart", spec["name"]]])


@kind("sshd")
class Sshd:
    @staticmethod
    def path(spec):
        return DROPINS + "/" + spec["name"]

    @staticmethod
    def check(spec):
        unconfirmed = ["the change isn't confirmed yet"] if os.path.exists(saved_copy(spec["name"])) else []
        return file_problem(Sshd.path(spec), spec["content"], "0644")[:1] or unconfirmed

    @staticmethod
    def mend(spec):
        guarded_change(spec["name"], Sshd.path(spec), spec["content"], 0o644, RELOAD_SSHD, ["sshd", "-t"])
        return spec["name"]


def key_of(line):
    """What makes two authorized_keys lines the same key."""
    words = line.split()
    for at, word in enumerate(words[:-1]):
        if word.startswith(("ssh-", "ecdsa-", "sk-")):
            return word + " " + words[at + 1]
    return ""


@kind("authorized-keys")
class AuthorizedKeys:
    """root's keys are the operators', and no others."""

    PATH = "/root/.ssh/authorized_keys"
    NAME = "authorized_keys"

    @staticmethod
    def keys(text):
        lines = [line.strip() for line in text.splitlines()]
        return {key_of(line): line for line in lines if line and not line.startswith("#") and key_of(line)}

    @staticmethod
    def check(spec):
        have, wanted = AuthorizedKeys.keys(read_text(AuthorizedKeys.PATH, "")), AuthorizedKeys.keys("\n".join(spec["lines"]))
        found = ["without %s" % AuthorizedKeys.name(wanted[key]) for key in sorted(set(wanted) - set(have))]
        found += ["also has %s" % AuthorizedKeys.name(have[key]) for key in sorted(set(have) - set(wanted))]
        return found or (["the change isn't confirmed yet"] if os.path.exists(saved_copy(AuthorizedKeys.NAME)) else [])

    @staticmethod
    def name(line):
        digest = hashlib.sha256(base64.b64decode(key_of(line).split()[1])).digest()
        comment = line.split(key_of(line).split()[1], 1)[1].strip()
        return ("SHA256:%s %s" % (base64.b64encode(digest).decode().rstrip("="), comment)).strip()

    @staticmethod
    def mend(spec):
        os.makedirs("/root/.ssh", mode=0o700, exist_ok=True)
        content = "# Written by kavi: the operators of the estate.\n" + "".join(line + "\n" for line in spec["lines"])
        guarded_change(AuthorizedKeys.NAME, AuthorizedKeys.PATH, content, 0o600)
        return AuthorizedKeys.NAME


# --- Packages and Docker ---------------------------------------------------------------------------------------------

DPKG_STATUS = "/var/lib/dpkg/status"
APT = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"]


def package_states():
    """{package: "install ok installed" | "hold ok installed" | …}, read from dpkg's own file."""
    if not os.path.exists(DPKG_STATUS):
        raise NotApplicable("no dpkg")
    states = {}
    for block in (read_text(DPKG_STATUS) or "").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            states[fields["Package"]] = fields.get("Status", "")
    return states


def installed(names):
    states = cached_states()
    return {name: states.get(name, "") for name in names if states.get(name, "").endswith(" ok installed")}


def cached_states():
    if not os.path.exists(DPKG_STATUS):
        raise NotApplicable("no dpkg")
    return cached("dpkg", DPKG_STATUS, package_states)


def apt_install(names):
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", NEEDRESTART_SUSPEND="1")
    words = APT + ["install", "--no-install-recommends"] + names
    if run(words, timeout=900, env=env)[0] == 0:
        return
    progress("packages", "asking for newer lists")
    must_run(APT + ["update"], timeout=600, env=env)
    must_run(words, timeout=1800, env=env)


@kind("packages")
class Packages:
    @staticmethod
    def check(spec):
        have = installed(spec["names"])
        return ["%s isn't installed" % name for name in spec["names"] if name not in have]

    @staticmethod
    def mend(spec):
        apt_install([name for name in spec["names"] if name not in installed(spec["names"])])


@kind("docker")
class Docker:
    """An engine and Compose 2, whoever packs them, held at their versions: upgrading them is a step of its own."""

    PACKAGES = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin", "docker-buildx-plugin", "docker.io",
                "docker-cli", "docker-compose", "docker-compose-v2", "containerd", "runc"]

    @staticmethod
    def check(spec):
        found = []
        if not os.path.exists(SOCKET):
            found.append("no Docker engine")
        elif not compose_version().lstrip("v").startswith(("2.", "3.", "4.", "5.")):
            found.append("no Compose 2")
        have = installed(Docker.PACKAGES)
        return found + ["%s isn't held" % name for name in sorted(have) if not have[name].startswith("hold ")]

    @staticmethod
    def mend(spec):
        # A package of it that is held already must not be in the way of the missing one.
        if not os.path.exists(SOCKET) or not compose_version():
            Docker.install()
        must_run(["systemctl", "enable", "--quiet", "--now", "docker.service"])
        until = time.monotonic() + 60
        while not os.path.exists(SOCKET) and time.monotonic() < until:
            time.sleep(0.2)
        held = sorted(installed(Docker.PACKAGES))
        if held:
            must_run(["apt-mark", "hold"] + held)

    @staticmethod
    def install():
        release = machine_facts({})
        if release["os"] not in ("ubuntu", "debian"):
            raise Failure("KAVI-E0604", "kavi can't install Docker on %s" % (release["os_name"] or "this system"), [],
                          "install Docker and its Compose plugin by hand")
        try:
            Docker.add_vendor_source(release["os"])
            apt_install(["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"])
        except (Failure, OSError) as problem:
            # The distribution's own are as good for everything kavi does.
            progress("docker", "the vendor's packages can't be had (%s): taking the distribution's" % problem)
            apt_install(["docker.io", "docker-compose-v2" if release["os"] == "ubuntu" else "docker-compose"])

    @staticmethod
    def add_vendor_source(system):
        """The vendor's archive, its key checked by its fingerprint (docs.docker.com/engine/install)."""
        import urllib.request
        base = "https://download.docker.com/linux/" + system
        key = urllib.request.urlopen(base + "/gpg", timeout=20).read()
        write_file("/etc/apt/keyrings/docker.asc", key, 0o644)
        shown = must_run(["gpg", "--batch", "--with-colons", "--show-keys", "/etc/apt/keyrings/docker.asc"])
        if "9DC858229FC7DD38854AE2D88D81803C0EBFCD88" not in shown:
            os.unlink("/etc/apt/keyrings/docker.asc")
            raise Failure("KAVI-E0801", "the key of Docker's archive isn't the known one")
        codename = must_run(["sh", "-c", ". /etc/os-release && echo \"$VERSION_CODENAME\""]).strip()
        line = "deb [signed-by=/etc/apt/keyrings/docker.asc] %s %s stable\n" % (base, codename)
        write_file("/etc/apt/sources.list.d/docker.list", line.encode(), 0o644)
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        must_run(APT + ["update"], timeout=600, env=env)


@kind("swap")
class Swap:
    @staticmethod
    def check(spec):
        if in_container():
            raise NotApplicable("a container has its host's swap")
        return [] if len((read_text("/proc/swaps") or "").splitlines()) > 1 else ["no swap"]

    @staticmethod
    def mend(spec):
        path = spec["path"]
        if shutil.disk_usage("/").free < 4 * spec["mib"] * 1048576:
            raise Failure("KAVI-E0604", "there is no room for a swap file", [], "kavi server clean")
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.fchmod(handle, 0o600)
        os.posix_fallocate(handle, 0, spec["mib"] * 1048576)
        os.close(handle)
        run_all([["mkswap", path], ["swapon", path]])
        table = read_text("/etc/fstab", "")
        if not any(line.split()[:1] == [path] for line in table.splitlines()):
            write_file("/etc/fstab", (table.rstrip("\n") + "\n%s none swap sw 0 0\n" % path).lstrip("\n").encode(), 0o644)


@kind("clock")
class ClockItem:
    """The time is kept by somebody, and hosts stay on UTC."""

    @staticmethod
    def check(spec):
        if in_container():
            raise NotApplicable("a container has its host's clock")
        found = []
        zone = os.path.realpath("/etc/localtime") if os.path.exists("/etc/localtime") else "UTC"
        if not zone.endswith(("UTC", "Etc/UTC", "UCT", "Zulu")):
            found.append("the timezone is %s" % zone.split("zoneinfo/")[-1])
        keepers = ["systemd-timesyncd", "chrony", "chronyd", "ntp", "ntpd"]
        if not any(run(["systemctl", "is-active", "--quiet", keeper])[0] == 0 for keeper in keepers):
            found.append("nothing keeps the time")
        return found

    @staticmethod
    def mend(spec):
        must_run(["timedatectl", "set-timezone", "UTC"])
        if any("keeps" in text for text in ClockItem.check(spec)):
            if "systemd-timesyncd" not in installed(["systemd-timesyncd"]):
                apt_install(["systemd-timesyncd"])
            must_run(["systemctl", "enable", "--quiet", "--now", "systemd-timesyncd.service"])
