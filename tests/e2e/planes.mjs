// SPDX-License-Identifier: Apache-2.0
// Three planes of a volume, and the words where there is none.
import { near, ok, skip, test, until } from './lib/check.mjs';
import { numbers, pixelsOf } from './lib/dicom.mjs';
import { sample, samples } from './lib/samples.mjs';

const AXES = ['axial', 'coronal', 'sagittal'];

async function openPlanes(app) {
  await app.press('m');
  for (const axis of AXES) await app.page.locator(`#plane-${axis}`).waitFor({ timeout: 60_000 });
  await until(async () => {
    const levels = [];
    for (const axis of AXES) levels.push((await app.canvas(`#plane-${axis}`)).levels);
    return levels.every((n) => n > 8);
  }, 'an image in each plane', 60_000);
}

const at = async (app, axis) => Number(await app.page.locator(`#plane-${axis}`).getAttribute('data-index'));

export async function planes(app) {
  const { page } = app;

  await test('planes: axial, coronal and sagittal of a volume', async () => {
    const { study, series } = await app.stack('CT', 20).catch(() => app.stack('MR', 20));
    await app.read(study.study_uid, series.series_uid);
    await openPlanes(app);
    for (const [axis, side] of [['axial', 'n'], ['coronal', 'n'], ['sagittal', 'w']]) {
      const letter = await page.locator(`#plane-${axis} .edge.${side}`).textContent();
      ok({ axial: 'A', coronal: 'H', sagittal: 'A' }[axis] === letter?.trim()[0], `${axis}: ${letter} at ${side}`);
    }
    ok(await app.isPressed('tool.crosshairs'), 'crosshairs are on');
    await page.locator('#plane-axial').focus();
    const before = await at(app, 'axial');
    await app.press('ArrowDown', 'ArrowDown');
    await until(async () => Math.abs((await at(app, 'axial')) - before) === 2, 'scrolls by keys');
    await app.press('.');
    await until(async () => (await page.locator('#plane-coronal').getAttribute('aria-current')) === 'true', 'the next plane by a key');
    await app.press('Escape');
    await app.shown();
    return series.description ?? series.modality;
  });

  await test('planes: a click with the crosshairs moves the other two', async () => {
    const { study, series } = await app.stack('CT', 20).catch(() => app.stack('MR', 20));
    await app.read(study.study_uid, series.series_uid);
    await openPlanes(app);
    const [coronal, sagittal] = [await at(app, 'coronal'), await at(app, 'sagittal')];
    const box = await page.locator('#plane-axial').boundingBox();
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(cx, cy);
    await page.mouse.down();
    await page.mouse.move(cx + 60, cy + 50, { steps: 6 });
    await page.mouse.up();
    await until(async () => (await at(app, 'coronal')) !== coronal && (await at(app, 'sagittal')) !== sagittal, 'both moved');
    await app.press('Escape');
    await app.shown();
  });

  await test('planes: values of the volume are those of the files', async () => {
    const files = samples('ct/philips-skull-phantom-study/S21570/S2010');
    await app.study(files[0].study);
    await app.read(files[0].study, files[0].series);
    await openPlanes(app);
    const place = (f) => numbers(f, 0x00200032)[2];
    const byPlace = [...files].sort((a, b) => place(a) - place(b));
    const index = await at(app, 'axial');
    // An axial plane is counted from the feet or from the head: the file is the one whose pixels fit.
    const candidates = [byPlace[index], byPlace[files.length - 1 - index]].map(pixelsOf);
    const box = await page.locator('#plane-axial').boundingBox();
    let fits = [0, 0];
    let n = 0;
    for (const [dx, dy] of [[-150, -60], [-60, 40], [40, -90], [90, 120], [10, 30]]) {
      await page.mouse.move(box.x + box.width / 2 + dx - 1, box.y + box.height / 2 + dy);
      await page.mouse.move(box.x + box.width / 2 + dx, box.y + box.height / 2 + dy);
      const m = await until(async () => /(-?[\d.]+) HU at (\d+), (\d+)/.exec((await app.status()).replaceAll('\u2212', '-')), 'a reading');
      n += 1;
      fits = fits.map((count, k) => count + (candidates[k].at(Number(m[2]), Number(m[3])) === Number(m[1]) ? 1 : 0));
    }
    near(Math.max(...fits), n, 0, 'values that agree with the file');
    await app.press('Escape');
    await app.shown();
    return `${n} values`;
  });

  await test('planes: a tilted gantry and uneven slices are corrected and said', async () => {
    const files = samples('ct/head-with-face-ge-tilted');
    await app.study(files[0].study);
    await app.read(files[0].study, files[0].series);
    await openPlanes(app);
    const said = await page.locator('.banner').innerText();
    ok(/Gantry tilt of 18\.\d° corrected/.test(said), said);
    ok(/distances are not even/.test(said), said);
    await app.press('Escape');
    return said;
  });

  await test('planes: where there is no volume the reader says why', async () => {
    const { studies } = await app.studies();
    for (const s of studies) {
      const detail = await app.study(s.study_uid);
      const single = detail.series.find((x) => x.readable && x.frames === 1);
      if (!single) continue;
      await page.goto(`${app.base}/read/${s.study_uid}?series=${single.series_uid}`);
      await page.waitForSelector('#viewport-1[data-showing="true"], #viewport-1 .note');
      await app.press('m');
      await page.locator('.banner >> text=No reformat of this series').waitFor();
      const said = await page.locator('.banner').innerText();
      await app.press('Escape');
      await page.locator('.banner').waitFor({ state: 'detached' });
      return said.replace(/\s+/g, ' ');
    }
    return skip('no series of one image');
  });

  await test('planes: a colour series is refused in words', async () => {
    const file = sample('us/' + 'examples_ybr_color.dcm');
    await app.study(file.study);
    await app.read(file.study, file.series);
    await app.press('m');
    await page.locator('.banner >> text=colour').waitFor();
    await app.press('Escape');
  });
}
