# SPDX-License-Identifier: Apache-2.0
"""Writes charset_table.h: the coded character sets of PS3.3 C.12.1.1.2 as constant arrays.

The mappings come from Python's codecs, which are the national standards' tables. Being constants,
they need no file at run time (a sandboxed worker has none) and no descriptor a thread.

usage: charset_tables.py OUTPUT
"""
import sys

# name in C, codec; the right half (A0 to FF) of an eight-bit set
SINGLE = [
    ("iso8859_1", "iso8859_1"), ("iso8859_2", "iso8859_2"), ("iso8859_3", "iso8859_3"),
    ("iso8859_4", "iso8859_4"), ("iso8859_5", "iso8859_5"), ("iso8859_6", "iso8859_6"),
    ("iso8859_7", "iso8859_7"), ("iso8859_8", "iso8859_8"), ("iso8859_9", "iso8859_9"),
    ("iso8859_15", "iso8859_15"), ("thai", "iso8859_11"),
]
# name in C, codec, bytes before the two
DOUBLE = [
    ("jis0208", "euc_jp", b""), ("jis0212", "euc_jp", b"\x8f"),
    ("ksc5601", "euc_kr", b""), ("gb2312", "gb2312", b""),
]
WIDE = [("gbk", "gbk"), ("gb18030", "gb18030")]


def code_point(encoded, codec):
    try:
        text = encoded.decode(codec)
    except UnicodeError:
        return 0
    return ord(text) if len(text) == 1 and ord(text) < 0x10000 else 0


def single(codec):
    return [code_point(bytes([b]), codec) for b in range(0xA0, 0x100)]


def double(codec, prefix):
    return [code_point(prefix + bytes([a, b]), codec)
            for a in range(0xA1, 0xFF) for b in range(0xA1, 0xFF)]


def wide(codec):
    return [0 if b == 0x7F else code_point(bytes([a, b]), codec)
            for a in range(0x81, 0xFF) for b in range(0x40, 0xFF)]


def by_code_point(table):
    """Indices in order of code points, the first index where two have the same."""
    first = {}
    for index, c in enumerate(table):
        if c:
            first.setdefault(c, index)
    return [first[c] for c in sorted(first)]


def four_byte_ranges():
    """Runs of the BMP's four-byte codes of GB18030: (linear, code point, length)."""
    runs = []
    for linear in range(39420):
        d = linear % 10
        c = linear // 10 % 126
        b = linear // 1260 % 10
        a = linear // 12600
        cp = code_point(bytes([0x81 + a, 0x30 + b, 0x81 + c, 0x30 + d]), "gb18030")
        if not cp:
            continue
        if runs and runs[-1][0] + runs[-1][2] == linear and runs[-1][1] + runs[-1][2] == cp:
            runs[-1][2] += 1
        else:
            runs.append([linear, cp, 1])
    return runs


def array(out, name, values, dims=""):
    out.write("static const uint16_t %s[%d]%s = {\n" % (name, len(values), dims))
    for i in range(0, len(values), 16):
        out.write("    " + ", ".join("%d" % v for v in values[i:i + 16]) + ",\n")
    out.write("};\n")


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("// Made by tools/charset_tables.py.\n#pragma once\n\n#include <stdint.h>\n\n")
        for name, codec in SINGLE:
            array(out, "single_" + name, single(codec))
        tables = [(n, double(c, p)) for n, c, p in DOUBLE] + [(n, wide(c)) for n, c in WIDE]
        for name, table in tables:
            array(out, "double_" + name, table)
            array(out, "order_" + name, by_code_point(table))
        runs = four_byte_ranges()
        out.write("static const struct { uint16_t linear, code_point, count; } gb18030_runs[%d] = {\n"
                  % len(runs))
        for run in runs:
            out.write("    {%d, %d, %d},\n" % tuple(run))
        out.write("};\n")


if __name__ == "__main__":
    main()
