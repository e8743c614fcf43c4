// SPDX-License-Identifier: Apache-2.0
// One image as the reader knows it: a frame of an instance with the attributes that drawing, geometry and
// overlays need (PS3.3 C.7.6, C.8, C.11, and the functional groups of enhanced objects C.7.6.16).
// Carries no identity of the patient on purpose: what is drawn over an image comes from here.
import { bytes, item, items, num, nums, str, strs, type JsonDataSet } from './dicom-json';
import { planesOf, type OverlayPlane } from './graphics';

export type Vec3 = [number, number, number];

export interface Window {
  center: number;
  width: number;
  name: string | null;
}

export type SpacingSource = 'pixel' | 'detector' | 'region' | 'none';

export interface Lut {
  first: number;
  bits: number;
  data: Uint16Array;
}

export interface Decoded {
  photometric: string;
  planar: number;
  bitsAllocated: number;
}

export interface Frame {
  imageId: string;
  url: string;
  modality: string;
  sopClass: string;
  sopInstance: string;
  seriesUid: string;
  studyUid: string;
  instanceNumber: number | null;
  frameNumber: number;
  frameCount: number;
  rows: number;
  columns: number;
  bitsAllocated: number;
  bitsStored: number;
  highBit: number;
  signed: boolean;
  samplesPerPixel: number;
  photometric: string;
  planar: number;
  syntax: string | null;
  position: Vec3 | null;
  rowAxis: Vec3 | null;
  columnAxis: Vec3 | null;
  /** Between rows, between columns, in mm. */
  spacing: [number, number] | null;
  spacingSource: SpacingSource;
  thickness: number | null;
  frameOfReference: string | null;
  slope: number;
  intercept: number;
  units: string | null;
  windows: Window[];
  voiFunction: string;
  voiLut: JsonDataSet | null;
  modalityLut: JsonDataSet | null;
  padding: number | null;
  /** Mean time of a frame in ms, as it should be played; null when the file does not say. */
  frameTime: number | null;
  /** From the frame before to this one in ms, where the frames have times of their own. */
  delay: number | null;
  /** What the server made of the pixels where it decoded them: the description of metadata no longer holds then. */
  decoded: Decoded | null;
  overlays: OverlayPlane[];
  lossy: boolean;
  ratio: number | null;
  technique: string[];
  laterality: string | null;
  view: string | null;
  orientationText: [string, string] | null;
  dataSet: JsonDataSet;
}

/** A data set of functional groups laid over the instance: per-frame before shared before the top level. */
function groupsOf(instance: JsonDataSet, frame: number): JsonDataSet[] {
  const shared = items(instance, '52009229')[0];
  const perFrame = items(instance, '52009230')[frame - 1];
  return [perFrame, shared].filter((d): d is JsonDataSet => d !== undefined);
}

function macro(groups: JsonDataSet[], sequence: string): JsonDataSet | null {
  for (const g of groups) {
    const found = items(g, sequence)[0];
    if (found) return found;
  }
  return null;
}

const unit = (v: number[]): Vec3 | null => {
  const length = Math.hypot(v[0] ?? 0, v[1] ?? 0, v[2] ?? 0);
  if (!(length > 0.5)) return null;
  return [(v[0] ?? 0) / length, (v[1] ?? 0) / length, (v[2] ?? 0) / length];
};

function windowsOf(ds: JsonDataSet): Window[] {
  const centers = nums(ds, '00281050') ?? [];
  const widths = nums(ds, '00281051') ?? [];
  const names = strs(ds, '00281055');
  return centers
    .map((center, i) => ({ center, width: widths[i] ?? 0, name: names[i] || null }))
    .filter((w) => w.width >= 1 || (w.width > 0 && str(ds, '00281056') === 'LINEAR_EXACT'));
}

