#!/usr/bin/env python3
"""kavi backup list, verify and prune on a store in a local folder: backup_test.py KAVI.

The backups are made here, by hand, as docs/backups.md says: canonical JSON, signed by ssh-keygen -Y sign. They are those
of the estate itself, which an operator signs, so that no server is needed.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

KAVI = os.path.abspath(sys.argv[1])


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more)


class Estate:
    def __init__(self, folder):
        self.folder = Path(folder)
        for name in ("ana", "somebody"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.folder / name)
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        (self.folder / "kavi.toml").write_text(f"""
estate = "kavi"
timezone = "America/Santiago"
[operators.ana]
ssh = "{(self.folder / 'ana.pub').read_text().strip()}"
age = "age1ljrx4zngtvg4a3sg08jc2cxwvkmd2f4zu3rtquy42t4n6jan54aqgtl3sq"
[storage.safe]
kind = "local"
path = "safe"
[backup]
stores = ["safe"]
keep = {{ daily = 3 }}
""")
        self.sequence, self.previous = 0, ""

    def store(self, days_ago, content, key="ana", failures=()):
        time = self.now - timedelta(days=days_ago)
        run_name = time.strftime("%Y%m%dT%H%M%SZ") + f"-{days_ago:04x}"
        place = self.folder / "safe/kavi/estate" / run_name
        place.mkdir(parents=True)
        file = "estate.tar.zst.age"
        (place / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.sequence += 1
        manifest = {
            "kavi.manifest": 1, "estate": "kavi", "server": "estate", "run": run_name, "sequence": self.sequence,
            "previous": self.previous, "started": stamp, "finished": stamp, "kavi": "0.1.0", "sealed_sequence": 1,
            "encryption_key": "", "warnings": [],
            "artefacts": [{"item": "estate", "kind": "estate", "part": "", "file": f"{run_name}/{file}",
                           "bytes": len(content), "sha256": digest, "plain_bytes": len(content),
                           "plain_sha256": digest, "details": {}}],
            "failures": [{"item": "estate", "part": "", "message": one} for one in failures]}
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n"
        (place / "manifest.json").write_text(text)
        run("ssh-keygen", "-q", "-Y", "sign", "-f", self.folder / key, "-n", "kavi.backup@kua.cl", place / "manifest.json")
        self.previous = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        return place

    def kavi(self, *arguments, exit_code=0):
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "KAVI_LOOPBACK_ONLY": "1",
                       "XDG_STATE_HOME": str(self.folder / "state")}
        done = subprocess.run([KAVI, "-c", str(self.folder / "kavi.toml"), "backup", *arguments],
                              capture_output=True, text=True, env=environment)
        if done.returncode != exit_code:
            sys.exit(f"kavi backup {' '.join(arguments)}: exit {done.returncode}, not {exit_code}\n{done.stdout}{done.stderr}")
        return done.stdout, done.stderr


def expect(what, *texts):
    for text in texts:
        if text not in what:
            sys.exit(f"this isn't said: {text}\nbut:\n{what}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        estate = Estate(folder)
        out, _ = estate.kavi("list")
        expect(out, "estate in safe · 0 runs")
        places = [estate.store(days, b"x" * (5000 + days)) for days in (5, 4, 3, 2, 1)]

        out, _ = estate.kavi("list")
        expect(out, "estate in safe · 5 runs, the newest 24 h old", places[-1].name, "5.0 kB  estate")
        assert out.index(places[-1].name) < out.index(places[0].name), out
        listed = json.loads(estate.kavi("list", "--json")[0])["data"]["catalogs"][0]
        assert [one["run"] for one in listed["runs"]] == [place.name for place in reversed(places)], listed
        assert listed["runs"][0]["items"] == [{"item": "estate", "kind": "estate", "parts": [], "bytes": 5001,
                                               "plain_bytes": 5001, "whole": True}], listed

        out, _ = estate.kavi("verify")
        expect(out, "level 1 · 5 runs listed, 1 artefact of 1 item verified: all well")
        expect(estate.kavi("list")[0], "verified 1 · estate")

        newest = places[-1] / "estate.tar.zst.age"
        good = newest.read_bytes()
        newest.write_bytes(b"y" + good[1:])
        estate.kavi("verify", "--level", "0")
        _, err = estate.kavi("verify", exit_code=12)
        expect(err, f"{places[-1].name}/estate.tar.zst.age isn't what was stored", "its SHA-256 is")
        expect(estate.kavi("list")[0], "estate is damaged (level 1) · estate")
        newest.write_bytes(good)
        newest.with_name("manifest.json.sig").rename(newest.with_name("hidden"))
        _, err = estate.kavi("verify", "--level", "0", exit_code=12)
        expect(err, "isn't signed")
        newest.with_name("hidden").rename(newest.with_name("manifest.json.sig"))
        _, err = estate.kavi("verify", "--at", "in spring", exit_code=2)
        expect(err, "'in spring' is no time that kavi understands")
        out, _ = estate.kavi("verify", "--at", "3d ago")
        expect(out, "1 artefact of 1 item verified: all well")

        out, _ = estate.kavi("prune", "--dry-run")
        expect(out, places[0].name, places[1].name, "no rule keeps it", "what stays, and why", ": daily ")
        assert places[0].exists()
        estate.kavi("prune", exit_code=10)
        estate.kavi("prune", "--yes")
        assert [place.exists() for place in places] == [False, False, True, True, True], places
        expect(estate.kavi("prune")[0], "nothing to prune: 3 backups ·")
        estate.kavi("verify")

        forged = estate.store(0, b"evil", key="somebody")
        out, _ = estate.kavi("list")
        expect(out, f"{forged.name}", "    ! doesn't count: the manifest of run", "isn't signed by a known server")
        _, err = estate.kavi("verify", "--run", forged.name, exit_code=12)
        expect(err, "isn't signed by a known server", "made the signature")
        settings = Path(folder) / "kavi.toml"
        settings.write_text(settings.read_text().replace("daily = 3", "daily = 2"))
        _, err = estate.kavi("prune", "--yes", exit_code=7)
        expect(err, "the backups of estate in safe aren't pruned", "the last run wasn't good", "--confirm estate")
        estate.kavi("prune", "--yes", "--confirm", "estate")
        assert [place.exists() for place in places] == [False, False, False, True, True], places
        assert forged.exists()


main()
