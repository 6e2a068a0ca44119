#!/usr/bin/env python3
"""backup.py CASE: backups of the deployed estate of e2e.py (its `up` and `down` are here too). What lies in the box is looked at with the
read key by sftp, and opened by age, zstd, tar, pg_restore and ssh-keygen. Servers need kavi's portable executable
(KAVI_PORTABLE_EXECUTABLE, else build/portable/kavi)."""
import shutil
import threading

import e2e
from e2e import D, ROOT, bruno, case, check, fail, json, kavi, lab, lab_env, mapped, os, plan_of, re, subprocess, sys, time, Path

e2e.CASES = {name: e2e.CASES[name] for name in ("up", "down")}
RUN = re.compile(r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$")
OPENED = D / "opened"


def sftp(*commands):
    env = lab_env()
    address, port = [target for name, target in targets(env) if name.endswith(".your-storagebox.de:23")][0]
    done = subprocess.run(["sftp", "-q", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                           "-o", "IdentitiesOnly=yes", "-i", str(D / "operator/box_read"), "-P", port, "-b", "-", "u000000-sub3@" + address],
                          input="\n".join(commands) + "\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        fail("sftp: " + done.stderr[-1000:])
    return [line for line in done.stdout.splitlines() if not line.startswith("sftp>")]


def targets(env):
    for pair in env["KAVI_CONNECT_TO"].split(","):
        name, _, target = pair.partition("=")
        yield name, target.rpartition(":")[::2]


def fetch():
    """Everything of bruno's, as it lies in the box."""
    shutil.rmtree(OPENED, ignore_errors=True)
    OPENED.mkdir()
    sftp("lcd %s" % OPENED, "get -R kavi/bruno")
    return OPENED / "bruno"


def runs(box):
    """Those with a manifest, oldest first."""
    return sorted(folder.name for folder in box.iterdir() if RUN.match(folder.name) and (folder / "manifest.json").exists())


def opened(file):
    plain = OPENED / "plain"
    command = 'age -d -i "$1" "$2" | zstd -d -q -f -o "$3"'
    if subprocess.run(["bash", "-o", "pipefail", "-c", command, "bash", str(D / "operator/age.txt"), str(file), str(plain)]).returncode != 0:
        fail("%s doesn't open" % file)
    return plain


def digest(file):
    return subprocess.run(["sha256sum", str(file)], stdout=subprocess.PIPE, text=True, check=True).stdout[:64]


def check_run(box, run):
    """The manifest, once everything in it is as it says, to the last byte."""
    signer = bruno("cat /var/lib/kavi/keys/backup_signing_ed25519.pub").split()
    (OPENED / "signers").write_text("bruno %s %s\n" % (signer[0], signer[1]))
    folder = box / run
    with open(folder / "manifest.json") as manifest:
        verified = subprocess.run(["ssh-keygen", "-Y", "verify", "-f", str(OPENED / "signers"), "-I", "bruno", "-n", "kavi.backup@kua.cl", "-s",
                                   str(folder / "manifest.json.sig")], stdin=manifest, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check("%s is signed by bruno" % run, verified.returncode == 0, verified.stdout)
    manifest = json.loads((folder / "manifest.json").read_text())
    for one in manifest["artefacts"]:
        file = box / one["file"]
        if (file.stat().st_size, digest(file)) != (one["bytes"], one["sha256"]):
            fail("%s isn't what the manifest says" % one["file"])
        plain = opened(file)
        if (plain.stat().st_size, digest(plain)) != (one["plain_bytes"], one["plain_sha256"]):
            fail("the content of %s isn't what the manifest says" % one["file"])
    check("its %d artefacts open and are what it says" % len(manifest["artefacts"]), True)
    return manifest


def fed_to_postgres(command, file):
    """The output of a command in bruno's PostgreSQL container that reads the file."""
    env = lab_env()
    address, port = mapped(env, "188.34.198.57")
    with open(file, "rb") as content:
        done = subprocess.run(["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
                               "UserKnownHostsFile=%s" % (D / "e2e-known-hosts"), "-o", "IdentitiesOnly=yes", "-i", env["KAVI_SSH_KEY"], "-p", port, "root@" + address,
                               "docker exec -i $(docker ps -q --filter label=com.docker.compose.service=postgres) " + command],
                              stdin=content, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        fail("%s: %s" % (command, done.stderr[-1000:]))
    return done.stdout.decode()


def sql(database, text):
    return bruno("docker exec -i $(docker ps -q --filter label=com.docker.compose.service=postgres) psql -X -At -U postgres -d %s -c \"%s\"" % (database, text)).strip()


def notifications():
    file = D / "notifications.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def told(since):
    """The notifications since then; waits for one."""
    until = time.monotonic() + 10
    while len(notifications()) <= since and time.monotonic() < until:
        time.sleep(0.05)
    return notifications()[since:]


def timer_run():
    """What the timer starts; its exit status."""
    bruno("systemctl reset-failed kavi-backup.service; systemctl start kavi-backup.service || true")
    return int(bruno("systemctl show -p ExecMainStatus --value kavi-backup.service").strip())


@case
def what_deploy_has_put_there():
    check("the executable is there, root's and 0755", bruno("stat -c '%U %a' /usr/local/lib/kavi/kavi").strip() == "root 755")
    check("the request is root's and 0600", bruno("stat -c '%U %a' /etc/kavi/backup.json").strip() == "root 600")
    for key in ("box-writer", "backup_signing"):
        check("the key %s is root's and 0600" % key, bruno("stat -c '%%U %%a' /var/lib/kavi/keys/%s_ed25519" % key).strip() == "root 600")
    check("the timer is on", bruno("systemctl is-enabled kavi-backup.timer; systemctl is-active kavi-backup.timer").split() == ["enabled", "active"])
    request = bruno("cat /etc/kavi/backup.json")
    check("no private key and no identity is in the request", "PRIVATE" not in request and "AGE-SECRET" not in request)


@case
def by_command():
    """Everything, while rows come in."""
    sql("postgres", "CREATE TABLE IF NOT EXISTS busy (i int)")
    bruno("docker exec -d $(docker ps -q --filter label=com.docker.compose.service=postgres) psql -X -U postgres -c "
          "'DO $$ BEGIN FOR i IN 1..100000 LOOP INSERT INTO busy VALUES (i); COMMIT; END LOOP; END $$'")
    forgejo = "/var/lib/docker/volumes/production_forgejo-data/_data"
    bruno("cd %s && head -c 3000000 /dev/urandom >random && truncate -s 50M sparse && ln -f random hard && echo ñ >'odd \"name'" % forgejo)
    kavi("backup")
    box = fetch()
    manifest = check_run(box, runs(box)[-1])
    check("nothing failed", manifest["failures"] == [], manifest["failures"])
    items = {one["item"] for one in manifest["artefacts"]}
    wanted = {"databases", "redis", "forgejo", "forgejo-config", "certificates", "notes", "images"}
    check("every item of the estate is in it", items == wanted, items)
    by_part = {one["part"]: one for one in manifest["artefacts"] if one["kind"] == "postgres"}
    listed = sql("postgres", "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate").split()
    check("every database is in it", set(by_part) == set(listed), set(by_part))
    dump = opened(box / by_part["postgres"]["file"])
    check("pg_restore lists the dump", "TABLE DATA public busy" in fed_to_postgres("pg_restore --list", dump))
    sql("postgres", "DROP DATABASE IF EXISTS copy")
    sql("postgres", "CREATE DATABASE copy TEMPLATE template0")
    fed_to_postgres("pg_restore -U postgres -d copy --exit-on-error", dump)
    counted = int(sql("copy", "SELECT count(*) FROM busy"))
    check("rows that are restored are those that the manifest counts", counted == by_part["postgres"]["details"]["rows"]["public.busy"] > 0, counted)
    sql("postgres", "DROP DATABASE copy")
    archive = opened(next(box / one["file"] for one in manifest["artefacts"] if one["item"] == "forgejo"))
    names = subprocess.run(["tar", "-tf", str(archive)], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    check("tar lists the volume", {"./random", "./hard", "./sparse"} <= set(names), names[:20])
    check("the sparse file takes no room", archive.stat().st_size < 10_000_000)


@case
def by_timer():
    box = fetch()
    last, since = runs(box)[-1], len(notifications())
    check("the timer's service succeeds", timer_run() == 0, bruno("journalctl -u kavi-backup.service -n 20 --output cat"))
    box = fetch()
    check("there is one run more", runs(box)[-2] == last, runs(box))
    manifest = check_run(box, runs(box)[-1])
    before = json.loads((box / last / "manifest.json").read_text())
    check("it goes on where the last one ended", manifest["sequence"] == before["sequence"] + 1, manifest["sequence"])
    check("and names its digest", manifest["previous"] == "sha256:" + digest(box / last / "manifest.json"))
    images = {one["file"] for one in manifest["artefacts"] if one["kind"] == "images"}
    check("images aren't stored again", images == {one["file"] for one in before["artefacts"] if one["kind"] == "images"})
    check("whoever watches was told", [one for one in told(since) if '"ok":true' in json.dumps(one).replace(" ", "").replace("\\", "")], notifications()[since:])


def parts_exist():
    """Is some file of a run being written?"""
    folders = [line.strip().split("/")[-1] for line in sftp("ls -1 kavi/bruno")]
    return any(".part-" in line for name in folders if RUN.match(name) for line in sftp("ls -1a kavi/bruno/" + name))


@case
def killed_while_it_sends():
    """SIGKILL in the middle of an upload: no manifest, and the next run is clean."""
    known = set(runs(fetch()))
    bruno("head -c 60000000 /dev/urandom >/var/lib/docker/volumes/production_forgejo-data/_data/large")
    lab("fault", "add", "box", "slow", "--dir", str(D))
    try:
        service = threading.Thread(target=lambda: bruno("systemctl reset-failed kavi-backup.service; systemctl start kavi-backup.service || true"))
        service.start()
        until = time.monotonic() + 120
        while not parts_exist():
            if time.monotonic() > until:
                fail("nothing was ever under way")
            time.sleep(0.5)
        bruno("kill -9 $(pidof kavi)")
        service.join()
    finally:
        lab("fault", "clear", "--dir", str(D))
    box = fetch()
    check("no run more has a manifest", set(runs(box)) == known, set(runs(box)) - known)
    check("the service has failed", bruno("systemctl is-failed kavi-backup.service").strip() == "failed")
    kavi("backup")
    box = fetch()
    manifest = check_run(box, runs(box)[-1])
    check("the next one is whole", manifest["failures"] == [], manifest["failures"])
    check("one run more", len(set(runs(box)) - known) == 1)


@case
def a_full_box():
    box = fetch()
    known, since = set(runs(box)), len(notifications())
    lab("fault", "add", "box", "full", "--dir", str(D))
    try:
        done = kavi("backup", expect=None)
        check("it fails", done.returncode not in (0, 5), done.returncode)
        check("it says that the box is full", "KAVI-E0702" in done.stderr, done.stderr)
        check("the timer's service fails, too", timer_run() != 0)
        check("and somebody is told", '"ok":false' in json.dumps(told(since)).replace(" ", "").replace("\\", ""), notifications()[since:])
    finally:
        lab("fault", "clear", "--dir", str(D))
    check("no run more has a manifest", set(runs(fetch())) == known)
    kavi("backup")
    check("with room again there is one more", len(runs(fetch())) == len(known) + 1)


@case
def a_dump_that_fails():
    postgres = "$(docker ps -q --filter label=com.docker.compose.service=postgres)"
    path = bruno("docker exec %s sh -c 'command -v pg_dump'" % postgres).strip()
    bruno("docker exec -i %s sh -c 'cp -P %s /tmp/real && rm %s && printf \"#!/bin/sh\\necho PGDMP; exit 3\\n\" >%s && chmod 755 %s'" % (postgres, path, path, path, path))
    try:
        done = kavi("backup", "databases", expect=5)
        check("it names what failed", "pg_dump of infisical failed" in done.stdout + done.stderr, done.stdout + done.stderr)
    finally:
        bruno("docker exec %s sh -c 'rm %s && cp -P /tmp/real %s'" % (postgres, path, path))
    box = fetch()
    manifest = json.loads((box / runs(box)[-1] / "manifest.json").read_text())
    check("the manifest says so", {one["part"] for one in manifest["failures"]} >= {"infisical", "forgejo"}, manifest["failures"])
    check("nothing of them lies in the run", not list((box / runs(box)[-1]).glob("*.pgdump.*")))
    kavi("backup", "databases")


@case
def who_signs_is_kept():
    copy = D / "estate/secrets.sealed.age"
    plain = subprocess.run(["age", "-d", "-i", str(D / "operator/age.txt"), str(copy)], stdout=subprocess.PIPE, check=True).stdout
    signers = json.loads(json.loads(plain)["bundle"])["backup_signers"]
    public = " ".join(bruno("cat /var/lib/kavi/keys/backup_signing_ed25519.pub").split()[:2])
    check("the sealed copy names bruno's key", public in signers["bruno"], signers)
    check("the estate's own files lie beside", len(sftp("ls -1 kavi/estate")) >= 1)
    before = copy.read_bytes()
    kavi("deploy", "--dry-run", "--exit-code")
    kavi("deploy", "--yes")
    check("a deploy that changes nothing seals nothing", copy.read_bytes() == before)


@case
def deploy_puts_it_right():
    """Whatever is taken away comes back, and the keys stay what they were."""
    keys = "cat /var/lib/kavi/keys/backup_signing_ed25519.pub /var/lib/kavi/keys/box-writer_ed25519.pub"
    before = bruno(keys)
    broken = [("chmod 644 /etc/kavi/backup.json", ["backup/bruno/schedule"]), ("rm /etc/kavi/backup.json", ["backup/bruno/schedule"]),
              ("systemctl disable --now kavi-backup.timer", ["backup/bruno/schedule"]),
              ("echo >>/etc/systemd/system/kavi-backup.service", ["backup/bruno/schedule"]),
              ("rm /var/lib/kavi/keys/box-writer_accepted", ["backup/bruno/keys"])]
    for command, wanted in broken:
        bruno(command)
        planned = [action["id"] for action in plan_of(kavi("deploy", "--dry-run", "--json"))]
        check("after '%s' just that is planned" % command, planned == wanted, planned)
        kavi("deploy", "--yes")
        kavi("deploy", "--dry-run", "--exit-code")
    check("the keys are the same", bruno(keys) == before)
    what_deploy_has_put_there()


@case
def a_backup_comes_before_an_update():
    compose = "services/production/docker-compose.yml"
    image = re.search(r"infisical/infisical:(v[0-9.]+)", (D / "estate" / compose).read_text()).group(1)
    known = set(runs(fetch()))
    e2e.edit(compose, "infisical/infisical:" + image, "infisical/infisical:" + image + "1")
    planned = plan_of(kavi("deploy", "--dry-run", "--json"))
    service = [action for action in planned if action["id"] == "service/production/infisical"]
    check("the update waits for a backup", service and "backup-run/bruno" in service[0]["after"], planned)
    lab("fault", "add", "box", "full", "--dir", str(D))
    try:
        done = kavi("deploy", "--yes", expect=5)
        check("without a backup there is no update", image + "1" not in bruno("docker ps --format '{{.Image}}'"), done.stdout)
    finally:
        lab("fault", "clear", "--dir", str(D))
    kavi("deploy", "--yes")
    check("with one there is", image + "1" in bruno("docker ps --format '{{.Image}}'"))
    box = fetch()
    fresh = sorted(set(runs(box)) - known)
    check("one run more, of databases alone", len(fresh) == 1 and {one["item"] for one in check_run(box, fresh[0])["artefacts"]} == {"databases"}, fresh)


@case
def when_it_runs():
    shown = json.loads(kavi("backup", "schedule", "--json").stdout)["data"]["servers"]["bruno"]
    check("bruno is scheduled", shown["scheduled"] and shown["next"], shown)
    bruno("systemctl stop kavi-backup.timer")
    done = kavi("backup", "schedule", expect=8)
    check("a timer that is off is told", "not scheduled: kavi deploy bruno" in done.stdout, done.stdout)
    kavi("deploy", "--yes")


if __name__ == "__main__":
    portable = ROOT / "build/portable/kavi"
    if portable.exists():
        os.environ.setdefault("KAVI_PORTABLE_EXECUTABLE", str(portable))
    if "KAVI_PORTABLE_EXECUTABLE" not in os.environ:
        print("SKIPPED: no portable executable (packaging/portable builds it)")
        sys.exit(0)
    e2e.main()
