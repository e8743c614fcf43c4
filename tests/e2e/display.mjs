// SPDX-License-Identifier: Apache-2.0
// What images show beside their pixels, and images of many frames: overlay planes, enhanced objects, cine times, a
// broken frame, video. Most files are made here, so that what must be seen is known.
import { App } from './lib/app.mjs';
import { equal, near, ok, test, until } from './lib/check.mjs';
import { element, fragments, freshUids, makeInstance, store } from './lib/make.mjs';
import { sample } from './lib/samples.mjs';

const SECONDARY = '1.2.840.10008.5.1.4.1.1.7';
const MULTI_FRAME = '1.2.840.10008.5.1.4.1.1.7.2';
const ENHANCED_MR = '1.2.840.10008.5.1.4.1.1.4.1';
const ULTRASOUND = '1.2.840.10008.5.1.4.1.1.3.1';
const VIDEO = '1.2.840.10008.5.1.4.1.1.77.1.4.1';
const RLE = '1.2.840.10008.1.2.5';
const SIDE = 64;

const grey = (bits, stored, frames = 1) => [
  [0x00280002, 'US', 1],
  [0x00280004, 'CS', 'MONOCHROME2'],
  ...(frames > 1 ? [[0x00280008, 'IS', frames]] : []),
  [0x00280010, 'US', SIDE],
  [0x00280011, 'US', SIDE],
  [0x00280100, 'US', bits],
  [0x00280101, 'US', stored],
  [0x00280102, 'US', stored - 1],
  [0x00280103, 'US', 0],
];

/** One value a frame, in words. */
function flat(values) {
  const out = Buffer.alloc(2 * SIDE * SIDE * values.length);
  values.forEach((v, n) => {
    for (let i = 0; i < SIDE * SIDE; i += 1) out.writeUInt16LE(v, 2 * (n * SIDE * SIDE + i));
  });
  return out;
}

/** The plane of a rectangle: columns 8 to 15, rows 40 to 47. */
function rectangle() {
  const bits = Buffer.alloc((SIDE * SIDE) / 8);
  for (let y = 40; y < 48; y += 1) bits[(y * SIDE + 8) / 8] = 0xff;
  return bits;
}

const overlay = (group, data, extra = []) => [
  [group + 0x10, 'US', SIDE],
  [group + 0x11, 'US', SIDE],
  [group + 0x40, 'CS', 'G'],
  [group + 0x50, 'SS', [1, 1]],
  [group + 0x100, 'US', data ? 1 : 16],
  [group + 0x102, 'US', data ? 0 : 14],
  ...(data ? [[group + 0x3000, 'OW', data]] : []),
  ...extra,
];

/** Stores an instance and opens it. */
async function open(app, made, shown = true) {
  const uids = freshUids();
  await store(app.base, makeInstance({ uids, ...made }));
  if (shown) await app.read(uids.study, uids.series);
  else await app.page.goto(`${app.base}/read/${uids.study}?series=${uids.series}`);
  return uids;
}

const marks = async (app) => Number(await app.viewport().getAttribute('data-marks'));

/** Whether something is drawn over image pixel (x, y): pixel places of a square image fitted to the viewport. */
async function isMarked(app, x, y) {
  return app.page.evaluate(
    ([column, row, side]) => {
      const canvas = document.querySelector('#viewport-1 canvas.layer');
      const scale = Math.min(canvas.width, canvas.height) / side;
      const left = (canvas.width - side * scale) / 2 + (column + 0.5) * scale;
      const top = (canvas.height - side * scale) / 2 + (row + 0.5) * scale;
      return canvas.getContext('2d').getImageData(Math.round(left), Math.round(top), 1, 1).data[3] > 100;
    },
    [x, y, SIDE],
  );
}

/** A page of its own whose clock is the test's: how fast this machine draws does not matter then. */
async function withClock(app, run) {
  const context = await app.page.context().browser().newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.clock.install({ time: new Date('2026-01-03T10:00:00Z') });
    await run(new App(app.base, page));
  } finally {
    await context.close();
  }
}

const CLOCK_STEP_MS = 25;
const SETTLE_MS = 30;

