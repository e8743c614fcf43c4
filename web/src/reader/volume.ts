// SPDX-License-Identifier: Apache-2.0
// Pixels of a stack resampled into an upright, evenly spaced volume after a plan of geometry.ts, and handed to
// Cornerstone as a local volume. Linear interpolation in the plane (tilt) and along the normal (uneven distances).
import { cache, volumeLoader, type Types } from '@cornerstonejs/core';
import type { VolumePlan } from './geometry';
import type { Vec3 } from './frame';
import { knowSlice } from './metadata';
import { loadImage } from './series';

type Voxels = Int16Array | Uint16Array | Float32Array | Uint8Array;
const LARGEST_BYTES = 1 << 30;
const TEXEL_LIMIT = 2048;

export class VolumeError extends Error {}

interface Grid {
  columns: number;
  rows: number;
  planes: number;
  /** Shift of the grid's corner from the first slice's corner, in pixels. */
  left: number;
  top: number;
}

function gridOf(plan: VolumePlan): Grid {
  const [rowSpacing, columnSpacing] = plan.spacing;
  const dx = plan.slices.map((s) => s.alongRow / columnSpacing);
  const dy = plan.slices.map((s) => s.alongColumn / rowSpacing);
  const f = plan.frames[0] as { rows: number; columns: number };
  const left = Math.floor(Math.min(...dx) + 0.02);
  const top = Math.floor(Math.min(...dy) + 0.02);
  const last = plan.slices[plan.slices.length - 1] as { along: number };
  return {
    columns: f.columns + Math.ceil(Math.max(...dx) - 0.02) - left,
    rows: f.rows + Math.ceil(Math.max(...dy) - 0.02) - top,
    planes: Math.round(last.along / plan.step) + 1,
    left,
    top,
  };
}

/** The narrowest type that holds every value; whole numbers stay whole. */
function voxelsFor(images: Types.IImage[], size: number): Voxels {
  const low = Math.min(...images.map((i) => i.minPixelValue));
  const high = Math.max(...images.map((i) => i.maxPixelValue));
  const whole = images.every((i) => !(i.getPixelData() instanceof Float32Array));
  const bytes = whole ? 2 : 4;
  if (size * bytes > LARGEST_BYTES) {
    throw new VolumeError(`The volume would need ${Math.round((size * bytes) / 2 ** 20)} MB, more than this reader allows.`);
  }
  if (!whole) return new Float32Array(size);
  if (low >= -32768 && high <= 32767) return new Int16Array(size);
  return low >= 0 && high <= 65535 ? new Uint16Array(size) : new Float32Array(size);
}

