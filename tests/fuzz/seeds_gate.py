#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpus of fuzz_gate_wire: answers of a passage as instance_wire.c packs them.

usage: seeds_gate.py CORPUS_FOLDER
"""
import os
import struct
import sys


def text(value):
    return struct.pack('<Q', len(value)) + value.encode()


def edits(items):
    out = struct.pack('<I', len(items))
    for kind, box, frame, mask in items:
        out += struct.pack('<B4HI', kind, *box, frame) + text(mask)
    return out


def answer(verdict, reasons, lines=(), boxes=(), crops='', crop_count=0, out_len=1000):
    out = struct.pack('<BI', verdict, len(reasons))
    out += b''.join(struct.pack('<I', r) for r in reasons)
    out += struct.pack('<IBQ', 0, 0, 0) + text('') + text('')  # why
    out += struct.pack('<I', len(lines))
    for kind, done, where in lines:
        out += struct.pack('<BB', kind, done) + text(where)
    out += struct.pack('<Q', 0)
    out += struct.pack('<IB', 3, 0)  # methods, category
    out += struct.pack('<HI', 40, 1) + struct.pack('<H', 40) + text('great age')
    for uid in ('1.2.840.10008.5.1.4.1.1.2', '2.25.1', '2.25.2', '2.25.3', '2.25.4', '1.2.3'):
        out += text(uid)
    out += text('CT') + text('CASE-7Q4K-2M9XWT') + struct.pack('<BI', 1, 20000)
    out += bytes([1, 1, 0, 0, 0, 0, 1])  # slice facts
    out += struct.pack('<9d', 1, 1, 0, 2, 0, 1, 3, 0, 0) + struct.pack('<3d', 0.7, 0.7, 1.25)
    out += struct.pack('<HHI', 512, 512, 1)
    out += struct.pack('<BBIHH', 1, 1, 1, 512, 512) + bytes(range(32))
    out += edits([(0, (10, 20, 30, 40), 0xFFFFFFFF, ''), (2, (0, 0, 512, 512), 0, 'runs')])
    out += struct.pack('<I', len(boxes)) + b''.join(boxes)
    out += struct.pack('<B', bool(crop_count)) + text(crops) + struct.pack('<II', 0, crop_count)
    out += text('look') + text('terms') + struct.pack('<Q', out_len)
    return out


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    seeds = {
        'released': answer(0, [], [(0, 0, '(0010,0010)'), (24, 4, 'frame 1 at 10,20 30x40')]),
        'held': answer(1, [17, 24], [(24, 7, 'frame 1 at 1,1 9x9')], out_len=0),
        'refused': answer(2, [2], out_len=0),
        'crops': answer(1, [17], crops='\x02\x00\x02\x00abcd', crop_count=1, out_len=0),
        'path-in-name': answer(0, []).replace(b'CASE-7Q4K', b'../../7Q4'),
        'cut': answer(0, [])[:200],
    }
    for name, seed in seeds.items():
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(seed)


main()
