// SPDX-License-Identifier: Apache-2.0
// The reader's rows of the command registry.
import type { Command } from '../../lib/commands.svelte';
import type { ToolName } from '../../reader/cornerstone';
import { LAYOUTS, type Reader } from '../../reader/reader';

/** What the page itself can do, beside the reader. */
export interface Page {
  /** The reader, read in a way that follows its changes; null until it is there. */
  reader: () => Reader | null;
  clean: () => boolean;
  setClean: (on: boolean) => void;
  overlays: () => boolean;
  setOverlays: (on: boolean) => void;
  panel: () => boolean;
  setPanel: (on: boolean) => void;
  leave: () => void;
  study: (step: number) => void;
  focusStrip: () => void;
  focusViewport: () => void;
  /** The series whose thumbnail has the focus, if one has. */
  focusedSeries: () => string | null;
}

const TOOLS: { tool: ToolName; label: string; key: string; planesOnly?: boolean }[] = [
  { tool: 'window', label: 'Window: drag for width and level', key: 'W' },
  { tool: 'scroll', label: 'Scroll: drag through the images', key: 'S' },
  { tool: 'zoom', label: 'Zoom: drag', key: 'Z' },
  { tool: 'pan', label: 'Pan: drag', key: 'P' },
  { tool: 'crosshairs', label: 'Crosshairs', key: 'X', planesOnly: true },
  { tool: 'length', label: 'Measure a length', key: 'L' },
  { tool: 'angle', label: 'Measure an angle', key: 'A' },
  { tool: 'ellipse', label: 'Ellipse with statistics', key: 'E' },
  { tool: 'rectangle', label: 'Rectangle with statistics', key: 'T' },
  { tool: 'probe', label: 'Value of a pixel', key: 'B' },
];

const PRESETS = [
  { id: 'brain', label: 'Brain', key: '1' },
  { id: 'subdural', label: 'Subdural', key: '2' },
  { id: 'stroke', label: 'Stroke', key: '3' },
  { id: 'bone', label: 'Bone', key: '4' },
  { id: 'lung', label: 'Lung', key: '5' },
  { id: 'mediastinum', label: 'Mediastinum', key: '6' },
  { id: 'abdomen', label: 'Abdomen', key: '7' },
  { id: 'liver', label: 'Liver', key: '8' },
  { id: 'angio', label: 'Angiography', key: '9' },
  { id: 'spine', label: 'Spine, soft tissue', key: '' },
  { id: 'file0', label: 'From the file', key: 'Shift+W' },
  { id: 'auto', label: 'Auto', key: 'Shift+A' },
  { id: 'full', label: 'Full range', key: 'Shift+F' },
];

const CURSOR_STEP = 4;
const CURSOR_LEAP = 24;
const PAN_STEP = 40;
const PAGE_STEP = 10;
const LAYOUT_KEYS: Record<string, string> = { '1x1': 'Q', '1x2': 'D', '2x1': 'Shift+D', '2x2': 'Shift+Q' };

