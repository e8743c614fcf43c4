#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes device_table.h from data/deid/devices.csv: places where devices are known to write, as struct gate_device.
Run by the build; fails on a row it does not understand.
usage: device_tables.py DEVICES DICTIONARY OUTPUT
"""
import csv
import sys

TEXTS = ["modality", "manufacturer", "model", "image_type", "series", "burned_in", "rows", "columns"]
PLACE = ["x", "y", "width", "height"]


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def c_string(text):
    if not all(32 <= ord(c) < 127 and c not in '"\\' and c == c.upper() for c in text):
        raise SystemExit("not plain capitals: %r" % text)
    return '"%s"' % text if text else "NULL"


def tag_of(keyword, dictionary):
    return "0" if not keyword else "0x%s" % dictionary[keyword]


def main(devices, dictionary, output):
    tags = {r["keyword"]: r["tag"].replace("(", "").replace(")", "").replace(",", "").replace("xx", "00")
            for r in rows(dictionary)}
    lines = []
    for r in rows(devices):
        place = [r[c] for c in PLACE]
        if len({c == "" for c in place}) != 1 or not any(r[c] for c in TEXTS + ["other"]) or \
                bool(r["other"]) != bool(r["other_text"]):
            raise SystemExit("%s: row not understood: %r" % (devices, r))
        numbers = [str(int(c or "0")) for c in place]
        texts = [c_string(r[c]) for c in TEXTS]
        lines.append("    {%s, %s, %s, {%s}},\n" % (", ".join(texts), tag_of(r["other"], tags), c_string(r["other_text"]),
                                                  ", ".join(numbers)))
    with open(output, "w", encoding="utf-8") as f:
        f.write("// Generated at build from data/deid/devices.csv.\n// SPDX-License-Identifier: Apache-2.0\n#pragma once\n\n"
                "static const struct gate_device device_table[] = {\n%s};\n" % "".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
