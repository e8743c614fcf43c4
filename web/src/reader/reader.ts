// SPDX-License-Identifier: Apache-2.0
// The reader of one study: panes, layout, tools, linked scrolling, cine, planes, measurements, keyboard cursor.
// A plain object. The user interface subscribes with `onChange` and asks for what it shows.
import { Enums, eventTarget, type RenderingEngine } from '@cornerstonejs/core';
import { Enums as ToolEnums } from '@cornerstonejs/tools';
import type { StudyDetail } from '../lib/api';
import { makeToolGroup, MEASURING, setPrimary, start, type Group, type ToolName } from './cornerstone';
import { nearestByPosition } from './geometry';
import * as measure from './measure';
import { StackPane, type Reading } from './pane';
import { Planes, type Axis } from './planes';
import { Prefetcher, type Wanted } from './prefetch';
import type { Preset } from './presets';
import { SeriesModel } from './series';

export type LayoutId = '1x1' | '1x2' | '2x1' | '2x2';
export const LAYOUTS: { id: LayoutId; label: string; panes: number }[] = [
  { id: '1x1', label: 'One viewport', panes: 1 },
  { id: '1x2', label: 'Two side by side', panes: 2 },
  { id: '2x1', label: 'Two one above the other', panes: 2 },
  { id: '2x2', label: 'Four viewports', panes: 4 },
];

const DEFAULT_FPS = 10;
const MOST_FPS = 60;
/** A cine that has fallen behind by more than this goes on from where it is. */
const BEHIND_MS = 250;
const WHEEL_STEP = 40;
const ToolEvents = ToolEnums.Events;

export interface Cursor {
  x: number;
  y: number;
  points: [number, number][];
}

export class Reader {
  readonly series: SeriesModel[];
  readonly panes: StackPane[];
  readonly planes: Planes;
  layout: LayoutId = '1x1';
  active = 0;
  tool: ToolName = 'window';
  linked = false;
  /** Overlay planes of the images (PS3.3 C.9.2) are drawn. */
  graphics = true;
  cine: { playing: boolean; fps: number } = { playing: false, fps: DEFAULT_FPS };
  /** Value under the pointer or the keyboard cursor. */
  reading: Reading | null = null;
  cursor: Cursor | null = null;
  /** The last thing that the reader should hear about, for the live region. */
  announcement = '';
  private stackGroup: Group;
  private planeGroup: Group;
  private readonly prefetcher: Prefetcher;
  private readonly listeners = new Set<() => void>();
  private scheduled = false;
  private resizing = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next image of the cine is due. */
  private due = 0;
  private wheel = 0;
  private ended = false;

  static async open(detail: StudyDetail): Promise<Reader> {
    return new Reader(detail, await start());
  }

  private constructor(
    readonly detail: StudyDetail,
    private readonly engine: RenderingEngine,
  ) {
    this.stackGroup = makeToolGroup('stacks', false);
    this.planeGroup = makeToolGroup('planes', true);
    const study = detail.study.study_uid;
    this.series = detail.series.map((info) => new SeriesModel(study, info, this.changed));
    const host = { engine, group: () => this.stackGroup, changed: this.changed, graphics: () => this.graphics };
    this.panes = [0, 1, 2, 3].map((i) => new StackPane(`pane-${i}`, host));
    const filled = (on: boolean) => this.setTool(on ? 'crosshairs' : 'window');
    this.planes = new Planes({ engine, group: () => this.planeGroup, changed: this.changed, filled });
    this.prefetcher = new Prefetcher(() => this.wanted());
    this.setTool('window');
    this.listen(true);
  }

  /** The series to begin with: the first that is more than a scout, else the first that can be shown. */
  get opening(): SeriesModel | undefined {
    const readable = this.series.filter((s) => s.readable);
    return readable.find((s) => s.info.frames > 3) ?? readable[0] ?? this.series[0];
  }

  get studyUid(): string {
    return this.detail.study.study_uid;
  }

