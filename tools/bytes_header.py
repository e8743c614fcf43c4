#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a file's bytes as C initialisers. Usage: bytes_header.py FILE HEADER"""
import pathlib
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
lines = (", ".join(str(b) for b in data[i:i + 20]) + "," for i in range(0, len(data), 20))
pathlib.Path(sys.argv[2]).write_text("// Made by tools/bytes_header.py.\n" + "\n".join(lines) + "\n")
