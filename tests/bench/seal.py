#!/usr/bin/env python3
"""seal.py KAVI [GIB]: sealing and opening a stream, beside the age tool in the same run. Prints a table and writes seal.json.

Bars: kavi at least 0.9 times as fast as age, at most 64 MiB of memory, files interchangeable. Needs twice that room in
TMPDIR and the age tool.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3


def run(command, source, target):
    """Seconds and peak MiB of one command from one file to another (or to nowhere)."""
    with open(source, "rb") as reading, open(target, "wb") as writing:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=reading, stdout=writing)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status != 0:
            sys.exit(f"{command[0]} failed")
        return time.monotonic() - began, usage.ru_maxrss / 1024


def best(command, source, target):
    runs = [run(command, source, target) for _ in range(ROUNDS)]
    return min(seconds for seconds, _ in runs), max(memory for _, memory in runs)


def same(a, b):
    return subprocess.run(["cmp", "-s", a, b]).returncode == 0


def main():
    kavi, gib = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        plain, ours, theirs, opened = (str(place / name) for name in ("plain", "ours.age", "theirs.age", "opened"))
        key = str(place / "key")
        made = subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True, text=True)
        recipient = made.stderr.split()[-1]
        block = os.urandom(1 << 20)
        with open(plain, "wb") as file:
            for _ in range(int(gib * 1024)):
                file.write(block)
        seal_ours = [kavi, "secrets", "seal", "--raw", "--recipient", recipient]
        open_ours = [kavi, "secrets", "unseal", "--raw", "--identity", key]
        run(seal_ours, plain, ours)
        run(["age", "-r", recipient], plain, theirs)
        run(["age", "-d", "-i", key], ours, opened)
        interchange = same(plain, opened)
        run(open_ours, theirs, opened)
        interchange = interchange and same(plain, opened)
        os.remove(opened)
        rows = {
            "seal": (best(seal_ours, plain, "/dev/null"), best(["age", "-r", recipient], plain, "/dev/null")),
            "open": (best(open_ours, ours, "/dev/null"), best(["age", "-d", "-i", key], ours, "/dev/null")),
        }
    report = {"gib": gib, "interchangeable": interchange}
    print(f"{gib:g} GiB, best of {ROUNDS}; files interchangeable: {interchange}")
    for name, ((mine, memory), (other, _)) in rows.items():
        ratio = other / mine
        report[name] = {"kavi_s": mine, "age_s": other, "speed_ratio": ratio, "kavi_peak_mib": memory}
        print(f"  {name}: kavi {mine:.2f} s, age {other:.2f} s, {ratio:.2f} times as fast, peak {memory:.0f} MiB")
    Path("seal.json").write_text(json.dumps(report, indent=1) + "\n")
    good = interchange and rows["seal"][1][0] / rows["seal"][0][0] >= 0.9 and max(r[0][1] for r in rows.values()) <= 64
    sys.exit(0 if good else 1)


main()