  close(): void {
    this.ended = true;
    this.stopCine();
    this.prefetcher.stop();
    this.listen(false);
    this.planes.close();
    for (const pane of this.panes) pane.detach();
    this.listeners.clear();
  }

  private listen(on: boolean): void {
    const names = [
      ToolEvents.ANNOTATION_ADDED,
      ToolEvents.ANNOTATION_COMPLETED,
      ToolEvents.ANNOTATION_MODIFIED,
      ToolEvents.ANNOTATION_REMOVED,
      ToolEvents.ANNOTATION_SELECTION_CHANGE,
      ToolEvents.ANNOTATION_RENDERED,
    ];
    for (const name of names) {
      if (on) eventTarget.addEventListener(name, this.changed);
      else eventTarget.removeEventListener(name, this.changed);
    }
    if (on) eventTarget.addEventListener(Enums.Events.VOI_MODIFIED, this.changed);
    else eventTarget.removeEventListener(Enums.Events.VOI_MODIFIED, this.changed);
  }

  /** Calls `listener` after changes, once an animation frame at most. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  readonly changed = (): void => {
    if (this.scheduled || this.ended) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.prefetcher.kick();
      for (const listener of this.listeners) listener();
    });
  };

  say(text: string): void {
    this.announcement = text;
    this.changed();
  }

  // --- panes and layout -------------------------------------------------------------------------------------

  get visible(): StackPane[] {
    return this.panes.slice(0, LAYOUTS.find((l) => l.id === this.layout)?.panes ?? 1);
  }

  get pane(): StackPane {
    return this.panes[this.active] ?? (this.panes[0] as StackPane);
  }

  private wanted(): Wanted[] {
    const of = (p: StackPane): Wanted[] => (p.series && p.count && !p.video ? [{ series: p.series, index: p.index }] : []);
    return [...of(this.pane), ...this.visible.filter((p) => p !== this.pane).flatMap(of)];
  }

  setActive(index: number): void {
    if (index < 0 || index >= this.visible.length) return;
    if (index !== this.active) this.stopCine();
    this.active = index;
    this.changed();
  }

  nextPane(step: number): void {
    const n = this.visible.length;
    this.setActive((this.active + step + n) % n);
    this.say(`Viewport ${this.active + 1} of ${n}: ${this.pane.series?.info.description || this.pane.series?.info.modality || 'empty'}`);
  }

  /** Changes the layout; new viewports get the series that are not on the screen yet. */
  setLayout(id: LayoutId): void {
    if (this.planes.state.name !== 'off') this.planes.close();
    this.layout = id;
    if (this.active >= this.visible.length) this.active = 0;
    const shown = new Set(this.visible.map((p) => p.series));
    for (const pane of this.visible) {
      if (pane.series) continue;
      const next = this.series.find((s) => s.readable && !shown.has(s));
      if (!next) break;
      shown.add(next);
      void pane.show(next).then(() => this.joinLink(pane));
    }
    this.changed();
  }

  /** Shows a series in a viewport (the active one if none is named). */
  async showSeries(series: SeriesModel, index = this.active): Promise<void> {
    const pane = this.panes[index];
    if (!pane) return;
    if (this.planes.state.name !== 'off') this.planes.close();
    this.stopCine();
    this.active = index;
    this.cursor = null;
    await pane.show(series);
    this.joinLink(pane);
    this.changed();
  }

  stepSeries(step: number): void {
    const list = this.series;
    if (list.length === 0) return;
    const at = list.findIndex((s) => s === this.pane.series);
    const next = list[Math.min(list.length - 1, Math.max(0, at + step))];
    if (next && next !== this.pane.series) void this.showSeries(next);
  }

  // --- scrolling --------------------------------------------------------------------------------------------

  scroll(step: number): void {
    if (this.planes.on) return this.planes.scroll(this.planes.active, step);
    this.stopCine();
    this.goTo(this.pane, this.pane.index + step);
  }

  scrollTo(index: number): void {
    if (this.planes.on) return this.planes.scrollTo(this.planes.active, index);
    this.stopCine();
    this.goTo(this.pane, index);
  }

