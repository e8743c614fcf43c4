// SPDX-License-Identifier: Apache-2.0
// The catalogue page: lists, filters, sorts, previews, opens - with the mouse and without it.
import { equal, ok, skip, test, until } from './lib/check.mjs';

const VIEWER = /\/assets\/(Reader|cornerstone|decodeImageFrameWorker)/;

async function total(app) {
  const text = await app.page.locator('.count').textContent();
  return Number((text ?? '').replace(/[^\d]/g, ''));
}

const names = (app) => app.page.locator('[role="option"] .name').allTextContents();

export async function catalogue(app) {
  const { page } = app;

  await test('catalogue: lists every study, without the viewer', async () => {
    const asked = [];
    const note = (request) => asked.push(request.url());
    page.on('request', note);
    await app.catalogue();
    const { total: expected } = await app.studies();
    await until(async () => (await total(app)) === expected, 'the number of studies');
    page.off('request', note);
    equal(asked.filter((url) => VIEWER.test(url)), [], 'viewer files asked for');
    ok((await page.locator('[role="option"]').count()) > 0, 'rows are shown');
    ok((await page.locator('[role="option"]').count()) < 80, 'only what is in view is in the page');
    return `${expected} studies`;
  });

  await test('catalogue: filters as one types, the address keeps it, Esc clears', async () => {
    const { studies } = await app.studies();
    const word = studies.map((s) => /[A-Za-z]{4,}/.exec(s.description ?? '')?.[0]).find(Boolean) ?? skip('no study has a description');
    const { total: expected } = await app.studies(`q=${encodeURIComponent(word)}`);
    await app.press('/');
    await page.keyboard.type(word, { delay: 15 });
    await until(async () => (await total(app)) === expected, `studies that match ${word}`);
    await until(async () => new URL(page.url()).searchParams.get('q') === word, 'the filter in the address');
    await app.press('Escape');
    await until(async () => (await total(app)) === studies.length || studies.length === 200, 'all studies again');
    return `"${word}" leaves ${expected} of ${studies.length}`;
  });

  await test('catalogue: nothing found is said, with a way on', async () => {
    await page.locator('input[type="search"]').fill('qqzzxx');
    await page.locator('text=No study matches').waitFor();
    await page.locator('.note >> text=Clear filters').click();
    await page.waitForSelector('#study-0');
  });

  await test('catalogue: a modality facet narrows the list', async () => {
    await app.catalogue();
    const { facets } = await app.studies();
    const facet = facets.modality[0] ?? skip('no modality');
    const row = page.locator('.facets label').filter({ has: page.locator(`span:text-is("${facet.value}")`) });
    await row.first().locator('input').check();
    await until(async () => (await total(app)) === facet.count, `${facet.value} studies`);
    await page.locator('button', { hasText: 'Clear filters' }).first().click();
    return `${facet.value}: ${facet.count}`;
  });

  await test('catalogue: sorts by name as the server does', async () => {
    await page.locator('.sort select').selectOption('name');
    await until(async () => new URL(page.url()).searchParams.get('sort') === 'name', 'the order in the address');
    const { studies } = await app.studies('sort=name');
    await until(async () => (await names(app)).length > 0, 'rows');
    const key = (pn) => (pn ?? '').split('=')[0].split('^')[0].trim();
    const first = studies[0];
    const expected = key(first.patient_name) || first.patient_id || 'No name';
    await until(async () => (await names(app))[0]?.startsWith(expected), `first in the list is ${expected}`);
    await page.locator('.sort select').selectOption('-date');
    await until(async () => !new URL(page.url()).searchParams.has('sort'), 'newest first again');
  });

  await test('catalogue: preview lists the series of the chosen study', async () => {
    await page.locator('#study-0').click();
    const { studies } = await app.studies();
    const detail = await app.study(studies[0].study_uid);
    await until(async () => (await page.locator('aside .series').count()) === detail.series.length, 'series in the preview');
  });

  await test('catalogue: pictures instead of rows, and back', async () => {
    await page.locator('[data-command="catalogue.grid"]').click();
    await page.locator('.list.grid').waitFor();
    const xs = await page.locator('[role="option"]').evaluateAll((all) => new Set(all.map((e) => e.getBoundingClientRect().x)).size);
    ok(xs > 1, 'several columns');
    await page.locator('[data-command="catalogue.grid"]').click();
    await page.locator('.list:not(.grid)').waitFor();
  });

  await test('catalogue: arrows choose, Enter opens, Back returns to the filter', async () => {
    await app.catalogue();
    await app.press('ArrowDown');
    await until(async () => (await page.locator('#study-1').getAttribute('aria-selected')) === 'true', 'the second study is chosen');
    const { studies } = await app.studies();
    await app.press('Enter');
    await until(async () => (await app.place()) === `/read/${studies[1].study_uid}`, 'the reader of the second study');
    await page.goBack();
    await page.waitForSelector('#study-0');
  });

  await test('catalogue: a study that is not there is said in words', async () => {
    await page.goto(`${app.base}/read/1.2.3.4.5.6.7.8.9.0.1`);
    await page.locator('text=The study cannot be opened').waitFor();
    await page.locator('text=Back to the catalogue').click();
    await page.waitForSelector('#study-0');
  });
}
