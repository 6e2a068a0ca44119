#!/usr/bin/env python3
"""restore.py CASE: restores in the lab, on the estate that `e2e.py up` has deployed. What is there before and after is looked at by psql,
docker and the shell of the server, never by kavi."""
import json
import sys
import time

from e2e import KAVI, bruno, check, kavi, lab_env

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def psql(database, sql):
    return bruno("docker exec -i $(docker ps -q --filter label=com.docker.compose.service=postgres) psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres -d %s <<'END'\n%s\nEND" % (database, sql)).strip()


def databases():
    return psql("postgres", "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate").split()


def healthy():
    status = bruno("docker ps --filter label=com.docker.compose.project=production --format '{{.Label \"com.docker.compose.service\"}} {{.Status}}'")
    return {line.split(" ", 1)[0] for line in status.splitlines() if "(healthy)" in line}


def volume(name):
    return bruno("docker volume inspect --format '{{.Mountpoint}}' production_%s" % name).strip()


def redis(*words):
    return bruno("docker exec $(docker ps -q --filter label=com.docker.compose.service=redis) /bin/sh /etc/redis/redis.sh cli %s" % " ".join(words)).strip()


def forget(database):
    psql(database, "SET client_min_messages = warning; DROP TABLE IF EXISTS e2e_rows")


def started(service):
    return bruno("docker inspect --format '{{.State.StartedAt}}' $(docker ps -q --filter label=com.docker.compose.service=%s)" % service).strip()


def backed_up():
    """Rows, a key and a file that the cases lose, in a backup."""
    if psql("infisical", "SELECT to_regclass('public.e2e_rows') IS NOT NULL") == "t":
        return
    forget("infisical")
    psql("infisical", "CREATE TABLE e2e_rows AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 20000) i; ALTER TABLE e2e_rows OWNER TO infisical")
    redis("SET", "e2e", "kept")
    bruno("echo kept >%s/e2e && chown 1000:1000 %s/e2e" % (volume("forgejo-data"), volume("forgejo-data")))
    kavi("backup", "--yes", "--accept-smaller")
    listed = json.loads(kavi("backup", "list", "--server", "bruno", "--json").stdout)
    check("the backup is listed", "databases" in json.dumps(listed), listed)


@case
def rows_come_back():
    psql("infisical", "DELETE FROM e2e_rows WHERE id > 5")
    before, was = healthy(), started("infisical")
    done = kavi("restore", "databases", "--database", "infisical", "--dry-run", "--json")
    actions = json.loads(done.stdout)["data"]["plan"]["actions"]
    check("the plan has roles and that database", [a["id"] for a in actions] == ["restore/bruno/databases/globals", "restore/bruno/databases/infisical"], actions)
    done = kavi("restore", "databases", "--database", "infisical", expect=10)
    check("it isn't done without the server's name", psql("infisical", "SELECT count(*) FROM e2e_rows") == "5")
    began = time.monotonic()
    done = kavi("restore", "databases", "--database", "infisical", "--yes", "--confirm", "bruno", "--json")
    print("  restored in %.1f s" % (time.monotonic() - began))
    check("the rows are back", psql("infisical", "SELECT count(*), min(length(text)) FROM e2e_rows") == "20000|32")
    check("they belong to infisical", psql("infisical", "SELECT tableowner FROM pg_tables WHERE tablename = 'e2e_rows'") == "infisical")
    kept = [name for name in databases() if name.startswith("infisical__before_")]
    check("what was there is kept", len(kept) == 1 and psql(kept[0], "SELECT count(*) FROM e2e_rows") == "5", databases())
    restored = {one["id"]: one for one in json.loads(done.stdout)["data"]["restored"]}
    check("the report names it", restored["restore/bruno/databases/infisical"]["kept"] == kept[0], restored)
    check("services that were healthy are so again", healthy() == before, healthy())
    if restored["restore/bruno/databases/infisical"]["restarted"]:
        check("the service that reads it was restarted", started("infisical") != was)
    kavi("restore", "--drop-kept", "--yes")
    check("what was kept is gone once somebody said so", not [n for n in databases() if "__before_" in n], databases())
    kavi("deploy", "--dry-run", "--exit-code")


