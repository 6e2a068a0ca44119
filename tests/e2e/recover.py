#!/usr/bin/env python3
"""recover.py CASE: a server is lost with all that lived on it, and comes back (e2e.py's `up` and `down` are here too). What came back is looked at by
psql, docker and ssh; servers need kavi's portable executable (KAVI_PORTABLE_EXECUTABLE, else build/portable/kavi)."""
import random
import shutil

import e2e
from e2e import D, SERVICES, bruno, case, check, containers, fail, json, kavi, lab, lab_env, lose_bruno, os, subprocess, sys, time

e2e.CASES = {name: e2e.CASES[name] for name in ("up", "down")}
HERE = "$(docker ps -q --filter label=com.docker.compose.service=%s)"
ROWS = 20000
HOME = D / "empty-home"


def psql(text, database="infisical"):
    return bruno("docker exec -i %s psql -qAtU postgres %s <<'SQL'\n%s\nSQL" % (HERE % "postgres", database, text)).strip()


def fill():
    """Something of everything, each time another, and what it looks like from outside."""
    stamp = str(time.time_ns())
    psql("drop table if exists people; create table people(id int primary key, name text); "
         "insert into people select g, md5(g::text || '%s') from generate_series(1, %d) g;" % (stamp, ROWS))
    bruno("docker exec %s /bin/sh /etc/redis/redis.sh cli set greeting %s" % (HERE % "redis", stamp))
    bruno("echo %s >$(docker volume inspect -f '{{.Mountpoint}}' production_forgejo-data)/marker" % stamp)
    return look()


def look():
    return {"rows": psql("select count(*), md5(string_agg(name, ',' order by id)) from people"),
            "databases": psql("select string_agg(datname, ',' order by datname) from pg_database where not datistemplate and datname not like '%\\_\\_before\\_%'", "postgres"),
            "roles": psql("select string_agg(rolname || ':' || rolsuper, ',' order by rolname) from pg_authid", "postgres"),
            "redis": bruno("docker exec %s /bin/sh /etc/redis/redis.sh cli get greeting" % (HERE % "redis")).strip(),
            "files": bruno("cat $(docker volume inspect -f '{{.Mountpoint}}' production_forgejo-data)/marker").strip()}


def check_back(before, done, counted=ROWS):
    health = bruno("docker ps --filter label=com.docker.compose.project=production --format '{{.Label \"com.docker.compose.service\"}} {{.Status}}'")
    running = dict(line.split(" ", 1) for line in health.splitlines())
    check("every service runs", set(running) == SERVICES, running)
    check("and is healthy", all("(healthy)" in status for status in running.values()), running)
    after = look()
    check("all data is as it was", after == before, {key: (before[key][:80], after[key][:80]) for key in before if before[key] != after[key]})
    uri = bruno("cat /var/lib/kavi/secrets/production/INFISICAL_DB_CONNECTION_URI").strip()
    check("PostgreSQL accepts Infisical's credentials", bruno("docker exec -i %s psql -tA '%s' -c 'select current_user'" % (HERE % "postgres", uri)).strip() == "infisical")
    times = json.loads(done.stdout)["data"]["recovery"]
    if counted:
        check("its times are told", times["critical_ms"] and times["whole_ms"] >= times["critical_ms"], times)
    check("rows were counted", times["rows"] >= counted, times["rows"])
    print("  critical services after %.1f s, all after %.1f s, phases %s" % ((times["critical_ms"] or 0) / 1000, times["whole_ms"] / 1000, times["phases"]))


@case
def a_lost_server_comes_back():
    """With Infisical's API gone together with its server: the sealed copy stands in."""
    before = fill()
    kavi("backup", "--accept-smaller")
    check("it could be done now", json.loads(kavi("recover", "bruno", "--check", "--json").stdout)["data"]["ready"] is True)
    lose_bruno()
    done = kavi("recover", "bruno", "--sealed", "--confirm", "bruno", "--json", more={"INFISICAL_API_URL": "http://127.0.0.1:9"})
    check_back(before, done)
    kavi("deploy", "--dry-run", "--exit-code")


