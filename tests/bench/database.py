"""A database to back up, and those who do it."""
import json
import os
import subprocess
from pathlib import Path

from box import must, run

# What kavi asks docker for, answered by programs of this machine: the dump itself is the same for all.
DOCKER = """#!/bin/sh
case $1 in
    ps) echo bench ;;
    inspect) echo '[{"Id": "bench", "State": {"Status": "running"}, "Config": {"Env": ["POSTGRES_USER=postgres"],
        "Labels": {"com.docker.compose.project": "bench", "com.docker.compose.service": "postgres"}}}]' ;;
    exec) shift
        while [ "$1" != bench ]; do
            if [ "$1" = --env ]; then export "$2"; shift; fi
            shift
        done
        shift
        exec "$@" ;;
    *) exit 1 ;;
esac
"""

# Some 180 bytes a row as pg_dump writes them; zstd makes about half of it.
FILL = """
CREATE TABLE notes (id bigint PRIMARY KEY, digest text, changed timestamptz, amount numeric, note text);
INSERT INTO notes SELECT i, md5(i::text), now() - i * interval '1 second', i / 7.0,
    'a note about ' || md5((i * 3)::text) || ' and what became of it in week ' || i % 52 FROM generate_series(1, {rows}) i;
"""
BYTES_A_ROW = 178


class Database:
    """A PostgreSQL server of this machine with one database "bench", reached by its socket."""

    def __init__(self, folder, mib):
        self.folder = Path(folder)
        self.programs = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip()
        if not self.programs:
            self.programs = str(sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1])
        data, tools = self.folder / "data", self.folder / "bin"
        os.chmod(self.folder, 0o755)
        for place in (data, self.folder / "socket"):
            place.mkdir()
            must("chown", "postgres", place)
        tools.mkdir()
        (tools / "docker").write_text(DOCKER)
        os.chmod(tools / "docker", 0o755)
        self.environment = {"PATH": f"{tools}:{self.programs}:{os.environ['PATH']}", "PGHOST": str(self.folder / "socket"),
                            "PGUSER": "postgres", "LC_ALL": "C.UTF-8"}
        self.as_postgres("initdb", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D", data)
        self.as_postgres("pg_ctl", "start", "-w", "-D", data, "-l", data / "log", "-o",
                         f"-c listen_addresses='' -c unix_socket_directories={self.folder}/socket -c fsync=off")
        try:
            self.psql("postgres", "CREATE DATABASE bench")
            self.psql("bench", FILL.format(rows=mib * (1 << 20) // BYTES_A_ROW) + "VACUUM ANALYZE;")
        except BaseException:
            self.close()
            raise

    def as_postgres(self, program, *words):
        must("runuser", "-u", "postgres", "--", f"{self.programs}/{program}", *words, stdout=subprocess.DEVNULL,
             cwd=self.folder)

    def psql(self, database, text):
        must("psql", "-Xqd", database, "-v", "ON_ERROR_STOP=1", input=text, text=True, stdout=subprocess.DEVNULL,
             env={**os.environ, **self.environment})

    def close(self):
        self.as_postgres("pg_ctl", "stop", "-m", "immediate", "-D", self.folder / "data")


class Backups:
    """One backup of the database into the box, by each way."""

    def __init__(self, build, box, database, host, prefix):
        self.box, self.database, self.host, self.prefix = box, database, host, prefix
        self.kavi_program = str(build / "apps/kavi/kavi")
        self.stored = box.folder / "box"
        keys = database.folder / "keys"
        if not keys.exists():
            keys.mkdir()
            must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "signing")
            must("age-keygen", "-o", keys / "age", stderr=subprocess.DEVNULL)
        self.signing = str(keys / "signing")
        self.recipient = must("age-keygen", "-y", keys / "age", capture_output=True, text=True).stdout.strip()
        self.dump = "pg_dump -Fc -Z0 -d bench"

    def fresh(self):
        subprocess.run(["rm", "-rf", *(str(path) for path in self.stored.iterdir())])

    def measured(self, command, source=os.devnull, **more):
        return run([*self.prefix, *command], source, os.devnull, {**self.database.environment, **more})

    def shell(self, script, **more):
        return self.measured(["bash", "-o", "pipefail", "-c", script], **more)

    def ssh(self):
        return " ".join(self.box.ssh(self.host))

    def kavi(self):
        self.fresh()
        request = self.database.folder / "request.json"
        request.write_text(json.dumps({
            "kavi.agent": 1, "estate": "bench", "server": "bench", "recipients": [self.recipient],
            "signing_key": self.signing, "stores": [json.loads(self.box.description(self.host))],
            "items": [{"name": "databases", "kind": "postgres", "project": "bench", "service": "postgres"}]}))
        return self.measured([self.kavi_program, "__agent", "backup"], source=str(request))

    def by_hand(self):
        self.fresh()
        return self.shell(f"{self.dump} | zstd -q -3 | age -r {self.recipient} | "
                          f"{self.ssh()} 'dd of={self.stored}/a bs=1M iflag=fullblock status=none'")

    def by_hand_checked(self):
        """With what kavi promises: hashed on the way, on disk, and read again there."""
        self.fresh()
        place = f"{self.stored}/a"
        return self.shell(f"{self.dump} | zstd -q -3 | age -r {self.recipient} | tee >(sha256sum >/dev/null) | "
                          f"{self.ssh()} 'dd of={place} bs=1M iflag=fullblock conv=fsync status=none; sha256sum {place}'")

    def rclone(self):
        self.fresh()
        return self.shell(f"{self.dump} | zstd -q -3 | age -r {self.recipient} | rclone --config /dev/null rcat "
                          f"{self.box.rclone(self.host)}{self.stored}/a")

    def restic(self):
        self.fresh()
        more = {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": f"sftp:box:{self.stored}/restic"}
        restic = f"restic --quiet --no-cache -o sftp.command='{self.ssh()} -s sftp'"
        self.shell(f"{restic} init", **more)
        return self.shell(f"{self.dump} | {restic} backup --stdin", **more)

    def borg(self):
        self.fresh()
        home = self.database.folder / "borg"
        subprocess.run(["rm", "-rf", home])
        words = self.box.ssh(self.host)[:-1]
        more = {"BORG_RSH": " ".join(words), "BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(home),
                "BORG_REPO": f"ssh://root@{self.host}:{self.box.port}{self.stored}/borg"}
        self.shell("borg init --encryption repokey-blake2", **more)
        return self.shell(f"{self.dump} | borg create ::a -", **more)

    def contestants(self):
        return {"kavi": self.kavi, "by hand": self.by_hand, "by hand, hashed and checked": self.by_hand_checked,
                "rclone rcat": self.rclone, "restic": self.restic, "borg": self.borg}
