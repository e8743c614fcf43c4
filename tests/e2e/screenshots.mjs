// SPDX-License-Identifier: Apache-2.0
// Pictures of every state of the application, to be looked at:
//   node tests/e2e/screenshots.mjs --base http://127.0.0.1:8080 --out DIR [--readme FILE]
// --readme writes the one picture that the README shows (1280 × 800). States that the archive cannot show are left out.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { App } from './lib/app.mjs';
import { Guard, launch, openPage } from './lib/browser.mjs';

const { values } = parseArgs({
  options: { base: { type: 'string' }, out: { type: 'string' }, readme: { type: 'string' } },
});
if (!values.base || !(values.out || values.readme)) {
  console.error('usage: node screenshots.mjs --base http://127.0.0.1:PORT --out DIR [--readme FILE]');
  process.exit(2);
}

const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];

const any = (app) => app.stack('CT', 20).catch(() => app.stack('CT')).catch(() => app.stack('MR'));

/** Each state is reached from a fresh page; a state that cannot be reached here is named and left out. */
const STATES = {
  catalogue: async (app) => {
    await app.catalogue();
  },
  'catalogue-grid': async (app) => {
    await app.catalogue();
    await app.press('g');
  },
  'catalogue-filtered': async (app) => {
    await app.catalogue();
    await app.press('/');
    await app.page.keyboard.type('ct');
  },
  'catalogue-empty': async (app) => {
    await app.catalogue();
    await app.page.locator('input[type="search"]').fill('qqzzxx');
  },
  'catalogue-office': async (app) => {
    await app.catalogue();
    await app.press('Control+j');
  },
  palette: async (app) => {
    await app.catalogue();
    await app.press('Control+k');
  },
  'catalogue-marked': async (app) => {
    await app.catalogue();
    await app.press('Space', 'ArrowDown', 'ArrowDown', 'Space');
  },
  'catalogue-menu': async (app) => {
    await app.catalogue();
    await app.page.locator('#study-1').click({ button: 'right' });
  },
  send: async (app) => {
    await app.catalogue();
    await app.press('s');
    await app.page.locator('.send-dialog').waitFor();
  },
  network: async (app) => {
    await app.page.goto(`${app.base}/network`);
    await app.page.locator('.facts').waitFor();
  },
  'network-dark': async (app) => {
    await STATES.network(app);
    await app.press('Control+j');
  },
  'network-add': async (app) => {
    await STATES.network(app);
    await app.press('a');
    await app.page.getByLabel('By TLS, both ways').check();
    await app.page.getByLabel('Port').fill('99999');
    await app.press('Enter');
  },
  reader: async (app) => {
    const { study, series } = await any(app);
    await app.read(study.study_uid, series.series_uid);
    for (let i = 0; i < Math.floor(series.frames / 2); i += 1) await app.press('ArrowDown');
  },
  'reader-measure': async (app) => {
    await STATES.reader(app);
    await app.press('u', 'l');
    await app.drag([300, 220], [460, 330]);
    await app.press('e');
    await app.drag([420, 380], [500, 440]);
    await app.press('w');
  },
  'reader-two': async (app) => {
    await STATES.reader(app);
    await app.press('d', 'g');
    await app.page.waitForTimeout(2500);
  },
  'reader-four': async (app) => {
    await STATES.reader(app);
    await app.press('Shift+Q');
  },
  'reader-presets': async (app) => {
    await STATES.reader(app);
    await app.page.locator('[data-menu="presets"]').click();
  },
  'reader-planes': async (app) => {
    await STATES.reader(app);
    await app.press('m');
    await app.page.locator('#plane-sagittal').waitFor({ timeout: 60_000 });
    await app.page.waitForTimeout(3000);
  },
  'reader-clean': async (app) => {
    await STATES.reader(app);
    await app.press('f');
  },
  'reader-keys': async (app) => {
    await STATES.reader(app);
    await app.press('?');
  },
  'reader-office': async (app) => {
    await STATES.reader(app);
    await app.press('Control+j');
  },
  'reader-refused': async (app) => {
    const { studies } = await app.studies();
    for (const s of studies) {
      const { series } = await app.study(s.study_uid);
      const bad = series.find((x) => !x.readable && !x.rows);
      if (bad) return void (await app.page.goto(`${app.base}/read/${s.study_uid}?series=${bad.series_uid}`));
    }
    throw new Error('every series can be shown');
  },
  'reader-radiograph': async (app) => {
    for (const modality of ['DX', 'CR', 'MG']) {
      const { studies } = await app.studies(`modality=${modality}`);
      if (studies.length) return app.read(studies[0].study_uid);
    }
    throw new Error('no radiograph');
  },
};

const browser = await launch();
try {
  for (const viewport of SIZES) {
    for (const [name, reach] of Object.entries(STATES)) {
      if (!values.out && (name !== 'reader' || viewport.width !== 1280)) continue;
      const page = await openPage(browser, new Guard(values.base), { viewport });
      try {
        await reach(new App(values.base, page));
        await page.waitForTimeout(1200);
        const file = `${name}-${viewport.width}.png`;
        if (values.out) {
          mkdirSync(values.out, { recursive: true });
          await page.screenshot({ path: join(values.out, file) });
        }
        if (values.readme && name === 'reader' && viewport.width === 1280) {
          mkdirSync(dirname(values.readme), { recursive: true });
          await page.screenshot({ path: values.readme });
        }
        console.log(`done    ${file}`);
      } catch (cause) {
        console.log(`left out ${name} at ${viewport.width}: ${String(cause.message).split('\n')[0]}`);
      } finally {
        await page.context().close();
      }
    }
  }
} finally {
  await browser.close();
}
