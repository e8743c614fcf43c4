// SPDX-License-Identifier: Apache-2.0
// The prebuilt OHIF viewer (npm @ohif/app) against MacLab's DICOMweb:
//   node tests/e2e/ohif.mjs --base http://127.0.0.1:8080 [--shots DIR]
// A small server here gives the viewer's files, its configuration, and passes /dicom-web on, so that the origin is one.
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { Guard, launch, openPage } from './lib/browser.mjs';
import { equal, finish, ok, skip, test, until } from './lib/check.mjs';

const { values } = parseArgs({ options: { base: { type: 'string' }, shots: { type: 'string' } } });
if (!values.base) {
  console.error('usage: node ohif.mjs --base http://127.0.0.1:PORT [--shots DIR]');
  process.exit(2);
}
const upstream = new URL(values.base);
const dist = process.env.OHIF_DIST;
if (!dist || !existsSync(join(dist, 'index.html'))) {
  console.error('OHIF_DIST names no prebuilt viewer: tests/e2e/ohif.sh fetches one');
  process.exit(2);
}

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const CONFIG = `window.config = {
  routerBasename: null,
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 2,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: false,
  strictZSpacingForVolumeViewport: true,
  defaultDataSourceName: 'maclab',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: 'maclab',
    configuration: {
      friendlyName: 'MacLab', name: 'maclab',
      wadoUriRoot: '/wado', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: true, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
      singlepart: 'bulkdata,video', bulkDataURI: { enabled: true },
      omitQuotationForMultipartRequest: true,
    },
  }],
};`;

function pass(req, res) {
  const headers = { ...req.headers, host: upstream.host };
  const onward = ask({ host: upstream.hostname, port: upstream.port, path: req.url, method: req.method, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  onward.on('error', () => res.writeHead(502).end());
  req.pipe(onward);
}

function give(req, res) {
  const { pathname } = new URL(req.url, 'http://here');
  if (/^\/(dicom-web|wado)(\/|$)/.test(pathname)) return pass(req, res);
  if (pathname === '/app-config.js') return res.writeHead(200, { 'Content-Type': TYPES['.js'] }).end(CONFIG);
  let file = join(dist, normalize(decodeURIComponent(pathname)));
  if (!file.startsWith(dist) || !existsSync(file) || statSync(file).isDirectory()) {
    if (extname(pathname)) return res.writeHead(404).end();
    file = join(dist, 'index.html');
  }
  res.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
  return createReadStream(file).pipe(res);
}

const server = createServer(give);
await new Promise((r) => server.listen(0, '127.0.0.1', r));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await launch();
try {
  const guard = new Guard(origin);
  const page = await openPage(browser, guard);
  page.setDefaultTimeout(20_000);
  const { studies } = await (await fetch(`${upstream.origin}/api/studies?limit=200`)).json();
  const study = studies.find((s) => s.modalities.includes('CT') && s.instances >= 10) ?? studies.find((s) => s.modalities.includes('MR'));
  const shoot = async (name) => {
    if (!values.shots) return;
    mkdirSync(values.shots, { recursive: true });
    await page.screenshot({ path: join(values.shots, `${name}.png`) });
  };

  await test('OHIF: the study list shows the study', async () => {
    if (!study) skip('no CT or MR study in this archive');
    await page.goto(`${origin}/?patientName=${encodeURIComponent((study.patient_name ?? '').split('^')[0])}`);
    const id = study.description || (study.patient_name ?? '').split('^')[0];
    await page.getByText(id, { exact: false }).first().waitFor().finally(() => shoot('ohif-list'));
    return id;
  });

  await test('OHIF: the viewer draws the image', async () => {
    if (!study) skip('no CT or MR study in this archive');
    await page.goto(`${origin}/viewer?StudyInstanceUIDs=${study.study_uid}`);
    await page.locator('canvas').first().waitFor();
    const levels = await until(
      () =>
        page.evaluate(() => {
          let most = 0;
          for (const canvas of document.querySelectorAll('canvas')) {
            if (canvas.width < 200) continue;
            const copy = document.createElement('canvas');
            [copy.width, copy.height] = [128, 128];
            const ctx = copy.getContext('2d');
            ctx.drawImage(canvas, 0, 0, 128, 128);
            const { data } = ctx.getImageData(0, 0, 128, 128);
            const greys = new Set();
            for (let i = 0; i < data.length; i += 4) greys.add(data[i]);
            most = Math.max(most, greys.size);
          }
          return most > 16 ? most : 0;
        }),
      'an image that is not blank',
      90_000,
    );
    await shoot('ohif-viewer');
    ok(levels > 16, 'greys');
    return `${levels} greys`;
  });

  await test('OHIF: asked nobody but this server', () => equal(guard.foreign, [], 'other origins'));
} finally {
  await browser.close();
  server.close();
}
process.exitCode = finish();
