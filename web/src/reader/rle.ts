// SPDX-License-Identifier: Apache-2.0
// Whether an RLE frame (PS3.5 annex G) is whole. The decoder leaves black what is missing, which nobody must read.

const HEADER = 64;
const SEGMENTS_MAX = 15;

/** Throws, with a sentence, unless there are `planes` segments that hold `pixels` bytes each. */
export function checkRle(body: Uint8Array, planes: number, pixels: number): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const count = body.length >= HEADER ? view.getUint32(0, true) : 0;
  if (count !== planes || count > SEGMENTS_MAX) throw new Error(`${count} segments of ${planes}`);
  for (let s = 0; s < count; s += 1) {
    const from = view.getUint32(4 + 4 * s, true);
    const to = s + 1 < count ? view.getUint32(8 + 4 * s, true) : body.length;
    if (from < HEADER || to < from || to > body.length) throw new Error(`segment ${s + 1} is out of place`);
    const got = unpackedLength(body, from, to, pixels);
    if (got < pixels) throw new Error(`segment ${s + 1} ends after ${got} of ${pixels} bytes`);
  }
}

function unpackedLength(body: Uint8Array, from: number, to: number, enough: number): number {
  let length = 0;
  for (let at = from; at < to && length < enough; ) {
    const n = body[at] as number;
    if (n === 128) at += 1;
    else if (n < 128) {
      length += Math.min(n + 1, Math.max(0, to - at - 1));
      at += n + 2;
    } else {
      if (at + 1 < to) length += 257 - n;
      at += 2;
    }
  }
  return length;
}
