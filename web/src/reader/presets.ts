// SPDX-License-Identifier: Apache-2.0
// Windows that a reader asks for by name. CT in Hounsfield units; other modalities from the file or the pixels.
import type { Frame } from './frame';

export interface Preset {
  id: string;
  label: string;
  /** Absent for `auto` and `full`, which are computed from the pixels on the screen. */
  window?: { width: number; center: number };
  kind: 'fixed' | 'file' | 'auto' | 'full';
}

const fixed = (id: string, label: string, width: number, center: number): Preset => ({
  id,
  label,
  window: { width, center },
  kind: 'fixed',
});

const CT: Preset[] = [
  fixed('brain', 'Brain', 80, 40),
  fixed('subdural', 'Subdural', 200, 75),
  fixed('stroke', 'Stroke', 40, 35),
  fixed('bone', 'Bone', 2500, 500),
  fixed('lung', 'Lung', 1500, -600),
  fixed('mediastinum', 'Mediastinum', 400, 40),
  fixed('abdomen', 'Abdomen', 400, 50),
  fixed('liver', 'Liver', 150, 90),
  fixed('angio', 'Angiography', 600, 200),
  fixed('spine', 'Spine, soft tissue', 300, 40),
];

/** Windows for CT hold only where the numbers are Hounsfield units. */
const isHounsfield = (f: Frame) => f.modality === 'CT' && f.samplesPerPixel === 1 && f.units !== 'US';

/** The presets of a frame, in menu order: what the file proposes, what the pixels propose, what the modality knows. */
export function presetsFor(frame: Frame): Preset[] {
  if (frame.samplesPerPixel !== 1 || frame.photometric === 'PALETTE COLOR') return [];
  const different = frame.windows.filter((w, i) => frame.windows.findIndex((v) => v.center === w.center && v.width === w.width) === i);
  const fromFile = different.slice(0, 4).map((w, i): Preset => {
    const name = w.name ?? (different.length > 1 ? `From the file (${i + 1})` : 'From the file');
    return { id: `file${i}`, label: name, window: { width: w.width, center: w.center }, kind: 'file' };
  });
  if (fromFile.length === 0 && frame.voiLut) fromFile.push({ id: 'file0', label: 'From the file (LUT)', kind: 'file' });
  const computed: Preset[] = [
    { id: 'auto', label: 'Auto', kind: 'auto' },
    { id: 'full', label: 'Full range', kind: 'full' },
  ];
  return [...fromFile, ...computed, ...(isHounsfield(frame) ? CT : [])];
}

const SAMPLES = 40_000;

/** The range from the 1st to the 99th percentile of what is not background. */
export function autoRange(pixels: ArrayLike<number>, padding: number | null): { lower: number; upper: number } {
  const step = Math.max(1, Math.floor(pixels.length / SAMPLES));
  const values: number[] = [];
  for (let i = 0; i < pixels.length; i += step) {
    const v = pixels[i] as number;
    if (v !== padding) values.push(v);
  }
  values.sort((a, b) => a - b);
  if (values.length === 0) return { lower: 0, upper: 255 };
  const lowest = values[0] as number;
  const inside = values.filter((v) => v > lowest);
  const of = inside.length > values.length / 20 ? inside : values;
  const lower = of[Math.floor(of.length * 0.01)] as number;
  const upper = of[Math.min(of.length - 1, Math.floor(of.length * 0.99))] as number;
  return upper > lower ? { lower, upper } : { lower: lower - 0.5, upper: lower + 0.5 };
}
