#!/usr/bin/env python3
"""backup.py BUILD [MIB [DATABASE_MIB]]: storing beside the same by hand, restic, borg and rclone, near and at 20 ms round trip, in one
run. Prints tables, writes backup.json. BUILD is a build folder of type Release with kavi, bench_store and
bench_delay_line; 0 MIB leaves the plain files out, 0 DATABASE_MIB the database. Needs root (a network namespace and a tun device) and the packages of
[bench].

Bars: an upload at 20 ms at least 0.95 times as fast as `ssh box dd of=…`, two connections at least 1.8 times one, a download
at least 0.95 times `ssh box cat`; a database at most 1.05 times as long as `pg_dump -Fc -Z0 | zstd -3 | age | ssh box dd`,
with no more processor time; at most 64 MiB of memory.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from box import FAR, SPACE, Box, rounds, run, table
from database import Backups, Database

def transfers(box, build, mib, host, prefix, data):
    stored = box.folder / "box"
    store = {"STORE": box.description(host)}
    bench = str(build / "tests/bench/bench_store")

    def fresh():
        subprocess.run(["rm", "-rf", *(str(path) for path in stored.iterdir())])

    def put():
        fresh()
        done = run([*prefix, bench, "put", "a"], data, os.devnull, store)
        if subprocess.run(["cmp", "-s", data, stored / "a"]).returncode != 0:
            sys.exit("what was stored isn't what was sent")
        return done

    def put_by_hand(*options):
        fresh()
        return run([*prefix, *box.ssh(host, *options), f"dd of={stored}/a bs=1M iflag=fullblock status=none"], data,
                   os.devnull)

    def put_rclone():
        fresh()
        return run([*prefix, "rclone", "--config", "/dev/null", "rcat", f"{box.rclone(host)}{stored}/a"], data, os.devnull)

    def put_twice():
        fresh()
        with tempfile.NamedTemporaryFile() as told:
            _, cpu, memory = run([*prefix, bench, "put2", "a"], data, told.name, store)
            return float(Path(told.name).read_text()), cpu, memory

    gcm = ("-c", "aes256-gcm@openssh.com")
    up = rounds({"kavi": put, "kavi, two connections": put_twice, "ssh dd": put_by_hand,
                 "ssh dd, aes256-gcm": lambda: put_by_hand(*gcm), "rclone rcat": put_rclone})
    put()
    down = rounds({"kavi": lambda: run([*prefix, bench, "get", "a"], os.devnull, os.devnull, store),
                   "ssh cat": lambda: run([*prefix, *box.ssh(host), f"cat {stored}/a"], os.devnull, os.devnull),
                   "ssh cat, aes256-gcm": lambda: run([*prefix, *box.ssh(host, *gcm), f"cat {stored}/a"], os.devnull,
                                                      os.devnull)})
    return up, down


WAYS = (("near", "127.0.0.1", []), ("20 ms", FAR, ["ip", "netns", "exec", SPACE]))


def files(box, build, mib, folder):
    """Bars and all figures of plain files."""
    data, results = f"{folder}/data", {}
    block = os.urandom(1 << 20)
    with open(data, "wb") as file:
        for _ in range(mib):
            file.write(block)
    for way, host, prefix in WAYS:
        up, down = transfers(box, build, mib, host, prefix, data)
        table(f"upload of {mib} MiB, {way}", mib, up)
        table(f"download of {mib} MiB, {way}", mib, down)
        results[way] = {"upload": up, "download": down}
    os.remove(data)
    up, down = results["20 ms"]["upload"], results["20 ms"]["download"]
    upload = min(up["ssh dd"][0], up["ssh dd, aes256-gcm"][0]) / up["kavi"][0]
    download = min(down["ssh cat"][0], down["ssh cat, aes256-gcm"][0]) / down["kavi"][0]
    twice = up["kavi"][0] / up["kavi, two connections"][0]
    memory = max(results[way][what]["kavi"][2] for way in results for what in ("upload", "download"))
    return results, {"upload at 20 ms, times by hand": (upload, upload >= 0.95),
                     "two connections at 20 ms, times one": (twice, twice >= 1.8),
                     "download at 20 ms, times by hand": (download, download >= 0.95),
                     "memory of a transfer, MiB": (memory, memory <= 64)}


def databases(box, build, mib):
    """Bars and all figures of a database."""
    results, bars = {}, {}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        database = Database(folder, mib)
        try:
            for way, host, prefix in WAYS:
                done = rounds(Backups(build, box, database, host, prefix).contestants())
                table(f"backup of a database of {mib} MiB, {way}", mib, done)
                results[way] = done
                wall, cpu = (done["kavi"][i] / done["by hand"][i] for i in (0, 1))
                bars[f"database, {way}: time, times by hand"] = (wall, wall <= 1.05)
                bars[f"database, {way}: processor, times by hand"] = (cpu, cpu <= 1)
                bars[f"database, {way}: memory, MiB"] = (done["kavi"][2], done["kavi"][2] <= 64)
        finally:
            database.close()
    return results, bars


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # cleans up on the way out
    build = Path(sys.argv[1]).resolve()
    mib, database_mib = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((2, 512), (3, 1024)))
    results, bars = {}, {}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        box = Box(build, folder, 20)
        try:
            if mib:
                results[f"files of {mib} MiB"], more = files(box, build, mib, folder)
                bars |= more
            if database_mib:
                results[f"a database of {database_mib} MiB"], more = databases(box, build, database_mib)
                bars |= more
        finally:
            box.close()
    print()
    for name, (figure, met) in bars.items():
        print(f"{name:48}{figure:8.2f}  {'met' if met else 'NOT MET'}")
    Path("backup.json").write_text(json.dumps(results | {"bars": bars}, indent=1) + "\n")
    return 0 if all(met for _, met in bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
