// SPDX-License-Identifier: Apache-2.0
// Cornerstone3D made ready once: memory, decoding worker, our loader and metadata, the tools and their two groups.
import {
  cache,
  Enums as CoreEnums,
  init as initCore,
  RenderingEngine,
} from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import {
  addTool,
  AngleTool,
  annotation,
  CrosshairsTool,
  EllipticalROITool,
  Enums as ToolEnums,
  init as initTools,
  LengthTool,
  PanTool,
  ProbeTool,
  RectangleROITool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';
import * as loader from './loader';
import * as metadata from './metadata';

export type ToolName =
  | 'window'
  | 'scroll'
  | 'zoom'
  | 'pan'
  | 'crosshairs'
  | 'length'
  | 'angle'
  | 'ellipse'
  | 'rectangle'
  | 'probe';

/** `scroll` is the reader's own (it knows of links and failing images); the rest are the library's. */
export const TOOL_CLASS: Record<Exclude<ToolName, 'scroll'>, string> = {
  window: WindowLevelTool.toolName,
  zoom: ZoomTool.toolName,
  pan: PanTool.toolName,
  crosshairs: CrosshairsTool.toolName,
  length: LengthTool.toolName,
  angle: AngleTool.toolName,
  ellipse: EllipticalROITool.toolName,
  rectangle: RectangleROITool.toolName,
  probe: ProbeTool.toolName,
};

export const MEASURING: ToolName[] = ['length', 'angle', 'ellipse', 'rectangle', 'probe'];
const CACHE_BYTES = 2 * 2 ** 30;
const ENGINE = 'maclab';
const ACCENT = '#ffd24d';
const SELECTED = '#7fd4ff';

let engine: RenderingEngine | null = null;
let ready: Promise<RenderingEngine> | null = null;

function drawThinAndLegible(): void {
  const style = annotation.config.style.getDefaultToolStyles() as { global?: object };
  annotation.config.style.setDefaultToolStyles({
    ...style,
    global: {
      ...style.global,
      color: ACCENT,
      colorHighlighted: SELECTED,
      colorSelected: SELECTED,
      lineWidth: '1.5',
      textBoxFontFamily: 'system-ui, sans-serif',
      textBoxFontSize: '13px',
      textBoxColor: ACCENT,
      textBoxColorHighlighted: SELECTED,
      textBoxColorSelected: SELECTED,
      textBoxShadow: true,
    },
  } as never);
}

async function prepare(): Promise<RenderingEngine> {
  initCore({
    rendering: { webGlContextCount: 1, strictZSpacingForVolumeViewport: true },
  } as never);
  initLoader({ maxWebWorkers: Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1)) });
  initTools();
  metadata.install();
  loader.install();
  cache.setMaxCacheSize(CACHE_BYTES);
  for (const tool of [
    WindowLevelTool,
    ZoomTool,
    PanTool,
    CrosshairsTool,
    LengthTool,
    AngleTool,
    EllipticalROITool,
    RectangleROITool,
    ProbeTool,
  ]) {
    addTool(tool);
  }
  drawThinAndLegible();
  engine = new RenderingEngine(ENGINE);
  return engine;
}

/** The rendering engine, made on first use. */
export function start(): Promise<RenderingEngine> {
  ready ??= prepare();
  return ready;
}

export const engineId = ENGINE;

const AXIS_COLOUR: Record<string, string> = { axial: '#ff8f73', coronal: '#7fd4ff', sagittal: '#a5e075' };

type Group = NonNullable<ReturnType<typeof ToolGroupManager.createToolGroup>>;

/** Makes (anew) the tool group of stacks or of reformatted planes. */
export function makeToolGroup(id: string, planes: boolean): Group {
  if (ToolGroupManager.getToolGroup(id)) ToolGroupManager.destroyToolGroup(id);
  const group = ToolGroupManager.createToolGroup(id) as Group;
  for (const name of [
    WindowLevelTool.toolName,
    ZoomTool.toolName,
    PanTool.toolName,
    LengthTool.toolName,
    AngleTool.toolName,
    EllipticalROITool.toolName,
    RectangleROITool.toolName,
    ProbeTool.toolName,
  ]) {
    group.addTool(name);
  }
  if (planes) {
    group.addTool(CrosshairsTool.toolName, {
      getReferenceLineColor: (viewportId: string) => AXIS_COLOUR[viewportId.replace('mpr-', '')] ?? ACCENT,
      getReferenceLineControllable: () => true,
      getReferenceLineDraggableRotatable: () => true,
      getReferenceLineSlabThicknessControlsOn: () => false,
    });
  }
  return group;
}

const { MouseBindings } = ToolEnums;

/** Gives the primary button to one tool; the right button zooms and the middle one pans, always. */
export function setPrimary(group: Group, tool: ToolName, planes: boolean): void {
  for (const [name, className] of Object.entries(TOOL_CLASS)) {
    // Crosshairs want their three viewports; before those are there it is left alone.
    if (name === 'crosshairs' && (!planes || group.getViewportIds().length < 3)) continue;
    if (name === tool) continue;
    if (name === 'zoom' || name === 'pan') continue;
    if (MEASURING.includes(name as ToolName) || name === 'crosshairs') group.setToolPassive(className, { removeAllBindings: true });
    else group.setToolDisabled(className);
  }
  const primary = { mouseButton: MouseBindings.Primary };
  group.setToolPassive(TOOL_CLASS.zoom, { removeAllBindings: true });
  group.setToolPassive(TOOL_CLASS.pan, { removeAllBindings: true });
  const zoom = [{ mouseButton: MouseBindings.Secondary }];
  const pan = [{ mouseButton: MouseBindings.Auxiliary }];
  group.setToolActive(TOOL_CLASS.zoom, { bindings: tool === 'zoom' ? [...zoom, primary] : zoom });
  group.setToolActive(TOOL_CLASS.pan, { bindings: tool === 'pan' ? [...pan, primary] : pan });
  if (tool === 'zoom' || tool === 'pan' || tool === 'scroll') return;
  if (tool === 'crosshairs' && !planes) return;
  group.setToolActive(TOOL_CLASS[tool], { bindings: [primary] });
}

export type { Group };
export const ViewportType = CoreEnums.ViewportType;
export const OrientationAxis = CoreEnums.OrientationAxis;
