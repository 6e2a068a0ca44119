#!/usr/bin/env python3
"""e2e.py CASE: one case against the lab's real servers. `up` starts the lab and deploys the seed's estate, `down` takes it
away; every other case looks at what is there by other means than kavi: ssh with the pinned key, docker inspect, psql, the
lab's request log, the APIs by urllib. KAVI and KAVI_LAB name the executables, E2E_DIR the lab's folder."""
import base64
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

KAVI, LAB, D = os.environ["KAVI"], os.environ["KAVI_LAB"], Path(os.environ["E2E_DIR"])
ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"traefik", "postgres", "redis", "infisical", "forgejo", "kuanary", "imgproxy", "obsidian", "docs"}
DOMAINS = {"secrets": True, "git": False, "media": True, "cdn": True, "notes": True, "docs": True, "photos": True, "plex": True}
CASES = {}
AGENT = "/usr/local/lib/kavi/kavi"
PORTABLE = Path(os.environ.get("KAVI_PORTABLE_EXECUTABLE", ROOT / "build/portable/kavi"))
if not PORTABLE.exists():
    os.environ.pop("KAVI_PORTABLE_EXECUTABLE", None)
LOGINS = []  # the commands that this process has run on bruno, one connection each


def case(function):
    CASES[function.__name__] = function
    return function


def fail(text):
    print("✘ " + text)
    sys.exit(1)


def check(what, condition, detail=""):
    if not condition:
        fail("%s%s" % (what, ": " + str(detail) if detail != "" else ""))
    print("  ✔ " + what)


def lab_env():
    """The variables of D/env, over this process's own."""
    out = subprocess.run(["sh", "-c", '. "$1/env" && env -0', "sh", str(D)], stdout=subprocess.PIPE, check=True).stdout
    return dict(line.split("=", 1) for line in out.decode().split("\0") if "=" in line)


def kavi(*words, expect=0, more=None, stdin=None):
    began = time.monotonic()
    done = subprocess.run([KAVI, *words], env=dict(lab_env(), **(more or {})), input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=str(D))
    print("  $ kavi %s → %d (%.1f s)" % (" ".join(words), done.returncode, time.monotonic() - began))
    if expect is not None and done.returncode != expect:
        fail("exit %d instead of %d\n%s\n%s" % (done.returncode, expect, done.stdout[-4000:], done.stderr[-4000:]))
    return done


