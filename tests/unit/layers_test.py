#!/usr/bin/env python3
"""layers_test.py LIB: includes point down only, and nothing below apps prints, prompts, reads the environment or exits."""
import re
import sys
from pathlib import Path

# What each layer may include besides itself, as docs/architecture.md has it.
BELOW = {
    "base": [],
    "net": ["base"],
    "seal": ["base"],
    "model": ["base"],
    "plan": ["base"],
    "run": ["base", "plan"],
    "api": ["base", "net"],
    "host": ["base", "net"],
    "store": ["base", "net", "seal", "api"],
    "secrets": ["base", "net", "seal", "model", "api"],
    "ops": ["base", "net", "seal", "model", "plan", "run", "api", "host", "store", "secrets"],
}
INCLUDE = re.compile(r'#include\s+[<"](?:kavi/)?([a-z]+)/[^>"]+[>"]')
# Hands the environment on to the programs that it starts; nobody there looks at it.
HANDS_ON_ENVIRONMENT = "base/spawn.cpp"
FORBIDDEN = [
    (re.compile(r"#include\s+<(iostream|print)>"), "prints"),
    (re.compile(r"\b(std::cout|std::cerr|std::clog|(?<!fmt::f)\bprintf\s*\(|fprintf\s*\(\s*std(out|err))"), "prints"),
    (re.compile(r"\b(secure_)?getenv\s*\(|\benviron\b"), "reads the environment"),
    (re.compile(r"(?<![\w:.])(?<!Exit )(std::)?(exit|quick_exit|abort|terminate)\s*\("), "exits"),
]


def problems(path, layer):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("//")[0]
        included = INCLUDE.search(code)
        if included and included[1] in BELOW and included[1] != layer and included[1] not in BELOW[layer]:
            yield f"{path}:{number}: {layer} includes {included[1]}, which isn't below it"
        for pattern, what in FORBIDDEN:
            if what == "reads the environment" and path.as_posix().endswith(HANDS_ON_ENVIRONMENT):
                continue
            if pattern.search(code):
                yield f"{path}:{number}: something below apps {what}: {line.strip()}"


def main():
    lib = Path(sys.argv[1]) / "kavi"
    found = []
    for layer in sorted(child.name for child in lib.iterdir() if child.is_dir()):
        if layer not in BELOW:
            found.append(f"{lib / layer}: a layer that this test doesn't know")
            continue
        for path in sorted((lib / layer).rglob("*.[ch]pp")):
            found += problems(path, layer)
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
