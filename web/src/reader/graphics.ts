// SPDX-License-Identifier: Apache-2.0
// Overlay planes (PS3.3 C.9.2): graphics and regions of one bit a pixel in groups 6000 to 601E, in Overlay Data or, as
// old files do, in unused bits of the pixel cells. Found in the metadata, fetched once, drawn on a canvas of their own.
import { bytes, num, nums, str, type JsonDataSet } from './dicom-json';

export interface OverlayPlane {
  group: string;
  region: boolean;
  rows: number;
  columns: number;
  /** Frames of the overlay; 0: one plane for every frame of the image. */
  frames: number;
  /** The first frame of the image, from 1. */
  first: number;
  top: number;
  left: number;
  /** The bit of each pixel cell that holds it, or null where Overlay Data does. */
  bit: number | null;
}

/** What drawing needs to know of a frame. */
export interface Drawn {
  imageId: string;
  frameNumber: number;
  rows: number;
  columns: number;
  planes: OverlayPlane[];
  dataSet: JsonDataSet;
}

const GROUPS = Array.from({ length: 16 }, (_, i) => (0x6000 + 2 * i).toString(16).toUpperCase());
const COLOUR = [255, 214, 102, 235] as const;
const MOST_SIDE = 65535;

function planeOf(ds: JsonDataSet, group: string): OverlayPlane | null {
  const rows = num(ds, `${group}0010`) ?? 0;
  const columns = num(ds, `${group}0011`) ?? 0;
  if (rows < 1 || columns < 1 || rows > MOST_SIDE || columns > MOST_SIDE) return null;
  const data = ds[`${group}3000`];
  const position = num(ds, `${group}0102`) ?? 0;
  const allocated = num(ds, '00280100') ?? 16;
  const stored = num(ds, '00280101') ?? allocated;
  const high = num(ds, '00280102') ?? stored - 1;
  const here = Boolean(data?.InlineBinary ?? data?.BulkDataURI ?? data?.Value);
  const unused = position < allocated && (position > high || position < high + 1 - stored);
  if (!here && (!unused || rows !== num(ds, '00280010') || columns !== num(ds, '00280011'))) return null;
  const [top = 1, left = 1] = nums(ds, `${group}0050`, 2) ?? [];
  const first = num(ds, `${group}0051`) ?? 0;
  const frames = num(ds, `${group}0015`) ?? 0;
  return {
    group,
    region: str(ds, `${group}0040`) === 'R',
    rows,
    columns,
    frames: !here ? 0 : frames === 0 && first > 0 ? 1 : frames,
    first: first || 1,
    top: top - 1,
    left: left - 1,
    bit: here ? null : position,
  };
}

const known = new WeakMap<JsonDataSet, OverlayPlane[]>();

/** The overlay planes of an instance; ones that make no sense are left out. */
export function planesOf(ds: JsonDataSet): OverlayPlane[] {
  let list = known.get(ds);
  if (!list) {
    list = GROUPS.map((g) => planeOf(ds, g)).filter((p): p is OverlayPlane => p !== null);
    known.set(ds, list);
  }
  return list;
}

export const planeIsOn = (p: OverlayPlane, frame: number): boolean =>
  p.frames === 0 || (frame >= p.first && frame < p.first + p.frames);

// --- bits ---

const fetched = new WeakMap<JsonDataSet, Map<string, Promise<Uint8Array | null>>>();
/** Planes taken out of pixel cells by the loader: packed as Overlay Data is. */
const embedded = new Map<string, Uint8Array>();

const nameOf = (imageId: string, bit: number) => `${imageId} ${bit}`;

export function knowEmbedded(imageId: string, bit: number, packed: Uint8Array): void {
  embedded.set(nameOf(imageId, bit), packed);
}

export function forgetEmbedded(): void {
  embedded.clear();
}

