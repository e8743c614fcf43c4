#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes category_table.h from data/deid/categories.csv and risk_table.h from data/deid/risk.json, and refuses what is wrong in
them by name: a category or a condition that nobody knows, a SOP class of the registry that no row judges, points out of range.

usage: rule_tables.py CATEGORIES RISK UIDS CATEGORY_TABLE RISK_TABLE
"""
import csv
import json
import re
import sys
import unicodedata

CATEGORIES = {"XRAY", "ULTRASOUND", "ORGAN", "FUNCTION", "ENDOSCOPY", "PATHOLOGY", "DERIVED", "PHOTOGRAPH", "DOCUMENT", "OTHER"}
ENTRIES = {"enters", "content", "consent", "sound", "document", "refused"}
PROFILES = ["keep_uids", "keep_device", "keep_institution", "keep_characteristics", "dates_kept", "dates_shifted"]
CONDITIONS = {"age_from_years", "age_below_days", "sex", "modality", "phrases", "places", "attributes", "number", "profile", "narrative_from"}
NOTICE = "// Made by tools/rule_tables.py from %s.\n// SPDX-License-Identifier: Apache-2.0\n"


def stop(path, text):
    raise SystemExit("%s: %s" % (path, text))


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def c_string(text):
    if not all(32 <= ord(c) < 127 for c in text):
        raise SystemExit("not plain: %r" % text)
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


# --- categories

def categories(path, registry, output):
    judged = {}
    for r in rows(path):
        if r["category"] not in CATEGORIES or r["entry"] not in ENTRIES or not r["because"]:
            stop(path, "row not understood: %r" % r)
        if r["uid"] in judged:
            stop(path, "%s stands twice" % r["uid"])
        judged[r["uid"]] = r
    for u in rows(registry):
        storage = u["type"] == "SOPClass" and re.search(r"Storage\b", u["name"]) and "Commitment" not in u["name"]
        if storage and "Directory" not in u["name"] and u["uid"] not in judged:
            stop(path, "no row for %s (%s)" % (u["uid"], u["name"]))
    with open(output, "w", encoding="ascii") as f:
        f.write(NOTICE % "data/deid/categories.csv" + "static const struct judgement judgements[] = {\n")
        for uid in sorted(judged):
            r = judged[uid]
            f.write("    {%s, GATE_CATEGORY_%s, ENTRY_%s},\n" % (c_string(uid), r["category"], r["entry"].upper()))
        f.write("};\n")


# --- risk

def plain(path, rule, phrase):
    """As risk.c folds text; a star at the end stays."""
    folded = "".join(c for c in unicodedata.normalize("NFD", phrase.lower()) if not unicodedata.combining(c))
    if not re.fullmatch(r"[a-z0-9]+( [a-z0-9]+)*\*?", folded) or len(folded) > 60:
        stop(path, "rule %s: not a phrase: %r" % (rule, phrase))
    return folded


def check_rule(path, r, ids):
    if set(r) != {"id", "points", "words", "weight", "when"} or not isinstance(r["when"], dict):
        stop(path, "rule not understood: %r" % r)
    if r["id"] in ids or not re.fullmatch("[a-z][a-z-]*", r["id"]):
        stop(path, "rule %s: its name stands twice or is none" % r["id"])
    if not isinstance(r["points"], int) or not 1 <= r["points"] <= 100:
        stop(path, "rule %s: points are 1 to 100" % r["id"])
    if not r["words"].endswith(".") or len(r["words"]) > 120 or not r["weight"].endswith("."):
        stop(path, "rule %s: words and weight are sentences" % r["id"])
    if not r["when"] or not set(r["when"]) <= CONDITIONS:
        stop(path, "rule %s: a condition that nobody knows: %s" % (r["id"], set(r["when"]) - CONDITIONS))
    if r["when"].get("sex", "M") not in ("M", "F", "O") or r["when"].get("profile", PROFILES[0]) not in PROFILES:
        stop(path, "rule %s: sex or profile not understood" % r["id"])


def number_of(path, r):
    n = r["when"].get("number")
    if n is None:
        return "{0, 0, 0}"
    if set(n) != {"tag", "from", "below"} or not re.fullmatch("[0-9A-F]{8}", n["tag"]) or n["from"] >= n["below"]:
        stop(path, "rule %s: a number has tag, from and below" % r["id"])
    return "{0x%s, %r, %r}" % (n["tag"], float(n["from"]), float(n["below"]))


def risk(path, output):
    with open(path, encoding="utf-8") as f:
        document = json.load(f)
    if set(document) != {"notice", "rules"} or len(document["rules"]) > 64:
        stop(path, "notice and at most 64 rules are expected")
    ids, lines, phrases, attributes = set(), [], [], []
    for i, r in enumerate(document["rules"]):
        check_rule(path, r, ids)
        ids.add(r["id"])
        w = r["when"]
        phrases += [(plain(path, r["id"], p), i, "false") for p in w.get("phrases", [])]
        phrases += [(plain(path, r["id"], p), i, "true") for p in w.get("places", [])]
        attributes += [(int(t, 16), i) for t in w.get("attributes", [])]
        days = int(round(w.get("age_from_years", 0) * 365.25))
        profile = "PROFILE_" + w["profile"].upper() if "profile" in w else "PROFILE_ANY"
        lines.append("    {%s, %s, %d, %d, %d, %s, %s, %s, %s, %s, %s, %d},\n" % (
            c_string(r["id"]), c_string(r["words"]), r["points"], days, w.get("age_below_days", 0), "'%s'" % w["sex"] if "sex" in w else "0",
            c_string("|" + "|".join(w["modality"]) + "|") if "modality" in w else "NULL", str("phrases" in w or "places" in w).lower(),
            str("attributes" in w).lower(), number_of(path, r), profile, w.get("narrative_from", 0)))
    if len({p[:3] for p in phrases}) != len(phrases):
        stop(path, "a phrase stands twice in one rule: %s" % sorted(p for p in phrases if phrases.count(p) > 1)[:3])
    with open(output, "w", encoding="ascii") as f:
        f.write(NOTICE % "data/deid/risk.json" + "static const struct rule rules[] = {\n" + "".join(lines) + "};\n")
        f.write("static const struct phrase phrases[] = {\n")
        f.writelines("    {%s, %d, %s},\n" % (c_string(p), i, place) for p, i, place in sorted(phrases))
        f.write("};\nstatic const struct attribute attributes[] = {\n")
        f.writelines("    {0x%08X, %d},\n" % a for a in sorted(attributes))
        f.write("};\n")


def main(category_rows, risk_rules, registry, category_table, risk_table):
    categories(category_rows, registry, category_table)
    risk(risk_rules, risk_table)


main(*sys.argv[1:])
