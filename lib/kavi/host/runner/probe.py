# Probes that are asked on the server itself.
import ssl
import urllib.parse


def container_address(project, service):
    found = containers_of(project, service)
    if not found:
        return None
    status, full = engine("GET", "/containers/%s/json" % found[0]["id"])
    networks = (full or {}).get("NetworkSettings", {}).get("Networks") or {} if status == 200 else {}
    for name in sorted(networks):
        if networks[name].get("IPAddress"):
            return networks[name]["IPAddress"]
    return None


def probe_http(url, timeout):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        # Asked of the server itself, by an address: its certificate is the outside's business.
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                                 context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("GET", (parts.path or "/") + ("?" + parts.query if parts.query else ""))
        status = connection.getresponse().status
    finally:
        connection.close()
    return (status < 400, "answers %d" % status)


def probe_tcp(host, port, timeout):
    with socket.create_connection((host, port), timeout=timeout):
        return (True, "accepts connections")


def probe(entry):
    """{"name", "kind": "tcp" | "http", "target", "project", "service"} → {"ok", "text", "ms"}."""
    began, timeout = time.monotonic(), 5
    try:
        target = entry["target"]
        if target.startswith(":"):
            address = container_address(entry.get("project", ""), entry.get("service", ""))
            if not address:
                return {"ok": False, "text": "there is no container", "ms": 0}
            target = address + target if entry["kind"] == "tcp" else "http://" + address + target
        if entry["kind"] == "tcp":
            host, _, port = target.rpartition(":")
            ok, text = probe_tcp(host.strip("[]"), int(port), timeout)
        else:
            ok, text = probe_http(target, timeout)
    except Exception as problem:
        ok, text = False, str(problem) or type(problem).__name__
    return {"ok": ok, "text": text, "ms": int((time.monotonic() - began) * 1000)}


@facts("probes")
def probe_facts(parameters):
    """{"list": [entry]} → {name: result}, all at once."""
    found = {}

    def one(entry):
        found[entry["name"]] = probe(entry)

    threads = [threading.Thread(target=one, args=(entry,)) for entry in parameters.get("list", [])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
