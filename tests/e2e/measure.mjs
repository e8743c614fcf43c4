// SPDX-License-Identifier: Apache-2.0
// Measurements against the geometry and the pixels of the known file, by mouse and by keyboard.
import { numbers, pixelsOf } from './lib/dicom.mjs';
import { near, ok, skip, test, until } from './lib/check.mjs';
import { samples } from './lib/samples.mjs';

const HEAD = 'ct/philips-skull-phantom-study/S21570/S2010';
const SPACING = 0x00280030;

async function clear(app) {
  const { page } = app;
  for (let n = await page.locator('.panel li').count(); n > 0; n -= 1) {
    await page.locator('.panel li [aria-label^="Delete"]').first().click();
    await until(async () => (await page.locator('.panel li').count()) === n - 1, 'one measurement fewer');
  }
}

async function open(app) {
  const files = samples(HEAD);
  const number = (f) => Number((f.elements.get(0x00200013) ?? Buffer.alloc(0)).toString().replace(/\0/g, ''));
  files.sort((a, b) => number(a) - number(b));
  await app.study(files[0].study);
  await app.read(files[0].study, files[0].series);
  await app.press('Home');
  await app.atIndex(0);
  if (!(await app.isPressed('measure.panel'))) await app.press('u');
  await app.page.locator('.panel').waitFor();
  await app.rested();
  await clear(app);
  return files[0];
}

/** The numbers in the text of the last measurement. */
async function last(app, label) {
  const row = app.page.locator('.panel li', { hasText: label }).last();
  await row.waitFor();
  await until(async () => (await row.locator('.go').innerText()).split('\n').length > 2, 'a value');
  const lines = (await row.locator('.go').innerText()).replaceAll('\u2212', '-').split('\n');
  const value = (pattern) => Number(new RegExp(pattern).exec(lines.join('\n'))?.[1]);
  return { lines, value };
}

export async function measure(app) {
  const { page } = app;

  await test('measure: a length is that of the geometry', async () => {
    const file = await open(app);
    const [rowSpacing] = numbers(file, SPACING);
    const a = await app.reading(300, 200);
    const b = await app.reading(300, 480);
    await app.press('l');
    await app.drag([300, 200], [300, 480]);
    const m = await last(app, 'Length');
    const expected = (b.row - a.row) * rowSpacing;
    near(m.value('([\\d.]+) mm'), expected, 1.5 * rowSpacing, 'length in mm');
    return `${m.lines.slice(1).join(', ')}; the file says ${expected.toFixed(1)}`;
  });

  await test('measure: an angle', async () => {
    await open(app);
    await app.press('a');
    const box = await app.viewport().boundingBox();
    await page.mouse.move(box.x + 300, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + 300, box.y + 400, { steps: 5 });
    await page.mouse.up();
    await page.mouse.move(box.x + 500, box.y + 400, { steps: 5 });
    await page.mouse.down();
    await page.mouse.up();
    const m = await last(app, 'Angle');
    near(m.value('([\\d.]+)°'), 90, 1, 'the angle');
  });

  await test('measure: statistics of a rectangle are those of the pixels', async () => {
    const file = await open(app);
    const pixels = pixelsOf(file);
    const a = await app.reading(420, 250);
    const b = await app.reading(520, 330);
    await app.press('t');
    await app.drag([420, 250], [520, 330]);
    const m = await last(app, 'Rectangle');
    let [sum, n, min, max] = [0, 0, Infinity, -Infinity];
    for (let y = a.row; y <= b.row; y += 1) {
      for (let x = a.column; x <= b.column; x += 1) {
        const v = pixels.at(x, y);
        sum += v;
        n += 1;
        min = Math.min(min, v);
        max = Math.max(max, v);
      }
    }
    const mean = sum / n;
    const slack = Math.max(8, (max - min) * 0.05);
    near(m.value('mean (-?[\\d.]+)'), mean, slack, 'mean');
    const [rowSpacing, columnSpacing] = numbers(file, SPACING);
    const area = (b.row - a.row) * rowSpacing * (b.column - a.column) * columnSpacing;
    near(m.value('area ([\\d.]+)'), area, area * 0.06, 'area in mm²');
    return m.lines.slice(1).join(', ');
  });

  await test('measure: an ellipse and the value of a pixel', async () => {
    const file = await open(app);
    await app.press('e');
    await app.drag([430, 260], [520, 340]);
    const ellipse = await last(app, 'Ellipse');
    ok(Number.isFinite(ellipse.value('mean (-?[\\d.]+)')), `ellipse: ${ellipse.lines.join(', ')}`);
    const at = await app.reading(600, 300);
    await app.press('b');
    const box = await app.viewport().boundingBox();
    await page.mouse.click(box.x + 600, box.y + 300);
    const probe = await last(app, 'Value');
    near(probe.value('(-?[\\d.]+)'), pixelsOf(file).at(at.column, at.row), 0.5, 'the value of the pixel');
  });

  await test('measure: deleted, and brought back', async () => {
    await open(app);
    await app.press('l');
    await app.drag([300, 200], [400, 300]);
    await last(app, 'Length');
    await app.viewport().focus();
    await app.press('Delete');
    await until(async () => (await page.locator('.panel li').count()) === 0, 'deleted');
    await app.press('Control+z');
    await until(async () => (await page.locator('.panel li').count()) === 1, 'back');
    await clear(app);
    await app.press('w');
  });

  await test('measure: a length with the keyboard alone', async () => {
    const file = await open(app);
    const [, columnSpacing] = numbers(file, SPACING);
    await app.viewport().focus();
    await app.press('l', 'k');
    await page.locator('.cursor').waitFor({ state: 'attached' });
    await page.waitForTimeout(400);
    const from = Number(/at (\d+),/.exec(await app.status())?.[1]);
    await app.press('Enter');
    for (let i = 0; i < 20; i += 1) await app.press('ArrowRight');
    await until(async () => Number(/at (\d+),/.exec(await app.status())?.[1]) > from + 20, 'the cursor moved');
    await page.waitForTimeout(400);
    const to = Number(/at (\d+),/.exec(await app.status())?.[1]);
    await app.press('Enter');
    const m = await last(app, 'Length');
    near(m.value('([\\d.]+) mm'), (to - from) * columnSpacing, 1.5 * columnSpacing, 'length in mm');
    await app.press('Escape');
    await page.locator('.cursor').waitFor({ state: 'detached' });
    await clear(app);
    await app.press('w', 'u');
  });

  await test('measure: without the known file, a measurement is made at all', async () => {
    const { study, series } = await app.stack('CT').catch(() => app.stack('MR')).catch(() => skip('no stack'));
    await app.read(study.study_uid, series.series_uid);
    if (!(await app.isPressed('measure.panel'))) await app.press('u');
    await app.press('l');
    await app.drag([300, 200], [400, 300]);
    const m = await last(app, 'Length');
    ok(m.value('([\\d.]+) mm') > 0, m.lines.join(', '));
    await clear(app);
    await app.press('w', 'u');
  });
}