/** Spacing of a cross-sectional image, or at the detector for projections, or of an ultrasound region in cm or mm. */
function spacingOf(ds: JsonDataSet, measures: JsonDataSet): { spacing: [number, number] | null; source: SpacingSource } {
  const pixel = nums(measures, '00280030', 2) ?? nums(ds, '00280030', 2);
  if (pixel && (pixel[0] ?? 0) > 0 && (pixel[1] ?? 0) > 0) {
    return { spacing: [pixel[0] as number, pixel[1] as number], source: 'pixel' };
  }
  const detector = nums(ds, '00181164', 2);
  if (detector && (detector[0] ?? 0) > 0 && (detector[1] ?? 0) > 0) {
    return { spacing: [detector[0] as number, detector[1] as number], source: 'detector' };
  }
  const regions = items(ds, '00186011').filter((r) => num(r, '00186012') === 1 && num(r, '00186024') === 3);
  const dx = num(regions[0] ?? {}, '0018602C');
  const dy = num(regions[0] ?? {}, '0018602E');
  if (regions.length === 1 && dx && dy) {
    return { spacing: [Math.abs(dy) * 10, Math.abs(dx) * 10], source: 'region' };
  }
  return { spacing: null, source: 'none' };
}

const mm = (v: number | null, digits = 1) => (v === null ? '' : `${Number(v.toFixed(digits))} mm`);

/** How the picture was made, in the order in which a reader asks: never who it is of. */
function techniqueOf(ds: JsonDataSet, thickness: number | null): string[] {
  const out: string[] = [];
  const put = (text: string | null) => {
    if (text) out.push(text);
  };
  const value = (tag: string, label: string, suffix = '') => {
    const n = num(ds, tag);
    if (n !== null && n !== 0) put(`${label}${Number(n.toFixed(2))}${suffix}`);
  };
  const te = num(ds, '00180081');
  const tr = num(ds, '00180080');
  const tube = [num(ds, '00180060'), num(ds, '00181151')];
  const kv = tube[0] ? `${Number(tube[0].toFixed(1))} kV` : '';
  const ma = tube[1] ? `${Number(tube[1].toFixed(0))} mA` : '';
  put([kv, ma].filter(Boolean).join(' · ') || null);
  if (tr !== null || te !== null) {
    put([tr ? `TR ${Number(tr.toFixed(0))}` : '', te ? `TE ${Number(te.toFixed(1))}` : ''].filter(Boolean).join(' · ') || null);
  }
  value('00180082', 'TI ');
  value('00181314', 'FA ', '°');
  // Some files give gauss where tesla is meant: what no scanner has is not shown.
  if ((num(ds, '00180087') ?? 0) < 20) value('00180087', '', ' T');
  put(str(ds, '00181210'));
  if (thickness && thickness >= 0.05) put(`${mm(thickness)} thick`);
  value('00181120', 'tilt ', '°');
  put(str(ds, '00180010') ? 'contrast' : null);
  return out;
}

interface FrameAddress {
  study: string;
  series: string;
}

export const IMAGE_SCHEME = 'maclab';