  scrollToEnd(last: boolean): void {
    const count = this.planes.on ? this.planes.place(this.planes.active).count : this.pane.count;
    this.scrollTo(last ? count - 1 : 0);
  }

  private goTo(pane: StackPane, index: number): void {
    const before = pane.index;
    void pane.goTo(index);
    if (this.linked) this.follow(pane, pane.index - before);
  }

  /** Linked viewports go to the same place in the patient, or as many images on where places cannot be compared. */
  private follow(leader: StackPane, step: number): void {
    const here = leader.frame;
    for (const pane of this.visible) {
      if (pane === leader || !pane.series || pane.count === 0) continue;
      const near = here ? nearestByPosition(here, pane.series.frames) : null;
      void pane.goTo(near ?? pane.index + step);
    }
  }

  /** A viewport that has just been filled joins the others where scrolling is linked. */
  private joinLink(pane: StackPane): void {
    if (!this.linked) return;
    const leader = this.visible.find((p) => p !== pane && p.count > 0);
    if (leader) this.follow(leader, 0);
  }

  setLinked(on: boolean): void {
    this.linked = on;
    if (on) this.follow(this.pane, 0);
    this.say(on ? 'Scrolling is linked' : 'Scrolling is not linked');
  }

  /** A turn of the wheel over a viewport: whole images, however finely the device counts. */
  wheelOver(index: number, deltaY: number, deltaMode: number): void {
    this.setActive(index);
    const step = this.wheelSteps(deltaY, deltaMode);
    if (step) this.scroll(step);
  }

  wheelOverPlane(axis: Axis, deltaY: number, deltaMode: number): void {
    this.planes.active = axis;
    const step = this.wheelSteps(deltaY, deltaMode);
    if (step) this.planes.scroll(axis, step);
  }

  private wheelSteps(deltaY: number, deltaMode: number): number {
    const pixels = deltaMode === 0 ? deltaY : deltaY * WHEEL_STEP;
    if (Math.abs(pixels) >= WHEEL_STEP) {
      this.wheel = 0;
      return Math.sign(pixels) * Math.max(1, Math.round(Math.abs(pixels) / 120));
    }
    this.wheel += pixels;
    const step = Math.trunc(this.wheel / WHEEL_STEP);
    this.wheel -= step * WHEEL_STEP;
    return step;
  }

  // --- tools ------------------------------------------------------------------------------------------------

  setTool(tool: ToolName): void {
    this.tool = tool;
    setPrimary(this.stackGroup, tool === 'crosshairs' ? 'window' : tool, false);
    setPrimary(this.planeGroup, tool, true);
    if (this.cursor && !MEASURING.includes(tool)) this.cursor = null;
    if (this.cursor) this.cursor.points = [];
    this.changed();
  }

  get window(): { width: number; center: number } | null {
    return this.planes.on ? this.planes.currentWindow(this.planes.active) : this.pane.currentWindow();
  }

  get presets(): Preset[] {
    return this.planes.on ? this.planes.presets : this.pane.presets;
  }

  get presetId(): string | null {
    return this.planes.on ? this.planes.presetId : this.pane.presetId;
  }

  applyPreset(preset: Preset): void {
    if (this.planes.on) this.planes.applyPreset(preset);
    else this.pane.applyPreset(preset);
    this.say(`Window: ${preset.label}`);
  }

  /** Window by keys: steps in proportion to the width. */
  nudgeWindow(widthSteps: number, centerSteps: number): void {
    const w = this.window;
    if (!w) return;
    const unit = w.width > 20 ? Math.round(w.width / 20) : w.width / 20;
    const next = { width: Math.max(unit, w.width + widthSteps * unit), center: w.center + centerSteps * unit };
    if (this.planes.on) this.planes.setWindow(next);
    else this.pane.setWindow(next);
  }

  zoomBy(factor: number): void {
    if (this.planes.on) this.planes.zoomBy(this.planes.active, factor);
    else this.pane.zoomBy(factor);
  }

