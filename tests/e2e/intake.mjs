// SPDX-License-Identifier: Apache-2.0
// The hold room: the queue, the picture with its boxes, the header, decisions of one and of two persons, deliveries. With the keyboard alone.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { axe } from './access.mjs';
import { Guard, launch, openPage } from './lib/browser.mjs';
import { equal, finish, ok, test, until } from './lib/check.mjs';

const { values } = parseArgs({ options: { base: { type: 'string' }, shots: { type: 'string' } } });
const browser = await launch();
const guard = new Guard(new URL(values.base).origin);
const page = await openPage(browser, guard);
page.setDefaultTimeout(15_000);
const shot = async (name) => {
  if (!values.shots) return;
  mkdirSync(values.shots, { recursive: true });
  for (const [width, height] of [[1280, 800], [1920, 1080]]) {
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(250);
    await page.screenshot({ path: join(values.shots, `${name}-${width}.png`) });
  }
};
const api = (path) => page.evaluate(async (p) => (await fetch(p)).json(), path);
const status = () => page.locator('.picture .state').innerText();
const current = () => page.locator('.held a[aria-current]').getAttribute('data-hold');
const noViolations = async (what) => equal(await axe(page), [], what);

try {
  await page.goto(`${values.base}/`);
  await test('Alt+I opens the intake from anywhere', async () => {
    await page.waitForSelector('.rail');
    await page.keyboard.press('Alt+i');
    await page.waitForSelector('.held a');
    equal(await page.locator('.held a').count(), (await api('/api/holds')).total, 'items in the queue');
  });
  await test('the queue says why', async () => {
    const words = await page.locator('.reasons button').allInnerTexts();
    ok(words.some((w) => w.includes('these pixels under another identity')), words.join('; '));
  });
  await test('the picture is shown as it would be stored', async () => {
    await until(() => page.evaluate(() => document.querySelector('.sheet img')?.naturalWidth > 0), 'a picture');
    equal(await status(), 'As it would be stored', 'what is shown');
  });
  await test('axe finds nothing in the hold room', () => noViolations('violations'));
  await shot('hold-room');
  await test('J and K walk through the queue', async () => {
    const first = await current();
    await page.keyboard.press('j');
    await until(async () => (await current()) !== first, 'the next item');
    await page.keyboard.press('k');
    await until(async () => (await current()) === first, 'the one before');
  });
  await test('a box is made, moved and sized with keys, and kept', async () => {
    await page.waitForSelector('.sheet img');
    await page.keyboard.press('b');
    await page.waitForSelector('.box:focus');
    const id = await current();
    const made = (await api(`/api/holds/${id}`)).boxes.find((b) => b.by === 'person');
    await page.keyboard.press('ArrowRight');
    await until(async () => (await api(`/api/holds/${id}`)).boxes.some((b) => b.by === 'person' && b.x === made.x + 1), 'the box moved');
    await page.waitForTimeout(200);
    await page.locator('.box').last().focus();
    await page.keyboard.press('Shift+ArrowDown');
    await until(async () => (await api(`/api/holds/${id}`)).boxes.some((b) => b.by === 'person' && b.height === made.height + 1), 'the box grew');
  });
  await test('the picture as it came is shown when asked for', async () => {
    await page.locator('main').focus();
    await page.keyboard.press('v');
    await until(async () => (await status()) === 'As it came', 'the source');
    await page.keyboard.press('v');
  });
  await test('the header is masked until asked for', async () => {
    await page.keyboard.press('2');
    await page.waitForSelector('aside table tbody tr');
    ok(!(await page.getByLabel('About this item').innerText()).includes('ZQXSURNAME'), 'a name is shown unasked');
    await noViolations('violations of the header');
    await page.keyboard.press('m');
    await until(async () => (await page.getByLabel('About this item').innerText()).includes('ZQXSURNAME'), 'the values');
    await page.keyboard.press('m');
    await page.keyboard.press('1');
  });
  await test('a release asks for a reason and a name', async () => {
    await page.keyboard.press('r');
    await page.waitForSelector('.decision-dialog');
    await noViolations('violations of the dialog');
    await page.locator('.decision-dialog button[type=submit]').click();
    equal(await page.locator('.decision-dialog [aria-invalid=true]').count(), 2, 'fields that are asked for');
    await page.keyboard.press('Escape');
  });
  await test('refusing destroys the item and goes on to the next', async () => {
    const before = (await api('/api/holds')).total;
    const id = await current();
    await page.keyboard.press('f');
    await page.fill('.decision-dialog textarea', 'a repeat of what is stored');
    await page.fill('.decision-dialog input[autocomplete=name]', 'Ann Curator');
    await page.keyboard.press('Enter');
    await until(async () => (await api('/api/holds')).total === before - 1, 'one less');
    await until(async () => (await current()) !== id, 'the next item');
  });
  await test('deliveries have their certificates', async () => {
    await page.goto(`${values.base}/intake/deliveries`);
    await page.waitForSelector('section table, section p');
    await page.getByRole('button', { name: 'Decided' }).click();
    await page.waitForSelector('tbody tr');
    const links = await page.locator('a[download$=".pdf"]').count();
    ok(links > 0, 'no certificate');
    const href = await page.locator('a[download$=".pdf"]').first().getAttribute('href');
    const head = await page.evaluate(async (p) => (await (await fetch(p)).text()).slice(0, 5), href);
    equal(head, '%PDF-', 'the certificate');
    await noViolations('violations of the deliveries');
  });
  await shot('deliveries');
  await test('nothing broke the Content-Security-Policy', () => equal(guard.csp, [], 'violations'));
  await test('no request left the server', () => equal(guard.foreign, [], 'other origins'));
} finally {
  await browser.close();
}
process.exitCode = finish();
