// SPDX-License-Identifier: Apache-2.0
// One viewport with a stack of images in it: a plain object outside the user interface framework.
// The interface gives it an element and reads its `view`; it never touches the interface.
import { Enums, utilities, type RenderingEngine, type Types } from '@cornerstonejs/core';
import { Enums as ToolEnums } from '@cornerstonejs/tools';
import { engineId, ViewportType, type Group } from './cornerstone';
import { cross, dot, readLut, type Frame, type Vec3 } from './frame';
import { directionLetters } from './geometry';
import * as graphics from './graphics';
import { autoRange, presetsFor, type Preset } from './presets';
import type { SeriesModel } from './series';

export interface PaneHost {
  engine: RenderingEngine;
  group: () => Group;
  changed: () => void;
  /** Whether overlay planes are drawn. */
  graphics: () => boolean;
}

export interface Edges {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

export interface Reading {
  text: string;
  column: number;
  row: number;
}

const { Events } = Enums;
const WATCHED = [
  Events.CAMERA_MODIFIED,
  Events.VOI_MODIFIED,
  Events.STACK_NEW_IMAGE,
  Events.IMAGE_RENDERED,
  // A measurement has its numbers only once it has been drawn.
  ToolEnums.Events.ANNOTATION_RENDERED,
];
const OPPOSITE: Record<string, string> = { A: 'P', P: 'A', L: 'R', R: 'L', H: 'F', F: 'H' };

export const opposite = (letters: string) => [...letters].map((c) => OPPOSITE[c] ?? c).join('');

export class StackPane {
  element: HTMLDivElement | null = null;
  series: SeriesModel | null = null;
  index = 0;
  /** Why the wanted image is not on the screen; null when it is, or is still coming. */
  message: string | null = null;
  waiting = false;
  /** Chosen by the reader; null while the file (or the pixels) decide. */
  window: { width: number; center: number } | null = null;
  presetId: string | null = null;
  /** The canvas over the image that overlay planes are drawn on. */
  layer: HTMLCanvasElement | null = null;
  /** Pixels of overlay planes on the screen. */
  marks = 0;
  private picture: graphics.Picture | null = null;
  private pictured: string | null = null;
  /** Counts what was drawn; tests wait on it. */
  drawn = 0;
  private stacked: SeriesModel | null = null;
  private presentation: Types.ViewPresentation | null = null;
  private inverted = false;
  /** The range that this pane set last: another one on the screen came from a drag. */
  private applied: Range | null = null;
  /** The series whose first window was computed from its pixels, because its file proposes none. */
  private computedFor: SeriesModel | null = null;

  constructor(
    readonly id: string,
    private readonly host: PaneHost,
  ) {}

  get viewport(): Types.IStackViewport | null {
    if (!this.element) return null;
    return (this.host.engine.getViewport(this.id) as Types.IStackViewport | undefined) ?? null;
  }

  get frame(): Frame | null {
    return this.series?.frames[this.index] ?? null;
  }

  get count(): number {
    return this.series?.videos.length || (this.series?.frames.length ?? 0);
  }

  /** The stream to be played instead of a stack; null for images. */
  get video(): string | null {
    return this.series?.videos[this.index] ?? null;
  }

  get showing(): boolean {
    return this.stacked !== null && this.stacked === this.series && this.message === null;
  }

  attach(element: HTMLDivElement): void {
    this.element = element;
    this.computedFor = null;
    this.host.engine.enableElement({
      viewportId: this.id,
      type: ViewportType.STACK,
      element,
      defaultOptions: { background: [0, 0, 0] },
    });
    this.host.group().addViewport(this.id, engineId);
    for (const name of WATCHED) element.addEventListener(name, this.onEvent);
    if (this.series) void this.display();
  }

  detach(): void {
    if (!this.element) return;
    if (this.stacked) this.presentation = this.viewport?.getViewPresentation() ?? null;
    for (const name of WATCHED) this.element.removeEventListener(name, this.onEvent);
    this.host.group().removeViewports(engineId, this.id);
    this.host.engine.disableElement(this.id);
    this.element = null;
    this.stacked = null;
  }

