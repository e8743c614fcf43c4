// SPDX-License-Identifier: Apache-2.0
// The image loader of the scheme `maclab:`: one WADO-RS frame (PS3.18 10.4) in its stored transfer syntax, decoded by
// dicom-image-loader's worker; what that cannot decode, the server does. Says in words why an image cannot be shown.
// Keeps no cache: Cornerstone's does.
import { imageLoader, type Types } from '@cornerstonejs/core';
import { createImage } from '@cornerstonejs/dicom-image-loader';
import { ApiError } from '../lib/api';
import { DECODABLE } from '../lib/showable';
import { bytes, nums } from './dicom-json';
import { IMAGE_SCHEME, readLut, type Decoded, type Frame } from './frame';
import { knowEmbedded, takeBit } from './graphics';
import { frameFor, knowPalette, palettesKnown } from './metadata';
import { ACCEPT_DECODED, fetchPart, syntaxOf, type Part } from './multipart';
import { expandSegments } from './palette';
import { checkRle } from './rle';

const NATIVE = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99']);

/** Why one image cannot be shown, fit to be read by the person in front of it. */
export class ImageError extends Error {}

function explain(frame: Frame, cause: unknown): ImageError {
  if (cause instanceof ImageError) return cause;
  if (cause instanceof ApiError) return new ImageError(cause.message);
  const said = cause instanceof Error ? cause.message : String(cause);
  return new ImageError(`The pixels of this image could not be decoded (${frame.syntax ?? 'unknown syntax'}: ${said})`);
}

/** How many bytes the frame must have uncompressed, or null where that is not known beforehand. */
function nativeLength(f: Frame): number | null {
  const photometric = f.decoded?.photometric ?? f.photometric;
  if (photometric.endsWith('422') || photometric.endsWith('420')) return null;
  return Math.ceil((f.rows * f.columns * f.samplesPerPixel * (f.decoded?.bitsAllocated ?? f.bitsAllocated)) / 8);
}

function checkLength(f: Frame, syntax: string, body: Uint8Array): void {
  if (body.length === 0) throw new ImageError('The server sent no pixels for this image');
  const need = NATIVE.has(syntax) ? nativeLength(f) : null;
  if (need !== null && body.length < need) {
    throw new ImageError(`The image is cut short: ${body.length} of ${need} bytes are there`);
  }
}

const DEFLATED_FRAME = '1.2.840.10008.1.2.8.1';
const RLE = '1.2.840.10008.1.2.5';
const LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