@case
def redis_and_files_come_back():
    before, folder = healthy(), volume("forgejo-data")
    redis("FLUSHALL")
    bruno("rm %s/e2e && echo new >%s/new" % (folder, folder))
    kavi("restore", "redis", "forgejo", "--yes", "--confirm", "bruno")
    check("the key is back", redis("GET", "e2e") == "kept")
    check("the file is back", bruno("cat %s/e2e" % folder).strip() == "kept")
    check("with its owner", bruno("stat -c %%u:%%g %s/e2e" % folder).strip() == "1000:1000")
    check("what came later isn't there", bruno("ls %s" % folder).find("new") < 0)
    check("it is kept", bruno("cat %s.before-*/new" % folder).strip() == "new")
    check("services that were healthy are so again", healthy() == before, healthy())
    kavi("restore", "--drop-kept", "--yes")
    check("and gone once somebody said so", bruno("ls -d %s.before-* 2>/dev/null | wc -l" % folder).strip() == "0")
    kavi("deploy", "--dry-run", "--exit-code")


@case
def beside_and_here():
    """One table into another database; a folder of this machine."""
    kavi("restore", "databases", "--database", "infisical", "--table", "public.e2e_rows", "--into", "db:e2e_look", "--yes")
    check("the table is beside the live database", psql("e2e_look", "SELECT count(*) FROM e2e_rows") == "20000")
    psql("postgres", "DROP DATABASE e2e_look")
    from e2e import D
    place = D / "restored-here"
    bruno("true")
    kavi("restore", "forgejo", "--path", "e2e", "--into", str(place))
    check("the file is here", (place / "forgejo/e2e").read_text() == "kept\n")
    import shutil
    shutil.rmtree(place)


@case
def drill():
    before, was = healthy(), databases()
    done = json.loads(kavi("restore", "--drill", "--json").stdout)["data"]
    rows = {one["part"]: one["rows"] for one in done["artefacts"] if one["item"] == "databases"}
    check("every artefact was restored", all(one["ok"] for one in done["artefacts"]), done)
    check("with its rows", rows["infisical"] >= 20000, rows)
    check("nothing live was touched", healthy() == before and databases() == was)
    check("nothing is left", bruno("docker ps -aq --filter label=cl.kua.kavi.throw-away; docker volume ls -q --filter label=cl.kua.kavi.throw-away").strip() == "")


@case
def everything_at_once():
    """All items of the server, the folder on the Storage Box's mount among them."""
    before = healthy()
    psql("infisical", "DELETE FROM e2e_rows")
    bruno("rm %s/e2e" % volume("forgejo-data"))
    done = json.loads(kavi("restore", "--yes", "--confirm", "bruno", "--json").stdout)["data"]
    restored = {one["id"] for one in done["restored"]}
    check("every item was restored", {"restore/bruno/databases/infisical", "restore/bruno/forgejo", "restore/bruno/notes", "restore/bruno/redis",
                                      "restore/bruno/certificates"} <= restored, restored)
    check("the rows are back", psql("infisical", "SELECT count(*) FROM e2e_rows") == "20000")
    check("the file is back", bruno("cat %s/e2e" % volume("forgejo-data")).strip() == "kept")
    check("the notes are on the mount", bruno("findmnt -n -o FSTYPE -T /mnt/storagebox/obsidian | tail -n 1").strip() == "fuse.sshfs")
    check("services that were healthy are so again", healthy() == before, healthy())
    kavi("restore", "--drop-kept", "--yes")
    check("and nothing of it is left", bruno("ls -d /mnt/storagebox/*.before-* /mnt/storagebox/*.kavi-* 2>/dev/null | wc -l").strip() == "0")
    kavi("deploy", "--dry-run", "--exit-code")


if __name__ == "__main__":
    print("%s (%s)" % (sys.argv[1], KAVI))
    backed_up()
    CASES[sys.argv[1]]()
