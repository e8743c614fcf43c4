// SPDX-License-Identifier: Apache-2.0
// Three reformatted planes of one volume with crosshairs: plain objects outside the user interface framework.
import { cache, Enums, setVolumesForViewports, utilities, type RenderingEngine, type Types } from '@cornerstonejs/core';
import { CrosshairsTool, Enums as ToolEnums } from '@cornerstonejs/tools';
import { engineId, OrientationAxis, ViewportType, type Group } from './cornerstone';
import { cross, type Frame, type Vec3 } from './frame';
import { assessVolume, directionLetters } from './geometry';
import { forgetSlices } from './metadata';
import { opposite, rangeOf, unitOf, windowOf, type Edges, type Reading } from './pane';
import { autoRange, presetsFor, type Preset } from './presets';
import type { SeriesModel } from './series';
import { buildVolume, VolumeError } from './volume';

export type Axis = 'axial' | 'coronal' | 'sagittal';
export const AXES: Axis[] = ['axial', 'coronal', 'sagittal'];

export type PlanesState =
  | { name: 'off' }
  | { name: 'refused'; reason: string }
  | { name: 'loading'; done: number; total: number }
  | { name: 'on'; notes: string[] };

export interface PlanesHost {
  engine: RenderingEngine;
  group: () => Group;
  changed: () => void;
  /** The three planes hold the volume now, or (false) are about to be taken away. */
  filled: (on: boolean) => void;
}

const { Events } = Enums;
const WATCHED = [
  Events.CAMERA_MODIFIED,
  Events.VOI_MODIFIED,
  Events.IMAGE_RENDERED,
  ToolEnums.Events.ANNOTATION_RENDERED,
];
const ORIENTATION: Record<Axis, Enums.OrientationAxis> = {
  axial: OrientationAxis.AXIAL,
  coronal: OrientationAxis.CORONAL,
  sagittal: OrientationAxis.SAGITTAL,
};

export class Planes {
  state: PlanesState = { name: 'off' };
  series: SeriesModel | null = null;
  active: Axis = 'axial';
  presetId: string | null = null;
  drawn = 0;
  private window: { width: number; center: number } | null = null;
  private readonly elements = new Map<Axis, HTMLDivElement>();
  private volumeId: string | null = null;
  private controller: AbortController | null = null;

  constructor(private readonly host: PlanesHost) {}

  get frame(): Frame | null {
    return this.series?.frames[0] ?? null;
  }

  get on(): boolean {
    return this.state.name === 'on';
  }

  /** Builds the volume of a series, or says why there is none. The elements are asked for once the state is `on`. */
  async open(series: SeriesModel, window: { width: number; center: number } | null): Promise<void> {
    await series.open();
    const assessment = series.problem ? { ok: false as const, reason: series.problem } : assessVolume(series.frames);
    if (!assessment.ok) return this.become({ name: 'refused', reason: assessment.reason });
    this.series = series;
    this.window = window;
    this.controller = new AbortController();
    const { signal } = this.controller;
    const { plan } = assessment;
    this.become({ name: 'loading', done: 0, total: plan.frames.length });
    // The library takes what starts so for a volume that it need not fetch.
    const volumeId = `derived:${series.uid}`;
    try {
      await buildVolume(volumeId, plan, (done, total) => this.become({ name: 'loading', done, total }), signal);
    } catch (cause) {
      if (signal.aborted) return this.become({ name: 'off' });
      const reason = cause instanceof VolumeError ? cause.message : 'The volume could not be built on this machine.';
      return this.become({ name: 'refused', reason });
    }
    if (signal.aborted) return this.become({ name: 'off' });
    this.volumeId = volumeId;
    this.become({ name: 'on', notes: plan.notes });
  }

  close(): void {
    this.controller?.abort();
    if (this.on) this.host.filled(false);
    for (const axis of AXES) this.detach(axis);
    if (this.volumeId) {
      cache.removeVolumeLoadObject(this.volumeId);
      forgetSlices(this.volumeId);
    }
    this.volumeId = null;
    this.series = null;
    this.presetId = null;
    this.become({ name: 'off' });
  }

