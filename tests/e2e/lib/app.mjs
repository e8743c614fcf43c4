// SPDX-License-Identifier: Apache-2.0
// MacLab as the tests drive it: the API for what is there, the page for what is shown.
import { equal, ok, skip, until } from './check.mjs';

export class App {
  constructor(base, page) {
    this.base = base.replace(/\/$/, '');
    this.page = page;
  }

  async api(path) {
    const response = await fetch(this.base + path, { headers: { Accept: 'application/json' } });
    return { status: response.status, body: response.ok ? await response.json() : null };
  }

  async studies(query = '') {
    return (await this.api(`/api/studies?limit=200&${query}`)).body;
  }

  /** The study's description, or a skip when the archive does not have it. */
  async study(uid) {
    const { status, body } = await this.api(`/api/studies/${uid}`);
    if (status !== 200) skip('the study is not in this archive');
    return body;
  }

  /** A grey series of many images, of a modality, as large as there is; skips when there is none. */
  async stack(modality, least = 10) {
    const { studies } = await this.studies(`modality=${modality}`);
    let best = null;
    for (const s of studies) {
      const detail = await this.study(s.study_uid);
      for (const series of detail.series) {
        if (series.modality !== modality || !series.readable || series.frames < least || series.rows < 128) continue;
        if (!best || series.frames > best.series.frames) best = { study: s, series, detail };
      }
    }
    return best ?? skip(`no ${modality} series of ${least} images in this archive`);
  }

  async catalogue() {
    await this.page.goto(`${this.base}/`);
    await this.page.waitForSelector('#study-0, .note');
  }

  async read(study, series) {
    await this.page.goto(`${this.base}/read/${study}${series ? `?series=${series}` : ''}`);
    await this.shown(1);
  }

  viewport(n = 1) {
    return this.page.locator(`#viewport-${n}`);
  }

  /** Waits until a viewport shows an image. */
  async shown(n = 1) {
    await this.page.waitForSelector(`#viewport-${n}[data-showing="true"]`);
    await this.rested(n);
  }

  /** Waits until nothing has been drawn for a moment. */
  async rested(n = 1) {
    let last = -1;
    await until(async () => {
      const drawn = await this.viewport(n).getAttribute('data-drawn');
      const same = drawn === last;
      last = drawn;
      if (!same) await this.page.waitForTimeout(120);
      return same;
    }, 'the viewport comes to rest');
  }

  async index(n = 1) {
    return Number(await this.viewport(n).getAttribute('data-index'));
  }

  async atIndex(expected, n = 1) {
    await until(async () => (await this.index(n)) === expected, `viewport ${n} at image ${expected + 1}`);
    await this.shown(n);
  }

  async status() {
    return (await this.page.locator('[data-testid="status"]').textContent()) ?? '';
  }

  async window() {
    const m = /W (\S+) L (\S+)/.exec((await this.status()).replaceAll('\u2212', '-'));
    return m ? { width: Number(m[1]), level: Number(m[2]) } : null;
  }

  /** Value and pixel under a point of the viewport, from the status line. */
  async reading(x, y, n = 1) {
    const box = await this.viewport(n).boundingBox();
    await this.page.mouse.move(box.x + x - 2, box.y + y);
    await this.page.mouse.move(box.x + x, box.y + y);
    return until(async () => {
      const m = /(-?[\d.]+)(?: HU)? at (\d+), (\d+)/.exec((await this.status()).replaceAll('\u2212', '-'));
      return m ? { value: Number(m[1]), column: Number(m[2]), row: Number(m[3]) } : null;
    }, 'a reading under the pointer', 3000);
  }

  /** Grey levels of the canvas of a viewport: a function of canvas CSS pixels, and a sum of it all. */
  async canvas(selector = '#viewport-1') {
    const shot = await this.page.evaluate((sel) => {
      const canvas = document.querySelector(`${sel} canvas`);
      const copy = document.createElement('canvas');
      copy.width = canvas.clientWidth;
      copy.height = canvas.clientHeight;
      const ctx = copy.getContext('2d', { willReadFrequently: true });
      ctx.drawImage(canvas, 0, 0, copy.width, copy.height);
      const { data } = ctx.getImageData(0, 0, copy.width, copy.height);
      let binary = '';
      for (let i = 0; i < data.length; i += 0x8000) binary += String.fromCharCode(...data.subarray(i, i + 0x8000));
      return { width: copy.width, height: copy.height, rgba: btoa(binary) };
    }, selector);
    const { width, height } = shot;
    const rgba = Buffer.from(shot.rgba, 'base64');
    const place = (x, y) => 4 * (Math.round(y) * width + Math.round(x));
    let [sum, mark] = [0, 0];
    const greys = new Set();
    for (let i = 0; i < width * height; i += 1) {
      const v = rgba[4 * i + 1];
      greys.add(v);
      sum += v;
      // Unlike the sum, this changes when the same greys are elsewhere.
      mark = (mark + v * (i % 9973)) % 1_000_003;
    }
    return {
      width,
      height,
      at: (x, y) => rgba[place(x, y) + 1],
      colourAt: (x, y) => [...rgba.subarray(place(x, y), place(x, y) + 3)],
      sum,
      mark,
      levels: greys.size,
    };
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async drag(from, to, { n = 1, button = 'left', steps = 8 } = {}) {
    const box = await this.viewport(n).boundingBox();
    await this.page.mouse.move(box.x + from[0], box.y + from[1]);
    await this.page.mouse.down({ button });
    await this.page.mouse.move(box.x + to[0], box.y + to[1], { steps });
    await this.page.mouse.up({ button });
    await this.rested(n);
  }

  async isPressed(command) {
    return (await this.page.locator(`[data-command="${command}"]`).getAttribute('aria-pressed')) === 'true';
  }

  async focusIsSeen() {
    const seen = await this.page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return style.outlineStyle !== 'none' || document.activeElement.closest(':focus-within') !== null;
    });
    ok(seen, 'the focus can be seen');
  }

  async place() {
    return new URL(this.page.url()).pathname;
  }

  async isAt(path) {
    equal(await this.place(), path, 'the address');
  }
}
