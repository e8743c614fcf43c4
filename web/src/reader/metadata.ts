// SPDX-License-Identifier: Apache-2.0
// What Cornerstone asks about an image, answered from our frames. One provider, before the library's own.
import { Enums, metaData } from '@cornerstonejs/core';
import { nums } from './dicom-json';
import type { Frame } from './frame';

const frames = new Map<string, Frame>();
const PRIORITY = 10_000;
const M = Enums.MetadataModules;

export function know(list: Frame[]): void {
  for (const f of list) frames.set(f.imageId, f);
}

export const frameFor = (imageId: string): Frame | undefined => frames.get(imageId);

export function forgetAll(): void {
  frames.clear();
}

function imagePlane(f: Frame) {
  const placed = f.position !== null && f.rowAxis !== null && f.columnAxis !== null;
  const rowCosines = f.rowAxis ?? [1, 0, 0];
  const columnCosines = f.columnAxis ?? [0, 1, 0];
  return {
    frameOfReferenceUID: f.frameOfReference ?? `${f.seriesUid}.none`,
    rows: f.rows,
    columns: f.columns,
    imageOrientationPatient: [...rowCosines, ...columnCosines],
    rowCosines,
    columnCosines,
    imagePositionPatient: f.position ?? [0, 0, 0],
    sliceThickness: f.thickness ?? undefined,
    sliceLocation: undefined,
    pixelSpacing: f.spacing ?? undefined,
    rowPixelSpacing: f.spacing?.[0] ?? 1,
    columnPixelSpacing: f.spacing?.[1] ?? 1,
    usingDefaultValues: !placed && f.spacing === null,
  };
}

function imagePixel(f: Frame) {
  return {
    samplesPerPixel: f.samplesPerPixel,
    photometricInterpretation: f.decoded?.photometric ?? f.photometric,
    planarConfiguration: f.decoded?.planar ?? f.planar,
    rows: f.rows,
    columns: f.columns,
    bitsAllocated: Math.max(8, f.decoded?.bitsAllocated ?? f.bitsAllocated),
    bitsStored: f.bitsStored,
    highBit: f.highBit,
    pixelRepresentation: f.signed ? 1 : 0,
    redPaletteColorLookupTableDescriptor: nums(f.dataSet, '00281101', 3) ?? undefined,
    greenPaletteColorLookupTableDescriptor: nums(f.dataSet, '00281102', 3) ?? undefined,
    bluePaletteColorLookupTableDescriptor: nums(f.dataSet, '00281103', 3) ?? undefined,
    ...palettes.get(f.sopInstance),
  };
}

export interface Palette {
  redPaletteColorLookupTableData: Uint8Array | Uint16Array;
  greenPaletteColorLookupTableData: Uint8Array | Uint16Array;
  bluePaletteColorLookupTableData: Uint8Array | Uint16Array;
}

const palettes = new Map<string, Palette>();

/** Palettes are bulk data: the loader fetches them before it decodes, and they are known here from then on. */
export const palettesKnown = (sop: string): boolean => palettes.has(sop);
export const knowPalette = (sop: string, palette: Palette) => palettes.set(sop, palette);

/** How far lengths can be believed: at the detector they are larger than in the patient, without spacing there are none. */
function calibration(f: Frame) {
  if (f.spacingSource === 'none') return { type: Enums.CalibrationTypes.UNCALIBRATED };
  return f.spacingSource === 'detector' ? { type: Enums.CalibrationTypes.PROJECTION } : {};
}

const answers: Record<string, (f: Frame) => unknown> = {
  [M.IMAGE_PLANE]: imagePlane,
  [M.IMAGE_PIXEL]: imagePixel,
  [M.GENERAL_SERIES]: (f) => ({
    modality: f.modality,
    seriesInstanceUID: f.seriesUid,
    studyInstanceUID: f.studyUid,
  }),
  [M.GENERAL_IMAGE]: (f) => ({
    sopInstanceUID: f.sopInstance,
    instanceNumber: f.instanceNumber,
    lossyImageCompression: f.lossy ? '01' : '00',
  }),
  [M.SOP_COMMON]: (f) => ({ sopClassUID: f.sopClass, sopInstanceUID: f.sopInstance }),
  [M.VOI_LUT]: (f) => ({
    windowCenter: f.windows.length ? f.windows.map((w) => w.center) : undefined,
    windowWidth: f.windows.length ? f.windows.map((w) => w.width) : undefined,
    voiLUTFunction: [f.voiFunction],
  }),
  [M.MODALITY_LUT]: (f) => ({
    rescaleIntercept: f.intercept,
    rescaleSlope: f.slope,
    rescaleType: f.units ?? undefined,
  }),
  transferSyntax: (f) => ({ transferSyntaxUID: f.syntax ?? undefined }),
  [M.CINE]: (f) => ({ cineRate: f.frameTime ? 1000 / f.frameTime : undefined, numberOfFrames: f.frameCount }),
  [M.CALIBRATION]: calibration,
  [M.PATIENT]: () => ({}),
  [M.PATIENT_STUDY]: () => ({}),
};

/** Modules that a frame of ours does not have: said here so that the library does not go looking elsewhere. */
const ABSENT = new Set<string>([M.OVERLAY_PLANE, M.MULTIFRAME, M.ULTRASOUND_ENHANCED_REGION, M.PET_SERIES, M.SCALING]);

/** Slices of a volume that we built: where each lies, which the library would not know. */
const slices = new Map<string, object>();

export function knowSlice(imageId: string, plane: object): void {
  slices.set(imageId, plane);
}

export function forgetSlices(volumeId: string): void {
  for (const imageId of slices.keys()) if (imageId.startsWith(volumeId)) slices.delete(imageId);
}

function provide(type: string, ...query: unknown[]): unknown {
  const imageId = query[0];
  if (type === M.IMAGE_PLANE && typeof imageId === 'string' && slices.has(imageId)) return slices.get(imageId);
  const f = typeof imageId === 'string' ? frames.get(imageId) : undefined;
  if (!f || ABSENT.has(type)) return undefined;
  return answers[type]?.(f);
}

export function install(): void {
  metaData.addProvider(provide, PRIORITY);
}