/** One frame of an instance; `number` counts from 1. */
function frameOf(ds: JsonDataSet, address: FrameAddress, number: number, count: number): Frame {
  const groups = groupsOf(ds, number);
  const measures = macro(groups, '00289110') ?? ds;
  const orientation = nums(macro(groups, '00209116') ?? ds, '00200037', 6) ?? nums(ds, '00200037', 6);
  const position = nums(macro(groups, '00209113') ?? ds, '00200032', 3) ?? nums(ds, '00200032', 3);
  const transform = macro(groups, '00289145') ?? ds;
  const voi = macro(groups, '00289132') ?? ds;
  const sop = str(ds, '00080018') ?? '';
  const { spacing, source } = spacingOf(ds, measures);
  const thickness = num(measures, '00180050') ?? num(ds, '00180050');
  const url = `/dicom-web/studies/${address.study}/series/${address.series}/instances/${sop}/frames/${number}`;
  const bitsAllocated = num(ds, '00280100') ?? 16;
  const bitsStored = num(ds, '00280101') ?? bitsAllocated;
  return {
    imageId: `${IMAGE_SCHEME}:${url}`,
    url,
    modality: str(ds, '00080060') ?? '',
    sopClass: str(ds, '00080016') ?? '',
    sopInstance: sop,
    seriesUid: address.series,
    studyUid: address.study,
    instanceNumber: num(ds, '00200013'),
    frameNumber: number,
    frameCount: count,
    rows: num(ds, '00280010') ?? 0,
    columns: num(ds, '00280011') ?? 0,
    bitsAllocated,
    bitsStored,
    highBit: num(ds, '00280102') ?? bitsStored - 1,
    signed: num(ds, '00280103') === 1,
    samplesPerPixel: num(ds, '00280002') ?? 1,
    photometric: photometricOf(ds),
    planar: num(ds, '00280006') ?? 0,
    syntax: str(ds, '00083002') ?? str(ds, '00020010'),
    position: position ? placeOf(ds, position.slice(0, 3) as Vec3, orientation, number) : null,
    rowAxis: orientation ? unit(orientation.slice(0, 3)) : null,
    columnAxis: orientation ? unit(orientation.slice(3, 6)) : null,
    spacing,
    spacingSource: source,
    thickness,
    frameOfReference: str(ds, '00200052'),
    slope: num(transform, '00281053') ?? num(ds, '00281053') ?? 1,
    intercept: num(transform, '00281052') ?? num(ds, '00281052') ?? 0,
    units: str(transform, '00281054') ?? str(ds, '00541001'),
    windows: windowsOf(voi).length ? windowsOf(voi) : windowsOf(ds),
    voiFunction: str(voi, '00281056') ?? 'LINEAR',
    voiLut: items(ds, '00283010')[0] ?? null,
    modalityLut: items(ds, '00283000')[0] ?? null,
    padding: num(ds, '00280120'),
    frameTime: count > 1 ? cineTime(ds) : null,
    delay: delayOf(ds, number, count),
    decoded: null,
    overlays: planesOf(ds),
    lossy: str(ds, '00282110') === '01',
    ratio: num(ds, '00282112'),
    technique: techniqueOf(ds, thickness),
    laterality: str(ds, '00200060') ?? str(ds, '00200062'),
    view: str(ds, '00185101') ?? str(item(ds, '00540220'), '00080104'),
    orientationText: orientationText(ds),
    dataSet: ds,
  };
}

/** Presentation LUT Shape INVERSE (PS3.3 C.11.6) is the other way to say that low values are bright. */
function photometricOf(ds: JsonDataSet): string {
  const said = str(ds, '00280004') ?? 'MONOCHROME2';
  return said === 'MONOCHROME2' && str(ds, '20500020') === 'INVERSE' ? 'MONOCHROME1' : said;
}

/** Dose grids (PS3.3 C.8.8.3.2) say where their frames lie by offsets from the first; zero first: along the normal. */
function placeOf(ds: JsonDataSet, first: Vec3, orientation: number[] | null, number: number): Vec3 {
  const offsets = nums(ds, '3004000C', 2);
  const offset = offsets?.[number - 1];
  if (offset === undefined || !orientation || !offsets) return first;
  const [row, column] = [unit(orientation.slice(0, 3)), unit(orientation.slice(3, 6))];
  if (!row || !column) return first;
  const normal = cross(row, column);
  const along = offset - (offsets[0] as number);
  return [first[0] + normal[0] * along, first[1] + normal[1] * along, first[2] + normal[2] * along];
}

/** The times between frames of a cine (PS3.3 C.7.6.5.1.2), where they are said one by one. */
function vectorOf(ds: JsonDataSet, count: number): number[] | null {
  const vector = nums(ds, '00181065', Math.max(2, count));
  return vector?.every((t, i) => t > 0 || i === 0) ? vector : null;
}

const delayOf = (ds: JsonDataSet, number: number, count: number): number | null =>
  (number > 1 ? vectorOf(ds, count)?.[number - 1] : null) ?? null;

/** How fast the frames are to be shown: as the file recommends, else as they were made (PS3.3 C.7.6.5). */
function cineTime(ds: JsonDataSet): number | null {
  const recommended = num(ds, '00082144');
  if (recommended && recommended > 0) return 1000 / recommended;
  const vector = vectorOf(ds, num(ds, '00280008') ?? 1);
  if (vector) return vector.slice(1).reduce((a, b) => a + b, 0) / (vector.length - 1);
  const time = num(ds, '00181063');
  if (time && time > 0) return time;
  const rate = num(ds, '00180040');
  return rate && rate > 0 ? 1000 / rate : null;
}

