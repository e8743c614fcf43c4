#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""data/openapi.json describes every door of src/web/routes.h and no other, and its references lead somewhere."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOT_DESCRIBED = {"/", "/{rest}", "/api/{rest}", "/dicom-web/{rest}"}  # pages, and what answers 404

text = (ROOT / "src" / "web" / "routes.h").read_text(encoding="utf-8")
words = {}
for name, value in re.findall(r"^#define (DW\w*) (.+)$", text, re.M):
    words[name] = "".join(words.get(w, w.strip('"')) for w in value.split())
doors = set()
for method, path in re.findall(r"^    X\((GET|POST|PUT|DELETE), ([^,]+),", text, re.M):
    doors.add((method.lower(), "".join(words.get(w, w.strip('"')) for w in path.split())))
doors = {(m, p.replace("/bulkdata/{rest}", "/bulkdata/{path}")) for m, p in doors if p not in NOT_DESCRIBED}

document = json.loads((ROOT / "data" / "openapi.json").read_text(encoding="utf-8"))
described = {(m, p) for p, item in document["paths"].items() for m in item}
faults = ["not described: %s %s" % d for d in sorted(doors - described)]
faults += ["described, but no door: %s %s" % d for d in sorted(described - doors)]


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


for reference in set(references(document)):
    node = document
    for word in reference.split("/")[1:]:
        node = node.get(word, {})
    if not node:
        faults.append("leads nowhere: " + reference)
for fault in faults:
    print(fault)
print("%d doors, %d faults" % (len(doors), len(faults)))
sys.exit(1 if faults or not doors else 0)