def lab(*words):
    done = subprocess.run([LAB, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        fail("kavi-lab %s ended with %d\n%s" % (" ".join(words), done.returncode, done.stdout[-4000:]))
    return done.stdout


def api(env, base, path):
    token = {"HCLOUD_ENDPOINT": "HCLOUD_TOKEN", "CLOUDFLARE_BASE_URL": "CLOUDFLARE_API_TOKEN"}[base]
    request = urllib.request.Request(env[base] + path, headers={"Authorization": "Bearer " + env[token]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def mapped(env, address):
    for pair in env["KAVI_CONNECT_TO"].split(","):
        name, _, target = pair.partition("=")
        if name in (address, address + ":22"):
            host, _, port = target.partition(":")
            return host, port or "22"
    fail("KAVI_CONNECT_TO doesn't map " + address)


def bruno(command, expect=0):
    """Runs a command on bruno over the system's ssh, which trusts nothing but the key whose digest the server's label has."""
    env = lab_env()
    address, port = mapped(env, "188.34.198.57")
    known = D / "e2e-known-hosts"
    if not known.exists():
        scan = subprocess.run(["ssh-keyscan", "-t", "ed25519", "-p", port, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        blob = base64.b64decode(scan.split()[2])
        pin = base64.b32encode(hashlib.sha256(blob).digest()).decode().rstrip("=").lower()
        labels = api(env, "HCLOUD_ENDPOINT", "/servers?name=bruno")["servers"][0]["labels"]
        check("the label pins the host key that the server shows", pin in labels.values(), labels)
        known.write_text(scan)
    words = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=%s" % known,
             "-o", "IdentitiesOnly=yes", "-i", env["KAVI_SSH_KEY"], "-p", port, "root@" + address, command]
    LOGINS.append(command)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != expect:
        fail("on bruno, '%s' ended with %d: %s" % (command, done.returncode, done.stderr[-1000:]))
    return done.stdout


def containers():
    """service → (id, start time) of the production project."""
    out = bruno("docker ps --filter label=com.docker.compose.project=production --format '{{.Label \"com.docker.compose.service\"}} {{.ID}}'")
    found = {}
    for line in out.splitlines():
        service, container = line.split()
        found[service] = (container, bruno("docker inspect --format '{{.State.StartedAt}}' " + container).strip())
    return found


def requests_since(offset):
    with open(D / "requests.jsonl") as log:
        log.seek(offset)
        return [json.loads(line) for line in log]


def log_end():
    return (D / "requests.jsonl").stat().st_size


def writes(requests):
    harmless = re.compile(r"/auth/universal-auth/login$|/auth/token/revoke$")
    return [r for r in requests if r["method"] not in ("GET", "HEAD") and not harmless.search(r["path"])]


def edit(path, before, after):
    file = D / "estate" / path
    text = file.read_text()
    check("%s has '%s'" % (path, before), before in text)
    file.write_text(text.replace(before, after))
    subprocess.run(["git", "-C", str(D / "estate"), "-c", "user.name=e2e", "-c", "user.email=e2e@example.net", "commit", "-qam", "change"], check=True)


def plan_of(done):
    return json.loads(done.stdout)["data"]["plan"]["actions"]


@case
def up():
    if (D / "env").exists():
        lab("down", "--dir", str(D))
    for left in ("e2e-known-hosts", "requests.jsonl", "ssh.jsonl"):
        (D / left).unlink(missing_ok=True)
    lab("build")
    lab("up", "--dir", str(D), "--estate", str(ROOT / "config/kavi.toml"), "--verbose-log", "--box-size", "2GiB")
    key = D / "sealed/BOX_ADMIN_KEY"
    if key.exists():
        kavi("secrets", "set", "--sealed", "BOX_ADMIN_KEY", "--from-file", str(key), "--yes")
    kavi("secrets", "seal", "--yes")
    began = time.monotonic()
    kavi("deploy", "--yes")
    print("  first deploy: %.1f s" % (time.monotonic() - began))


@case
def down():
    lab("down", "--dir", str(D))


@case
def seen_by_others():
    env = lab_env()
    health = bruno("docker ps --filter label=com.docker.compose.project=production --format '{{.Label \"com.docker.compose.service\"}} {{.Status}}'")
    running = dict(line.split(" ", 1) for line in health.splitlines())
    check("bruno runs every service of the compose file", set(running) == SERVICES, running)
    check("all of them are healthy", all("(healthy)" in status for status in running.values()), running)
    secrets = bruno("find / -name INFISICAL_DB_CONNECTION_URI -not -path '/proc/*' -not -path '/mnt/*' 2>/dev/null").split()
    check("the secret file is there", "/var/lib/kavi/secrets/production/INFISICAL_DB_CONNECTION_URI" in secrets, secrets)
    for secret in secrets:  # the present release's, and the one before it
        check("its folder is root's and 0700", bruno("stat -c '%%U %%a' $(dirname %s)" % secret).strip() == "root 700", secret)
    uri = bruno("cat " + secrets[0]).strip()
    answer = bruno("docker exec -i $(docker ps -q --filter label=com.docker.compose.service=postgres) psql -tA '%s' -c 'select current_user'" % uri)
    check("PostgreSQL accepts Infisical's credentials", answer.strip() == "infisical", answer)
    inside = bruno("docker exec $(docker ps -q --filter label=com.docker.compose.service=infisical) cat /run/secrets/DB_CONNECTION_URI").strip()
    check("the container reads its secret file", inside == uri)
    records = {}
    zone = api(env, "CLOUDFLARE_BASE_URL", "/zones?name=kua.cl")["result"][0]["id"]
    for record in api(env, "CLOUDFLARE_BASE_URL", "/zones/%s/dns_records?per_page=5000" % zone)["result"]:
        if record["type"] == "A":
            records[record["name"].removesuffix(".kua.cl")] = (record["proxied"], record["content"])
    check("the zone holds the eight records with the right proxied flags",
          {name: records.get(name, (None, ""))[0] for name in DOMAINS} == DOMAINS, records)
    check("a record that isn't kavi's is as it was", records.get("mail") == (False, "192.0.2.25"), records)
    check("the names of bruno's services lead to bruno", records["git"][1] == "188.34.198.57", records)
    check("the names of eva's services lead to eva", records["plex"][1] == "144.217.76.53", records)
    check("the mount is a mount", bruno("findmnt -n -o FSTYPE /mnt/storagebox | tail -n 1").strip() == "fuse.sshfs")


def connections_to_bruno(at_least=0):
    """Those to its sshd that have ended, as the relay has logged them; waits for so many."""
    until = time.monotonic() + 10
    while True:
        lines = map(json.loads, (D / "ssh.jsonl").read_text().splitlines())
        found = [line for line in lines if line["machine"] == "bruno" and line["port"] == 22]
        if len(found) >= at_least:
            return found
        if time.monotonic() > until:
            fail("%d connections were logged, %d expected" % (len(found), at_least))
        time.sleep(0.05)


def sessions_on_bruno(since):
    """The commands that bruno's sshd has started, by its own log."""
    log = bruno("journalctl --identifier sshd-session --since @%d --output cat" % since)
    return [line for line in log.splitlines() if line.startswith("Starting session: ")]


@case
def second_deploy_does_nothing():
    known = len(connections_to_bruno())
    bruno("echo \"SSHD_OPTS='-o LogLevel=VERBOSE'\" >/etc/default/ssh && systemctl restart ssh")
    before, offset = containers(), log_end()
    ours = len(connections_to_bruno(known + len(LOGINS)))
    started = len(sessions_on_bruno(0))  # and that is one more
    done = kavi("deploy", "--json")
    check("nothing changed", json.loads(done.stdout)["data"]["changed"] is False)
    asked = requests_since(offset)
    check("no API write", not writes(asked), writes(asked))
    print("  requests: " + ", ".join("%s %s %s" % (r["api"], r["method"], r["path"]) for r in asked))
    used = connections_to_bruno(ours + 2)[ours + 1:]
    check("one SSH connection to bruno", len(used) == 1, used)
    up, down, flights = used[0]["up"], used[0]["down"], used[0]["flights"]
    print("  %d bytes up, %d down, %d flights" % (up, down, flights))
    check("at most 30 KB each way and 12 flights", max(up, down) <= 30000 and flights <= 12)
    check("one exec on it", len(sessions_on_bruno(0)) - started - 1 == 1)
    check("no container's id or start time changed", containers() == before)


def agent_sha256():
    return bruno("sha256sum %s" % AGENT).split()[0]


@case
def kavi_for_backups_on_the_server():
    """What takes backups there: the portable executable, put there by deploy."""
    if not PORTABLE.exists():
        print("SKIPPED: %s isn't there (packaging/portable builds it)" % PORTABLE)
        return
    ours = hashlib.sha256(PORTABLE.read_bytes()).hexdigest()
    version = subprocess.run([PORTABLE, "--version"], stdout=subprocess.PIPE, text=True).stdout
    check("the first deploy has put it there", agent_sha256() == ours)
    check("it is root's and 0755", bruno("stat -c '%%U %%a' %s" % AGENT).strip() == "root 755")
    check("it runs there", bruno(AGENT + " --version") == version)
    kavi("deploy", "--dry-run", "--exit-code")

    bruno("printf x >>%s && chmod 777 %s" % (AGENT, AGENT))
    actions = plan_of(kavi("deploy", "--dry-run", "--json"))
    check("a changed one is planned, and nothing else", [a["id"] for a in actions] == ["agent/bruno"], actions)
    kavi("deploy", "--yes")
    check("it is put right", agent_sha256() == ours)
    check("with its mode", bruno("stat -c '%%U %%a' %s" % AGENT).strip() == "root 755")
    check("nothing is left beside it", bruno("ls -A $(dirname %s)" % AGENT).split() == ["kavi"])

    bruno("rm %s" % AGENT)
    kavi("deploy", "--yes")
    check("a missing one is put there again", agent_sha256() == ours)

    bruno("printf '#!/bin/sh\\necho kavi 99.0.0\\n' >%s" % AGENT)
    newer = agent_sha256()
    done = kavi("deploy", "--dry-run", "--exit-code")
    check("a newer one isn't planned, and a note says so", "kavi 99.0.0 takes its backups, newer than this one" in done.stdout, done.stdout)
    kavi("deploy", "--yes")
    check("and stays", agent_sha256() == newer)
    bruno("rm %s" % AGENT)

    for broken in ("/usr/bin/false", "/etc/hostname"):
        done = kavi("deploy", "--yes", expect=3, more={"KAVI_PORTABLE_EXECUTABLE": broken})
        check("%s is no kavi" % broken, "isn't a kavi that runs here" in done.stderr, done.stderr)
    kavi("deploy", "--yes")
    check("and all is well again", agent_sha256() == ours)


@case
def one_image_changes():
    before = containers()
    edit("services/production/docker-compose.yml", "nginx:1.28.0-alpine", "nginx:1.28.1-alpine")
    actions = plan_of(kavi("deploy", "--dry-run", "--json"))
    services = [a for a in actions if a["id"].startswith("service/")]
    check("the plan names docs and no other service", [a["id"] for a in services] == ["service/production/docs"], [a["id"] for a in actions])
    check("with its reason", "1.28.0" in services[0]["reason"] and "1.28.1" in services[0]["reason"], services[0]["reason"])
    kavi("deploy", "--yes")
    after = containers()
    check("only docs was replaced", {s for s in after if after[s] != before[s]} == {"docs"})


@case
def one_secret_changes():
    before = containers()
    kavi("secrets", "set", "/services/production/SMTP_PASSWORD", "--yes", stdin="e2e-new-password")
    actions = plan_of(kavi("deploy", "--dry-run", "--json"))
    services = [a["id"] for a in actions if a["id"].startswith("service/")]
    check("the plan names its reader alone", services == ["service/production/infisical"], [a["id"] for a in actions])
    reason = [a["reason"] for a in actions if a["id"] == services[0]][0]
    check("with the secret's name and without its value", "SMTP_PASSWORD" in reason and "e2e-new" not in json.dumps(actions), reason)
    kavi("deploy", "--yes")
    after = containers()
    check("only infisical was replaced", {s for s in after if after[s] != before[s]} == {"infisical"})


@case
def a_misspelt_key_is_named():
    file = D / "estate/kavi.toml"
    text = file.read_text()
    try:
        file.write_text(text.replace("proxied        = false", "proxyed        = false"))
        done = kavi("deploy", expect=3)
        check("position and suggestion", 'unknown key "proxyed"' in done.stderr and 'did you mean "proxied"' in done.stderr, done.stderr)
    finally:
        file.write_text(text)


@case
def a_wrong_token_is_refused():
    done = kavi("deploy", expect=4, more={"HCLOUD_TOKEN": "x" * 64})
    check("it names Hetzner", "Hetzner" in done.stderr, done.stderr)
    done = kavi("deploy", expect=4, more={"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": "wrong"})
    check("it names Infisical", "Infisical" in done.stderr, done.stderr)


@case
def infisical_unreachable():
    kavi("secrets", "seal", "--yes")
    # With an operator's sealed copy a no-op goes on; where there is none to open (as in CI) it is 9.
    done = kavi("deploy", more={"INFISICAL_API_URL": "http://127.0.0.1:9"})
    check("the sealed copy stands in for observing", "sealed copy" in done.stdout + done.stderr, done.stdout + done.stderr)
    done = kavi("deploy", expect=9, more={"INFISICAL_API_URL": "http://127.0.0.1:9", "KAVI_IDENTITY": "", "KAVI_SSH_KEY": str(D / "operator/ci_ed25519")})
    check("it says what to do", "Infisical" in done.stderr, done.stderr)


@case
def a_change_while_infisical_is_down():
    down = {"INFISICAL_API_URL": "http://127.0.0.1:9"}
    edit("services/production/docker-compose.yml", "nginx:1.28.1-alpine", "nginx:1.28.0-alpine")
    before = containers()
    done = kavi("deploy", "--yes", expect=7, more=down)
    check("refused, and --sealed is named", "--sealed" in done.stderr, done.stderr)
    check("nothing was touched", containers() == before)
    kavi("deploy", "--yes", "--sealed", more=down)
    after = containers()
    check("with it docs alone was replaced", {s for s in after if after[s] != before[s]} == {"docs"})


@case
def an_empty_server_while_infisical_is_down():
    down = {"INFISICAL_API_URL": "http://127.0.0.1:9"}
    lose_bruno()
    kavi("deploy", "--yes", "--sealed", more=down)
    check("all services are there", set(containers()) == SERVICES)
    kavi("deploy", "--dry-run", "--exit-code")


@case
def a_sick_service_is_told():
    compose = D / "estate/services/production/docker-compose.yml"
    text = compose.read_text()
    try:
        edit("services/production/docker-compose.yml", '"http://127.0.0.1/"]', '"http://127.0.0.1/sick-on-purpose"]')
        done = kavi("deploy", "--yes", expect=None, more={})
        check("exit 1 or 5", done.returncode in (1, 5), done.returncode)
        check("it names the service and its health", "docs did not become healthy" in done.stderr and "health" in done.stderr, done.stderr)
    finally:
        compose.write_text(text)
        subprocess.run(["git", "-C", str(D / "estate"), "-c", "user.name=e2e", "-c", "user.email=e2e@example.net", "commit", "-qam", "mend"], check=True)
    kavi("deploy", "--yes")
    kavi("deploy", "--dry-run", "--exit-code")


@case
def a_host_key_that_isnt_pinned():
    """Somebody in the middle: the way to bruno leads to another server."""
    env = lab_env()
    there, elsewhere = (":".join(mapped(env, address)) for address in ("188.34.198.57", "144.217.76.53"))
    done = kavi("deploy", expect=12, more={"KAVI_CONNECT_TO": env["KAVI_CONNECT_TO"].replace("=" + there, "=" + elsewhere)})
    check("both keys are named", done.stderr.count("SHA256:") >= 2, done.stderr)
    kavi("deploy", "--dry-run", "--exit-code")


def lose_bruno():
    lab("destroy-server", "bruno", "--dir", str(D))
    (D / "e2e-known-hosts").unlink(missing_ok=True)


def kill_at(where):
    done = kavi("deploy", "--yes", expect=None, more={"KAVI_CRASH_AT": where})
    check("killed at %s" % where, done.returncode == -9, "exit %d: %s" % (done.returncode, done.stderr[-500:]))


def draw_point(draw, part, parts):
    """A boundary of what is still to be done, in the first of so many parts of it."""
    pending = [action["id"] for action in plan_of(kavi("deploy", "--dry-run", "--json"))]
    pending = [one for one in pending if part in one] or pending
    return "%s:%s" % (draw.choice(pending[:max(1, len(pending) // parts)]), draw.choice(["intent-written", "effect-done", "done-written"]))


@case
def killed_on_the_way():
    """A server from nothing, killed at six boundaries drawn by E2E_SEED, two of them in the host-key rotation."""
    seed = int(os.environ.get("E2E_SEED", "20261125"))
    print("  E2E_SEED=%d" % seed)
    draw = random.Random(seed)
    lose_bruno()
    for part, parts in (("", 8), ("trust/", 2), ("trust/", 1), ("", 4), ("service/", 2), ("", 1)):
        kill_at(draw_point(draw, part, parts))
    kavi("deploy", "--yes")
    kavi("deploy", "--dry-run", "--exit-code")
    check("all services are there", set(containers()) == SERVICES)


@case
def requests_are_as_documented():
    """Everything that kavi has sent and got so far, by the official documents."""
    log = D / "requests.jsonl"
    done = subprocess.run([sys.executable, "-B", str(ROOT / "tests/conformance/check.py"), str(log)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    print("  " + done.stdout.strip()[-3000:].replace("\n", "\n  "))
    if "SKIPPED" in done.stdout:
        return
    check("every exchange of %d is as documented" % len(log.read_text().splitlines()), done.returncode == 0)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in CASES:
        fail("usage: e2e.py " + "|".join(CASES))
    print(sys.argv[1].replace("_", " "))
    CASES[sys.argv[1]]()


if __name__ == "__main__":
    main()
