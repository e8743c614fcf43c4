#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the fact tables data/command_group_0000.csv, data/dictionary.csv and data/uids.csv into C: tag
constants, the dictionary sorted by tag with an index sorted by keyword, masks for repeating groups, and the UID registry
sorted by UID. Run by the build; fails on a row it does not understand."""
import csv
import re
import sys

NOTICE = ("// Generated at build from the project's tables in data/. Facts of DICOM PS3.6 and PS3.7 "
          "2026d, (c) NEMA.\n// SPDX-License-Identifier: Apache-2.0\n#pragma once\n")
KINDS = {"SOPClass": "SOP_CLASS", "MetaSOPClass": "META_SOP_CLASS",
         "TransferSyntax": "TRANSFER_SYNTAX", "WellKnownFrameOfReference": "WELL_KNOWN_FRAME",
         "WellKnownSOPInstance": "WELL_KNOWN_INSTANCE", "CodingScheme": "CODING_SCHEME",
         "Other": "OTHER", "ApplicationContext": "OTHER", "ServiceClass": "OTHER"}


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        lines = [line for line in f if not line.startswith("#")]
    return list(csv.DictReader(lines))


def c_string(text):
    out = ""
    for byte in text.encode("utf-8"):
        plain = 32 <= byte < 127 and byte not in (34, 92)
        out += chr(byte) if plain else "\\%03o" % byte
    return '"%s"' % out.replace("??", "?\\?")


def vm_of(text):
    """VM text such as 1, 1-3, 2-2n, 1-n, "1-n or 1" to (min, max or 0, step)."""
    m = re.fullmatch(r"(\d+)(?:-(\d*)(n?))?", (text or "1").split(" or ")[0])
    if m is None:
        raise SystemExit("VM not understood: " + text)
    low = int(m.group(1))
    if m.group(2) is None:
        return low, low, 1
    if m.group(3):
        return low, 0, int(m.group(2) or 1)
    return low, int(m.group(2)), 1


def masked(tag_text):
    tag = int(tag_text.replace("x", "0"), 16)
    mask = int("".join("0" if c == "x" else "F" for c in tag_text), 16)
    return tag, mask


def dictionary(paths):
    out = []
    for row in (row for path in paths for row in rows(path)):
        vrs = [v for v in re.split(r"/| or ", row["vr"] or "") if v]
        if any(not re.fullmatch("[A-Z]{2}", v) for v in vrs):
            raise SystemExit("VR not understood: %r" % row)
        tag, mask = masked(row["tag"])
        out.append(dict(tag=tag, mask=mask, vrs=vrs, vm=vm_of(row["vm"]), retired=row["retired"] == "Y",
                        keyword=row["keyword"], name=row["name"]))
    out.sort(key=lambda r: (r["mask"] != 0xFFFFFFFF, r["tag"]))
    return out


def write_tags(path, entries):
    with open(path, "w", encoding="ascii") as f:
        f.write(NOTICE + '#include "dicom/tag.h"\n\n')
        for r in entries:
            if r["keyword"] and r["mask"] == 0xFFFFFFFF:
                f.write("#define DCM_%s ((dcm_tag)0x%08Xu)\n" % (r["keyword"], r["tag"]))


def write_dictionary(path, entries):
    exact = sum(r["mask"] == 0xFFFFFFFF for r in entries)
    with open(path, "w", encoding="ascii") as f:
        f.write(NOTICE + "\n#define DICT_EXACT_COUNT %d\n\n" % exact)
        f.write("static const struct dcm_dict_entry dict_entries[] = {\n")
        for r in entries:
            vrs = (r["vrs"] + ["NONE", "NONE"])[:2]
            f.write("    {0x%08Xu, 0x%08Xu, DCM_VR_%s, DCM_VR_%s, %d, %d, %d, %s, %s, %s},\n" % (
                r["tag"], r["mask"], vrs[0], vrs[1], *r["vm"], "true" if r["retired"] else "false",
                c_string(r["keyword"]), c_string(r["name"])))
        f.write("};\n\nstatic const uint16_t dict_by_keyword[] = {\n")
        order = sorted((r["keyword"].encode(), i) for i, r in enumerate(entries) if r["keyword"])
        for keyword, i in order:
            f.write("    %d,\n" % i)
        f.write("};\n")


def write_uids(path, uid_rows):
    with open(path, "w", encoding="ascii") as f:
        f.write(NOTICE + "\nstatic const struct dcm_uid_entry uid_entries[] = {\n")
        for row in sorted(uid_rows, key=lambda r: r["uid"].encode()):
            f.write("    {%s, %s, DCM_UID_%s, %s},\n" % (
                c_string(row["uid"]), c_string(row["name"]), KINDS[row["type"]],
                "true" if row["retired"] == "Y" else "false"))
        f.write("};\n")


def main():
    command_csv, dictionary_csv, uids_csv, tags_h, dict_h, uid_h = sys.argv[1:]
    entries = dictionary([command_csv, dictionary_csv])
    write_tags(tags_h, entries)
    write_dictionary(dict_h, entries)
    write_uids(uid_h, rows(uids_csv))


main()