  private become(state: PlanesState): void {
    this.state = state;
    this.host.changed();
  }

  idOf = (axis: Axis) => `mpr-${axis}`;

  viewport(axis: Axis): Types.IVolumeViewport | null {
    if (!this.elements.has(axis)) return null;
    return (this.host.engine.getViewport(this.idOf(axis)) as Types.IVolumeViewport | undefined) ?? null;
  }

  attach(axis: Axis, element: HTMLDivElement): void {
    this.elements.set(axis, element);
    this.host.engine.enableElement({
      viewportId: this.idOf(axis),
      type: ViewportType.ORTHOGRAPHIC,
      element,
      defaultOptions: { background: [0, 0, 0], orientation: ORIENTATION[axis] },
    });
    for (const name of WATCHED) element.addEventListener(name, this.onEvent);
    if (this.elements.size === AXES.length) void this.fill();
  }

  detach(axis: Axis): void {
    const element = this.elements.get(axis);
    if (!element) return;
    for (const name of WATCHED) element.removeEventListener(name, this.onEvent);
    this.host.group().removeViewports(engineId, this.idOf(axis));
    this.host.engine.disableElement(this.idOf(axis));
    this.elements.delete(axis);
  }

  private readonly onEvent = (event: Event) => {
    if (event.type === Events.IMAGE_RENDERED) this.drawn += 1;
    this.host.changed();
  };

  private async fill(): Promise<void> {
    const { volumeId, frame } = this;
    if (!volumeId || !frame) return;
    await setVolumesForViewports(this.host.engine, [{ volumeId }], AXES.map(this.idOf));
    for (const axis of AXES) this.host.group().addViewport(this.idOf(axis), engineId);
    this.host.filled(true);
    this.applyWindow(this.window ?? this.firstWindow(frame));
    if (frame.photometric === 'MONOCHROME1') {
      for (const axis of AXES) this.viewport(axis)?.setProperties({ invert: true });
    }
    this.render();
    // The first pass of the first viewport draws before the volume has reached the card: once more when it has.
    requestAnimationFrame(() => requestAnimationFrame(() => this.render()));
    this.host.changed();
  }

  private render(): void {
    if (this.elements.size === AXES.length) this.host.engine.renderViewports(AXES.map(this.idOf));
  }

  private firstWindow(frame: Frame): { width: number; center: number } {
    const first = frame.windows[0];
    return first ? { width: first.width, center: first.center } : this.computed('auto');
  }

  private computed(kind: 'auto' | 'full'): { width: number; center: number } {
    const volume = this.volumeId ? cache.getVolume(this.volumeId) : null;
    const middle = volume ? cache.getImage(volume.imageIds[volume.imageIds.length >> 1] as string) : null;
    if (!middle) return { width: 256, center: 128 };
    if (kind === 'full') {
      return windowOf({ lower: middle.minPixelValue, upper: middle.maxPixelValue }, this.frame);
    }
    return windowOf(autoRange(middle.getPixelData() as ArrayLike<number>, this.frame?.padding ?? null), this.frame);
  }

  private applyWindow(w: { width: number; center: number }): void {
    const voiRange = rangeOf(w, this.frame);
    for (const axis of AXES) this.viewport(axis)?.setProperties({ voiRange });
    this.host.engine.renderViewports(AXES.map(this.idOf));
  }

  setWindow(w: { width: number; center: number }, presetId: string | null = null): void {
    this.window = w;
    this.presetId = presetId;
    this.applyWindow(w);
    this.host.changed();
  }

  /** After a drag in one plane the other two follow. */
  adoptWindow(axis: Axis): void {
    const range = this.viewport(axis)?.getProperties()?.voiRange;
    const other = AXES.find((a) => a !== axis) as Axis;
    const before = this.viewport(other)?.getProperties()?.voiRange;
    if (!range || (range.lower === before?.lower && range.upper === before.upper)) return;
    this.setWindow(windowOf(range, this.frame));
  }

  get presets(): Preset[] {
    return this.frame ? presetsFor(this.frame) : [];
  }