/** Plays for so many ms of the page's clock; answers when the index of the viewport changed. */
async function played(app, ms) {
  const { page } = app;
  await page.evaluate(() => {
    const viewport = document.getElementById('viewport-1');
    window.indexTimes = [];
    new MutationObserver(() => window.indexTimes.push([performance.now(), Number(viewport.dataset.index)])).observe(viewport, {
      attributes: true,
      attributeFilter: ['data-index'],
    });
  });
  await page.clock.pauseAt(new Date((await page.evaluate(() => Date.now())) + 1000));
  await app.press('Space');
  for (let t = 0; t < ms; t += CLOCK_STEP_MS) {
    await page.clock.runFor(CLOCK_STEP_MS);
    await page.waitForTimeout(SETTLE_MS);
  }
  return page.evaluate(() => window.indexTimes);
}

/** Images a second between the first and the last change. */
const rateOf = (times) => ((times.length - 1) * 1000) / (times[times.length - 1][0] - times[0][0]);

const cine = (frames, extra) => ({
  sopClass: ULTRASOUND,
  elements: [
    [0x00080060, 'CS', 'US'],
    ...grey(16, 12, frames),
    ...extra,
    [0x7fe00010, 'OW', flat(Array.from({ length: frames }, (_, i) => 100 * i))],
  ],
});

const decimals = (...v) => v.join('\\');

/** A frame of an enhanced MR: where it lies, its window, its rescale, its place among the dimensions. */
const frameGroups = (z, center, slope, dimension) => [
  element(0x00209111, 'SQ', [[element(0x00209157, 'UL', uint32(1, dimension))]]),
  element(0x00209113, 'SQ', [[element(0x00200032, 'DS', decimals(-10, -20, z))]]),
  element(0x00289132, 'SQ', [[element(0x00281050, 'DS', center), element(0x00281051, 'DS', 200)]]),
  element(0x00289145, 'SQ', [
    [element(0x00281052, 'DS', 5), element(0x00281053, 'DS', slope), element(0x00281054, 'LO', 'US')],
  ]),
];

function uint32(...values) {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((v, i) => out.writeUInt32LE(v, 4 * i));
  return out;
}

const enhanced = {
  sopClass: ENHANCED_MR,
  elements: [
    [0x00080060, 'CS', 'MR'],
    [0x00200052, 'UI', '2.25.991'],
    ...grey(16, 12, 3),
    [
      0x52009229,
      'SQ',
      [
        [
          element(0x00209116, 'SQ', [[element(0x00200037, 'DS', decimals(1, 0, 0, 0, 1, 0))]]),
          element(0x00289110, 'SQ', [[element(0x00180050, 'DS', 4), element(0x00280030, 'DS', decimals(0.5, 0.5))]]),
          // What every frame overrules.
          element(0x00289132, 'SQ', [[element(0x00281050, 'DS', 1), element(0x00281051, 'DS', 2)]]),
        ],
      ],
    ],
    [0x52009230, 'SQ', [frameGroups(30, 111, 1, 3), frameGroups(26, 222, 2, 2), frameGroups(22, 333, 3, 1)]],
    [0x7fe00010, 'OW', flat([100, 200, 300])],
  ],
};

/** Rows of one byte plane, coded as RLE (PS3.5 annex G). */
function rle(value) {
  const head = Buffer.alloc(64);
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(64, 4);
  return Buffer.concat([head, Buffer.concat(Array.from({ length: SIDE }, () => Buffer.from([257 - SIDE, value])))]);
}

