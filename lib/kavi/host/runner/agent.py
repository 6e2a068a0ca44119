# kavi's own executable on this server, which takes the backups.
AGENT = "/usr/local/lib/kavi/kavi"


def version_of(program):
    """"0.1.0", or "" where it doesn't run or isn't kavi."""
    status, out, _ = run([program, "--version"], timeout=20, env={"PATH": "/usr/bin:/bin"})
    words = out.split()
    return words[1] if status == 0 and len(words) == 2 and words[0] == "kavi" else ""


@facts("agent")
def agent_facts(parameters):
    """{"sha256", "version", "mode": "root 0755"}; nothing where there is none."""
    try:
        about = os.lstat(AGENT)
    except OSError:
        return {}
    mode = "%s %04o" % ("root" if about.st_uid == 0 else "user %d" % about.st_uid, stat.S_IMODE(about.st_mode))
    if not stat.S_ISREG(about.st_mode):
        return {"sha256": "not a file", "version": "", "mode": mode}
    return {"sha256": sha256_file(AGENT), "version": version_of(AGENT), "mode": mode}


@operation("agent/install", changes=True)
def agent_install(parameters, frames):
    """{"sha256", "version"}; frame "program": the executable, compressed. The old one stays until the new one has run."""
    program = zlib.decompress(frames["program"])
    if hashlib.sha256(program).hexdigest() != parameters["sha256"]:
        raise Failure("KAVI-E0604", "kavi's executable arrived damaged", [], "run the command again")
    fresh = AGENT + ".new"
    write_file(fresh, program, 0o755)
    try:
        version = version_of(fresh)
        if version != parameters["version"]:
            raise Failure("KAVI-E0604", "kavi's executable doesn't run on this server",
                          ["it said '%s' instead of '%s'" % (version, parameters["version"])],
                          "it needs amd64 and glibc 2.35 or later (Debian 12, Ubuntu 22.04)")
        os.replace(fresh, AGENT)
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)
    return {}
