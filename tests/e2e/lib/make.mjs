// SPDX-License-Identifier: Apache-2.0
// Writes small objects (explicit little endian) that no other code of the project made, gives copies of files UIDs of
// their own, and stores what it is given.
import { readFileSync } from 'node:fs';
import { ok } from './check.mjs';

const LONG = new Set(['OB', 'OW', 'UN', 'SQ', 'UT']);

export function element(tag, vr, value) {
  let bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'latin1');
  if (vr === 'US' || vr === 'SS') {
    const list = [value].flat();
    bytes = Buffer.alloc(2 * list.length);
    list.forEach((v, i) => bytes.writeUInt16LE(v & 0xffff, 2 * i));
  }
  if (vr === 'SQ') bytes = Buffer.concat(value.map((v) => itemOf(Buffer.concat(v))));
  if (bytes.length % 2) bytes = Buffer.concat([bytes, Buffer.from([vr === 'UI' || vr === 'OB' ? 0 : 32])]);
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (LONG.has(vr)) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

function itemOf(bytes, tag = 0xe000) {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(0xfffe, 0);
  head.writeUInt16LE(tag, 2);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

/** Pixel Data in fragments (PS3.5 A.4), one a frame. */
export function fragments(frames) {
  const head = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  const even = (f) => (f.length % 2 ? Buffer.concat([f, Buffer.alloc(1)]) : f);
  return Buffer.concat([head, itemOf(Buffer.alloc(0)), ...frames.map((f) => itemOf(even(f))), itemOf(Buffer.alloc(0), 0xe0dd)]);
}

function fileOf(sopClass, sop, syntax, body) {
  const meta = Buffer.concat([
    element(0x00020001, 'OB', Buffer.from([0, 1])),
    element(0x00020002, 'UI', sopClass),
    element(0x00020003, 'UI', sop),
    element(0x00020010, 'UI', syntax),
    element(0x00020012, 'UI', '2.25.1'),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  const groupLength = Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.from('UL'), Buffer.from([4, 0]), length]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), groupLength, meta, body]);
}

let made = 0;
const freshUid = () => `2.25.${Date.now()}${String(process.pid).padStart(7, '0')}${(made += 1)}`;

/** Three UIDs that nobody had before. */
export const freshUids = () => ({ study: freshUid(), series: freshUid(), sop: freshUid() });

/** An instance of any kind. `elements` are [tag, VR, value]; `pixels` is the whole pixel element when it is in fragments. */
export function makeInstance({ sopClass, syntax = '1.2.840.10008.1.2.1', uids, elements, pixels }) {
  const all = [
    [0x00080016, 'UI', sopClass],
    [0x00080018, 'UI', uids.sop],
    [0x00080020, 'DA', '20260103'],
    [0x00100010, 'PN', 'Made^Up'],
    [0x00100020, 'LO', 'E2E-2'],
    [0x0020000d, 'UI', uids.study],
    [0x0020000e, 'UI', uids.series],
    ...elements,
  ].sort((a, b) => a[0] - b[0]);
  const body = Buffer.concat([...all.map(([tag, vr, value]) => element(tag, vr, value)), ...(pixels ? [pixels] : [])]);
  return fileOf(sopClass, uids.sop, syntax, body);
}

const REPLACED = new Map([
  [0x0020000d, 'study'],
  [0x0020000e, 'series'],
  [0x00080018, 'sop'],
]);

/** A copy of an explicit little endian file with other UIDs; every other byte of the data set stays. */
export function withUids(path, uids) {
  const bytes = readFileSync(path);
  const out = [];
  let at = 132;
  let sopClass = '';
  let syntax = '';
  while (at + 8 <= bytes.length) {
    const tag = bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2);
    const vr = bytes.toString('latin1', at + 4, at + 6);
    const long = LONG.has(vr);
    const length = long ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
    const end = length === 0xffffffff ? bytes.length : at + (long ? 12 : 8) + length;
    const value = bytes.subarray(at + (long ? 12 : 8), end);
    const text = () => value.toString('latin1').replace(/[\0 ]+$/, '');
    if (tag === 0x00080016) sopClass = text();
    if (tag === 0x00020010) syntax = text();
    if (tag >= 0x00030000) out.push(REPLACED.has(tag) ? element(tag, 'UI', uids[REPLACED.get(tag)]) : bytes.subarray(at, end));
    if (length === 0xffffffff && tag !== 0x7fe00010) throw new Error(`${path}: a sequence of undefined length`);
    at = end;
  }
  return fileOf(sopClass, uids.sop, syntax, Buffer.concat(out));
}

/** Stores instances over STOW-RS. */
export async function store(base, ...files) {
  const boundary = 'maclab-e2e';
  const parts = files.flatMap((f) => [Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`), f, Buffer.from('\r\n')]);
  const response = await fetch(`${base}/dicom-web/studies`, {
    method: 'POST',
    headers: { 'Content-Type': `multipart/related; type="application/dicom"; boundary=${boundary}` },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  });
  ok(response.status === 200, `stored: ${response.status} ${response.status === 200 ? '' : await response.text()}`);
}

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

export function makeImage({ study, series, sop, name = 'Client^Web', size = 32 }) {
  const pixels = Buffer.alloc(size * size * 2);
  for (let i = 0; i < size * size; i += 1) pixels.writeUInt16LE((i * 7) % 4096, 2 * i);
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
  return { bytes: fileOf(SECONDARY_CAPTURE, sop, '1.2.840.10008.1.2.1', Buffer.concat(body)), pixels };
}
