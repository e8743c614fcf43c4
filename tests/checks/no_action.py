#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A door without a policy action must not compile: rows of the route table with NONE, with nothing and with
a member short are tried with both compilers, and a good row, which must pass."""
import pathlib
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


def compiles(compiler, rows):
    argv = [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-I", str(ROOT / "src"), "-x", "c", "-"]
    return subprocess.run(argv, input=PROGRAM % rows, text=True, capture_output=True).returncode == 0


passed = failed = skipped = 0
for compiler in ("gcc", "clang"):
    if shutil.which(compiler) is None:
        skipped += len(ROWS)
        continue
    for name, rows, good in ROWS:
        if compiles(compiler, rows) == good:
            passed += 1
        else:
            failed += 1
            print("%s: %s %s" % (compiler, name, "does not compile" if good else "compiles"))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(failed > 0)
