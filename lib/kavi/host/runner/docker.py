# Docker: the engine is asked over its socket, which is stable; Compose only executes.
SOCKET = "/var/run/docker.sock"


class EngineConnection(http.client.HTTPConnection):
    def __init__(self, timeout=60):
        super().__init__("localhost", timeout=timeout)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def engine(method, path, timeout=60):
    """The engine's JSON answer. Raises Failure for an engine that doesn't answer; (status, value)."""
    connection = EngineConnection(timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
    except OSError as problem:
        raise Failure("KAVI-E0604", "the Docker engine doesn't answer", [str(problem)], "kavi ssh, then: systemctl status docker")
    finally:
        connection.close()
    try:
        return response.status, json.loads(body) if body.strip() else None
    except ValueError:
        return response.status, body.decode("utf-8", "replace")


def quote(text):
    return "".join(c if c.isalnum() or c in "-_." else "%%%02X" % b for c in text for b in c.encode())


def container_facts(summary):
    """What is decided by, of one container."""
    status, full = engine("GET", "/containers/%s/json" % summary["Id"])
    if status != 200:
        return None
    state, labels = full["State"], full["Config"].get("Labels") or {}
    health = state.get("Health") or {}
    return {
        "id": full["Id"],
        "name": full["Name"].lstrip("/"),
        "project": labels.get("com.docker.compose.project", ""),
        "service": labels.get("com.docker.compose.service", ""),
        "image": full["Config"]["Image"],
        "image_id": full["Image"],
        "state": state["Status"],
        "health": health.get("Status", ""),
        "exit_code": state.get("ExitCode", 0),
        "oom_killed": state.get("OOMKilled", False),
        "restarts": full.get("RestartCount", 0),
        "started_at": state.get("StartedAt", ""),
        "mounts": [{"type": m.get("Type", ""), "name": m.get("Name", ""), "source": m.get("Source", ""),
                    "target": m.get("Destination", "")} for m in full.get("Mounts", [])],
    }


@facts("docker")
def docker_facts(parameters):
    if not os.path.exists(SOCKET):
        return {"present": False}
    try:
        status, version = engine("GET", "/version", 10)
        containers = engine("GET", "/containers/json?all=1")[1]
        images = engine("GET", "/images/json")[1]
        volumes = engine("GET", "/volumes")[1]
        networks = engine("GET", "/networks")[1]
    except Failure as failure:
        return {"present": True, "answers": False, "why": failure.causes}
    compose = compose_version()
    return {
        "present": True,
        "answers": True,
        "version": version.get("Version", ""),
        "compose": compose,
        "containers": [c for c in (container_facts(s) for s in containers) if c],
        "images": [{"id": i["Id"], "tags": i.get("RepoTags") or [], "digests": i.get("RepoDigests") or []} for i in images],
        "volumes": [v["Name"] for v in (volumes or {}).get("Volumes") or []],
        "networks": [n["Name"] for n in networks or []],
    }


def compose_version():
    """Read from the plugin's file where that is possible: starting it costs more than all else here."""
    for folder in ("/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins", "/usr/local/lib/docker/cli-plugins",
                   "/root/.docker/cli-plugins"):
        plugin = folder + "/docker-compose"
        if os.path.exists(plugin):
            return cached("compose-version", plugin, lambda: compose_version_of(plugin))
    return ""


def compose_version_of(plugin):
    status, out, _ = run(["docker", "compose", "version", "--short"], timeout=20)
    return out.strip() if status == 0 else ""


def cached(name, of, compute):
    """A value that depends on one file, remembered in /run until that file changes."""
    seen = os.stat(of)
    key = "%d %d %d" % (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    path = "%s/%s.json" % (RUN, name)
    known = read_json(path)
    if known and known.get("key") == key:
        return known["value"]
    value = compute()
    try:
        os.makedirs(RUN, mode=0o700, exist_ok=True)
        write_file(path, json.dumps({"key": key, "value": value}).encode(), 0o600)
    except OSError:
        pass
    return value


# --- Images ----------------------------------------------------------------------------------------------------------


@operation("image/pull", changes=True)
def pull(parameters, frames):
    """{"images": […]} → {"images": {image: {"id", "digests"}}, "failures": {image: {code, message, causes, fix}}}. Those
    that are there already aren't asked for."""
    results, failures = {}, {}

    def one(image):
        try:
            results[image] = pull_one(image)
        except Failure as failure:
            failures[image] = failure.as_json()

    threads = [threading.Thread(target=one, args=(image,)) for image in parameters["images"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"images": results, "failures": failures}


def pull_one(image):
    if not image_of(image):
        progress(image, "pulling")
        status, out, err = run(["docker", "pull", "--quiet", image], timeout=1800)
        if status != 0:
            tail = [line for line in err.strip().splitlines() if line.strip()][-3:]
            raise Failure("KAVI-E0302", "the image %s couldn't be pulled" % image, tail,
                          "check the tag, and that the registry answers; then run the command again")
    return image_of(image)


def image_of(image):
    status, found = engine("GET", "/images/%s/json" % quote_image(image))
    return {"id": found["Id"], "digests": found.get("RepoDigests") or []} if status == 200 else None


def quote_image(image):
    return "/".join(quote(part) if ":" not in part else ":".join(quote(p) for p in part.split(":")) for part in image.split("/"))


# --- Services --------------------------------------------------------------------------------------------------------


def compose_command(stack, *words):
    command = ["docker", "compose", "--project-name", stack["project"], "--project-directory", stack["directory"]]
    for file in stack["files"]:
        command += ["--file", os.path.join(stack["directory"], file)]
    # Always said: without it Compose takes the .env of the project's folder, or none.
    command += ["--env-file", os.path.join(stack["directory"], ".env")]
    return command + list(words)


def compose_environment(stack):
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LC_ALL")}
    return dict(kept, DOCKER_CLI_HINTS="false", COMPOSE_PROGRESS="quiet", COMPOSE_STATUS_STDOUT="0", **stack.get("variables", {}))


def containers_of(project, service):
    filters = json.dumps({"label": ["com.docker.compose.project=" + project, "com.docker.compose.service=" + service,
                                    "com.docker.compose.oneoff=False"]})
    found = engine("GET", "/containers/json?all=1&filters=" + quote(filters))[1] or []
    return [c for c in (container_facts(s) for s in found) if c]


@operation("service/up", changes=True)
def service_up(parameters, frames):
    """{"stack": {project, directory, files, variables}, "services": [{"name", "timeout", "recreate", "one_shot"}]} → {"services":
    {name: container facts}, "failures": {name: {code, message, causes, fix}}}. Each is brought up alone (no
    dependencies), then all are waited for until they are healthy (running, where they have no check)."""
    stack, wanted = parameters["stack"], parameters["services"]
    ready, failures = {}, {}

    def attempt(service, step):
        try:
            return step(service)
        except Failure as failure:
            failures[service["name"]] = failure.as_json()

    for service in wanted:
        attempt(service, lambda one: bring_up(stack, one))

    def wait(service):
        ready[service["name"]] = attempt(service, lambda one: wait_healthy(stack["project"], one))

    threads = [threading.Thread(target=wait, args=(s,)) for s in wanted if s["name"] not in failures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"services": {name: found for name, found in ready.items() if found}, "failures": failures}


def bring_up(stack, service):
    words = ["up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--quiet-pull"]
    words += ["--force-recreate"] if service.get("recreate") else []
    status, out, err = run(compose_command(stack, *words, service["name"]), timeout=600, env=compose_environment(stack),
                           cwd=stack["directory"])
    if status != 0:
        tail = [line for line in err.strip().splitlines() if line.strip()][-5:]
        raise Failure("KAVI-E0303", "docker compose couldn't bring %s up" % service["name"], tail)


def wait_healthy(project, service):
    name, limit = service["name"], service.get("timeout", 120)
    until, said = time.monotonic() + limit, 0
    while True:
        found = containers_of(project, name)
        container = found[0] if found else None
        verdict = verdict_of(container, service.get("one_shot", False))
        if verdict == "ready":
            return container
        if verdict == "failed" or time.monotonic() > until:
            raise unhealthy(project, name, container, limit, verdict)
        if time.monotonic() - said > 2:
            said = time.monotonic()
            progress(name, "waiting for health, %d s of %d s" % (limit - (until - time.monotonic()), limit))
        time.sleep(0.25)


def verdict_of(container, one_shot):
    if not container:
        return "waiting"
    if one_shot and container["state"] == "exited" and container["exit_code"] == 0:
        return "ready"
    if container["state"] == "running":
        if container["health"] == "unhealthy":
            return "failed"
        return "ready" if container["health"] in ("", "none", "healthy") else "waiting"
    if container["state"] in ("exited", "dead"):
        return "failed"
    # A container that keeps restarting won't get well by waiting.
    return "failed" if container["restarts"] >= 5 else "waiting"


def unhealthy(project, name, container, limit, verdict):
    causes = []
    if container:
        causes += last_lines(container["id"])
        state = "container %s, exit code %d, %d restarts" % (container["state"], container["exit_code"], container["restarts"])
        causes.append(state + (", killed for want of memory" if container["oom_killed"] else ""))
        output = health_output(container["id"])
        causes.append("health: %s%s" % (container["health"] or "no check", ": " + output if output else ""))
    else:
        causes.append("there is no container")
    when = "in %d s" % limit if verdict != "failed" else "(%s)" % (container["health"] or container["state"] if container else "gone")
    return Failure("KAVI-E0301", "%s did not become healthy %s" % (name, when), causes, "kavi logs %s --since 5m" % name)


def last_lines(container, count=5):
    status, out, err = run(["docker", "logs", "--tail", str(count), container], timeout=10)
    lines = [line.strip() for line in (out + err).splitlines() if line.strip()]
    return ["log: " + line[:300] for line in lines[-count:]]


def health_output(container):
    status, full = engine("GET", "/containers/%s/json" % container)
    entries = ((full or {}).get("State", {}).get("Health") or {}).get("Log") or [] if status == 200 else []
    return " ".join(entries[-1].get("Output", "").split())[:300] if entries else ""


@operation("service/stop", changes=True)
def service_stop(parameters, frames):
    """{"project", "service"}: stops its containers."""
    for container in containers_of(parameters["project"], parameters["service"]):
        must_run(["docker", "stop", container["id"]], "KAVI-E0303", timeout=300)
    return {}


@operation("service/remove", changes=True)
def service_remove(parameters, frames):
    """{"project", "service"}: stops and removes its containers; volumes stay."""
    for container in containers_of(parameters["project"], parameters["service"]):
        must_run(["docker", "stop", container["id"]], "KAVI-E0303", timeout=300)
        must_run(["docker", "rm", container["id"]], "KAVI-E0303")
    return {}


@operation("service/logs")
def service_logs(parameters, frames):
    """{"project", "service", "since", "tail"} → {"lines": […]}."""
    lines = []
    for container in containers_of(parameters["project"], parameters["service"]):
        words = ["docker", "logs", "--timestamps", "--tail", str(parameters.get("tail", 100))]
        words += ["--since", parameters["since"]] if parameters.get("since") else []
        status, out, err = run(words + [container["id"]], timeout=30)
        lines += (out + err).splitlines()
    return {"lines": lines}