  private readonly onEvent = (event: Event) => {
    if (event.type === Events.IMAGE_RENDERED) {
      this.drawn += 1;
      this.drawGraphics();
    }
    this.host.changed();
  };

  /** Overlay planes over the image that is on the screen; made when an image comes, laid anew when it moves. */
  drawGraphics(): void {
    const frame = this.frame;
    if (!this.layer) return;
    const wanted = this.host.graphics() && this.showing && frame && frame.overlays.length > 0 ? frame.imageId : null;
    if (wanted !== this.pictured) {
      this.pictured = wanted;
      this.picture = null;
      if (wanted && frame) {
        void graphics.pictureOf({ ...frame, planes: frame.overlays }).then((picture) => {
          if (this.pictured !== wanted) return;
          this.picture = picture;
          this.layGraphics();
          this.host.changed();
        });
      }
    }
    this.layGraphics();
  }

  private layGraphics(): void {
    if (!this.layer) return;
    const corners = this.picture ? this.corners(this.picture.canvas.width, this.picture.canvas.height) : null;
    graphics.draw(this.layer, this.picture, corners);
    this.marks = corners ? (this.picture?.count ?? 0) : 0;
  }

  /** Where the corners of the image lie on the canvas: half a pixel outside of the centres of its corner pixels. */
  private corners(columns: number, rows: number): [graphics.Point, graphics.Point, graphics.Point] | null {
    const viewport = this.viewport;
    const data = viewport?.getImageData()?.imageData;
    if (!viewport || !data) return null;
    const place = (i: number, j: number): graphics.Point => {
      const world = utilities.transformIndexToWorld(data as never, [i - 0.5, j - 0.5, 0]);
      const [x, y] = viewport.worldToCanvas(world as Types.Point3);
      return [x, y];
    };
    return [place(0, 0), place(columns, 0), place(0, rows)];
  }

  /** Puts a series into the viewport, at `index` or in the middle of a volume, the start of anything else. */
  async show(series: SeriesModel, index = 0): Promise<void> {
    this.series = series;
    this.index = index;
    this.message = null;
    this.window = null;
    this.presetId = null;
    this.presentation = null;
    this.inverted = false;
    this.computedFor = null;
    this.waiting = true;
    this.host.changed();
    await series.open();
    if (this.series !== series) return;
    this.index = Math.min(Math.max(0, index), Math.max(0, this.count - 1));
    await this.display();
  }

  clear(): void {
    this.series = null;
    this.message = null;
    this.stacked = null;
    this.host.changed();
  }

  /** Moves to an image; the last wish wins, however the images arrive. */
  async goTo(index: number): Promise<void> {
    if (!this.series || this.count === 0) return;
    const wanted = Math.min(this.count - 1, Math.max(0, index));
    if (wanted === this.index && this.showing && !this.waiting) return;
    this.index = wanted;
    await this.display();
  }

  private async display(): Promise<void> {
    const { series, index } = this;
    if (!series || !this.element) return;
    if (series.problem) return this.refuse(series.problem);
    if (this.video) return this.play();
    if (series.frames.length === 0) return;
    this.waiting = !series.loaded.has(index);
    this.host.changed();
    try {
      await series.image(index);
    } catch {
      if (this.series === series && this.index === index) this.refuse(series.failed.get(index) ?? 'The image could not be read');
      return;
    }
    if (this.series !== series || this.index !== index || !this.viewport) return;
    await this.draw(series, index);
  }

  private play(): void {
    this.message = null;
    this.waiting = false;
    this.stacked = null;
    this.host.changed();
  }

  /** The browser could not play the stream. */
  videoFailed(): void {
    this.refuse('This browser has no decoder for the video. The instance is whole and can be fetched as it is stored.');
  }

  private refuse(message: string): void {
    this.message = message;
    this.waiting = false;
    this.host.changed();
  }