export async function display(app) {
  const { page } = app;

  await test('display: overlay planes lie where the file puts them, turn with the image, and can be hidden', async () => {
    await open(app, { sopClass: SECONDARY, elements: [[0x00080060, 'CS', 'OT'], ...grey(16, 12), ...overlay(0x60000000, rectangle()), [0x7fe00010, 'OW', flat([500])]] });
    await until(async () => (await marks(app)) === 64, 'the plane is drawn');
    for (const [x, y, on] of [[8, 40, true], [15, 47, true], [7, 40, false], [16, 44, false], [12, 39, false], [12, 48, false], [40, 12, false]]) {
      equal(await isMarked(app, x, y), on, `at ${x}, ${y}`);
    }
    await app.press('r');
    await app.rested();
    // Turned to the right, column x and row y come to column 63 - y and row x.
    equal([await isMarked(app, 63 - 44, 12), await isMarked(app, 12, 44)], [true, false], 'turned');
    await app.press('Shift+O');
    await until(async () => (await marks(app)) === 0, 'hidden');
    equal(await isMarked(app, 63 - 44, 12), false, 'nothing is drawn');
    await app.press('Shift+O', '0');
    await until(async () => (await marks(app)) === 64, 'shown again');
  });

  await test('display: an overlay in unused bits of the pixels, and the pixels without it', async () => {
    const cells = flat([700]);
    for (let i = 0; i < 3 * SIDE; i += 1) cells.writeUInt16LE(700 | 0x4000, 2 * i);
    await open(app, { sopClass: SECONDARY, elements: [[0x00080060, 'CS', 'OT'], ...grey(16, 12), ...overlay(0x60000000, null), [0x7fe00010, 'OW', cells]] });
    await until(async () => (await marks(app)) === 3 * SIDE, 'the plane is drawn');
    equal([await isMarked(app, 30, 1), await isMarked(app, 30, 4)], [true, false], 'the first three rows');
    const box = await app.viewport().boundingBox();
    const got = await app.reading(box.width / 2, 6);
    equal(got.value, 700, `the value at ${got.column}, ${got.row}`);
  });

  await test('display: the overlays of a known file', async () => {
    const file = sample('private-tags/examples_overlay.dcm');
    await app.study(file.study);
    await app.read(file.study, file.series);
    const count = await until(async () => (await marks(app)) || null, 'its planes are drawn');
    return `${count} pixels`;
  });

  await test('display: planes of their own for frames', async () => {
    const two = Buffer.concat([rectangle(), Buffer.alloc((SIDE * SIDE) / 8, 0xff)]);
    await open(app, {
      sopClass: MULTI_FRAME,
      elements: [
        [0x00080060, 'CS', 'OT'],
        ...grey(16, 12, 4),
        ...overlay(0x60000000, two, [[0x60000015, 'IS', 2], [0x60000051, 'US', 2]]),
        [0x7fe00010, 'OW', flat([1, 2, 3, 4])],
      ],
    });
    for (const [index, count] of [[0, 0], [1, 64], [2, SIDE * SIDE], [3, 0]]) {
      if (index) await app.press('ArrowDown');
      await app.atIndex(index);
      await until(async () => (await marks(app)) === count, `${count} pixels over image ${index + 1}`);
    }
  });

  await test('display: an enhanced object is a stack: order, places, windows and values of each frame', async () => {
    await open(app, enhanced);
    // By dimension the third frame comes first; the window and the rescale are its own.
    const expected = [
      { level: 333, mm: '22.0', value: 300 * 3 + 5 },
      { level: 222, mm: '26.0', value: 200 * 2 + 5 },
      { level: 111, mm: '30.0', value: 100 * 1 + 5 },
    ];
    const box = await app.viewport().boundingBox();
    for (const [i, e] of expected.entries()) {
      if (i) await app.press('ArrowDown');
      await app.atIndex(i);
      const w = await until(async () => {
        const now = await app.window();
        return now?.level === e.level ? now : null;
      }, `level ${e.level} of image ${i + 1}`);
      equal(w.width, 200, 'width');
      ok((await app.status()).includes(`${e.mm} mm`), `at ${e.mm} mm: ${await app.status()}`);
      equal((await app.reading(box.width / 2, box.height / 2)).value, e.value, `value of image ${i + 1}`);
    }
    await app.press('m');
    await page.locator('#viewport-axial, [data-axis="axial"], section[aria-label*="xial"]').first().waitFor();
    await app.press('m');
  });

  await test('display: a known enhanced object', async () => {
    const file = sample('enhanced/emri_small.dcm');
    await app.study(file.study);
    await app.read(file.study, file.series);
    ok(/1 \/ 10/.test(await app.viewport().innerText()), 'ten images');
    await app.press('End');
    await app.atIndex(9);
  });

  await test('display: a cine runs at the frame time of its file', () =>
    withClock(app, async (own) => {
      await open(own, cine(20, [[0x00181063, 'DS', '200'], [0x00280009, 'AT', Buffer.from([0x18, 0, 0x63, 0x10])]]));
      near(rateOf(await played(own, 3000)), 5, 0.4, 'images a second');
      ok((await own.page.locator('.fps').innerText()).includes('5/s'), 'and the tool bar says so');
    }));

  await test('display: frames with times of their own keep them', () =>
    withClock(app, async (own) => {
      const vector = [0, 200, 200, 900, 200, 200, 200, 200];
      await open(own, cine(8, [[0x00181065, 'DS', decimals(...vector)], [0x00280009, 'AT', Buffer.from([0x18, 0, 0x65, 0x10])]]));
      const times = await played(own, 3500);
      const wait = (index) => {
        const at = times.findIndex(([, i], n) => n > 0 && i === index);
        ok(at > 0, `image ${index + 1} came`);
        return times[at][0] - times[at - 1][0];
      };
      near(wait(3), 900, 120, 'before the fourth image');
      near(wait(2), 200, 120, 'before the third image');
      near(wait(5), 200, 120, 'before the sixth image');
    }));

  await test('display: a recommended rate comes before the time of a frame', () =>
    withClock(app, async (own) => {
      await open(own, cine(8, [[0x00082144, 'IS', '4'], [0x00181063, 'DS', '20']]));
      near(rateOf(await played(own, 3000)), 4, 0.4, 'images a second');
    }));

  await test('display: a broken frame says why, the frames around it show, and a cine passes over it', async () => {
    const broken = rle(90).subarray(0, 80);
    await open(app, { sopClass: MULTI_FRAME, syntax: RLE, elements: [[0x00080060, 'CS', 'OT'], ...grey(8, 8, 3)], pixels: fragments([rle(30), broken, rle(150)]) });
    const box = await app.viewport().boundingBox();
    equal((await app.reading(box.width / 2, box.height / 2)).value, 30, 'the first frame');
    await app.press('ArrowDown');
    await page.locator('#viewport-1 >> text=Image 2 cannot be shown').waitFor();
    ok(/frame 2/.test(await app.viewport().innerText()), `the reason: ${await app.viewport().innerText()}`);
    await app.press('ArrowDown');
    await app.atIndex(2);
    equal((await app.reading(box.width / 2, box.height / 2)).value, 150, 'the third frame');
    await app.press('Space');
    const seen = new Set();
    await until(async () => {
      seen.add(await app.index());
      return seen.size > 1 && !(await page.locator('#viewport-1 >> text=cannot be shown').isVisible());
    }, 'both good frames come');
    await app.press('Space');
    ok(!seen.has(1), 'the broken one does not');
  });

  await test('display: what the browser fails to decode, the server decodes', async () => {
    const uids = freshUids();
    await store(app.base, makeInstance({ uids, sopClass: MULTI_FRAME, syntax: RLE, elements: [[0x00080060, 'CS', 'OT'], ...grey(8, 8)], pixels: fragments([rle(77)]) }));
    let asked = 0;
    await page.route(/\/frames\/1$/, async (route) => {
      if (!/transfer-syntax=\*/.test(route.request().headers().accept ?? '')) {
        asked += 1;
        return route.continue();
      }
      return route.fulfill({ status: 200, contentType: `application/octet-stream; transfer-syntax=${RLE}`, body: Buffer.alloc(70, 0xee) });
    });
    await app.read(uids.study, uids.series);
    await page.unroute(/\/frames\/1$/);
    const box = await app.viewport().boundingBox();
    equal((await app.reading(box.width / 2, box.height / 2)).value, 77, 'the value');
    ok(asked > 0, 'the server was asked');
  });

  await test('display: samples of 32 bits', async () => {
    const pixels = Buffer.alloc(4 * SIDE * SIDE);
    for (let i = 0; i < SIDE * SIDE; i += 1) pixels.writeUInt32LE(70_000 + i, 4 * i);
    await open(app, { sopClass: SECONDARY, elements: [[0x00080060, 'CS', 'OT'], ...grey(32, 32), [0x7fe00010, 'OW', pixels]] });
    const box = await app.viewport().boundingBox();
    const got = await app.reading(box.width / 2, box.height / 2);
    equal(got.value, 70_000 + got.row * SIDE + got.column, `the value at ${got.column}, ${got.row}`);
  });

  await test('display: video that the browser cannot play says so', async () => {
    const stream = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(4096, 7)]);
    await open(
      app,
      {
        sopClass: VIDEO,
        syntax: '1.2.840.10008.1.2.4.102',
        elements: [
          [0x00080060, 'CS', 'XC'],
          [0x00280002, 'US', 3],
          [0x00280004, 'CS', 'YBR_PARTIAL_420'],
          [0x00280006, 'US', 0],
          [0x00280008, 'IS', 25],
          ...grey(8, 8).filter(([tag]) => tag >= 0x00280010),
        ],
        pixels: fragments([stream]),
      },
      false,
    );
    await page.locator('#viewport-1 >> text=no decoder for the video').waitFor();
  });
}
