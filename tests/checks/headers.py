#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header under src/ compiles alone, under gcc and (where present) clang, with every warning an error.
Usage: headers.py BUILD (for the generated headers)"""
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes",
         "-Wno-unused-function", "-Wno-unused-const-variable", "-Werror", "-fsyntax-only", "-x", "c", "-"]


def include_paths():
    """Of the libraries whose headers lie in a folder of their own."""
    run = subprocess.run(["pkg-config", "--cflags-only-I", "libopenjp2"], text=True, capture_output=True)
    return run.stdout.split()


def main():
    build = sys.argv[1]
    paths = include_paths()
    faults = 0
    headers = sorted((ROOT / "src").rglob("*.h"))
    for compiler in filter(shutil.which, ("gcc", "clang")):
        for header in headers:
            name = header.relative_to(ROOT / "src")
            run = subprocess.run([compiler, "-I%s/src" % ROOT, "-I%s/src" % build, *paths, *FLAGS],
                                 input='#include "%s"\n' % name, text=True, capture_output=True)
            if run.returncode != 0:
                faults += 1
                print("%s: %s does not compile alone\n%s" % (compiler, name, run.stderr))
    print("%d headers, %d faults" % (len(headers), faults))
    return 1 if faults else 0


sys.exit(main())