/** Deflated frames of one bit a pixel (PS3.5 A.4.12) are inflated here: the decoder takes whole bytes only. */
async function inflateBits(f: Frame, syntax: string, body: Uint8Array): Promise<{ syntax: string; body: Uint8Array }> {
  if (syntax !== DEFLATED_FRAME || f.bitsAllocated !== 1) return { syntax, body };
  const stream = new Blob([body.slice()]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const wanted = Math.ceil((f.rows * f.columns * f.samplesPerPixel) / 8);
  return { syntax: LITTLE_ENDIAN, body: await firstBytes(stream, wanted) };
}

/** As many bytes as are wanted; what pads the stream after its end is not looked at. */
async function firstBytes(stream: ReadableStream<Uint8Array>, wanted: number): Promise<Uint8Array> {
  const out = new Uint8Array(wanted);
  const reader = stream.getReader();
  let at = 0;
  while (at < wanted) {
    const { done, value } = await reader.read();
    if (done) throw new ImageError(`The image is cut short: ${at} of ${wanted} bytes are there`);
    out.set(value.subarray(0, wanted - at), at);
    at += value.length;
  }
  await reader.cancel().catch(() => undefined);
  return out;
}

/** One bit a pixel (segmentations, PS3.5 8.1.1) made one byte a pixel, which is what the decoder takes. */
function unpackBits(f: Frame, syntax: string, body: Uint8Array): Uint8Array {
  if (!NATIVE.has(syntax) || f.bitsAllocated !== 1) return body;
  const out = new Uint8Array(f.rows * f.columns * f.samplesPerPixel);
  for (let i = 0; i < out.length; i += 1) out[i] = ((body[i >> 3] as number) >> (i & 7)) & 1;
  return out;
}

/** Overlay planes in unused bits of the cells: taken out before those bits are cleared. */
function keepEmbedded(f: Frame, syntax: string, body: Uint8Array): void {
  const planes = f.overlays.filter((p) => p.bit !== null);
  if (planes.length === 0 || !NATIVE.has(syntax) || f.samplesPerPixel !== 1) return;
  const cells = f.bitsAllocated === 16 ? new Uint16Array(body.slice(0, body.length & ~1).buffer) : body;
  for (const p of planes) knowEmbedded(f.imageId, p.bit as number, takeBit(cells, p.bit as number));
}

/** Bits above Bits Stored may hold overlays or rubbish (PS3.5 8.1.1): cleared where the pixels are unsigned. */
function maskHighBits(f: Frame, syntax: string, body: Uint8Array): Uint8Array {
  if (!NATIVE.has(syntax) || f.signed || f.bitsAllocated !== 16 || f.bitsStored >= 16) return body;
  const copy = body.slice(0, body.length & ~1);
  const words = new Uint16Array(copy.buffer);
  const shift = f.highBit + 1 - f.bitsStored;
  const mask = (1 << f.bitsStored) - 1;
  for (let i = 0; i < words.length; i += 1) words[i] = ((words[i] as number) >> shift) & mask;
  return copy;
}

/** The three palettes of a PALETTE COLOR image (PS3.3 C.7.6.3.1.5), fetched once an instance. */
async function fetchPalette(f: Frame): Promise<void> {
  if (palettesKnown(f.sopInstance)) return;
  const read = async (data: string, segmented: string, descriptor: string) => {
    const [entries = 0, , bits = 16] = nums(f.dataSet, descriptor, 3) ?? [];
    const raw = await bytes(f.dataSet[data]);
    const segments = raw ? null : await bytes(f.dataSet[segmented]);
    if (segments) return expandSegments({ data: segments, words: bits > 8, entries: entries || 65536 });
    if (!raw) throw new ImageError('The colour palette of this image is missing');
    const wide = raw.length >= 2 * (entries || 65536) && bits > 8;
    return wide ? new Uint16Array(raw.slice().buffer) : raw;
  };
  const [red, green, blue] = await Promise.all([
    read('00281201', '00281221', '00281101'),
    read('00281202', '00281222', '00281102'),
    read('00281203', '00281223', '00281103'),
  ]);
  knowPalette(f.sopInstance, {
    redPaletteColorLookupTableData: red,
    greenPaletteColorLookupTableData: green,
    bluePaletteColorLookupTableData: blue,
  });
}

/** Stored values through a Modality LUT (PS3.3 C.11.1.1), where the file has one instead of slope and intercept. */
async function applyModalityLut(f: Frame, image: Types.IImage): Promise<void> {
  const lut = f.modalityLut ? await readLut(f.modalityLut) : null;
  if (!lut || image.color) return;
  const pixels = image.getPixelData();
  const last = lut.data.length - 1;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < pixels.length; i += 1) {
    const at = Math.min(last, Math.max(0, (pixels[i] as number) - lut.first));
    const v = lut.data[at] as number;
    pixels[i] = v;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  image.minPixelValue = low;
  image.maxPixelValue = high;
}

/** The decoder looks at wide samples where they lie: a part of a longer answer may begin anywhere. */
const aligned = (body: Uint8Array): Uint8Array => (body.byteOffset % 8 === 0 ? body : body.slice());

/** How the server's decoder left the pixels: fields that it adds to what it decoded. */
function decodedOf(part: Part): Decoded | null {
  const photometric = part.fields?.get('MacLab-Photometric-Interpretation');
  if (!photometric) return null;
  return {
    photometric,
    planar: Number(part.fields?.get('MacLab-Planar-Configuration') ?? 0),
    bitsAllocated: Number(part.fields?.get('MacLab-Bits-Allocated') ?? 16),
  };
}

async function decode(f: Frame, part: Part, options: Record<string, unknown>): Promise<Types.IImage> {
  const { syntax, body } = await inflateBits(f, syntaxOf(part.contentType, f.syntax), part.body);
  checkLength(f, syntax, body);
  if (f.photometric === 'PALETTE COLOR') await fetchPalette(f);
  keepEmbedded(f, syntax, body);
  if (syntax === RLE) checkRle(body, f.samplesPerPixel * Math.ceil(f.bitsAllocated / 8), f.rows * f.columns);
  const pixels = aligned(maskHighBits(f, syntax, unpackBits(f, syntax, body)));
  const image = (await createImage(f.imageId, pixels as never, syntax, { ...options } as never)) as Types.IImage;
  if (image.rows !== f.rows || image.columns !== f.columns) {
    throw new ImageError(
      `The pixels are ${image.columns} × ${image.rows}, but the header says ${f.columns} × ${f.rows}`,
    );
  }
  return image;
}

async function fromServer(f: Frame, options: Record<string, unknown>, signal: AbortSignal): Promise<Types.IImage> {
  const part = await fetchPart(f.url, signal, ACCEPT_DECODED);
  f.decoded = decodedOf(part);
  return decode(f, part, options);
}

/** Decoded here where the browser can; where it cannot, or fails, the server's decoder has the last word. */
async function fetchImage(f: Frame, options: Record<string, unknown>, signal: AbortSignal): Promise<Types.IImage> {
  if (f.decoded || (f.syntax && !DECODABLE.has(f.syntax))) return fromServer(f, options, signal);
  const part = await fetchPart(f.url, signal);
  const sent = syntaxOf(part.contentType, f.syntax);
  if (!DECODABLE.has(sent)) return fromServer(f, options, signal);
  if (NATIVE.has(sent)) return decode(f, part, options);
  try {
    return await decode(f, part, options);
  } catch (cause) {
    if (signal.aborted) throw cause;
    return fromServer(f, options, signal);
  }
}

async function load(imageId: string, options: Record<string, unknown>, signal: AbortSignal): Promise<Types.IImage> {
  const f = frameFor(imageId);
  if (!f) throw new ImageError('This image is not part of an open series');
  try {
    const image = await fetchImage(f, options, signal);
    await applyModalityLut(f, image);
    return image;
  } catch (cause) {
    throw signal.aborted ? cause : explain(f, cause);
  }
}

/** Starts to load an image; Cornerstone calls it for what its cache does not have. */
export function startImage(imageId: string, options: Record<string, unknown> = {}): Types.IImageLoadObject {
  const controller = new AbortController();
  return {
    promise: load(imageId, options, controller.signal),
    cancelFn: () => controller.abort(),
  };
}

export function install(): void {
  imageLoader.registerImageLoader(IMAGE_SCHEME, startImage as unknown as Types.ImageLoaderFn);
}
