#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A door without a policy action must not compile. Rows of the route table of web/ with NONE, with nothing and with a member short
are tried with both compilers, and a good row, which must pass. The tables of the DICOM node's services and of the commands are tried as
they stand, then each with one row's action taken away after the other."""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = """#include <stddef.h>
#include "web/route.h"
static void handle(struct web_request *r) { (void)r; }
#define ROWS(X) %s
extern const struct web_route rows[];
const struct web_route rows[] = {ROWS(WEB_ROUTE_ROW)};
"""
ROWS = [("a good row", 'X(GET, "/a", SUITE_SHOW, handle, HERE)', True),
        ("action NONE", 'X(GET, "/a", NONE, handle, HERE)', False),
        ("no action", 'X(GET, "/a", , handle, HERE)', False),
        ("a member short", 'X(GET, "/a", handle, HERE)', False),
        ("an action that is not in the list", 'X(GET, "/a", ANYTHING, handle, HERE)', False),
        ("the count as an action", 'X(GET, "/a", ACTION_COUNT, handle, HERE)', False)]
# File, the macro that is its table.
TABLES = [("src/node/service.c", "SERVICES"), ("src/cli/main.c", "COMMANDS")]


def actions():
    text = (ROOT / "src/policy/policy.h").read_text(encoding="utf-8")
    listed = text[text.index("#define POLICY_ACTION_LIST"):text.index("enum policy_action")]
    return set(re.findall(r"X\((\w+), \"", listed))


def programs():
    """(name, text of a C file, whether it is to compile)"""
    for name, rows, good in ROWS:
        yield "route table, " + name, PROGRAM % rows, good
    known = actions()
    for file, macro in TABLES:
        text = (ROOT / file).read_text(encoding="utf-8")
        yield file, text, True
        begin = text.index("#define %s(X)" % macro)
        end = re.compile(r"[^\\]\n").search(text, begin).end()
        places = [m for m in re.finditer(r"\w+", text[begin:end]) if m.group() in known]
        if len(places) < 2 or len(places) != text[begin:end].count('X("'):
            yield "%s with one known action in each row" % file, "#error", True
        for place in places:
            at, to = begin + place.start(), begin + place.end()
            row = text.rindex('X("', 0, at)
            name = text[row + 3:text.index('"', row + 3)]
            for other in ("NONE", "") if place is not places[0] else ("NONE", "", "ACTION_COUNT", "ANYTHING"):
                yield "%s, %s as the action of %s" % (file, other or "nothing", name), text[:at] + other + text[to:], False


def compiles(compiler, text):
    argv = [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-I", str(ROOT / "src"), "-x", "c", "-"]
    return subprocess.run(argv, input=text, text=True, capture_output=True).returncode == 0


passed = failed = skipped = 0
tried = list(programs())
for compiler in ("gcc", "clang"):
    if shutil.which(compiler) is None:
        skipped += len(tried)
        continue
    for name, text, good in tried:
        if compiles(compiler, text) == good:
            passed += 1
        else:
            failed += 1
            print("%s: %s %s" % (compiler, name, "does not compile" if good else "compiles"))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(failed > 0)
