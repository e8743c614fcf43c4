// SPDX-License-Identifier: Apache-2.0
// Chromium for the tests: software WebGL, no network of its own, and a record of everything that must not happen.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const ARGS = [
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function chromiumPath() {
  const path = process.env.MACLAB_CHROMIUM ?? PLACES.find((p) => existsSync(p));
  if (!path) throw new Error('Chromium is not installed (Debian: chromium), and MACLAB_CHROMIUM does not name one');
  return path;
}

export const launch = () => chromium.launch({ executablePath: chromiumPath(), args: ARGS });

/** What a page did that it must not do. */
export class Guard {
  constructor(origin) {
    this.origin = origin;
    this.csp = [];
    this.errors = [];
    this.foreign = [];
  }

  watch(page) {
    page.on('console', (message) => {
      const text = message.text();
      if (/Content Security Policy|Refused to/i.test(text)) this.csp.push(text);
      // A refused thumbnail or frame is an answer of the server; the page says it in its own words.
      else if (message.type() === 'error' && !/^Failed to load resource/.test(text)) this.errors.push(text);
    });
    page.on('pageerror', (error) => this.errors.push(String(error.stack ?? error)));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.origin !== this.origin) this.foreign.push(request.url());
    });
  }
}

export async function openPage(browser, guard, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  guard.watch(page);
  return page;
}