  private async draw(series: SeriesModel, index: number): Promise<void> {
    const viewport = this.viewport as Types.IStackViewport;
    const fresh = this.stacked !== series;
    this.stacked = series;
    if (fresh) {
      await viewport.setStack(series.frames.map((f) => f.imageId), index);
      await this.dress(viewport);
    } else {
      await viewport.setImageIdIndex(index);
      if (this.series === series && this.index === index) await this.dressWindow(series.frames[index] as Frame);
    }
    if (this.series !== series || this.index !== index) return;
    this.message = null;
    this.waiting = false;
    viewport.render();
    this.host.changed();
  }

  /** What a new stack looks like at first: the reader's own window if there is one, else the file's, else the pixels'. */
  private async dress(viewport: Types.IStackViewport): Promise<void> {
    const frame = this.frame;
    if (!frame) return;
    viewport.resetCamera();
    if (this.presentation) viewport.setViewPresentation(this.presentation);
    if (this.inverted) viewport.setProperties({ invert: true });
    await this.dressWindow(frame);
  }

  /** The window of an image that has just come to the screen. A window chosen by the reader, or computed once, stays. */
  private async dressWindow(frame: Frame): Promise<void> {
    if (!isGrey(frame)) return;
    const first = frame.windows[0];
    if (this.window) this.applyWindow(this.window);
    else if (first) this.applyWindow(first);
    else if (this.computedFor !== this.series) {
      this.computedFor = this.series;
      if (!frame.voiLut || !(await this.applyLut(frame))) this.applyWindow(await this.typicalWindow());
    }
  }

  /** A VOI LUT (PS3.3 C.11.2.1.1) as a table of greys over the range that it maps. */
  private async applyLut(frame: Frame): Promise<boolean> {
    const lut = frame.voiLut ? await readLut(frame.voiLut) : null;
    const viewport = this.viewport;
    if (!lut || !viewport || lut.data.length < 2) return false;
    const top = Math.max(...lut.data) || 1;
    const points: number[] = [];
    const step = Math.max(1, Math.floor(lut.data.length / 1024));
    for (let i = 0; i < lut.data.length; i += step) {
      const grey = (lut.data[i] as number) / top;
      points.push(i / (lut.data.length - 1), grey, grey, grey);
    }
    const name = `voi-lut-${frame.sopInstance}`;
    utilities.colormap.registerColormap({ Name: name, ColorSpace: 'RGB', RGBPoints: points } as never);
    viewport.setProperties({ voiRange: { lower: lut.first, upper: lut.first + lut.data.length - 1 } });
    viewport.setProperties({ colormap: { name } });
    return true;
  }

  /** The window that the middle image proposes: the ends of a stack hold little of the body. */
  private async typicalWindow(): Promise<{ width: number; center: number }> {
    const { series } = this;
    const frame = series?.frames[series.frames.length >> 1];
    try {
      const image = await series?.image(series.frames.length >> 1);
      if (image && frame) return windowOf(autoRange(image.getPixelData() as ArrayLike<number>, frame.padding), frame);
    } catch {
      // The middle image cannot be read: the one on the screen has to do.
    }
    return this.computed('auto');
  }

  private computed(kind: 'auto' | 'full'): { width: number; center: number } {
    const image = this.viewport?.getCornerstoneImage();
    if (!image) return { width: 256, center: 128 };
    if (kind === 'full') {
      return windowOf({ lower: image.minPixelValue, upper: image.maxPixelValue }, this.frame);
    }
    return windowOf(autoRange(image.getPixelData() as ArrayLike<number>, this.frame?.padding ?? null), this.frame);
  }

  private applyWindow(w: { width: number; center: number }): void {
    const viewport = this.viewport;
    if (!viewport) return;
    this.applied = rangeOf(w, this.frame);
    viewport.setProperties({ voiRange: this.applied });
    viewport.render();
  }

  setWindow(w: { width: number; center: number }, presetId: string | null = null): void {
    this.window = { width: Math.max(isExact(this.frame) ? Number.EPSILON : 1, w.width), center: w.center };
    this.presetId = presetId;
    this.applyWindow(this.window);
    this.host.changed();
  }

  get presets(): Preset[] {
    return this.frame ? presetsFor(this.frame) : [];
  }