/** Takes one bit of each cell out of uncompressed pixels. */
export function takeBit(cells: Uint8Array | Uint16Array, bit: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(cells.length / 8));
  for (let i = 0; i < cells.length; i += 1) if (((cells[i] as number) >> bit) & 1) out[i >> 3] = (out[i >> 3] as number) | (1 << (i & 7));
  return out;
}

function bitsOf(d: Drawn, plane: OverlayPlane): Promise<Uint8Array | null> {
  if (plane.bit !== null) return Promise.resolve(embedded.get(nameOf(d.imageId, plane.bit)) ?? null);
  let all = fetched.get(d.dataSet);
  if (!all) fetched.set(d.dataSet, (all = new Map()));
  let one = all.get(plane.group);
  if (!one) {
    one = bytes(d.dataSet[`${plane.group}3000`]).catch(() => null);
    all.set(plane.group, one);
  }
  return one;
}

// --- the picture of a frame's overlays ---

type Bit = (x: number, y: number) => boolean;

function reader(plane: OverlayPlane, packed: Uint8Array, frame: number): Bit {
  const start = plane.frames === 0 ? 0 : (frame - plane.first) * plane.rows * plane.columns;
  return (x, y) => {
    if (x < 0 || y < 0 || x >= plane.columns || y >= plane.rows) return false;
    const at = start + y * plane.columns + x;
    return (((packed[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
  };
}

/** Graphics as they are; of regions the outline, so that the image inside can be seen. */
function paint(target: ImageData, plane: OverlayPlane, bit: Bit): number {
  let count = 0;
  for (let y = 0; y < plane.rows; y += 1) {
    for (let x = 0; x < plane.columns; x += 1) {
      const [column, row] = [x + plane.left, y + plane.top];
      if (column < 0 || row < 0 || column >= target.width || row >= target.height || !bit(x, y)) continue;
      if (plane.region && bit(x - 1, y) && bit(x + 1, y) && bit(x, y - 1) && bit(x, y + 1)) continue;
      target.data.set(COLOUR, 4 * (row * target.width + column));
      count += 1;
    }
  }
  return count;
}

export interface Picture {
  imageId: string;
  canvas: HTMLCanvasElement;
  /** Pixels set, which is what tests look at. */
  count: number;
}

/** What lies over a frame, as a picture of the image's own size; null when there is nothing. */
export async function pictureOf(d: Drawn): Promise<Picture | null> {
  const planes = d.planes.filter((p) => planeIsOn(p, d.frameNumber));
  if (planes.length === 0) return null;
  const data = new ImageData(d.columns, d.rows);
  let count = 0;
  for (const plane of planes) {
    const packed = await bitsOf(d, plane);
    if (packed) count += paint(data, plane, reader(plane, packed, d.frameNumber));
  }
  if (count === 0) return null;
  const canvas = document.createElement('canvas');
  canvas.width = d.columns;
  canvas.height = d.rows;
  canvas.getContext('2d')?.putImageData(data, 0, 0);
  return { imageId: d.imageId, canvas, count };
}

export type Point = [number, number];

/** Draws the picture so that its corners lie where the image's do: `corners` are the canvas places of the image's
 * upper left, upper right and lower left corner. */
export function draw(target: HTMLCanvasElement, picture: Picture | null, corners: [Point, Point, Point] | null): void {
  const scale = window.devicePixelRatio || 1;
  const width = Math.round(target.clientWidth * scale);
  const height = Math.round(target.clientHeight * scale);
  if (target.width !== width || target.height !== height) Object.assign(target, { width, height });
  const ctx = target.getContext('2d');
  if (!ctx) return;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, width, height);
  if (!picture || !corners) return;
  const [o, x, y] = corners;
  const { width: w, height: h } = picture.canvas;
  ctx.setTransform(
    ((x[0] - o[0]) / w) * scale,
    ((x[1] - o[1]) / w) * scale,
    ((y[0] - o[0]) / h) * scale,
    ((y[1] - o[1]) / h) * scale,
    o[0] * scale,
    o[1] * scale,
  );
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(picture.canvas, 0, 0);
}
