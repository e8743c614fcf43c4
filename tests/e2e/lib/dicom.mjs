// SPDX-License-Identifier: Apache-2.0
// A tiny reader of little-endian DICOM files, independent of the program under test: it exists so that the tests can
// say what a pixel must be. Top level elements only; undefined lengths are skipped by their delimiters.
import { readFileSync } from 'node:fs';

const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const UNDEFINED = 0xffffffff;

class Cursor {
  constructor(bytes, at, explicit) {
    Object.assign(this, { bytes, at, explicit });
  }

  head() {
    const b = this.bytes;
    const tag = b.readUInt16LE(this.at) * 0x10000 + b.readUInt16LE(this.at + 2);
    this.at += 4;
    if (tag === ITEM || tag === ITEM_END || tag === SEQUENCE_END || !this.explicit) {
      const length = b.readUInt32LE(this.at);
      this.at += 4;
      return { tag, vr: null, length };
    }
    const vr = b.toString('latin1', this.at, this.at + 2);
    if (LONG.has(vr)) {
      const length = b.readUInt32LE(this.at + 4);
      this.at += 8;
      return { tag, vr, length };
    }
    const length = b.readUInt16LE(this.at + 2);
    this.at += 4;
    return { tag, vr, length };
  }

  /** Steps over the content of an undefined length. */
  skip() {
    for (let depth = 1; depth > 0; ) {
      const { tag, length } = this.head();
      if (tag === SEQUENCE_END || tag === ITEM_END) depth -= 1;
      else if (length === UNDEFINED) depth += 1;
      else this.at += length;
    }
  }
}

/** The elements of a file as a map of tag (number) to Buffer, and its transfer syntax. */
export function readDicom(path) {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 128, 132) !== 'DICM') throw new Error(`${path}: no DICM prefix`);
  const meta = new Cursor(bytes, 132, true);
  const elements = new Map();
  while (bytes.readUInt16LE(meta.at) === 2) {
    const { tag, length } = meta.head();
    elements.set(tag, bytes.subarray(meta.at, meta.at + length));
    meta.at += length;
  }
  const syntax = text({ elements }, 0x00020010);
  const body = new Cursor(bytes, meta.at, syntax !== '1.2.840.10008.1.2');
  while (body.at + 8 <= bytes.length) {
    const { tag, length } = body.head();
    if (length === UNDEFINED) {
      const from = body.at;
      body.skip();
      elements.set(tag, bytes.subarray(from, body.at));
    } else {
      elements.set(tag, bytes.subarray(body.at, body.at + length));
      body.at += length;
    }
  }
  return { path, syntax, elements };
}

export function text(file, tag) {
  return (file.elements.get(tag) ?? Buffer.alloc(0)).toString('latin1').replace(/[\0 ]+$/, '').trim();
}

export const numbers = (file, tag) => text(file, tag).split('\\').filter(Boolean).map(Number);
export const uint16 = (file, tag) => file.elements.get(tag)?.readUInt16LE(0) ?? null;

/** Samples of a single-frame, uncompressed, 8-bit image, colour by pixel where there is colour. */
export function samplesOf(file) {
  const rows = uint16(file, 0x00280010);
  const columns = uint16(file, 0x00280011);
  const count = uint16(file, 0x00280002);
  const data = file.elements.get(0x7fe00010);
  const at = (column, row) => [...data.subarray((row * columns + column) * count, (row * columns + column + 1) * count)];
  return { rows, columns, at };
}

/** Rescaled pixel values of a single-frame, uncompressed, 16-bit grey image. */
export function pixelsOf(file) {
  const rows = uint16(file, 0x00280010);
  const columns = uint16(file, 0x00280011);
  const signed = uint16(file, 0x00280103) === 1;
  const stored = uint16(file, 0x00280101);
  const [slope = 1] = numbers(file, 0x00281053);
  const [intercept = 0] = numbers(file, 0x00281052);
  const data = file.elements.get(0x7fe00010);
  const shift = 32 - stored;
  const at = (column, row) => {
    const raw = data.readUInt16LE(2 * (row * columns + column));
    const value = signed ? (raw << shift) >> shift : (raw << shift) >>> shift;
    return value * slope + intercept;
  };
  return { rows, columns, at };
}