  applyPreset(preset: Preset): void {
    if (!this.viewport || !this.showing) return;
    if (preset.kind === 'file' && this.frame?.voiLut && !preset.window) {
      this.window = null;
      void this.applyLut(this.frame);
      this.presetId = preset.id;
      return;
    }
    const window = preset.window ?? this.computed(preset.kind === 'full' ? 'full' : 'auto');
    this.setWindow(window, preset.id);
  }

  /** The window that is on the screen, however it came there. */
  currentWindow(): { width: number; center: number } | null {
    const viewport = this.viewport;
    if (!viewport || !this.showing || !this.frame || !isGrey(this.frame)) return null;
    const range = viewport.getProperties().voiRange;
    return range ? windowOf(range, this.frame) : null;
  }

  /** Called after a drag with the window tool: if it changed the window, that is the reader's from then on. */
  adoptWindow(): void {
    const range = this.viewport?.getProperties().voiRange;
    if (!range || (range.lower === this.applied?.lower && range.upper === this.applied.upper)) return;
    this.window = this.currentWindow();
    this.presetId = null;
  }

  rotate(degrees: number): void {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return;
    const { rotation = 0 } = viewport.getViewPresentation();
    viewport.setViewPresentation({ rotation: (rotation + degrees + 360) % 360 });
    viewport.render();
    this.host.changed();
  }

  flip(horizontal: boolean): void {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return;
    const { flipHorizontal = false, flipVertical = false } = viewport.getCamera();
    viewport.setCamera(horizontal ? { flipHorizontal: !flipHorizontal } : { flipVertical: !flipVertical });
    viewport.render();
    this.host.changed();
  }

  invert(): void {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return;
    viewport.setProperties({ invert: !viewport.getProperties().invert });
    this.inverted = viewport.getProperties().invert ?? false;
    viewport.render();
    this.host.changed();
  }

  zoomBy(factor: number): void {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return;
    viewport.setZoom(Math.min(40, Math.max(0.1, viewport.getZoom() * factor)));
    viewport.render();
    this.host.changed();
  }

  /** One pixel of the image on one pixel of the screen. */
  actualPixels(): void {
    const scale = this.mmPerCanvasPixel();
    const image = this.viewport?.getCornerstoneImage();
    if (!scale || !image) return;
    const wanted = (image.columnPixelSpacing || 1) / window.devicePixelRatio;
    this.zoomBy(scale / wanted);
  }

  /** Whether the image lies as it first did: fitted, upright, not moved. Such an image is fitted anew when its viewport changes. */
  get fitted(): boolean {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return false;
    const { rotation = 0, flipHorizontal = false, flipVertical = false } = viewport.getViewPresentation();
    const [x, y] = viewport.getPan();
    return !rotation && !flipHorizontal && !flipVertical && Math.abs(viewport.getZoom() - 1) < 0.01 && Math.hypot(x, y) < 1;
  }

  fit(): void {
    this.viewport?.resetCamera();
    this.viewport?.render();
  }

  panBy(dx: number, dy: number): void {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return;
    const [x, y] = viewport.getPan();
    viewport.setPan([x + dx, y + dy]);
    viewport.render();
    this.host.changed();
  }

  reset(): void {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return;
    viewport.setCamera({ flipHorizontal: false, flipVertical: false });
    viewport.resetCamera();
    viewport.setViewPresentation({ rotation: 0 });
    const image = viewport.getCornerstoneImage();
    // The library has no range of greys for an image of one value and fails over it.
    if (image && image.minPixelValue < image.maxPixelValue) viewport.resetProperties();
    else viewport.setProperties({ invert: this.frame?.photometric === 'MONOCHROME1' });
    this.window = null;
    this.presetId = null;
    this.inverted = false;
    this.computedFor = null;
    void this.dress(viewport).then(() => viewport.render());
    this.host.changed();
  }

  /** Directions across and up the screen, in the patient. */
  private screenAxes(): { right: Vec3; up: Vec3 } | null {
    const camera = this.viewport?.getCamera();
    if (!camera?.viewUp || !camera.viewPlaneNormal) return null;
    const up = camera.viewUp as Vec3;
    return { up, right: cross(up, camera.viewPlaneNormal as Vec3) };
  }

