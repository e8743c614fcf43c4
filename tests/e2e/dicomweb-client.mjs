// SPDX-License-Identifier: Apache-2.0
// The server driven by a client that others wrote (npm dicomweb-client), in the browser that it was written for:
//   node tests/e2e/dicomweb-client.mjs --base http://127.0.0.1:8080
// Search at three levels, metadata, instance, frames, rendered, and STOW-RS of an image made here.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { Guard, launch, openPage } from './lib/browser.mjs';
import { equal, finish, ok, only, skip, test } from './lib/check.mjs';
import { makeImage } from './lib/make.mjs';

const { values } = parseArgs({ options: { base: { type: 'string' }, only: { type: 'string' } } });
if (!values.base) {
  console.error('usage: node dicomweb-client.mjs --base http://127.0.0.1:PORT [--only PATTERN]');
  process.exit(2);
}
only(values.only);
const base = values.base.replace(/\/$/, '');
const source = readFileSync(createRequire(import.meta.url).resolve('dicomweb-client/build/dicomweb-client.js'), 'utf8');

const STORED = {
  study: '2.25.302760188913219013207719219733840261101',
  series: '2.25.302760188913219013207719219733840261102',
  sop: '2.25.302760188913219013207719219733840261103',
};

const browser = await launch();
try {
  const guard = new Guard(new URL(base).origin);
  const page = await openPage(browser, guard);
  await page.goto(`${base}/`);
  await page.evaluate(`(() => { ${source} }).call(window)`);
  await page.evaluate(`window.client = new window.DICOMwebClient.api.DICOMwebClient({ url: '${base}/dicom-web', verbose: false })`);
  const call = (method, options) =>
    page.evaluate(
      async ([name, opts]) => {
        const plain = (v) => (Object.prototype.toString.call(v) === '[object ArrayBuffer]' ? { bytes: v.byteLength, head: [...new Uint8Array(v.slice(0, 512))] } : v);
        try {
          const answer = await window.client[name](opts);
          return Array.isArray(answer) ? answer.map(plain) : plain(answer);
        } catch (cause) {
          throw new Error(`${name}: ${cause.message ?? cause} ${cause.status ?? ''}`);
        }
      },
      [method, options],
    );
  const value = (ds, tag) => ds[tag]?.Value?.[0];
  const { studies } = await (await fetch(`${base}/api/studies?limit=200`)).json();
  const any = studies.find((s) => s.modalities.includes('CT') && s.instances > 1) ?? studies[0];
  let series;
  let instance;

  await test('client: searches for studies', async () => {
    if (!any) skip('the archive is empty');
    const found = await call('searchForStudies', { queryParams: { PatientID: any.patient_id ?? '', limit: 10 } });
    ok(found.some((ds) => value(ds, '0020000D') === any.study_uid), 'the study is found by its patient ID');
    const all = await call('searchForStudies', { queryParams: { limit: 3 } });
    ok(all.length <= 3 && all.length > 0, 'the limit is kept');
    return `${found.length} found`;
  });

  await test('client: searches for series and instances', async () => {
    const list = await call('searchForSeries', { studyInstanceUID: any.study_uid });
    equal(list.length, any.series, 'number of series');
    const detail = await (await fetch(`${base}/api/studies/${any.study_uid}`)).json();
    const info = detail.series.find((s) => s.readable && s.rows) ?? skip('no image series');
    series = list.find((ds) => value(ds, '0020000E') === info.series_uid);
    const instances = await call('searchForInstances', { studyInstanceUID: any.study_uid, seriesInstanceUID: info.series_uid });
    equal(instances.length, info.instances, 'number of instances');
    instance = instances[0];
  });

  const ids = () => ({
    studyInstanceUID: any.study_uid,
    seriesInstanceUID: value(series, '0020000E'),
    sopInstanceUID: value(instance, '00080018'),
  });

  await test('client: metadata of study, series and instance', async () => {
    const { studyInstanceUID, seriesInstanceUID } = ids();
    const ofStudy = await call('retrieveStudyMetadata', { studyInstanceUID });
    equal(ofStudy.length, any.instances, 'data sets of the study');
    const ofSeries = await call('retrieveSeriesMetadata', { studyInstanceUID, seriesInstanceUID });
    ok(ofSeries.every((ds) => value(ds, '0020000E') === seriesInstanceUID), 'only this series');
    const [one] = [await call('retrieveInstanceMetadata', ids())].flat();
    equal(value(one, '00080018'), ids().sopInstanceUID, 'the instance');
  });

  await test('client: an instance as a file', async () => {
    const file = await call('retrieveInstance', ids());
    equal(String.fromCharCode(...file.head.slice(128, 132)), 'DICM', 'the prefix');
    return `${file.bytes} bytes`;
  });

  await test('client: all instances of a series', async () => {
    const { studyInstanceUID, seriesInstanceUID } = ids();
    const files = await call('retrieveSeries', { studyInstanceUID, seriesInstanceUID });
    ok(files.length > 0 && files.every((f) => f.bytes > 132), `${files.length} files`);
    return `${files.length} files`;
  });

  await test('client: frames', async () => {
    const frames = await call('retrieveInstanceFrames', { ...ids(), frameNumbers: [1] });
    equal(frames.length, 1, 'frames');
    ok(frames[0].bytes > 0, 'bytes');
    return `${frames[0].bytes} bytes`;
  });

  await test('client: a rendered picture', async () => {
    // The client wraps what it did not have to take apart in a list.
    const [picture] = [await call('retrieveInstanceRendered', { ...ids(), mediaTypes: [{ mediaType: 'image/jpeg' }] })].flat();
    equal(picture.head.slice(0, 2), [0xff, 0xd8], 'a JPEG');
    return `${picture.bytes} bytes`;
  });

  await test('client: STOW-RS stores an image, and it comes back as it went', async () => {
    const { bytes, pixels } = makeImage(STORED);
    await page.evaluate(async (text) => {
      const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
      await window.client.storeInstances({ datasets: [data] });
    }, bytes.toString('base64'));
    const [found] = await call('searchForStudies', { queryParams: { StudyInstanceUID: STORED.study } });
    equal(value(found, '0020000D'), STORED.study, 'the stored study');
    const [frame] = await call('retrieveInstanceFrames', {
      studyInstanceUID: STORED.study,
      seriesInstanceUID: STORED.series,
      sopInstanceUID: STORED.sop,
      frameNumbers: [1],
    });
    equal(frame.bytes, pixels.length, 'bytes of the frame');
    equal(frame.head, [...pixels.subarray(0, 512)], 'the pixels');
  });

  await test('client: what is not there is refused', async () => {
    let said = '';
    await call('retrieveInstance', { studyInstanceUID: '1.2.3', seriesInstanceUID: '1.2.3', sopInstanceUID: '1.2.3' }).catch((cause) => {
      said = String(cause.message);
    });
    ok(said !== '', 'an error is given');
  });
} finally {
  await browser.close();
}
process.exitCode = finish();
