// SPDX-License-Identifier: Apache-2.0
// Whether a series is a volume and how its slices lie (PS3.3 C.7.6.2). Pure arithmetic, no pixels.
// A volume may be sheared (tilted gantry) and unevenly spaced: both are found, said and later resampled away.
import { cross, dot, normalOf, type Frame, type Vec3 } from './frame';

export interface VolumePlan {
  frames: Frame[];
  row: Vec3;
  column: Vec3;
  normal: Vec3;
  spacing: [number, number];
  /** Of each slice: distance from the first along the normal, and its in-plane shift, in mm. */
  slices: { along: number; alongRow: number; alongColumn: number }[];
  /** Distance between the planes of the volume to be built. */
  step: number;
  tiltDegrees: number;
  notes: string[];
}

export type Assessment = { ok: true; plan: VolumePlan } | { ok: false; reason: string };

const FEWEST_SLICES = 3;
const SAME_DIRECTION = 0.9999;
const SAME_PLACE_MM = 0.01;
const TILT_WORTH_MENTION = 0.3;
const UNEVEN_SHARE = 0.03;
const WIDEST_GAP_MM = 25;
const MOST_PLANES = 2048;

const refuse = (reason: string): Assessment => ({ ok: false, reason });

/** The frames lying in the plane that most of them lie in: a scout inside a series is left out. */
function mainStack(frames: Frame[]): Frame[] {
  const groups: Frame[][] = [];
  for (const f of frames) {
    const home = groups.find((g) => sameGrid(g[0] as Frame, f));
    if (home) home.push(f);
    else groups.push([f]);
  }
  return groups.reduce((a, b) => (b.length > a.length ? b : a), []);
}

function sameGrid(a: Frame, b: Frame): boolean {
  if (a.rows !== b.rows || a.columns !== b.columns) return false;
  if (!a.rowAxis || !b.rowAxis || !a.columnAxis || !b.columnAxis || !a.spacing || !b.spacing) return false;
  if (dot(a.rowAxis, b.rowAxis) < SAME_DIRECTION || dot(a.columnAxis, b.columnAxis) < SAME_DIRECTION) return false;
  const close = (x: number, y: number) => Math.abs(x - y) <= 0.002 * Math.max(x, y);
  return close(a.spacing[0], b.spacing[0]) && close(a.spacing[1], b.spacing[1]);
}

function refusal(frames: Frame[]): string | null {
  if (frames.some((f) => f.samplesPerPixel !== 1 || f.photometric === 'PALETTE COLOR')) {
    return 'Planes can be reformatted from grey-scale images only; these are in colour.';
  }
  if (frames.length < FEWEST_SLICES) return `A volume needs at least ${FEWEST_SLICES} slices; this series has ${frames.length}.`;
  if (frames.some((f) => !f.position || !f.rowAxis || !f.columnAxis)) {
    return 'The images do not say where in the patient they lie (no position or orientation), so they cannot be stacked into a volume.';
  }
  if (frames.some((f) => !f.spacing || f.spacingSource !== 'pixel')) {
    return 'The images do not say how large their pixels are, so a volume would have the wrong proportions.';
  }
  const reference = frames[0]?.frameOfReference;
  if (frames.some((f) => f.frameOfReference !== reference)) {
    return 'The images were not made in one frame of reference, so they cannot be stacked into a volume.';
  }
  return null;
}

function notesOf(tilt: number, gaps: number[], uneven: boolean, left: number): string[] {
  const notes: string[] = [];
  const mm = (v: number) => Number(v.toFixed(2)).toString();
  if (tilt > TILT_WORTH_MENTION) notes.push(`Gantry tilt of ${tilt.toFixed(1)}° corrected.`);
  if (uneven) {
    notes.push(
      `Slice distances are not even (${mm(Math.min(...gaps))} to ${mm(Math.max(...gaps))} mm): between wide slices the reformat is interpolated, not measured.`,
    );
  }
  if (left > 0) notes.push(`${left} image${left === 1 ? '' : 's'} in another plane left out.`);
  return notes;
}

export function assessVolume(all: Frame[]): Assessment {
  const placed = mainStack(all.filter((f) => f.rowAxis && f.columnAxis && f.spacing));
  const frames = placed.length >= FEWEST_SLICES ? placed : all;
  const no = refusal(frames);
  if (no) return refuse(no);
  if (placed.length < FEWEST_SLICES || placed.length < all.length / 2) {
    return refuse('The images lie in different planes or have different sizes, so they do not make one volume.');
  }
  const first = frames[0] as Frame;
  const normal = normalOf(first) as Vec3;
  const sorted = [...frames].sort((a, b) => dot(normal, a.position as Vec3) - dot(normal, b.position as Vec3));
  return plan(sorted, normal, all.length - placed.length);
}

function plan(frames: Frame[], normal: Vec3, left: number): Assessment {
  const origin = (frames[0] as Frame).position as Vec3;
  const row = (frames[0] as Frame).rowAxis as Vec3;
  const column = cross(normal, row);
  const slices = frames.map((f) => {
    const p = f.position as Vec3;
    const d: Vec3 = [p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]];
    return { along: dot(d, normal), alongRow: dot(d, row), alongColumn: dot(d, column) };
  });
  const gaps = slices.slice(1).map((s, i) => s.along - (slices[i]?.along ?? 0));
  if (gaps.some((g) => g < SAME_PLACE_MM)) {
    return refuse('Several images lie at the same position (phases, echoes or repeats), so it is not clear which of them make the volume.');
  }
  const widest = Math.max(...gaps);
  if (widest > WIDEST_GAP_MM) {
    return refuse(`There is a gap of ${widest.toFixed(0)} mm between two slices: a reformat would invent what lies between them.`);
  }
  const last = slices[slices.length - 1] as VolumePlan['slices'][number];
  const median = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] as number;
  const uneven = widest - Math.min(...gaps) > Math.max(UNEVEN_SHARE * median, SAME_PLACE_MM);
  const step = uneven ? Math.max(Math.min(...gaps), last.along / MOST_PLANES) : last.along / gaps.length;
  const tilt = (Math.atan2(Math.hypot(last.alongRow, last.alongColumn), last.along) * 180) / Math.PI;
  const spacing = (frames[0] as Frame).spacing as [number, number];
  const notes = notesOf(tilt, gaps, uneven, left);
  return { ok: true, plan: { frames, row, column, normal, spacing, slices, step, tiltDegrees: tilt, notes } };
}

const LETTERS: [string, string][] = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
];

/** A direction in the patient as letters (L R P A H F), the strongest first, at most two. */
export function directionLetters(v: Vec3): string {
  return v
    .map((c, i) => ({ size: Math.abs(c), letter: (LETTERS[i] as [string, string])[c >= 0 ? 0 : 1] }))
    .filter((c) => c.size > 0.35)
    .sort((a, b) => b.size - a.size)
    .slice(0, 2)
    .map((c) => c.letter)
    .join('');
}

/** Index of the frame of `others` that lies nearest to `here`, or null where the two cannot be compared. */
export function nearestByPosition(here: Frame, others: Frame[]): number | null {
  const normal = normalOf(here);
  if (!normal || !here.position || !here.frameOfReference) return null;
  let best = -1;
  let distance = Infinity;
  others.forEach((f, i) => {
    const n = normalOf(f);
    if (!n || !f.position || f.frameOfReference !== here.frameOfReference || Math.abs(dot(n, normal)) < 0.9) return;
    const d = Math.abs(dot(normal, f.position) - dot(normal, here.position as Vec3));
    if (d < distance) {
      distance = d;
      best = i;
    }
  });
  return best >= 0 ? best : null;
}