  /** Letters at the four edges: from the geometry, else from Patient Orientation, else none. */
  edges(): Edges | null {
    const frame = this.frame;
    const axes = this.showing ? this.screenAxes() : null;
    if (!frame || !axes) return null;
    const letters = (v: Vec3) => (frame.rowAxis ? directionLetters(v) : this.textFor(frame, v));
    const right = letters(axes.right);
    const top = letters(axes.up);
    if (!right && !top) return null;
    return { top, right, bottom: opposite(top), left: opposite(right) };
  }

  private textFor(frame: Frame, v: Vec3): string {
    if (!frame.orientationText) return '';
    const [row, column] = frame.orientationText;
    if (Math.abs(v[0]) > 0.7) return v[0] > 0 ? row : opposite(row);
    return v[1] > 0 ? column : opposite(column);
  }

  mmPerCanvasPixel(): number | null {
    const viewport = this.viewport;
    if (!viewport || !this.showing) return null;
    const a = viewport.canvasToWorld([0, 0]);
    const b = viewport.canvasToWorld([100, 0]);
    const d = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 100;
    return Number.isFinite(d) && d > 0 ? d : null;
  }

  /** The pixel under a point of the canvas and its value. */
  readingAt(canvas: [number, number]): Reading | null {
    const viewport = this.viewport;
    if (!viewport || !this.showing || !this.frame) return null;
    const image = viewport.getCornerstoneImage();
    const data = viewport.getImageData();
    if (!image || !data) return null;
    const world = viewport.canvasToWorld(canvas);
    const [i, j] = utilities.transformWorldToIndex(data.imageData as never, world as Types.Point3) as [number, number];
    if (i < 0 || j < 0 || i >= image.columns || j >= image.rows) return null;
    return { text: valueText(image, i, j, this.frame), column: i, row: j };
  }

  /** Distance of the image along its normal, for the status line; null without geometry. */
  sliceMm(): number | null {
    const f = this.frame;
    if (!f?.position || !f.rowAxis || !f.columnAxis) return null;
    return dot(cross(f.rowAxis, f.columnAxis), f.position);
  }
}

const isGrey = (frame: Frame) => frame.samplesPerPixel === 1 && frame.photometric !== 'PALETTE COLOR';

type Range = { lower: number; upper: number };

/** Where values come in fractions (PET, dose) a step of one has no meaning. */
const isExact = (frame: Frame | null) =>
  frame !== null && (frame.voiFunction === 'LINEAR_EXACT' || !Number.isInteger(frame.slope));

/** Window and range are one thing said twice (PS3.3 C.11.2.1.2 and C.11.2.1.3): the exact form differs by half a step. */
export function rangeOf(w: { width: number; center: number }, frame: Frame | null): Range {
  const { center } = w;
  if (isExact(frame)) return { lower: center - w.width / 2, upper: center + w.width / 2 };
  const width = Math.max(1, w.width);
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
}

export function windowOf(range: Range, frame: Frame | null): { width: number; center: number } {
  const width = range.upper - range.lower;
  const middle = (range.lower + range.upper) / 2;
  return isExact(frame) ? { width, center: middle } : { width: width + 1, center: middle + 0.5 };
}

export function unitOf(frame: Frame): string {
  if (frame.modality === 'CT' && frame.samplesPerPixel === 1) return 'HU';
  if (frame.modality === 'PT' && frame.units) return frame.units === 'BQML' ? 'Bq/ml' : frame.units;
  return '';
}

function valueText(image: Types.IImage, i: number, j: number, frame: Frame): string {
  const pixels = image.getPixelData() as ArrayLike<number>;
  const samples = Math.round(pixels.length / (image.rows * image.columns));
  const at = (j * image.columns + i) * samples;
  if (samples >= 3) return `RGB ${pixels[at]} ${pixels[at + 1]} ${pixels[at + 2]}`;
  const v = pixels[at] as number;
  const text = Number.isInteger(v) ? String(v) : v.toFixed(2);
  return `${text.replace('-', '\u2212')} ${unitOf(frame)}`.trim();
}
