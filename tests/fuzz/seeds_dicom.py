#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed corpora of fuzz_reader, fuzz_write_read and fuzz_part10.

usage: seeds_dicom.py CORPUS_FOLDER

Every byte is made here: small data sets of each encoding, each structure of PS3.5 7.5 and A.4, and
each oddity that the reader knows. Run it again after adding a case; the folder is committed.
"""
import os
import struct
import sys
import zlib

UNDEFINED = 0xFFFFFFFF
WIDE = ('OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UN', 'UT', 'UC', 'UR', 'SV', 'UV')
IMPLICIT, EXPLICIT, BIG = 0, 1, 2


class Maker:
    """Elements in one encoding."""

    def __init__(self, encoding):
        self.encoding = encoding
        self.order = '>' if encoding == BIG else '<'

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def tag(self, tag):
        return self.pack('HH', tag >> 16, tag & 0xFFFF)

    def header(self, tag, vr, length, wide=None):
        if self.encoding == IMPLICIT:
            return self.tag(tag) + self.pack('I', length)
        if vr in WIDE if wide is None else wide:
            return self.tag(tag) + vr.encode() + b'\0\0' + self.pack('I', length)
        return self.tag(tag) + vr.encode() + self.pack('H', length)

    def element(self, tag, vr, value, wide=None):
        return self.header(tag, vr, len(value), wide) + value

    def item(self, content, undefined=False):
        if undefined:
            return self.tag(0xFFFEE000) + self.pack('I', UNDEFINED) + content + self.item_end()
        return self.tag(0xFFFEE000) + self.pack('I', len(content)) + content

    def item_end(self):
        return self.tag(0xFFFEE00D) + self.pack('I', 0)

    def sequence_end(self):
        return self.tag(0xFFFEE0DD) + self.pack('I', 0)

    def sequence(self, tag, content, undefined=False, vr='SQ'):
        if undefined:
            return self.header(tag, vr, UNDEFINED) + content + self.sequence_end()
        return self.header(tag, vr, len(content)) + content


def plain(m):
    return (m.element(0x00080005, 'CS', b'ISO_IR 192') + m.element(0x00080016, 'UI', b'1.2.3\0') +
            m.element(0x00080018, 'UI', b'1.2.3.4\0') + m.element(0x00100010, 'PN', b'A^B ') +
            m.element(0x00280010, 'US', m.pack('H', 2)) +
            m.element(0x00280103, 'US', m.pack('H', 1)) +
            m.element(0x00280106, 'SS', m.pack('h', -5)) +
            m.element(0x00280009, 'AT', m.pack('HH', 0x18, 0x1063)) +
            m.element(0x00409225, 'FD', m.pack('d', 1.5)) +
            m.element(0x7FE00010, 'OW', m.pack('4H', 1, 2, 3, 4)))


def nested(m, undefined):
    inner = m.element(0x00080100, 'SH', b'121327')
    purpose = m.sequence(0x0040A170, m.item(inner, undefined), undefined)
    two = m.item(m.element(0x00081150, 'UI', b'1.2\0') + purpose, undefined) + m.item(b'', undefined)
    return m.element(0x00080060, 'CS', b'CT') + m.sequence(0x00081140, two, undefined)


def private(m):
    i = Maker(IMPLICIT)
    hidden = i.item(i.element(0x00091011, 'UN', b'abcd'), True)
    return (m.element(0x00090010, 'LO', b'MAKER ') + m.element(0x00091001, 'UN', b'\1\2') +
            m.header(0x00091010, 'UN', UNDEFINED) + hidden +
            (i if m.encoding == BIG else m).sequence_end())


def fragments(m):
    return (m.element(0x00080060, 'CS', b'CT') + m.header(0x7FE00010, 'OB', UNDEFINED) +
            m.item(b'') + m.item(b'\xff\xd8\xff\xd9') + m.item(b'abc') + m.sequence_end())


def deep(m, levels):
    content = b''
    for _ in range(levels):
        content = m.sequence(0x0040A730, m.item(content))
    return content


def odd(m):
    """Name and bytes of what the standard does not allow."""
    i = Maker(IMPLICIT)
    inner = m.element(0x00081150, 'UI', b'1.2\0')
    end = m.element(0x00100010, 'PN', b'A^B ')
    yield 'unordered', end + inner
    yield 'twice', end + end
    yield 'odd-length', m.element(0x00100010, 'PN', b'A^B')
    yield 'vr-later', m.element(0x00081030, 'ZZ', b'abcd', True) + end
    yield 'vr-none', m.element(0x00081030, '??', b'abcd', False) + end
    yield 'implicit-item', m.sequence(0x00081140, m.item(
        i.element(0x00081150, 'UI', b'1.2\0')), True) + end
    yield 'implicit-element', inner + i.element(0x00081155, 'UI', b'1.2\0') + end
    yield 'delimiter-in-item', m.sequence(0x00081140, m.item(inner + m.item_end()), True) + end
    yield 'delimiter-in-sequence', m.sequence(0x00081140, m.item(inner) + m.sequence_end()) + end
    yield 'no-item-end', m.sequence(0x00081140, m.item(inner, True)[:-8]) + end
    yield 'item-overrun', (m.header(0x00081140, 'SQ', 8 + len(inner)) + m.item(inner + end) + end)
    yield 'item-behind-end', (m.header(0x00081140, 'SQ', 8 + len(inner)) + m.tag(0xFFFEE000) +
                              m.pack('I', len(inner) + 24) + inner)
    yield 'no-item-end-at-end', m.sequence(0x00081140, m.item(inner, True)[:-8])
    yield 'zeros', end + bytes(64)
    yield 'cut', m.header(0x7FE00010, 'OW', 1000) + b'abc'
    yield 'known-as-un', m.element(0x00081140, 'UN', i.item(i.element(0x00081150, 'UI', b'1.2\0')))
    yield 'group-length', m.element(0x00080000, 'UL', m.pack('I', 12)) + inner


def data_sets():
    for encoding, name in ((IMPLICIT, 'implicit'), (EXPLICIT, 'explicit'), (BIG, 'big')):
        m = Maker(encoding)
        yield encoding, name + '-plain', plain(m)
        yield encoding, name + '-nested', nested(m, False)
        yield encoding, name + '-nested-undefined', nested(m, True)
        yield encoding, name + '-private', private(m)
        yield encoding, name + '-fragments', fragments(m)
        yield encoding, name + '-deep', deep(m, 31)
        for case, body in odd(m):
            yield encoding, name + '-' + case, body


def meta(uid, preamble=bytes(128), length=True):
    m = Maker(EXPLICIT)
    uid = uid + '\0' * (len(uid) % 2)
    group = m.element(0x00020001, 'OB', b'\0\1') + m.element(0x00020010, 'UI', uid.encode())
    if length:
        group = m.element(0x00020000, 'UL', m.pack('I', len(group))) + group
    return preamble + (b'DICM' if preamble else b'') + group


def files():
    uid = {IMPLICIT: '1.2.840.10008.1.2', EXPLICIT: '1.2.840.10008.1.2.1',
           BIG: '1.2.840.10008.1.2.2'}
    for encoding, name in ((IMPLICIT, 'implicit'), (EXPLICIT, 'explicit'), (BIG, 'big')):
        body = plain(Maker(encoding))
        yield name, meta(uid[encoding]) + body
        yield name + '-no-preamble', meta(uid[encoding], b'') + body
        yield name + '-no-meta', body
        yield name + '-no-length', meta(uid[encoding], length=False) + body
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = press.compress(plain(Maker(EXPLICIT))) + press.flush()
    yield 'deflated', meta('1.2.840.10008.1.2.1.99') + packed
    yield 'deflated-cut', meta('1.2.840.10008.1.2.1.99') + packed[:20]
    yield 'jpeg', meta('1.2.840.10008.1.2.4.50') + fragments(Maker(EXPLICIT))
    yield 'private-syntax', meta('1.2.3.4') + plain(Maker(EXPLICIT))
    yield 'unknown-syntax', meta('1.2.840.10008.1.2.77') + plain(Maker(EXPLICIT))
    yield 'wrong-syntax', meta(uid[IMPLICIT]) + plain(Maker(EXPLICIT))


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for encoding, name, body in data_sets():
        write(os.path.join(sys.argv[1], 'reader'), name, bytes([encoding]) + body)
        for to in range(3):
            write(os.path.join(sys.argv[1], 'write_read'), '%s-to-%d' % (name, to),
                  bytes([encoding, to]) + body)
    for name, data in files():
        write(os.path.join(sys.argv[1], 'part10'), name, data)


if __name__ == '__main__':
    main()
