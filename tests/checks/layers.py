#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The floors of docs/architecture.md: a folder under src/ includes only itself and folders below it in
the house (earlier in FLOORS). Also: every source has its SPDX line, every .c includes its own header
first, every header says #pragma once."""
import pathlib
import re
import sys

FLOORS = ["base", "db", "dicom", "pixel", "phantom", "worker", "dimse", "gate", "policy", "store", "archive",
          "people", "transfer", "teach", "release", "node", "web", "cli"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SPDX = "SPDX-License-Identifier: Apache-2.0"


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield number, m.group(1)


def upward(path):
    own = path.relative_to(ROOT / "src").parts[0]
    for number, name in includes(path):
        other = name.split("/")[0]
        if other not in FLOORS:
            yield "%s:%d: include \"%s\" names no floor" % (path.relative_to(ROOT), number, name)
        elif FLOORS.index(other) > FLOORS.index(own):
            yield "%s:%d: %s may not use %s" % (path.relative_to(ROOT), number, own, other)


def form(path):
    text = path.read_text(encoding="utf-8")
    where = path.relative_to(ROOT)
    if SPDX not in text[:200]:
        yield "%s: no SPDX line" % where
    if path.suffix == ".h" and "#pragma once" not in text:
        yield "%s: no #pragma once" % where
    header = path.with_suffix(".h")
    if path.suffix == ".c" and header.exists():
        first = next(includes(path), (0, ""))[1]
        if first != "%s/%s" % (path.parent.name, header.name):
            yield "%s: its own header comes first" % where


def main():
    faults = []
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        faults += list(upward(path)) + list(form(path))
    for folder in ("tests", "bench", "tools"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".cc", ".py", ".sh") and "node_modules" not in path.parts:
                if SPDX not in path.read_text(encoding="utf-8")[:300]:
                    faults.append("%s: no SPDX line" % path.relative_to(ROOT))
    print("\n".join(faults) if faults else "the floors hold")
    return 1 if faults else 0


sys.exit(main())