export function readerCommands(page: Page): Command[] {
  const r = () => page.reader();
  const there = () => r() !== null;
  const withReader = (run: (reader: Reader) => void) => () => {
    const reader = r();
    if (reader) run(reader);
  };
  const cursor = () => Boolean(r()?.cursor);
  const noCursor = () => there() && !cursor();
  const image = () => Boolean(r()?.pane.showing || r()?.planes.on);
  const stacks = () => there() && !r()?.planes.on;
  const stackImage = () => Boolean(stacks() && r()?.pane.showing);

  const tools = TOOLS.map(
    (t): Command => ({
      id: `tool.${t.tool}`,
      label: t.label,
      group: 'Tools',
      key: t.key,
      when: () => there() && (!t.planesOnly || Boolean(r()?.planes.on)),
      on: () => r()?.tool === t.tool,
      run: withReader((reader) => reader.setTool(t.tool)),
    }),
  );

  // A preset has its key whatever the file proposes: fingers learn that 4 is bone.
  const presets = PRESETS.map(
    (p): Command => ({
      id: `window.${p.id}`,
      label: `Window: ${p.label}`,
      group: 'Window',
      key: p.key,
      when: () => image() && Boolean(r()?.presets.some((x) => x.id === p.id)),
      on: () => r()?.presetId === p.id,
      run: withReader((reader) => {
        const preset = reader.presets.find((x) => x.id === p.id);
        if (preset) reader.applyPreset(preset);
      }),
    }),
  );

  const nudge = (id: string, label: string, key: string, w: number, c: number): Command => ({
    id,
    label,
    group: 'Window',
    key,
    when: image,
    run: withReader((reader) => reader.nudgeWindow(w, c)),
  });

  const layouts = LAYOUTS.map(
    (l): Command => ({
      id: `layout.${l.id}`,
      label: `Layout: ${l.label.toLowerCase()}`,
      group: 'Layout',
      key: LAYOUT_KEYS[l.id] ?? '',
      when: there,
      on: () => r()?.layout === l.id && !r()?.planes.on,
      run: withReader((reader) => reader.setLayout(l.id)),
    }),
  );

  const toViewport = [1, 2, 3, 4].map(
    (n): Command => ({
      id: `series.toViewport${n}`,
      label: `Show the focused series in viewport ${n}`,
      group: 'Series',
      key: `Alt+${n}`,
      when: () => stacks() && (r()?.visible.length ?? 0) >= n,
      run: withReader((reader) => {
        const uid = page.focusedSeries() ?? reader.pane.series?.uid;
        const series = reader.series.find((s) => s.uid === uid);
        if (series) void reader.showSeries(series, n - 1);
      }),
    }),
  );

  const scroll = (id: string, label: string, key: string, run: (reader: Reader) => void): Command => ({
    id,
    label,
    group: 'Images',
    key,
    when: noCursor,
    run: withReader(run),
  });

  const pan = (id: string, label: string, key: string, x: number, y: number): Command => ({
    id,
    label,
    group: 'View',
    key,
    when: image,
    run: withReader((reader) => reader.panBy(x * PAN_STEP, y * PAN_STEP)),
  });

  const cursorMoves = (
    [
      ['up', '↑', 0, -1],
      ['down', '↓', 0, 1],
      ['left', '←', -1, 0],
      ['right', '→', 1, 0],
    ] as const
  ).flatMap(([name, , x, y]): Command[] => {
    const arrow = `Arrow${name[0]?.toUpperCase()}${name.slice(1)}`;
    return [
      {
        id: `cursor.${name}`,
        label: `Cursor ${name}`,
        group: 'Keyboard cursor',
        key: arrow,
        when: cursor,
        run: withReader((reader) => reader.moveCursor(x * CURSOR_STEP, y * CURSOR_STEP)),
      },
      {
        id: `cursor.${name}Fine`,
        label: `Cursor ${name} by one`,
        group: 'Keyboard cursor',
        key: `Alt+${arrow}`,
        when: cursor,
        run: withReader((reader) => reader.moveCursor(x, y)),
      },
      {
        id: `cursor.${name}Far`,
        label: `Cursor ${name}, far`,
        group: 'Keyboard cursor',
        key: `Alt+Shift+${arrow}`,
        when: cursor,
        run: withReader((reader) => reader.moveCursor(x * CURSOR_LEAP, y * CURSOR_LEAP)),
      },
    ];
  });

  const back = () => {
    const reader = r();
    if (reader?.cursor) return reader.toggleCursor();
    if (page.clean()) return page.setClean(false);
    if (reader && reader.planes.state.name !== 'off') return void reader.togglePlanes();
    return page.leave();
  };

  return [
    scroll('image.next', 'Next image', 'ArrowDown', (x) => x.scroll(1)),
    scroll('image.previous', 'Previous image', 'ArrowUp', (x) => x.scroll(-1)),
    scroll('image.pageDown', 'Ten images on', 'PageDown', (x) => x.scroll(PAGE_STEP)),
    scroll('image.pageUp', 'Ten images back', 'PageUp', (x) => x.scroll(-PAGE_STEP)),
    scroll('image.first', 'First image', 'Home', (x) => x.scrollToEnd(false)),
    scroll('image.last', 'Last image', 'End', (x) => x.scrollToEnd(true)),
    {
      id: 'image.link',
      label: 'Link scrolling of the viewports',
      group: 'Images',
      key: 'G',
      when: () => stacks() && (r()?.visible.length ?? 0) > 1,
      on: () => Boolean(r()?.linked),
      run: withReader((reader) => reader.setLinked(!reader.linked)),
    },
    {
      id: 'cine.toggle',
      label: 'Play as cine',
      group: 'Images',
      key: 'Space',
      when: () => Boolean(r()?.canCine),
      on: () => Boolean(r()?.cine.playing),
      run: withReader((reader) => reader.toggleCine()),
    },
    { id: 'cine.slower', label: 'Cine slower', group: 'Images', key: '[', when: () => Boolean(r()?.canCine), run: withReader((x) => x.setFps(x.cine.fps - 1)) },
    { id: 'cine.faster', label: 'Cine faster', group: 'Images', key: ']', when: () => Boolean(r()?.canCine), run: withReader((x) => x.setFps(x.cine.fps + 1)) },
    ...tools,
    { id: 'cursor.toggle', label: 'Measure with the keyboard: cursor', group: 'Keyboard cursor', key: 'K', when: stackImage, on: cursor, run: withReader((x) => { page.focusViewport(); x.toggleCursor(); }) },
    { id: 'cursor.point', label: 'Set a point', group: 'Keyboard cursor', key: 'Enter', when: cursor, run: withReader((x) => x.placePoint()) },
    { id: 'measure.delete', label: 'Delete the measurement', group: 'Measurements', key: 'Delete', also: ['Backspace'], when: () => Boolean(r()?.measurements.length), run: withReader((x) => x.removeMeasurement()) },
    { id: 'measure.undo', label: 'Bring the deleted measurement back', group: 'Measurements', key: 'Ctrl+Z', when: () => Boolean(r()?.canUndo), run: withReader((x) => x.undo()) },
    { id: 'measure.panel', label: 'List of measurements', group: 'Measurements', key: 'U', when: there, on: page.panel, run: () => page.setPanel(!page.panel()) },
    ...presets,
    nudge('window.wider', 'Wider window', 'Shift+ArrowRight', 1, 0),
    nudge('window.narrower', 'Narrower window', 'Shift+ArrowLeft', -1, 0),
    nudge('window.brighter', 'Brighter (lower level)', 'Shift+ArrowUp', 0, -1),
    nudge('window.darker', 'Darker (higher level)', 'Shift+ArrowDown', 0, 1),
    { id: 'view.invert', label: 'Invert', group: 'View', key: 'I', when: image, run: withReader((x) => x.invert()) },
    { id: 'view.rotate', label: 'Rotate right', group: 'View', key: 'R', when: stackImage, run: withReader((x) => x.pane.rotate(90)) },
    { id: 'view.rotateLeft', label: 'Rotate left', group: 'View', key: 'Shift+R', when: stackImage, run: withReader((x) => x.pane.rotate(-90)) },
    { id: 'view.flipHorizontal', label: 'Flip left and right', group: 'View', key: 'H', when: stackImage, run: withReader((x) => x.pane.flip(true)) },
    { id: 'view.flipVertical', label: 'Flip top and bottom', group: 'View', key: 'V', when: stackImage, run: withReader((x) => x.pane.flip(false)) },
    { id: 'view.zoomIn', label: 'Zoom in', group: 'View', key: '+', also: ['='], when: image, run: withReader((x) => x.zoomBy(1.2)) },
    { id: 'view.zoomOut', label: 'Zoom out', group: 'View', key: '-', when: image, run: withReader((x) => x.zoomBy(1 / 1.2)) },
    { id: 'view.actual', label: 'Actual pixels', group: 'View', key: 'Shift+Z', when: stackImage, run: withReader((x) => x.pane.actualPixels()) },
    pan('view.panLeft', 'Move the image left', 'Ctrl+ArrowLeft', -1, 0),
    pan('view.panRight', 'Move the image right', 'Ctrl+ArrowRight', 1, 0),
    pan('view.panUp', 'Move the image up', 'Ctrl+ArrowUp', 0, -1),
    pan('view.panDown', 'Move the image down', 'Ctrl+ArrowDown', 0, 1),
    { id: 'view.reset', label: 'Reset the view', group: 'View', key: '0', when: image, run: withReader((x) => x.reset()) },
    { id: 'view.overlays', label: 'Text over the images', group: 'View', key: 'O', when: there, on: page.overlays, run: () => page.setOverlays(!page.overlays()) },
    { id: 'view.graphics', label: 'Graphics of the images (overlay planes)', group: 'View', key: 'Shift+O', when: stacks, on: () => Boolean(r()?.graphics), run: withReader((x) => x.setGraphics(!x.graphics)) },
    { id: 'view.clean', label: 'Only images', group: 'View', key: 'F', when: there, on: page.clean, run: () => page.setClean(!page.clean()) },
    ...layouts,
    {
      id: 'layout.planes',
      label: 'MPR: three planes',
      group: 'Layout',
      key: 'M',
      when: () => Boolean(r()?.pane.count || (r() && r()?.planes.state.name !== 'off')),
      on: () => Boolean(r()?.planes.on),
      run: withReader((reader) => void reader.togglePlanes()),
    },
    { id: 'layout.next', label: 'Next viewport', group: 'Layout', key: '.', when: there, run: withReader((x) => (x.planes.on ? x.nextPlane(1) : x.nextPane(1))) },
    { id: 'layout.previous', label: 'Previous viewport', group: 'Layout', key: ',', when: there, run: withReader((x) => (x.planes.on ? x.nextPlane(-1) : x.nextPane(-1))) },
    { id: 'series.next', label: 'Next series', group: 'Series', key: 'ArrowRight', when: () => noCursor() && stacks(), run: withReader((x) => x.stepSeries(1)) },
    { id: 'series.previous', label: 'Previous series', group: 'Series', key: 'ArrowLeft', when: () => noCursor() && stacks(), run: withReader((x) => x.stepSeries(-1)) },
    ...toViewport,
    { id: 'series.focus', label: 'Go to the list of series', group: 'Series', key: 'J', when: there, run: page.focusStrip },
    ...cursorMoves,
    { id: 'study.next', label: 'Next study of the list', group: 'Study', key: 'N', run: () => page.study(1) },
    { id: 'study.previous', label: 'Previous study of the list', group: 'Study', key: 'Shift+N', run: () => page.study(-1) },
    { id: 'study.leave', label: 'Back', group: 'Study', key: 'Escape', run: back },
    { id: 'study.catalogue', label: 'Back to the catalogue', group: 'Study', key: 'C', run: page.leave },
  ];
}