  applyPreset(preset: Preset): void {
    this.setWindow(preset.window ?? this.computed(preset.kind === 'full' ? 'full' : 'auto'), preset.id);
  }

  currentWindow(axis: Axis): { width: number; center: number } | null {
    const range = this.viewport(axis)?.getProperties()?.voiRange;
    return range ? windowOf(range, this.frame) : null;
  }

  scroll(axis: Axis, delta: number): void {
    const viewport = this.viewport(axis);
    if (!viewport) return;
    const { index, count } = this.place(axis);
    const bounded = Math.min(count - 1, Math.max(0, index + delta)) - index;
    if (bounded) viewport.scroll(bounded);
    this.host.changed();
  }

  scrollTo(axis: Axis, index: number): void {
    this.scroll(axis, index - this.place(axis).index);
  }

  place(axis: Axis): { index: number; count: number } {
    const viewport = this.viewport(axis);
    if (!viewport || viewport.getActors().length === 0) return { index: 0, count: 1 };
    const { imageIndex, numberOfSlices } = utilities.getImageSliceDataForVolumeViewport(viewport) ?? {
      imageIndex: 0,
      numberOfSlices: 1,
    };
    return { index: imageIndex, count: numberOfSlices };
  }

  invert(): void {
    for (const axis of AXES) {
      const viewport = this.viewport(axis);
      viewport?.setProperties({ invert: !viewport.getProperties()?.invert });
    }
    this.host.engine.renderViewports(AXES.map(this.idOf));
    this.host.changed();
  }

  zoomBy(axis: Axis, factor: number): void {
    const viewport = this.viewport(axis);
    if (!viewport) return;
    viewport.setZoom(Math.min(40, Math.max(0.1, viewport.getZoom() * factor)));
    viewport.render();
  }

  panBy(axis: Axis, dx: number, dy: number): void {
    const viewport = this.viewport(axis);
    if (!viewport) return;
    const [x, y] = viewport.getPan();
    viewport.setPan([x + dx, y + dy]);
    viewport.render();
  }

  reset(): void {
    for (const axis of AXES) {
      this.viewport(axis)?.setOrientation(ORIENTATION[axis]);
      this.viewport(axis)?.resetCamera();
    }
    this.presetId = null;
    if (this.frame) this.applyWindow(this.firstWindow(this.frame));
    const tool = this.host.group().getToolInstance(CrosshairsTool.toolName) as { resetCrosshairs?: () => void } | undefined;
    tool?.resetCrosshairs?.();
    this.host.changed();
  }

  edges(axis: Axis): Edges | null {
    const camera = this.viewport(axis)?.getCamera();
    if (!camera?.viewUp || !camera.viewPlaneNormal) return null;
    const up = camera.viewUp as Vec3;
    const right = directionLetters(cross(up, camera.viewPlaneNormal as Vec3));
    const top = directionLetters(up);
    return { top, right, bottom: opposite(top), left: opposite(right) };
  }

  mmPerCanvasPixel(axis: Axis): number | null {
    const viewport = this.viewport(axis);
    if (!viewport) return null;
    const a = viewport.canvasToWorld([0, 0]);
    const b = viewport.canvasToWorld([100, 0]);
    return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 100 || null;
  }

  readingAt(axis: Axis, canvas: [number, number]): Reading | null {
    const viewport = this.viewport(axis);
    const volume = this.volumeId ? cache.getVolume(this.volumeId) : null;
    if (!viewport || !volume?.imageData || !this.frame) return null;
    const world = viewport.canvasToWorld(canvas) as Types.Point3;
    const ijk = utilities.transformWorldToIndex(volume.imageData as never, world) as [number, number, number];
    if (ijk.some((v, n) => v < 0 || v >= (volume.dimensions[n] as number))) return null;
    const value = volume.voxelManager?.getAtIJK(...ijk) as number;
    const text = Number.isInteger(value) ? String(value) : value.toFixed(2);
    return { text: `${text.replace('-', '\u2212')} ${unitOf(this.frame)}`.trim(), column: ijk[0], row: ijk[1] };
  }
}