/** Patient Orientation (0020,0020), which is all that a projection radiograph has. */
function orientationText(ds: JsonDataSet): [string, string] | null {
  const values = strs(ds, '00200020').filter((v) => v !== '');
  return values.length === 2 ? [values[0] as string, values[1] as string] : null;
}

/** The frames of a whole series, in the order in which a reader pages through them. */
export function framesOf(instances: JsonDataSet[], address: FrameAddress): Frame[] {
  const frames: Frame[] = [];
  for (const ds of instances) {
    if (!num(ds, '00280010') || !num(ds, '00280011')) continue;
    const count = Math.max(1, num(ds, '00280008') ?? 1);
    for (let n = 1; n <= count; n += 1) frames.push(frameOf(ds, address, n, count));
  }
  const order = dimensionOrder(instances);
  return frames.sort((a, b) => inOrder(a, b, order));
}

/** The place of each frame by its Dimension Index Values (PS3.3 C.7.6.17), where they tell all frames apart. */
function dimensionOrder(instances: JsonDataSet[]): Map<JsonDataSet, number[][]> {
  const found = new Map<JsonDataSet, number[][]>();
  for (const ds of instances) {
    const groups = items(ds, '52009230');
    const values = groups.map((g) => nums(item(g, '00209111'), '00209157'));
    const whole = values.filter((v): v is number[] => v !== null);
    const distinct = new Set(whole.map((v) => v.join(' '))).size;
    if (whole.length > 1 && whole.length === (num(ds, '00280008') ?? 1) && distinct === whole.length) found.set(ds, whole);
  }
  return found;
}

function byDimension(a: number[], b: number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const d = (a[i] as number) - (b[i] as number);
    if (d) return d;
  }
  return a.length - b.length;
}

function inOrder(a: Frame, b: Frame, dimensions: Map<JsonDataSet, number[][]>): number {
  const byNumber = (a.instanceNumber ?? Infinity) - (b.instanceNumber ?? Infinity);
  if (byNumber) return byNumber;
  if (a.sopInstance !== b.sopInstance) {
    const along = sliceOffset(a, a) - sliceOffset(a, b);
    if (along) return along < 0 ? -1 : 1;
    return a.sopInstance < b.sopInstance ? -1 : 1;
  }
  const places = dimensions.get(a.dataSet);
  const [x, y] = [places?.[a.frameNumber - 1], places?.[b.frameNumber - 1]];
  return (x && y ? byDimension(x, y) : 0) || a.frameNumber - b.frameNumber;
}

export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export function normalOf(frame: Frame): Vec3 | null {
  return frame.rowAxis && frame.columnAxis ? cross(frame.rowAxis, frame.columnAxis) : null;
}

/** How far `frame` lies along the normal of `plane`, in mm; 0 where either has no geometry. */
export function sliceOffset(plane: Frame, frame: Frame): number {
  const normal = normalOf(plane);
  return normal && frame.position ? dot(normal, frame.position) : 0;
}

/** A look-up table item (PS3.3 C.11.1, C.11.2) with its data, or null when it cannot be read. */
export async function readLut(lut: JsonDataSet): Promise<Lut | null> {
  const descriptor = nums(lut, '00283002', 3);
  if (!descriptor) return null;
  const entries = descriptor[0] || 65536;
  const inline = nums(lut, '00283006');
  if (inline) return { first: descriptor[1] as number, bits: descriptor[2] as number, data: Uint16Array.from(inline) };
  const raw = await bytes(lut['00283006']);
  if (!raw) return null;
  const wide = raw.length >= entries * 2;
  const data = wide
    ? Uint16Array.from({ length: entries }, (_, i) => (raw[2 * i] ?? 0) | ((raw[2 * i + 1] ?? 0) << 8))
    : Uint16Array.from(raw.subarray(0, entries));
  return { first: descriptor[1] as number, bits: descriptor[2] as number, data };
}
