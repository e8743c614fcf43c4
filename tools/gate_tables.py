#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the tables of data/deid/ that header.h and profile.h stand on into C: one rule for each attribute that Table
E.1-1 or the reviewed keep list names, with a hash index; types by IOD; safe private attributes; terms and words of
equipment; the profile that is built in. Run by the build; fails on a row it does not understand.
usage: gate_tables.py DIR DICTIONARY UIDS OUTPUT DIGESTED…"""
import csv
import hashlib
import os
import re
import sys

NOTICE = ("// Generated at build from the project's tables in data/. Facts of DICOM PS3.3, PS3.6, PS3.15 and PS3.16\n"
          "// 2026d, (c) NEMA.\n// SPDX-License-Identifier: Apache-2.0\n#pragma once\n")
BASIC = {"": "NONE", "X": "X", "D": "D", "U": "U", "Z": "Z", "X/D": "XD", "X/Z": "XZ", "X/Z/D": "XZD", "Z/D": "ZD",
         "X/Z/U*": "XZU"}
COLUMNS = [("rtn_uids", "UIDS"), ("rtn_dev_id", "DEVICE"), ("rtn_inst_id", "INSTITUTION"),
           ("rtn_pat_chars", "CHARACTERISTICS"), ("rtn_long_full_dates", "DATES"), ("clean_desc", "DESCRIPTORS"),
           ("clean_struct_cont", "STRUCTURED"), ("clean_graph", "GRAPHICS")]
# What an attribute of this VR becomes where the keep list says "as".
AS_VR = {**dict.fromkeys("US SS UL SL FL FD SV UV AT IS DS".split(), "NUMBER"), "CS": "TERM", "SQ": "ITEMS", "UI": "UID",
         **dict.fromkeys("LO SH ST LT UT UC".split(), "WORDS")}
HOW = {h: h.upper().replace("-", "_") for h in (
    "number term words tech label uid class items bulk pixels remove empty charset sex age suv name patient-id code icc"
).split()}
CLASSES = {"plain": 0, "word": 1, "body": 2}


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def c_string(text):
    out = ""
    for byte in text.encode("utf-8"):
        out += chr(byte) if 32 <= byte < 127 and byte not in (34, 92) else "\\%03o" % byte
    return '"%s"' % out.replace("??", "?\\?")


class Attribute:
    def __init__(self, row):
        self.tag = int(row["tag"], 16)
        self.keyword = row["keyword"]
        self.vrs = [v for v in re.split(r"/| or ", row["vr"] or "") if v] or ["NONE"]
        self.retired = row["retired"] == "Y"
        self.basic = ""
        self.options = 0
        self.how = "NONE"
        self.domain = 0

    def as_vr(self):
        return AS_VR.get(self.vrs[0], "REMOVE")


def attributes(dictionary):
    out = {}
    for row in rows(dictionary):
        if "x" not in row["tag"] and row["tag"][:4] not in ("0000", "0002", "0004", "FFFE"):
            a = Attribute(row)
            out[a.tag] = a
    return out


def floor(known, path):
    """Table E.1-1. Masks and private attributes are rules of header_walk.c."""
    for row in rows(path):
        tag = row["tag"].strip("()").replace(",", "")
        if not re.fullmatch("[0-9A-Fa-f]{8}", tag) or int(tag[:4], 16) < 8:
            continue
        a = known[int(tag, 16)]
        a.basic = row["basic_profile"]
        if a.basic not in BASIC:
            raise SystemExit("E.1-1: action not understood: %r" % row)
        for bit, (column, _) in enumerate(COLUMNS):
            if row[column] not in ("", "K", "C"):
                raise SystemExit("E.1-1: option not understood: %r" % row)
            a.options |= {"": 0, "K": 1, "C": 2}[row[column]] << 2 * bit


def select(known, by_keyword, what):
    group = re.fullmatch(r"([0-9A-F]{4})(?::([A-Z ]+))?", what)
    if group:
        vrs = (group.group(2) or "").split()
        for a in known.values():
            # What is retired may stay as far as it is a number or a term.
            plain = not a.retired or a.as_vr() in ("NUMBER", "TERM")
            if "%04X" % (a.tag >> 16) == group.group(1) and plain and (not vrs or a.vrs[0] in vrs):
                yield a, True
        return
    for word in what.split():
        if re.fullmatch("[0-9A-F]{8}", word):
            a = known.get(int(word, 16))
        else:
            a = by_keyword.get(word)
        if a is None:
            raise SystemExit("keep list: no attribute %s" % word)
        yield a, False


def keep(known, path):
    by_keyword = {a.keyword: a for a in known.values() if a.keyword}
    domains = []
    for row in rows(path):
        how, _, rest = row["how"].partition(" ")
        for a, is_group in select(known, by_keyword, row["what"]):
            if how == "as":
                a.how = a.as_vr()
            elif how == "case":
                a.how = "CASE"
                if rest not in domains:
                    domains.append(rest)
                a.domain = domains.index(rest)
            elif how in HOW:
                a.how = HOW[how]
            else:
                raise SystemExit("keep list: how not understood: %r" % row)
            if is_group and a.basic:
                a.how = "NONE"  # a group says nothing of what E.1-1 names
    return domains


def groups(path, uid_path):
    table = rows(path)
    names = []
    for row in table:
        if row["group"] not in names:
            names.append(row["group"])
    names += [] if "other" in names else ["other"]
    out = []
    for row in rows(uid_path):
        if row["type"] == "SOPClass":
            for candidate in table:
                if row["name"].startswith(candidate["name_begins"]):
                    out.append((row["uid"], names.index(candidate["group"])))
                    break
    return names, sorted(out, key=lambda r: r[0].encode())


def types(path, known, names):
    by_keyword = {a.keyword: a for a in known.values() if a.keyword}
    out = []
    for row in rows(path):
        bits = 0
        for group in row["iods"].split():
            bits |= (1 << len(names)) - 1 if group == "*" else 1 << names.index(group)
        where = {"top": 0, "nested": 1}.get(row["where"])
        if where is None:
            where = by_keyword[row["where"]].tag
        for keyword in row["keyword"].split():
            out.append((by_keyword[keyword].tag, where, bits, int(row["type"])))
    order = {id(r): i for i, r in enumerate(out)}
    # Later rows go before earlier ones of the same attribute: the first that fits counts then.
    return sorted(out, key=lambda r: (r[0], -order[id(r)]))


def slots_for(keys):
    size = 1
    while size < 2 * len(keys):
        size *= 2
    slots = [0] * size
    for i, key in enumerate(keys):
        at = (key * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - size.bit_length() + 1)
        while slots[at]:
            at = (at + 1) % size
        slots[at] = i + 1
    return slots


def write_array(f, kind, name, items, per_line=16):
    f.write("static const %s %s[] = {\n" % (kind, name))
    for i in range(0, len(items), per_line):
        f.write("    %s,\n" % ", ".join(str(x) for x in items[i:i + per_line]))
    f.write("};\n\n")


def write_rules(f, known):
    named = sorted((a for a in known.values() if a.basic or a.how != "NONE"), key=lambda a: a.tag)
    f.write("static const struct gate_rule rules[] = {\n")
    for a in named:
        vrs = (a.vrs + ["NONE"])[:2]
        f.write("    {0x%08Xu, 0x%05Xu, DCM_VR_%s, DCM_VR_%s, GATE_BASIC_%s, GATE_HOW_%s, %d},\n" % (
            a.tag, a.options, vrs[0], vrs[1], BASIC[a.basic], a.how, a.domain))
    f.write("};\n\n")
    write_array(f, "uint16_t", "rule_slots", slots_for([a.tag for a in named]))


def write_private(f, path):
    out = []
    for row in rows(path):
        tag = re.fullmatch(r"\(([0-9A-Fa-f]{4}),xx([0-9A-Fa-f]{2})\)", row["tag"])
        vr = row["vr"].split("/")[0]
        if tag is None:
            raise SystemExit("E.3.10-1: tag not understood: %r" % row)
        if vr:  # without one nobody can say whether a value fits
            out.append((int(tag.group(1), 16), row["private_creator"], int(tag.group(2), 16), vr))
    f.write("static const struct gate_safe_private safe_private[] = {\n")
    for group, creator, element, vr in sorted(out, key=lambda r: (r[0], r[1].encode(), r[2])):
        f.write("    {%s, 0x%04X, 0x%02X, DCM_VR_%s},\n" % (c_string(creator), group, element, vr))
    f.write("};\n\n")


def write_terms(f, path):
    found = {}
    for row in rows(path):
        for term in row["terms"].split(";"):
            if not re.fullmatch(r"[A-Z0-9_ *+./^-]{1,32}", term):
                raise SystemExit("terms: not a code string: %r" % term)
            found[term] = max(found.get(term, 0), CLASSES[row["class"]])
    f.write("static const struct gate_term terms[] = {\n")
    for term in sorted(found, key=lambda t: t.encode()):
        f.write("    {%s, %d},\n" % (c_string(term), found[term]))
    f.write("};\n\n")


def write_words(f, path):
    words = {w.lower() for row in rows(path) for w in row["words"].split()}
    write_array(f, "char *const", "equipment", [c_string(w) for w in sorted(words, key=lambda w: w.encode())], 8)


def digest(paths):
    h = hashlib.sha256()
    for path in paths:
        text = open(path, "rb").read()
        h.update(b"%s %d\n" % (os.path.basename(path).encode(), len(text)) + text)
    return h.hexdigest()


def main(folder, dictionary, uids, output, *digested):
    known = attributes(dictionary)
    floor(known, os.path.join(folder, "e1_1.csv"))
    domains = keep(known, os.path.join(folder, "keep.csv"))
    names, classes = groups(os.path.join(folder, "iods.csv"), uids)
    profile = open(os.path.join(folder, "profile.json"), "rb").read()
    with open(output, "w", encoding="ascii") as f:
        f.write(NOTICE + "\n#define GATE_TABLES_DIGEST \"%s\"\n\n" % digest(sorted(digested)))
        for i, name in enumerate(names):
            f.write("#define IOD_%s %d\n" % (name.upper(), i))
        f.write("\n")
        write_rules(f, known)
        f.write("static const struct gate_domain domains[] = {\n")
        for domain in domains:
            f.write("    {%s, %s},\n" % tuple(c_string(part) for part in domain.split()))
        f.write("};\n\nstatic const struct iod_class iod_classes[] = {\n")
        for uid, group in classes:
            f.write("    {%s, %d},\n" % (c_string(uid), group))
        f.write("};\n\nstatic const struct type_row type_rows[] = {\n")
        for tag, where, bits, kind in types(os.path.join(folder, "types.csv"), known, names):
            f.write("    {0x%08Xu, 0x%08Xu, 0x%X, %d},\n" % (tag, where, bits, kind))
        f.write("};\n\n")
        write_private(f, os.path.join(folder, "safe_private.csv"))
        write_terms(f, os.path.join(folder, "terms.csv"))
        write_words(f, os.path.join(folder, "equipment.csv"))
        write_array(f, "uint8_t", "builtin_profile", list(profile), 24)


main(*sys.argv[1:])
