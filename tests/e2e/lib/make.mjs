// SPDX-License-Identifier: Apache-2.0
// Writes a small Secondary Capture object (PS3.3 A.8, explicit little endian), so that STOW-RS has something to store
// that no other code of the project made.

const LONG = new Set(['OB', 'OW', 'UN', 'SQ', 'UT']);

function element(tag, vr, value) {
  let bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'latin1');
  if (typeof value === 'number' && vr === 'US') {
    bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
  }
  if (bytes.length % 2) bytes = Buffer.concat([bytes, Buffer.from([vr === 'UI' || vr === 'OB' ? 0 : 32])]);
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (LONG.has(vr)) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

export function makeImage({ study, series, sop, name = 'Client^Web', size = 32 }) {
  const pixels = Buffer.alloc(size * size * 2);
  for (let i = 0; i < size * size; i += 1) pixels.writeUInt16LE((i * 7) % 4096, 2 * i);
  const meta = Buffer.concat([
    element(0x00020001, 'OB', Buffer.from([0, 1])),
    element(0x00020002, 'UI', SECONDARY_CAPTURE),
    element(0x00020003, 'UI', sop),
    element(0x00020010, 'UI', '1.2.840.10008.1.2.1'),
    element(0x00020012, 'UI', '2.25.1'),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  const groupLength = Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.from('UL'), Buffer.from([4, 0]), length]);
  const body = [
    [0x00080005, 'CS', 'ISO_IR 100'],
    [0x00080016, 'UI', SECONDARY_CAPTURE],
    [0x00080018, 'UI', sop],
    [0x00080020, 'DA', '20260102'],
    [0x00080030, 'TM', '101500'],
    [0x00080050, 'SH', 'E2E1'],
    [0x00080060, 'CS', 'OT'],
    [0x00080064, 'CS', 'SYN'],
    [0x00080090, 'PN', ''],
    [0x00081030, 'LO', 'Stored over the web'],
    [0x00100010, 'PN', name],
    [0x00100020, 'LO', 'E2E-1'],
    [0x00100030, 'DA', ''],
    [0x00100040, 'CS', 'O'],
    [0x0020000d, 'UI', study],
    [0x0020000e, 'UI', series],
    [0x00200010, 'SH', '1'],
    [0x00200011, 'IS', '1'],
    [0x00200013, 'IS', '1'],
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', size],
    [0x00280011, 'US', size],
    [0x00280100, 'US', 16],
    [0x00280101, 'US', 12],
    [0x00280102, 'US', 11],
    [0x00280103, 'US', 0],
    [0x7fe00010, 'OW', pixels],
  ].map(([tag, vr, value]) => element(tag, vr, value));
  return { bytes: Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), groupLength, meta, ...body]), pixels };
}
