// SPDX-License-Identifier: Apache-2.0
// A small runner for browser tests: named tests, skips with a reason, a closing line that counts.
import { performance } from 'node:perf_hooks';

const results = { passed: 0, failed: 0, skipped: 0 };
let filter = null;

export const only = (pattern) => {
  filter = pattern ? new RegExp(pattern, 'i') : null;
};

/** Thrown to say that a test does not apply here. */
export class Skip extends Error {}

export const skip = (why) => {
  throw new Skip(why);
};

export function ok(condition, what) {
  if (!condition) throw new Error(what);
}

export function equal(actual, expected, what) {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}: ${a}, expected ${e}`);
}

export function near(actual, expected, tolerance, what) {
  if (!(Math.abs(actual - expected) <= tolerance)) {
    throw new Error(`${what}: ${actual}, expected ${expected} give or take ${tolerance}`);
  }
}

/** Polls until `probe` gives something true; what it gave is returned. */
export async function until(probe, what, timeout = 15_000) {
  const end = performance.now() + timeout;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (cause) {
      last = cause;
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${timeout / 1000} s (last: ${last})`);
    await new Promise((r) => setTimeout(r, 40));
  }
}

export async function test(name, run) {
  if (filter && !filter.test(name)) return;
  const start = performance.now();
  const took = () => `${Math.round(performance.now() - start)} ms`;
  try {
    const note = await run();
    results.passed += 1;
    console.log(`ok      ${name} (${took()})${typeof note === 'string' ? ` - ${note}` : ''}`);
  } catch (cause) {
    if (cause instanceof Skip) {
      results.skipped += 1;
      console.log(`skip    ${name} - ${cause.message}`);
      return;
    }
    results.failed += 1;
    console.log(`not ok  ${name} (${took()})\n        ${(cause?.stack ?? String(cause)).replaceAll('\n', '\n        ')}`);
    await onFailure?.(name);
  }
}

let onFailure = null;
export const whenFailed = (run) => {
  onFailure = run;
};

/** Prints the closing line and returns the exit status. */
export function finish() {
  const { passed, failed, skipped } = results;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
