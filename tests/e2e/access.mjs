// SPDX-License-Identifier: Apache-2.0
// Accessibility: axe on every page in both themes, everything without a mouse, 200 % zoom, reduced motion.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { App } from './lib/app.mjs';
import { openPage } from './lib/browser.mjs';
import { equal, ok, skip, test, until } from './lib/check.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function axe(page) {
  // Evaluated by the debugger, so that the page's own policy need not be loosened for the test.
  await page.evaluate(`window.axe || (() => { ${AXE} })()`);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.nodes.length} × ${v.nodes[0].target.join(' ')} ${v.nodes[0].failureSummary?.split('\n')[1] ?? ''}`);
}

const any = (app) => app.stack('CT').catch(() => app.stack('MR'));

export async function access(app, browser, guard) {
  const { page } = app;

  for (const theme of ['reading', 'office']) {
    await test(`axe: no serious finding, ${theme} theme`, async () => {
      await app.catalogue();
      if ((await page.evaluate(() => document.documentElement.dataset.theme)) !== theme) await app.press('Control+j');
      const found = [];
      const look = async (name) => found.push(...(await axe(page)).map((f) => `${name}: ${f}`));
      await page.waitForTimeout(400);
      await look('catalogue');
      await app.press('g');
      await page.locator('.list.grid').waitFor();
      await look('catalogue as pictures');
      await app.press('g', 'Control+k');
      await page.locator('.palette').waitFor();
      await look('palette');
      await app.press('Escape');
      const { study, series } = await any(app);
      await app.read(study.study_uid, series.series_uid);
      await look('reader');
      await app.press('u', 'Shift+Q');
      await app.shown();
      await look('reader with four viewports and the list');
      await app.press('q', 'u', '?');
      await page.locator('.help').waitFor();
      await look('keys');
      await app.press('Escape');
      await page.locator('[data-menu="presets"]').click();
      await look('menu');
      await app.press('Escape');
      if (theme === 'office') await app.press('Control+j');
      equal(found, [], 'serious or critical findings');
    });
  }

  await test('keyboard alone: find, open, read, measure, compare, reformat, leave', async () => {
    const { study, series } = await any(app);
    await app.catalogue();
    await app.press('/');
    const word = (study.patient_name || study.description || '').split(/[\^ ,=]/)[0] || skip('a study without a name');
    await page.keyboard.type(word);
    await until(async () => new URL(page.url()).searchParams.get('q') === word, 'the filter');
    await app.press('ArrowDown');
    const { studies } = await app.studies(`q=${encodeURIComponent(word)}`);
    const steps = studies.findIndex((s) => s.study_uid === study.study_uid);
    await until(async () => (await page.locator('.count').textContent())?.startsWith(`${studies.length} `), 'the list follows');
    for (let i = 0; i < steps; i += 1) await app.press('ArrowDown');
    await app.focusIsSeen();
    await app.press('Enter');
    await until(async () => (await app.place()) === `/read/${study.study_uid}`, 'the reader');
    await page.waitForSelector('#viewport-1');
    // To the wanted series through the strip.
    await app.press('j');
    await until(() => page.evaluate(() => document.activeElement?.hasAttribute('data-series')), 'the focus in the strip');
    for (let i = 0; i < 20; i += 1) {
      if ((await page.evaluate(() => document.activeElement?.dataset.series)) === series.series_uid) break;
      await app.press(i < 10 ? 'ArrowDown' : 'ArrowUp');
    }
    await app.press('Enter');
    await app.shown();
    await app.press('End');
    await app.atIndex(series.frames - 1);
    await app.press('Home', 'PageDown');
    await app.atIndex(Math.min(10, series.frames - 1));
    const before = await app.window();
    await app.press('Shift+ArrowRight');
    await until(async () => (await app.window())?.width > before.width, 'a wider window');
    // Measure.
    await app.press('l', 'k', 'Enter');
    for (let i = 0; i < 10; i += 1) await app.press('ArrowRight');
    await app.press('Enter', 'Escape', 'u');
    await page.locator('.panel li').first().waitFor();
    await app.press('Delete');
    await until(async () => (await page.locator('.panel li').count()) === 0, 'the measurement deleted');
    await app.press('u');
    // Compare.
    await app.press('d');
    await app.press('.');
    await until(async () => (await page.locator('#viewport-2').getAttribute('aria-current')) === 'true', 'the second viewport');
    await app.press('j');
    await until(() => page.evaluate(() => document.activeElement?.hasAttribute('data-series')), 'the strip again');
    await app.press('Alt+2');
    await app.shown(2);
    await app.press('g', 'g', 'q');
    // Reformat, keys, leave.
    await app.shown(1);
    await app.press('m');
    await page.waitForSelector('#plane-axial, .banner', { timeout: 60_000 });
    await app.press('Escape');
    await app.press('?');
    await page.locator('.help').waitFor();
    await app.press('Escape');
    await page.locator('.help').waitFor({ state: 'detached' });
    await until(async () => {
      await app.press('Escape');
      return (await app.place()) === '/';
    }, 'back in the catalogue');
  });

  await test('keyboard alone: Tab reaches everything and is never caught', async () => {
    const { study, series } = await any(app);
    await app.read(study.study_uid, series.series_uid);
    await page.evaluate(() => document.activeElement?.blur?.());
    const reached = new Set();
    for (let i = 0; i < 90; i += 1) {
      await app.press('Tab');
      const what = await page.evaluate(() => {
        const e = document.activeElement;
        return e === document.body ? 'body' : (e.dataset.command ?? e.dataset.series ?? e.id ?? '') || e.className || e.tagName;
      });
      if (what === 'body' && i > 20) break;
      reached.add(what);
    }
    const commands = await page.locator('[data-command]').evaluateAll((all) => all.map((e) => e.dataset.command));
    equal(commands.filter((c) => !reached.has(c)), [], 'buttons that Tab does not reach');
    ok(reached.has('viewport-1'), 'Tab reaches the viewport');
  });

  await test('zoom of 200 %: nothing is lost and the page does not scroll sideways', async () => {
    const small = await openPage(browser, guard, { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
    const there = new App(app.base, small);
    await there.catalogue();
    const wide = () => small.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    ok(await wide(), 'the catalogue fits');
    await small.locator('[data-command="catalogue.filters"]').click();
    await small.locator('.facets.open').waitFor();
    const { study, series } = await any(there);
    await there.read(study.study_uid, series.series_uid);
    ok(await wide(), 'the reader fits');
    const box = await there.viewport().boundingBox();
    ok(box.height > 120 && box.width > 200, `the image has ${Math.round(box.width)} × ${Math.round(box.height)}`);
    await small.context().close();
  });

  await test('forced colours and reduced motion', async () => {
    const calm = await openPage(browser, guard, { forcedColors: 'active', reducedMotion: 'reduce' });
    const there = new App(app.base, calm);
    await there.catalogue();
    const { study, series } = await any(there);
    await there.read(study.study_uid, series.series_uid);
    ok((await there.canvas()).levels > 20, 'the image is not recoloured');
    const moving = await calm.evaluate(() => document.getAnimations().length);
    equal(moving, 0, 'animations');
    await calm.context().close();
  });
}
