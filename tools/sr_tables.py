#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes concept_table.h from data/deid/sr_items.csv (PS3.15 Table E.3.4-1) and data/deid/codes*.csv (codes of PS3.16).

Rows of the first become struct gate_concept, sorted by code, scheme and value type. Of the second only hashes go into the
program: of scheme and code, of both with the meaning, and of the words that several meanings are made of (names of people and
places not among them).
usage: sr_tables.py SR_ITEMS CODES NAMES PLACES OUTPUT
"""
import csv
import itertools
import re
import sys

OPTIONS = [("rtn_uids", "UIDS"), ("rtn_dev_id", "DEVICE"), ("rtn_inst_id", "INSTITUTION"), ("rtn_pat_chars", "CHARACTERISTICS"),
           ("rtn_long_full_dates", "FULL_DATES"), ("rtn_long_modif_dates", "MODIFIED_DATES"), ("clean_desc", "CLEAN")]
ACTIONS = {"X": "REMOVE", "D": "DUMMY", "X/D": "EITHER"}
TYPES = {"TEXT", "PNAME", "DATE", "TIME", "DATETIME", "UIDREF", "NUM", "CODE", "CONTAINER", "IMAGE", "COMPOSITE", "WAVEFORM"}


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def c_string(text):
    if not all(32 <= ord(c) < 127 and c not in '"\\' for c in text):
        raise SystemExit("not plain: %r" % text)
    return '"%s"' % text


def fnv(data):
    """FNV-1a, 64 bits, as codes.c has it."""
    h = 14695981039346656037
    for b in data:
        h = ((h ^ b) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return h


def plain(meaning):
    """Small ASCII letters, digits and bytes beyond ASCII: as codes.c folds a meaning."""
    return bytes(b + 32 if 65 <= b <= 90 else b for b in meaning.encode()
                 if b > 127 or chr(b).isalnum())


def concepts(path):
    out = []
    for r in rows(path):
        if r["basic_profile"] not in ACTIONS or r["value_type"] not in TYPES:
            raise SystemExit("%s: row not understood: %r" % (path, r))
        bits = ["GATE_CONCEPT_" + name for column, name in OPTIONS if r[column] in ("K", "C")]
        if any(r[column] not in ("", "K", "C") for column, _ in OPTIONS):
            raise SystemExit("%s: row not understood: %r" % (path, r))
        out.append((r["code_value"], r["coding_scheme"], r["value_type"], ACTIONS[r["basic_profile"]], " | ".join(bits) or "0"))
    out.sort()
    if len({o[:3] for o in out}) != len(out):
        raise SystemExit("%s: a row twice" % path)
    return out


def hashes(paths):
    codes, meanings = set(), set()
    for r in itertools.chain.from_iterable(map(rows, paths)):
        head = (r["coding_scheme"] + "\0" + r["code_value"]).encode()
        codes.add(fnv(head))
        meanings.add(fnv(head + b"\0" + plain(r["code_meaning"])))
    return sorted(codes), sorted(meanings)


def words(paths, lists):
    """Of at least two meanings each, breeds of animals left out."""
    names = {w.lower() for name in lists for row in csv.reader(open(name, encoding="utf-8"))
             if row and not row[0].startswith("#") for w in row[0].split()}
    seen = {}
    for r in itertools.chain.from_iterable(map(rows, paths)):
        if not re.search("breed|stain|organism", r["code_meaning"]):
            for word in set(re.findall("[a-z]{3,}", r["code_meaning"].lower())):
                seen[word] = seen.get(word, 0) + 1
    return sorted(fnv(w.encode()) for w, count in seen.items() if count > 1 and w not in names)


def main(items, names, places, output, *codes):
    known, meant = hashes(codes)
    with open(output, "w", encoding="ascii") as f:
        f.write("// Made by tools/sr_tables.py. Facts of DICOM PS3.15 and PS3.16 2026d, (c) NEMA.\n// SPDX-License-Identifier: Apache-2.0\n"
                "static const struct gate_concept concepts[] = {\n")
        for value, scheme, kind, action, options in concepts(items):
            f.write("    {%s, %s, %s, GATE_CONCEPT_%s, %s},\n" % (c_string(value), c_string(scheme), c_string(kind), action, options))
        f.write("};\n")
        for name, table in (("known_codes", known), ("known_meanings", meant), ("meaning_words", words(codes, (names, places)))):
            f.write("static const uint64_t %s[] = {\n" % name)
            f.writelines("    0x%016xULL,\n" % h for h in table)
            f.write("};\n")


main(*sys.argv[1:])
