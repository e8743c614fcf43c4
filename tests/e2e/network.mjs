// SPDX-License-Identifier: Apache-2.0
// Stations and peers, and studies on their way to them, with DCMTK's storescp and echoscu as the stations.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { axe } from './access.mjs';
import { equal, ok, skip, test, until } from './lib/check.mjs';

const ENV = { ...process.env, TCP_NODELAY: '1' };

const freePort = () =>
  new Promise((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });

const dcmtk = () => existsSync('/usr/bin/storescp') || skip('DCMTK is not installed (Debian: dcmtk)');

/** A station that takes what it is sent, and can be switched off and on. */
class Station {
  constructor(aet, port) {
    this.aet = aet;
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'maclab-station-'));
    this.process = null;
  }

  async start() {
    this.process = spawn('storescp', ['-aet', this.aet, '-od', this.folder, '--fork', '+xa', String(this.port)], { env: ENV, stdio: 'ignore' });
    await until(() => this.answers(), `${this.aet} listens`);
  }

  answers() {
    return new Promise((resolve) => {
      execFile('echoscu', ['-to', '1', '-ta', '1', '-td', '1', '127.0.0.1', String(this.port)], { env: ENV }, (error) => resolve(!error));
    });
  }

  stop() {
    this.process?.kill('SIGKILL');
    this.process = null;
  }

  get files() {
    return readdirSync(this.folder).length;
  }

  done() {
    this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function network(app) {
  const { page } = app;
  let station = null;

  const open = async () => {
    await page.goto(`${app.base}/network`);
    await page.locator('.facts dl, .facts p strong').first().waitFor();
  };
  const row = (aet) => page.locator(`[data-peer="${aet}"]`);
  const task = (state) => page.locator(`[data-task][data-state="${state}"]`);
  const orders = async () => (await app.api('/api/routes')).body;

  await test('network: the rail leads there, and the theme is light', async () => {
    await app.catalogue();
    await page.locator('.rail a[href="/network"]').click();
    await app.isAt('/network');
    equal(await page.evaluate(() => document.documentElement.dataset.theme), 'office', 'theme of the page');
    await page.locator('.rail a[href="/"]').click();
    await page.waitForSelector('#study-0');
    equal(await page.evaluate(() => document.documentElement.dataset.theme), 'reading', 'theme of the catalogue');
    await app.press('Alt+n');
    await app.isAt('/network');
  });

  await test('network: this node says how it is called', async () => {
    const { body } = await app.api('/api/network');
    if (!body.running) skip('the DICOM node is off');
    await open();
    await page.locator('.facts', { hasText: body.aet }).waitFor();
    await page.locator('.facts', { hasText: body.address }).waitFor();
  });

  await test('network: without a station the page says what to do', async () => {
    await open();
    if (await page.locator('[data-peer]').count()) skip('there are peers already');
    await page.getByText('No station is known yet.').waitFor();
    await page.getByText('Nothing is on its way.').waitFor();
    await app.catalogue();
    await app.press('s');
    await page.locator('.send-dialog', { hasText: 'No station is known yet' }).waitFor();
    await page.getByRole('button', { name: 'To the network' }).click();
    await app.isAt('/network');
  });

  await test('network: a station is added without a mouse, faults are said beside their fields', async () => {
    dcmtk();
    station = new Station('READING_1', await freePort());
    await station.start();
    await open();
    await app.press('a');
    const dialog = page.locator('.peer-dialog');
    await dialog.waitFor();
    await until(() => page.evaluate(() => document.activeElement?.matches('.peer-dialog input')), 'the focus in the first field');
    await app.press('Enter');
    await until(() => page.evaluate(() => document.activeElement?.getAttribute('aria-invalid') === 'true'), 'the focus on what is wrong');
    ok((await dialog.locator('.error').count()) >= 2, 'AE title and address are asked for');
    await page.keyboard.type(station.aet);
    await app.press('Tab');
    await page.keyboard.type('127.0.0.1:104');
    await app.press('Tab');
    await app.press('Control+a');
    await page.keyboard.type('99999');
    await app.press('Enter');
    await dialog.locator('#peer-host-error').waitFor();
    await dialog.locator('#peer-port-error').waitFor();
    await until(() => page.evaluate(() => document.activeElement?.getAttribute('aria-describedby') === 'peer-host-error'), 'the focus on the address');
    await app.press('Control+a');
    await page.keyboard.type('127.0.0.1');
    await app.press('Tab', 'Control+a');
    await page.keyboard.type(String(station.port));
    await app.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await row(station.aet).getByText('answers').waitFor();
    const { body } = await app.api('/api/peers');
    const peer = body.peers.find((p) => p.aet === station.aet);
    equal([peer.host, peer.port, peer.may], ['127.0.0.1', station.port, ['query', 'retrieve', 'receive']], 'what was kept');
  });

  await test('network: the same AE title twice is refused in words', async () => {
    if (!station) skip('no station');
    await open();
    await row(station.aet).waitFor();
    const response = await fetch(`${app.base}/api/peers`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ aet: station.aet, host: '127.0.0.1', port: 104, may: [] }),
    });
    equal(response.status, 409, 'status');
    equal((await response.json()).error.where, 'aet', 'the field that is named');
    await app.press('a');
    await page.locator('.peer-dialog').waitFor();
    await until(() => page.evaluate(() => document.activeElement?.matches('.peer-dialog input')), 'the focus in the first field');
    await page.keyboard.type(station.aet);
    await app.press('Enter');
    await page.locator('#peer-aet-error', { hasText: 'already' }).waitFor();
    await app.press('Escape');
  });

  await test('network: a station that is off is told apart, and why', async () => {
    if (!station) skip('no station');
    station.stop();
    await open();
    await page.getByRole('button', { name: `Test ${station.aet}` }).click();
    await row(station.aet).getByText('no answer').waitFor();
    ok(((await row(station.aet).locator('.state').textContent()) ?? '').length > 20, 'a sentence that says why');
    await station.start();
    await page.getByRole('button', { name: `Test ${station.aet}` }).click();
    await row(station.aet).locator('.state .good').waitFor();
  });

  await test('network: a station is changed; its AE title stays', async () => {
    if (!station) skip('no station');
    await open();
    await page.getByRole('button', { name: `Change ${station.aet}` }).click();
    const dialog = page.locator('.peer-dialog');
    ok(await dialog.getByLabel('AE title').evaluate((e) => e.readOnly), 'the AE title is not to be changed');
    await dialog.getByLabel('Notes').fill('by the window');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row(station.aet).getByText('by the window').waitFor();
  });

  await test('network: a removed station can be brought back', async () => {
    if (!station) skip('no station');
    await open();
    await page.getByRole('button', { name: `Remove ${station.aet}` }).click();
    await row(station.aet).waitFor({ state: 'detached' });
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
    await row(station.aet).getByText('by the window').waitFor();
  });

  await test('network: an unknown caller is turned away, shown, and added from there', async () => {
    dcmtk();
    const { body } = await app.api('/api/network');
    if (!body.running || !body.address) skip('the DICOM node is off');
    const [host, port] = [body.address.slice(0, body.address.lastIndexOf(':')), body.address.slice(body.address.lastIndexOf(':') + 1)];
    const call = () => new Promise((resolve) => execFile('echoscu', ['-aet', 'NEW_STATION', '-aec', body.aet, host, port], { env: ENV }, (error) => resolve(!error)));
    equal(await call(), false, 'an unknown caller gets through');
    await open();
    const stranger = page.locator('[data-stranger="NEW_STATION"]');
    await stranger.waitFor();
    await stranger.getByRole('button').click();
    const dialog = page.locator('.peer-dialog');
    equal(await dialog.getByLabel('AE title').inputValue(), 'NEW_STATION', 'AE title');
    equal(await dialog.getByLabel('Address').inputValue(), '127.0.0.1', 'address');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await row('NEW_STATION').waitFor();
    await stranger.waitFor({ state: 'detached' });
    equal(await call(), true, 'a known caller gets through');
    await page.getByRole('button', { name: 'Remove NEW_STATION' }).click();
    await row('NEW_STATION').waitFor({ state: 'detached' });
  });

  await test('send: two marked studies go to a station, without a mouse', async () => {
    if (!station) skip('no station');
    if (!(await app.api('/api/network')).body.running) skip('the DICOM node is off');
    const { studies } = await app.studies('sort=name');
    if (studies.length < 2) skip('too few studies');
    await app.catalogue();
    await app.press('Space', 'ArrowDown', 'Space');
    await page.locator('.count', { hasText: '2 marked' }).waitFor();
    equal(await page.locator('[role="option"][aria-checked="true"]').count(), 2, 'marked rows');
    const chosen = await page.locator('[role="option"][aria-checked="true"]').evaluateAll((all) => all.map((e) => Number(e.id.slice(6))));
    const listed = (await app.studies()).studies;
    const expected = chosen.reduce((sum, i) => sum + listed[i].instances, 0);
    await app.press('s');
    await page.locator('.send-dialog', { hasText: station.aet }).waitFor();
    await until(async () => (await page.locator('.send-dialog button[type="submit"]').textContent())?.includes(station.aet), 'the one station is chosen already');
    await until(() => page.evaluate(() => document.activeElement?.matches('.send-dialog input[type="checkbox"]')), 'the focus on the first station');
    await app.press('Enter');
    await page.locator('.send-dialog').waitFor({ state: 'detached' });
    await page.locator('.toast', { hasText: `is at ${station.aet}` }).waitFor({ timeout: 60_000 });
    equal(station.files, expected, 'images at the station');
    equal((await page.locator('.count').textContent())?.includes('marked'), false, 'marks are gone');
    await page.locator('.toast').getByRole('button', { name: 'Show' }).click();
    await app.isAt('/network');
    await until(async () => (await page.locator('article').first().locator('[data-state="done"]').count()) === 2, 'both are done');
  });

  await test('send: a station that is off is tried again, and what was sent counts', async () => {
    if (!station) skip('no station');
    if (!(await app.api('/api/network')).body.running) skip('the DICOM node is off');
    station.stop();
    await app.catalogue();
    await app.press('End', 's');
    await page.locator('.send-dialog button[type="submit"]', { hasText: station.aet }).click();
    await page.locator('.send-dialog').waitFor({ state: 'detached' });
    await open();
    const first = page.locator('article').first();
    await first.locator('[data-state="waiting"] .why').waitFor();
    await first.getByText(/attempt 2/).waitFor();
    await station.start();
    await first.getByRole('button', { name: /^Send now/ }).click();
    await first.locator('[data-state="done"]').waitFor({ timeout: 60_000 });
  });

  await test('send: for an hour to come, from the menu of a study; called off before it', async () => {
    if (!station) skip('no station');
    await app.catalogue();
    await page.locator('#study-0').click({ button: 'right' });
    await page.locator('.menu').getByText('Send to station').click();
    const dialog = page.locator('.send-dialog');
    await dialog.getByRole('radio', { name: 'At' }).check();
    await dialog.getByLabel('Priority').selectOption('urgent');
    await dialog.locator('button[type="submit"]').click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('.toast', { hasText: ' at ' }).waitFor();
    const { orders: list } = await orders();
    const at = new Date(list[0].not_before);
    equal([at.getHours(), at.getMinutes()], [7, 0], 'seven in the morning is proposed');
    equal(list[0].tasks[0].priority, 'urgent', 'priority');
    await open();
    const first = page.locator('article').first();
    await first.getByText(/starts/).waitFor();
    await first.getByRole('button', { name: /^Call off/ }).first().click();
    await first.locator('[data-state="cancelled"]').waitFor();
    ok((await task('waiting').count()) === 0, 'nothing waits');
  });

  await test('send: an hour that is past is refused in words', async () => {
    if (!station) skip('no station');
    await app.catalogue();
    await app.press('s');
    const dialog = page.locator('.send-dialog');
    await dialog.getByRole('radio', { name: 'At' }).check();
    await dialog.locator('input[type="datetime-local"]').fill('2020-01-01T07:00');
    await page.waitForTimeout(2100); // the clock ticks; what was chosen stays
    ok(await dialog.getByRole('radio', { name: 'At' }).isChecked(), 'the choice stays');
    await dialog.locator('button[type="submit"]').click();
    await dialog.getByText('still to come').waitFor();
    await app.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });

  for (const theme of ['office', 'reading']) {
    await test(`axe: the network and its dialogs, ${theme} theme`, async () => {
      await open();
      if ((await page.evaluate(() => document.documentElement.dataset.theme)) !== theme) await app.press('Control+j');
      const found = [];
      const look = async (name) => found.push(...(await axe(page)).map((f) => `${name}: ${f}`));
      await page.waitForTimeout(400);
      await look('network');
      await app.press('a');
      await page.locator('.peer-dialog').waitFor();
      await page.getByLabel('By TLS, both ways').check();
      await app.press('Enter');
      await look('adding a station');
      await app.press('Escape');
      await app.catalogue();
      await app.press('s');
      await page.locator('.send-dialog form, .send-dialog .none').first().waitFor();
      await look('sending');
      await app.press('Escape');
      await page.locator('#study-0').click({ button: 'right' });
      await page.locator('.menu').waitFor();
      await look('menu of a study');
      await app.press('Escape');
      if (theme === 'reading') {
        await open();
        await app.press('Control+j');
      }
      equal(found, [], 'serious or critical findings');
    });
  }

  station?.done();
}