@case
def killed_on_the_way_back():
    """At boundaries drawn by E2E_SEED, two of them among the restores: the same command goes on, and loses nothing."""
    seed = int(os.environ.get("E2E_SEED", "20261125"))
    print("  E2E_SEED=%d" % seed)
    draw = random.Random(seed)
    before = fill()
    kavi("backup", "--accept-smaller")
    lose_bruno()
    words = ("recover", "bruno", "--confirm", "bruno")
    for part in ("server/", "restore/bruno/databases", "service/", "restore/"):
        pending = [action["id"] for action in json.loads(kavi(*words, "--dry-run", "--json").stdout)["data"]["plan"]["actions"]]
        pending = [one for one in pending if one.startswith(part)] or pending
        where = "%s:%s" % (draw.choice(pending), draw.choice(["intent-written", "effect-done", "done-written"]))
        done = kavi(*words, expect=None, more={"KAVI_CRASH_AT": where})
        check("killed at %s" % where, done.returncode == -9, "exit %d: %s" % (done.returncode, done.stderr[-800:]))
    (D / "e2e-known-hosts").unlink(missing_ok=True)
    done = kavi(*words, "--json")
    check_back(before, done, counted=0)
    kavi("deploy", "--dry-run", "--exit-code")
    kavi("backup", "--accept-smaller")
    newest = json.loads(kavi("backup", "list", "--server", "bruno", "--json").stdout)["data"]["catalogs"][0]["runs"][0]
    check("the new server's backup is believed", newest["age_seconds"] < 60, newest)
    check("what restores have kept isn't in it", "__before" not in json.dumps(newest), newest)


@case
def an_answer_is_needed():
    kavi("recover", "bruno", "--yes", expect=10)
    kavi("recover", "nobody", "--dry-run", expect=2)


@case
def a_server_that_still_answers_is_copied_first():
    """What was written after the last backup isn't lost: the server still answers, so a last copy is taken."""
    fill()
    psql("insert into people values (0, 'written after the backup')")
    before = look()
    done = kavi("recover", "bruno", "--confirm", "bruno", "--json")
    (D / "e2e-known-hosts").unlink()
    check_back(before, done)


@case
def from_an_empty_home_without_registry():
    """Nothing is left but the box, an SSH key and an identity; Infisical and the registry are gone."""
    before = fill()
    kavi("backup", "--accept-smaller")
    env = lab_env()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    host_key = [line.split('"')[1] for line in (D / "estate/kavi.toml").read_text().splitlines() if line.startswith("host_key")][0]
    nothing = {name: str(HOME / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    nothing.update(HOME=str(HOME), KAVI_CONFIG="", INFISICAL_API_URL="http://127.0.0.1:9")
    lose_bruno()
    lab("fault", "add", "--dir", str(D), "registry", "401")
    try:
        done = kavi("recover", "bruno", "--from", "u000000-sub3@u000000.your-storagebox.de:23", "--host-key", host_key, "--key", str(D / "operator/box_read"),
                    "--into", str(HOME / "estate"), "--sealed", "--confirm", "bruno", "--json", more=nothing)
    finally:
        lab("fault", "clear", "--dir", str(D))
    check("the estate's files are those of the box", (HOME / "estate/kavi.toml").read_text() == (D / "estate/kavi.toml").read_text())
    check_back(before, done)


@case
def a_forged_backup_is_refused():
    """By somebody who has the box's keys and the recipients: a newer run, right in everything but who signed it."""
    key, env = D / "mallory", lab_env()
    key.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    address, port = e2e.mapped(env, "u000000.your-storagebox.de:23")
    box = ["sftp", "-q", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes",
           "-i", str(D / "operator/box_prune"), "-P", port, "-b", "-", "u000000-sub2@" + address]

    def sftp(*commands):
        return subprocess.run(box, input="\n".join(commands) + "\n", stdout=subprocess.PIPE, text=True, check=True).stdout

    run = sorted(line.split("/")[-1] for line in sftp("ls -1 kavi/bruno").splitlines() if line.endswith(tuple("0123456789abcdef")) and "Z-" in line)[-1]
    work = D / "forged"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    sftp("get -R kavi/bruno/%s %s" % (run, work))
    forged = "20991231T000000Z-beef"
    folder = (work / run).rename(work / forged)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(run, forged))
    (folder / "manifest.json.sig").unlink()
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "kavi.backup@kua.cl", str(manifest)], check=True)
    sftp("put -R %s kavi/bruno" % folder)
    try:
        done = kavi("restore", "databases", "--run", forged, "--dry-run", expect=12)
        check("it says why", "sign" in done.stderr, done.stderr)
        done = kavi("restore", "databases", "--dry-run", "--json")
        check("the newest good one is taken instead", forged not in done.stdout, done.stdout[:500])
    finally:
        sftp("rm kavi/bruno/%s/*" % forged, "rmdir kavi/bruno/%s" % forged)


if __name__ == "__main__":
    e2e.main()
