// SPDX-License-Identifier: Apache-2.0
// PALETTE COLOR look-up tables (PS3.3 C.7.6.3.1.5, .6) as three plain tables, segmented ones expanded (C.7.9.2).

export interface Segments {
  data: Uint8Array;
  words: boolean;
  entries: number;
}

const DISCRETE = 0;
const LINEAR = 1;
const INDIRECT = 2;

/** Throws, with a sentence, when the segments do not make exactly the table that is declared. */
export function expandSegments({ data, words, entries }: Segments): Uint16Array {
  const units = words ? data.length >> 1 : data.length;
  const unit = (i: number): number => {
    if (i >= units) throw new Error('The colour palette of this image is cut short');
    return words ? (data[2 * i] as number) | ((data[2 * i + 1] as number) << 8) : (data[i] as number);
  };
  const out = new Uint16Array(entries);
  let done = 0;
  const put = (value: number) => {
    if (done === entries) throw new Error('The colour palette of this image is longer than it says');
    out[done] = value;
    done += 1;
  };
  const plain = (at: number): number => {
    const length = unit(at + 1);
    if (unit(at) === DISCRETE) {
      for (let i = 0; i < length; i += 1) put(unit(at + 2 + i));
      return at + 2 + length;
    }
    if (unit(at) !== LINEAR || done === 0) throw new Error('The colour palette of this image is not well formed');
    const from = out[done - 1] as number;
    const to = unit(at + 2);
    for (let i = 1; i <= length; i += 1) put(Math.floor(from + ((to - from) * i) / length + 0.5));
    return at + 3;
  };
  for (let at = 0; done < entries; ) {
    if (unit(at) !== INDIRECT) {
      at = plain(at);
      continue;
    }
    const wide = words ? 2 : 4;
    let offset = 0;
    for (let i = 0; i < wide; i += 1) offset += unit(at + 2 + i) * 2 ** ((words ? 16 : 8) * i);
    let from = words ? offset / 2 : offset;
    for (let n = unit(at + 1); n > 0; n -= 1) from = plain(from);
    at += 2 + wide;
  }
  return out;
}
