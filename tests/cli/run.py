#!/usr/bin/env python3
"""Runs text cases against the whole binary: run.py KAVI CASE.cli

    # a comment
    @ path/to/file             a file in the case's own folder, with the lines that follow
    | its content
    $ kavi explain 101         a command line for sh; the folder is HOME and the working directory
    < what it reads            (nothing else is on standard input)
    > what it writes           standard output, line by line
    ! what it says             standard error, line by line
    = 2                        the exit code; 0 where nothing is said

In expected lines "[..]" stands for anything within a line, and a line "..." for any number of lines.
KAVI_ACCEPT=1 writes down what came instead, and fails so that nobody overlooks it.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent


class Case:
    def __init__(self, line, command):
        self.line, self.command = line, command
        self.input, self.out, self.err = [], [], []
        self.files = []
        self.code = 0


def read_cases(path):
    cases, files, current = [], [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        mark, rest = line[:1], line[2:]
        if mark == "@":
            files.append([rest, []])
            current = None
        elif mark == "|" and files:
            files[-1][1].append(rest)
        elif mark == "$":
            current = Case(number, rest)
            current.files, files = files, []
            cases.append(current)
        elif mark == "=":
            current.code = int(rest)
        elif mark in "<>!" and mark:
            {"<": current.input, ">": current.out, "!": current.err}[mark].append(rest)
        elif mark not in ("", "#"):
            sys.exit(f"{path}:{number}: can't read this line")
    return cases


def matches(expected, actual):
    """Both are lists of lines."""
    if not expected:
        return not actual
    if expected[0] == "...":
        return any(matches(expected[1:], actual[i:]) for i in range(len(actual) + 1))
    if not actual:
        return False
    pattern = ".*".join(re.escape(part) for part in expected[0].split("[..]"))
    return re.fullmatch(pattern, actual[0]) is not None and matches(expected[1:], actual[1:])


def environment(kavi, home):
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return kept | {
        "PATH": f"{kavi.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "KAVI_LOOPBACK_ONLY": "1",
        "SOURCE": str(SOURCE),
    }


def run(case, kavi, home):
    for name, lines in case.files:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))
        path.chmod(0o600)
    done = subprocess.run(
        ["/bin/sh", "-c", case.command],
        input="".join(line + "\n" for line in case.input),
        capture_output=True,
        text=True,
        cwd=home,
        env=environment(kavi, home),
        timeout=60,
    )
    return done.stdout.splitlines(), done.stderr.splitlines(), done.returncode


def show(mark, lines):
    return [f"{mark} {line}".rstrip() for line in lines]


def accept(path, results):
    """Replaces what each command is said to give by what it gave."""
    text, pending = [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        replaced = pending is not None and line[:1] in (">", "!", "=")
        if not replaced and line[:1] != "<":
            text += pending or []
            pending = None
        if line.startswith("$"):
            pending = results[number]
        if not replaced:
            text.append(line)
    path.write_text("\n".join(text + (pending or [])) + "\n")


def main():
    kavi, path = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    failures, results = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder).resolve()
        for case in read_cases(path):
            out, err, code = run(case, kavi, home)
            came = show(">", out) + show("!", err) + ([f"= {code}"] if code else [])
            wanted = show(">", case.out) + show("!", case.err) + ([f"= {case.code}"] if case.code else [])
            right = matches(case.out, out) and matches(case.err, err) and code == case.code
            results[case.line] = wanted if right else came
            if not right:
                failures += 1
                print(f"{path}:{case.line}: $ {case.command}")
                print("\n".join(["wanted:"] + wanted + ["came:"] + came), end="\n\n")
    if failures and os.environ.get("KAVI_ACCEPT") == "1":
        accept(path, results)
        print(f"{path} is rewritten; look at it, then run the test again")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