  panBy(dx: number, dy: number): void {
    if (this.planes.on) this.planes.panBy(this.planes.active, dx, dy);
    else this.pane.panBy(dx, dy);
  }

  invert(): void {
    if (this.planes.on) this.planes.invert();
    else this.pane.invert();
  }

  reset(): void {
    if (this.planes.on) this.planes.reset();
    else this.pane.reset();
    this.say('View reset');
  }

  /** The pointer let go after a drag: a window that was dragged is the reader's choice from now on. */
  dragEnded(axis: Axis | null): void {
    if (this.tool === 'window') {
      if (axis) this.planes.adoptWindow(axis);
      else this.pane.adoptWindow();
    }
    this.changed();
  }

  setGraphics(on: boolean): void {
    this.graphics = on;
    for (const pane of this.visible) pane.drawGraphics();
    this.say(on ? 'Graphics of the images are shown' : 'Graphics of the images are hidden');
  }

  // --- cine -------------------------------------------------------------------------------------------------

  get canCine(): boolean {
    return !this.planes.on && this.pane.count > 1 && !this.pane.video;
  }

  toggleCine(): void {
    if (this.cine.playing) return this.stopCine();
    if (!this.canCine) return;
    const time = this.pane.frame?.frameTime;
    if (time) this.cine.fps = Math.min(MOST_FPS, Math.max(1, Math.round(10_000 / time) / 10));
    this.cine.playing = true;
    this.due = performance.now();
    this.tick();
    this.changed();
  }

  stopCine(): void {
    clearTimeout(this.timer);
    if (!this.cine.playing) return;
    this.cine.playing = false;
    this.changed();
  }

  setFps(fps: number): void {
    this.cine.fps = Math.min(MOST_FPS, Math.max(1, fps));
    this.say(`${this.cine.fps} images a second`);
  }

  /** How long the image at `index` follows the one before it: evenly, or as the file's own times say. */
  private pause(pane: StackPane, index: number): number {
    const even = 1000 / this.cine.fps;
    const frame = pane.series?.frames[index];
    return frame?.delay && frame.frameTime ? (even * frame.delay) / frame.frameTime : even;
  }

  /** One step of the cine: the next image that can be shown, waiting for it where it has not come yet. */
  private tick(): void {
    if (!this.cine.playing) return;
    const pane = this.pane;
    let next = (pane.index + 1) % Math.max(1, pane.count);
    for (let n = 0; n < pane.count && pane.series?.failed.has(next); n += 1) next = (next + 1) % pane.count;
    const before = pane.index;
    void pane.goTo(next).then(() => {
      if (this.linked) this.follow(pane, pane.index - before);
      const now = performance.now();
      this.due += this.pause(pane, (next + 1) % Math.max(1, pane.count));
      if (now - this.due > BEHIND_MS) this.due = now;
      this.timer = setTimeout(() => this.tick(), Math.max(0, this.due - now));
    });
  }

  // --- planes -----------------------------------------------------------------------------------------------

  async togglePlanes(): Promise<void> {
    if (this.planes.state.name !== 'off') {
      this.planes.close();
      return;
    }
    const series = this.pane.series;
    if (!series) return;
    this.stopCine();
    this.cursor = null;
    await this.planes.open(series, this.pane.window);
    if (this.planes.on) this.say('Three planes: axial, coronal, sagittal');
  }

  nextPlane(step: number): void {
    const order: Axis[] = ['axial', 'coronal', 'sagittal'];
    this.planes.active = order[(order.indexOf(this.planes.active) + step + 3) % 3] as Axis;
    this.say(`${this.planes.active} plane`);
  }

  // --- measurements -----------------------------------------------------------------------------------------

  get measurements(): measure.Measurement[] {
    return measure.measurements(this.studyUid);
  }

  /** Shows the image that a measurement is on, and marks it. */
  goToMeasurement(m: measure.Measurement): void {
    measure.select(m.uid);
    const series = this.series.find((s) => s.uid === m.seriesUid);
    const index = series?.frames.findIndex((f) => f.imageId === m.imageId) ?? -1;
    if (!series || index < 0) return this.changed();
    const at = this.visible.findIndex((p) => p.series === series);
    if (at >= 0) {
      this.setActive(at);
      this.goTo(this.pane, index);
    } else {
      void this.pane.show(series, index);
    }
    this.redraw();
  }

