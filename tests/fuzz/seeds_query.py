#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_query.py CORPUS -- seeds of node_find (identifiers of queries and of the worklist) and view (data sets with what a
view replaces)."""
import os
import sys

from seeds_dicom import BIG, EXPLICIT, IMPLICIT, Maker, data_sets, write

QUERIES = {
    'study': {0x00080005: ('CS', 'ISO_IR 100'), 0x00080020: ('DA', '20260101-20260131'), 0x00080030: ('TM', '0800-1200'),
              0x00080052: ('CS', 'STUDY'), 0x00080061: ('CS', 'CT\\MR'), 0x00080090: ('PN', ''), 0x00081030: ('LO', ''),
              0x00100010: ('PN', 'M*'), 0x00100020: ('LO', 'P'), 0x0020000D: ('UI', ''), 0x00201208: ('IS', ''),
              0x00324000: ('LT', ''), 0x40080212: ('CS', '')},
    'patient': {0x00080052: ('CS', 'PATIENT'), 0x00100010: ('PN', ''), 0x00100020: ('LO', '*'), 0x00201200: ('IS', '')},
    'series': {0x00080052: ('CS', 'SERIES'), 0x00080060: ('CS', 'CT'), 0x0020000D: ('UI', '1.1'), 0x0020000E: ('UI', ''),
               0x00201209: ('IS', '')},
    'image': {0x00080018: ('UI', '1.1.1.1\\1.2.1.1'), 0x00080052: ('CS', 'IMAGE'), 0x0020000D: ('UI', '1.1'),
              0x00280010: ('US', b'\x00\x02')},
    'japanese': {0x00080005: ('CS', '\\ISO 2022 IR 87'), 0x00080052: ('CS', 'STUDY'),
                 0x00100010: ('PN', b'\x1b$B;3ED\x1b(B*')},
    'unknown': {0x00080052: ('CS', 'STUDY'), 0x00090010: ('LO', 'X'), 0x00091001: ('LO', 'y'), 0x00102160: ('SH', 'z')},
}
WORKLIST_STEP = {0x00080060: ('CS', 'CT'), 0x00400001: ('AE', 'CT1'), 0x00400002: ('DA', '20260101-20260105'),
                 0x00400003: ('TM', '0800-1000'), 0x00400009: ('SH', '')}
SHOWN = {0x00080005: ('CS', 'ISO_IR 100'), 0x00081030: ('LO', 'Thorax'), 0x00100010: ('PN', 'Adams^Ann'), 0x00100020: ('LO', 'P1'),
         0x00324000: ('LT', 'seen')}


def padded(vr, value):
    value = value if isinstance(value, bytes) else value.encode('latin-1')
    return value + (b'\0' if vr == 'UI' else b' ') * (len(value) % 2)


def elements(m, keys):
    return b''.join(m.element(tag, vr, padded(vr, value)) for tag, (vr, value) in sorted(keys.items()))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    finds, views = (os.path.join(sys.argv[1], name) for name in ('node_find', 'view'))
    for encoding, name in ((IMPLICIT, 'implicit'), (EXPLICIT, 'explicit'), (BIG, 'big')):
        m = Maker(encoding)
        how = {IMPLICIT: 0, EXPLICIT: 1, BIG: 2}[encoding]
        for case, keys in QUERIES.items():
            for bits in (0, 4 | 16, 32):
                write(finds, '%s-%s-%d' % (name, case, bits), bytes([how | bits]) + elements(m, keys))
        requests = m.element(0x00080052, 'CS', b'SERIES') + m.element(0x0020000D, 'UI', b'1.1\0') + m.sequence(
            0x00400275, m.item(m.element(0x00400009, 'SH', b'S1')))
        write(finds, name + '-requests', bytes([how]) + requests)
        step = m.sequence(0x00400100, m.item(elements(m, WORKLIST_STEP)))
        write(finds, name + '-worklist', bytes([how | 8]) + m.element(0x00100010, 'PN', b'') + step)
        write(finds, name + '-worklist-all', bytes([how | 8 | 16]) + m.element(0x00321064, 'SQ', b'') + m.sequence(0x00400100, b''))
        whole = elements(m, SHOWN)
        inner = m.sequence(0x00400275, m.item(elements(m, {k: v for k, v in SHOWN.items() if k > 0x00080005})))
        write(views, name + '-shown', bytes([how]) + whole + inner)
        write(views, name + '-undefined', bytes([how]) + whole + m.sequence(0x00400275, m.item(whole, True), True))
    for encoding, name, body in data_sets():
        write(views, name, bytes([{IMPLICIT: 0, EXPLICIT: 1, BIG: 2}[encoding]]) + body)


if __name__ == '__main__':
    main()
