#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_charset, fuzz_json_in, fuzz_dicom_json, fuzz_value, fuzz_dicomdir and
fuzz_dump.

usage: seeds_text.py CORPUS_FOLDER
"""
import os
import struct
import sys

# places in DCM_VR_LIST, counted from 1 (0 is "not known")
VRS = ['NONE', 'AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FD', 'FL', 'IS', 'LO', 'LT', 'OB', 'OD', 'OF', 'OL',
       'OV', 'OW', 'PN', 'SH', 'SL', 'SQ', 'SS', 'ST', 'SV', 'TM', 'UC', 'UI', 'UL', 'UN', 'UR', 'US', 'UT', 'UV']

CHARSETS = [
    ('PN', b'ISO_IR 100', 'Äneas^Rüdiger'.encode('latin-1')),
    ('PN', b'ISO_IR 144', b'\xbb\xee\xda\xdc'),
    ('PN', b'ISO_IR 13', b'\xd4\xcf\xc0\xde^\xc0\xdb\xb3'),
    ('ST', b'ISO_IR 13', b'\\500 ~'),
    ('PN', b'\\ISO 2022 IR 87', b'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B'),
    ('PN', b'ISO 2022 IR 13\\ISO 2022 IR 87', b'\xd4\xcf=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J'),
    ('LO', b'\\ISO 2022 IR 87\\ISO 2022 IR 159', b'A\x1b$(D0!\x1b(BZ'),
    ('PN', b'\\ISO 2022 IR 149', b'Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce'),
    ('LT', b'\\ISO 2022 IR 58', b'\x1b$)A\xd5\xc5\r\n\x1b$)A\xd0\xa1'),
    ('LO', b'ISO 2022 IR 100\\ISO 2022 IR 144', b'\xe9\x1b-L\xd0\\\xe9'),
    ('PN', b'GB18030', b'Wang=\xcd\xf5^\xd0\xa1\x81\x30\x81\x30'),
    ('LO', b'GBK', b'\x81\x5c\\\x81\x5c'),
    ('PN', b'ISO_IR 192', 'Wang=王^小東'.encode()),
    ('LO', b'', 'Müller'.encode()),
    ('CS', b'latin1', b'\xc4'),
]

JSON = [
    '{}', '[]', '[1,-0.5e+3,"x",true,false,null]', '{"a":{"b":[{}]},"c":""}', '"\\u00e9\\ud83d\\ude00\\n"',
    '\ufeff[[[]]]', '"Zm9vYg=="', '[01]', '{"a" 1}', '"\\ud800"',
]

DICOM = [
    '{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B",'
    '"Ideographic":"山^田","Phonetic":"や"}]}}',
    '{"00080008":{"vr":"CS","Value":["A",null,"B"]},"00180050":{"vr":"DS","Value":[1.5,"+01."]},'
    '"00200013":{"vr":"IS","Value":[1,"2"]},"00280009":{"vr":"AT","Value":["00181063"]}}',
    '{"00280010":{"vr":"US","Value":[0,65535]},"00281101":{"vr":"SS","Value":[-1]},"00720074":{"vr":"FD",'
    '"Value":[0.1,"NaN"]},"00720076":{"vr":"FL","Value":["-Infinity"]},"00720082":{"vr":"SV","Value":["-5"]}}',
    '{"00081140":{"vr":"SQ","Value":[{},{"00081150":{"vr":"UI","Value":["1.2"]},"00081140":{"vr":"SQ","Value":'
    '[null]}}]},"00091001":{"vr":"UN","InlineBinary":"AAEC/w=="},"7FE00010":{"vr":"OW","BulkDataURI":"x"}}',
    '{"7FE00010":{"vr":"OB","InlineBinary":"/v8A4AAAAAD+/wDgBAAAAGFiY2Q="}}',
    '[{"00280010":{"Value":[7],"vr":"US"}},{"00080040":{"vr":"UT","Value":["a\\\\b"]}}]',
    '{"00100010":{"vr":"UN","InlineBinary":"TfxsbGVy"},"00180050":{"vr":"UN","InlineBinary":"MS41"}}',
]

VALUES = [
    ('DA', '20260228'), ('DA', '1993.08.22'), ('TM', '070907.0705'), ('TM', '10:59:58'), ('TM', '235960'),
    ('DT', '20260228101112.25+0530'), ('DT', '1994-0500-1995-0500'), ('DA', '20260101-20260131'),
    ('PN', 'Yamada^Tarou=山田^太郎=やまだ'), ('PN', 'A^B^C^D^E^F'), ('IS', '-2147483648'), ('DS', '-1.5E+03\\0.1'),
    ('AS', '018M'), ('UI', '1.2.840.10008.1.1'), ('AT', '7FE00010'), ('UR', 'https://example.org/'), ('LT', ' a\\b\r\n'),
]


WIDE = ('OB', 'OW', 'SQ', 'UN', 'UT')


def element(tag, vr, value):
    value += b'\0' * (len(value) % 2)
    head = struct.pack('<HH', tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (b'\0\0' + struct.pack('<I', len(value)) if vr in WIDE else struct.pack('<H', len(value))) + value


def item(content):
    return struct.pack('<HHI', 0xFFFE, 0xE000, len(content)) + content


def ul(value):
    return struct.pack('<I', value)


def part10(sop_class, body):
    meta = element(0x00020001, 'OB', b'\0\1') + element(0x00020002, 'UI', sop_class) + \
        element(0x00020010, 'UI', b'1.2.840.10008.1.2.1')
    return bytes(128) + b'DICM' + element(0x00020000, 'UL', ul(len(meta))) + meta + body


def record(kind, following, lower, keys=b''):
    return (element(0x00041400, 'UL', ul(following)) + element(0x00041410, 'US', b'\xff\xff') +
            element(0x00041420, 'UL', ul(lower)) + element(0x00041430, 'CS', kind.ljust(8)) + keys)


def directory(links):
    """PATIENT, STUDY, SERIES and two images; `links` says the record numbers of next and lower."""
    image = element(0x00041500, 'CS', b'DIR\\FILE') + element(0x00041510, 'UI', b'1.2')
    kinds = [(b'PATIENT', element(0x00100020, 'LO', b'P')), (b'STUDY', b''), (b'SERIES', b''),
             (b'IMAGE', image), (b'IMAGE', image)]
    start = len(part10(b'1.2.840.10008.1.3.10', b'')) + 3 * 12 - 2 + 12
    offsets = []
    for kind, keys in kinds:
        offsets.append(start)
        start += 8 + len(record(kind, 0, 0, keys))
    at = lambda n: 0 if n is None else offsets[n] if n >= 0 else 77
    items = b''.join(item(record(kind, at(a), at(b), keys)) for (kind, keys), (a, b) in zip(kinds, links))
    body = (element(0x00041200, 'UL', ul(offsets[0])) + element(0x00041202, 'UL', ul(offsets[0])) +
            element(0x00041212, 'US', b'\0\0') + element(0x00041220, 'SQ', items))
    return part10(b'1.2.840.10008.1.3.10', body)


def instance():
    return part10(b'1.2.840.10008.5.1.4.1.1.88.11', element(0x00080005, 'CS', b'ISO_IR 192') +
                  element(0x00080016, 'UI', b'1.2.840.10008.5.1.4.1.1.88.11') + element(0x00080018, 'UI', b'1.1.1') +
                  element(0x00090010, 'LO', b'ACME') + element(0x00091001, 'UN', b'text') +
                  element(0x00100010, 'PN', 'Müller'.encode()) + element(0x0020000D, 'UI', b'1') +
                  element(0x0020000E, 'UI', b'1.1') + element(0x00280010, 'US', b'\4\0') +
                  element(0x0040A043, 'SQ', item(element(0x00080100, 'SH', b'11528-7'))) +
                  element(0x0040A730, 'SQ', item(element(0x0040A010, 'CS', b'HAS CONCEPT MOD'))) +
                  element(0x7FE00010, 'OW', bytes(20)))


DIRECTORIES = [
    directory([(None, 1), (None, 2), (None, 3), (4, None), (None, None)]),
    directory([(None, 1), (None, 2), (None, 3), (3, None), (0, 0)]),
    directory([(None, None)] * 5),
    directory([(-1, -1), (None, 2), (None, 3), (4, None), (None, None)]),
    instance(),
]


def write(folder, number, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, '%02d' % number), 'wb') as f:
        f.write(data)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = sys.argv[1]
    for i, (vr, terms, raw) in enumerate(CHARSETS):
        write(os.path.join(root, 'charset'), i, bytes([VRS.index(vr)]) + terms + b'\n' + raw)
    for i, text in enumerate(JSON + DICOM):
        write(os.path.join(root, 'json_in'), i, text.encode())
    for i, text in enumerate(DICOM):
        write(os.path.join(root, 'dicom_json'), i, text.encode())
    for i, (vr, text) in enumerate(VALUES):
        write(os.path.join(root, 'value'), i, bytes([VRS.index(vr)]) + text.encode())
    for i, data in enumerate(DIRECTORIES):
        write(os.path.join(root, 'dicomdir'), i, data)
        write(os.path.join(root, 'dump'), i, data)


if __name__ == '__main__':
    main()
