// SPDX-License-Identifier: Apache-2.0
// Drives a running MacLab with a real browser:
//   node tests/e2e/run.mjs --base http://127.0.0.1:8080 [--only PATTERN] [--shots DIR]
// The server must be filled, with the known files (../shared/dicom-samples) or with the demonstration archive; what
// needs a file that is not there is skipped with a line. The last line counts.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { access } from './access.mjs';
import { catalogue } from './catalogue.mjs';
import { display } from './display.mjs';
import { App } from './lib/app.mjs';
import { Guard, launch, openPage } from './lib/browser.mjs';
import { equal, finish, only, test, whenFailed } from './lib/check.mjs';
import { measure } from './measure.mjs';
import { network } from './network.mjs';
import { planes } from './planes.mjs';
import { reader } from './reader.mjs';

const { values } = parseArgs({
  options: { base: { type: 'string' }, only: { type: 'string' }, shots: { type: 'string' } },
});
if (!values.base) {
  console.error('usage: node run.mjs --base http://127.0.0.1:PORT [--only PATTERN] [--shots DIR]');
  process.exit(2);
}
only(values.only);

const browser = await launch();
const guard = new Guard(new URL(values.base).origin);
try {
  const page = await openPage(browser, guard);
  page.setDefaultTimeout(15_000);
  const app = new App(values.base, page);
  if (values.shots) {
    mkdirSync(values.shots, { recursive: true });
    whenFailed((name) => page.screenshot({ path: join(values.shots, `${name.replace(/\W+/g, '-')}.png`) }).catch(() => undefined));
  }
  await catalogue(app);
  await reader(app);
  await display(app);
  await measure(app);
  await planes(app);
  await network(app);
  await access(app, browser, guard);
  await test('nothing broke the Content-Security-Policy', () => equal(guard.csp, [], 'violations'));
  await test('no error in the console', () => equal(guard.errors, [], 'errors'));
  await test('no request left the server', () => equal(guard.foreign, [], 'other origins'));
} finally {
  await browser.close();
}
process.exitCode = finish();