  /** Deletes the measurement that is selected, else the last one of the image in front. */
  removeMeasurement(uid?: string): void {
    const all = this.measurements;
    const here = all.filter((m) => m.imageId === this.pane.frame?.imageId);
    const target = uid ?? all.find((m) => m.selected)?.uid ?? here[here.length - 1]?.uid ?? all[all.length - 1]?.uid;
    if (!target || !measure.remove(target)) return;
    this.redraw();
    this.say('Measurement deleted; Ctrl Z brings it back');
  }

  undo(): void {
    if (!measure.undoRemove()) return;
    this.redraw();
    this.say('Measurement restored');
  }

  get canUndo(): boolean {
    return measure.canUndo();
  }

  private redraw(): void {
    const ids = this.planes.on ? ['mpr-axial', 'mpr-coronal', 'mpr-sagittal'] : this.visible.map((p) => p.id);
    measure.redraw(ids);
    this.changed();
  }

  // --- keyboard cursor --------------------------------------------------------------------------------------

  private get cursorHome(): HTMLDivElement | null {
    return this.planes.on ? null : this.pane.element;
  }

  toggleCursor(): void {
    const element = this.cursorHome;
    if (this.cursor || !element || !this.pane.showing) {
      this.cursor = null;
      return this.changed();
    }
    if (!MEASURING.includes(this.tool)) this.setTool('probe');
    this.cursor = { x: Math.round(element.clientWidth / 2), y: Math.round(element.clientHeight / 2), points: [] };
    this.readCursor();
  }

  moveCursor(dx: number, dy: number): void {
    const element = this.cursorHome;
    if (!this.cursor || !element) return;
    this.cursor.x = Math.min(element.clientWidth - 1, Math.max(0, this.cursor.x + dx));
    this.cursor.y = Math.min(element.clientHeight - 1, Math.max(0, this.cursor.y + dy));
    this.readCursor();
  }

  private readCursor(): void {
    if (!this.cursor) return;
    this.reading = this.pane.readingAt([this.cursor.x, this.cursor.y]);
    this.changed();
  }

  /** Sets a point of the measurement at the cursor; the last point completes it. */
  placePoint(): void {
    const viewport = this.pane.viewport;
    if (!this.cursor || !viewport) return;
    const points: [number, number][] = [...this.cursor.points, [this.cursor.x, this.cursor.y]];
    const needed = measure.pointsNeeded(this.tool);
    if (points.length < needed) {
      this.cursor.points = points;
      return this.say(`Point ${points.length} of ${needed} set`);
    }
    measure.make(this.tool, this.pane.id, points, (p) => viewport.canvasToWorld(p));
    this.cursor.points = [];
    this.redraw();
    this.say('Measurement made');
  }

  // --- pointer ----------------------------------------------------------------------------------------------

  pointerOver(index: number, x: number, y: number): void {
    if (this.cursor) return;
    this.reading = this.panes[index]?.readingAt([x, y]) ?? null;
    this.changed();
  }

  pointerOverPlane(axis: Axis, x: number, y: number): void {
    this.reading = this.planes.readingAt(axis, [x, y]);
    this.changed();
  }

  pointerOut(): void {
    if (this.cursor) return;
    this.reading = null;
    this.changed();
  }

  /** Lets the canvases follow an element of a viewport whose size changes. Returns how to stop. */
  watchSize(element: Element): () => void {
    const observer = new ResizeObserver(() => {
      if (this.resizing || this.ended) return;
      this.resizing = true;
      requestAnimationFrame(() => {
        this.resizing = false;
        if (this.ended) return;
        const fitted = this.planes.on ? [] : this.visible.filter((p) => p.fitted);
        this.engine.resize(true, true);
        for (const pane of fitted) pane.fit();
        this.changed();
      });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }
}