/** One slice laid onto the grid, moved by a fraction of a pixel where the gantry was tilted. */
function place(image: Types.IImage, dx: number, dy: number, grid: Grid, fill: number, out: Float32Array): void {
  const source = image.getPixelData() as ArrayLike<number>;
  const { columns, rows } = image;
  const fx = Math.floor(dx);
  const fy = Math.floor(dy);
  const wx = dx - fx;
  const wy = dy - fy;
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= columns || y >= rows ? fill : (source[y * columns + x] as number);
  for (let y = 0; y < grid.rows; y += 1) {
    for (let x = 0; x < grid.columns; x += 1) {
      const sx = x - fx;
      const sy = y - fy;
      let v = at(sx, sy);
      if (wx > 0.001) v = v * (1 - wx) + at(sx - 1, sy) * wx;
      if (wy > 0.001) {
        let above = at(sx, sy - 1);
        if (wx > 0.001) above = above * (1 - wx) + at(sx - 1, sy - 1) * wx;
        v = v * (1 - wy) + above * wy;
      }
      out[y * grid.columns + x] = v;
    }
  }
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

async function fillVolume(plan: VolumePlan, images: Types.IImage[], grid: Grid, voxels: Voxels): Promise<void> {
  const area = grid.columns * grid.rows;
  const fill = Math.min(...images.map((i) => i.minPixelValue));
  const [rowSpacing, columnSpacing] = plan.spacing;
  const held = new Map<number, Float32Array>();
  const slice = (k: number): Float32Array => {
    const known = held.get(k);
    if (known) return known;
    const s = plan.slices[k] as VolumePlan['slices'][number];
    const out = new Float32Array(area);
    place(images[k] as Types.IImage, s.alongRow / columnSpacing - grid.left, s.alongColumn / rowSpacing - grid.top, grid, fill, out);
    held.set(k, out);
    for (const old of held.keys()) if (old < k - 1) held.delete(old);
    return out;
  };
  const round = voxels instanceof Float32Array ? (v: number) => v : Math.round;
  let k = 0;
  for (let plane = 0; plane < grid.planes; plane += 1) {
    const along = plane * plan.step;
    while (k < plan.slices.length - 2 && (plan.slices[k + 1] as { along: number }).along <= along) k += 1;
    const from = (plan.slices[k] as { along: number }).along;
    const to = (plan.slices[k + 1] as { along: number }).along;
    const w = Math.min(1, Math.max(0, (along - from) / (to - from)));
    const a = slice(k);
    const b = w > 0.0001 ? slice(k + 1) : a;
    const base = plane * area;
    for (let i = 0; i < area; i += 1) voxels[base + i] = round((a[i] as number) * (1 - w) + (b[i] as number) * w);
    if (plane % 8 === 7) await pause();
  }
}

const add = (p: Vec3, v: Vec3, by: number): Vec3 => [p[0] + v[0] * by, p[1] + v[1] * by, p[2] + v[2] * by];

/**
 * Builds the volume of a plan. `onProgress` hears how many of the slices have come.
 * Throws VolumeError with words for the reader when it cannot be built.
 */
export async function buildVolume(
  id: string,
  plan: VolumePlan,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Types.IImageVolume> {
  const known = cache.getVolume(id);
  if (known) return known;
  const images = await loadAll(plan, onProgress, signal);
  const grid = gridOf(plan);
  if (Math.max(grid.columns, grid.rows, grid.planes) > TEXEL_LIMIT) {
    throw new VolumeError(`The volume would be ${grid.columns} × ${grid.rows} × ${grid.planes}; ${TEXEL_LIMIT} is the most each way.`);
  }
  const voxels = voxelsFor(images, grid.columns * grid.rows * grid.planes);
  await fillVolume(plan, images, grid, voxels);
  if (signal.aborted) throw new DOMException('stopped', 'AbortError');
  const first = plan.frames[0] as { position: Vec3; frameOfReference: string | null; modality: string };
  const [rowSpacing, columnSpacing] = plan.spacing;
  const origin = add(add(first.position, plan.row, grid.left * columnSpacing), plan.column, grid.top * rowSpacing);
  for (let k = 0; k < grid.planes; k += 1) {
    knowSlice(`${id}_slice_${k}`, slicePlane(plan, grid, add(origin, plan.normal, k * plan.step)));
  }
  return volumeLoader.createLocalVolume(id, {
    metadata: metadataOf(plan, images) as unknown as Types.Metadata,
    dimensions: [grid.columns, grid.rows, grid.planes],
    spacing: [columnSpacing, rowSpacing, plan.step],
    origin,
    direction: [...plan.row, ...plan.column, ...plan.normal] as unknown as Types.Mat3,
    scalarData: voxels,
  });
}

function slicePlane(plan: VolumePlan, grid: Grid, position: Vec3) {
  const f = plan.frames[0] as VolumePlan['frames'][number];
  const [rowPixelSpacing, columnPixelSpacing] = plan.spacing;
  return {
    frameOfReferenceUID: f.frameOfReference ?? `${f.seriesUid}.none`,
    rows: grid.rows,
    columns: grid.columns,
    imageOrientationPatient: [...plan.row, ...plan.column],
    rowCosines: plan.row,
    columnCosines: plan.column,
    imagePositionPatient: position,
    sliceThickness: plan.step,
    pixelSpacing: plan.spacing,
    rowPixelSpacing,
    columnPixelSpacing,
    usingDefaultValues: false,
  };
}

async function loadAll(plan: VolumePlan, onProgress: (done: number, total: number) => void, signal: AbortSignal) {
  const total = plan.frames.length;
  const images: Types.IImage[] = new Array(total);
  let next = 0;
  let done = 0;
  const worker = async () => {
    for (let i = next++; i < total; i = next++) {
      if (signal.aborted) throw new DOMException('stopped', 'AbortError');
      const frame = plan.frames[i] as { imageId: string };
      images[i] = await loadImage(frame.imageId);
      done += 1;
      onProgress(done, total);
    }
  };
  try {
    await Promise.all(Array.from({ length: 4 }, worker));
  } catch (cause) {
    if (signal.aborted) throw cause;
    const said = cause instanceof Error ? cause.message : 'it cannot be read';
    throw new VolumeError(`One image of the volume is missing: ${said}`);
  }
  return images;
}

function metadataOf(plan: VolumePlan, images: Types.IImage[]) {
  const f = plan.frames[0] as VolumePlan['frames'][number];
  const float = images[0]?.getPixelData() instanceof Float32Array;
  return {
    BitsAllocated: float ? 32 : 16,
    BitsStored: float ? 32 : 16,
    HighBit: float ? 31 : 15,
    SamplesPerPixel: 1,
    PixelRepresentation: 1,
    PhotometricInterpretation: f.photometric,
    Modality: f.modality,
    ImageOrientationPatient: [...plan.row, ...plan.column],
    PixelSpacing: plan.spacing,
    FrameOfReferenceUID: f.frameOfReference ?? `${f.seriesUid}.none`,
    Columns: f.columns,
    Rows: f.rows,
    voiLut: [],
    VOILUTFunction: 'LINEAR',
  };
}
