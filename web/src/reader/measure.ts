// SPDX-License-Identifier: Apache-2.0
// The measurements of the open study: listed in words, deleted with a way back, made from points (keyboard).
import type { Types } from '@cornerstonejs/core';
import {
  AngleTool,
  annotation,
  EllipticalROITool,
  LengthTool,
  ProbeTool,
  RectangleROITool,
  utilities,
  type Types as ToolTypes,
} from '@cornerstonejs/tools';
import { TOOL_CLASS, type ToolName } from './cornerstone';
import { frameFor } from './metadata';

export interface Measurement {
  uid: string;
  tool: ToolName;
  label: string;
  values: string[];
  seriesUid: string | null;
  imageId: string | null;
  selected: boolean;
}

const LABEL: Partial<Record<ToolName, string>> = {
  length: 'Length',
  angle: 'Angle',
  ellipse: 'Ellipse',
  rectangle: 'Rectangle',
  probe: 'Value',
};

const toolOf = (className: string): ToolName | null =>
  (Object.keys(LABEL) as ToolName[]).find((t) => TOOL_CLASS[t as keyof typeof TOOL_CLASS] === className) ?? null;

type Stats = Record<string, number | string | number[] | null | undefined>;

const round = (v: unknown, digits: number) => (typeof v === 'number' ? v.toFixed(digits).replace('-', '\u2212') : '');

/** `mm Proj` from the library means: measured at the detector. */
const unit = (u: unknown) => String(u ?? '').replace(/ Proj$/, ' at the detector').replace(/ Uncalibrated$/, '');

function valuesOf(tool: ToolName, s: Stats): string[] {
  const raw = s.modalityUnit === 'raw' ? '' : String(s.modalityUnit ?? '');
  if (tool === 'length') return [`${round(s.length, 1)} ${unit(s.unit)}`];
  if (tool === 'angle') return [`${round(s.angle, 1)}°`];
  if (tool === 'probe') {
    const v = Array.isArray(s.value) ? s.value.map((n) => round(n, 0)).join(' ') : round(s.value, 1).replace(/\.0$/, '');
    return [`${v} ${raw}`.trim()];
  }
  return [
    `mean ${round(s.mean, 1)} ${raw}`.trim(),
    `SD ${round(s.stdDev, 1)}`,
    `min ${round(s.min, 0)}, max ${round(s.max, 0)}`,
    `area ${round(s.area, 1)} ${unit(s.areaUnit)}`,
  ];
}

type Held = ToolTypes.Annotation;

const deleted: Held[] = [];

export function measurements(study: string): Measurement[] {
  const selected = new Set(annotation.selection.getAnnotationsSelected());
  const out: Measurement[] = [];
  for (const a of annotation.state.getAllAnnotations() as Held[]) {
    const tool = toolOf(a.metadata?.toolName ?? '');
    if (!tool || !a.annotationUID) continue;
    const imageId = a.metadata?.referencedImageId ?? null;
    const frame = imageId ? frameFor(imageId) : undefined;
    if (frame && frame.studyUid !== study) continue;
    const stats = Object.values((a.data?.cachedStats ?? {}) as Record<string, Stats>)[0];
    out.push({
      uid: a.annotationUID,
      tool,
      label: LABEL[tool] ?? tool,
      values: stats ? valuesOf(tool, stats) : [],
      seriesUid: frame?.seriesUid ?? null,
      imageId,
      selected: selected.has(a.annotationUID),
    });
  }
  return out;
}

export function select(uid: string): void {
  annotation.selection.setAnnotationSelected(uid, true, false);
}

export function remove(uid: string): boolean {
  const held = annotation.state.getAnnotation(uid) as Held | undefined;
  if (!held) return false;
  deleted.push(held);
  annotation.selection.setAnnotationSelected(uid, false, true);
  annotation.state.removeAnnotation(uid);
  return true;
}

/** Brings back what was deleted last. The group key is the frame of reference that the annotation belongs to. */
export function undoRemove(): boolean {
  const held = deleted.pop();
  if (!held?.metadata?.FrameOfReferenceUID) return false;
  annotation.state.addAnnotation(held, held.metadata.FrameOfReferenceUID);
  return true;
}

export const canUndo = () => deleted.length > 0;

/** How many points the keyboard has to set for a tool; 0 where it is not a measuring tool. */
export const pointsNeeded = (tool: ToolName): number =>
  ({ length: 2, angle: 3, ellipse: 2, rectangle: 2, probe: 1 } as Partial<Record<ToolName, number>>)[tool] ?? 0;

type ToWorld = (p: [number, number]) => Types.Point3;

/** Makes a measurement from points of the canvas: ends, vertex in the middle, or opposite corners. */
export function make(tool: ToolName, viewportId: string, points: [number, number][], toWorld: ToWorld): void {
  const [a, b] = points as [[number, number], [number, number]];
  const world = points.map(toWorld);
  const corners = () => {
    const [x0, x1] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
    const [y0, y1] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
    return { x0, x1, y0, y1, cx: (x0 + x1) / 2, cy: (y0 + y1) / 2 };
  };
  if (tool === 'length') LengthTool.hydrate(viewportId, world);
  if (tool === 'angle') AngleTool.hydrate(viewportId, world);
  if (tool === 'probe') ProbeTool.hydrate(viewportId, world);
  if (tool === 'rectangle') {
    const { x0, x1, y0, y1 } = corners();
    const four: [number, number][] = [[x0, y0], [x1, y0], [x0, y1], [x1, y1]];
    RectangleROITool.hydrate(viewportId, four.map(toWorld));
  }
  if (tool === 'ellipse') {
    const { x0, x1, y0, y1, cx, cy } = corners();
    const four: [number, number][] = [[cx, y1], [cx, y0], [x0, cy], [x1, cy]];
    EllipticalROITool.hydrate(viewportId, four.map(toWorld));
  }
  redraw([viewportId]);
}

export function redraw(viewportIds: string[]): void {
  utilities.triggerAnnotationRenderForViewportIds(viewportIds);
}

