// SPDX-License-Identifier: Apache-2.0
// What the server says of itself, and its clock: time is the server's, shown everywhere.
import { ApiError, fetchSuite, type Suite } from './api';

interface State {
  suite: Suite | null;
  error: string | null;
  now: number;
}

export const server = $state<State>({ suite: null, error: null, now: Date.now() });

const REFRESH_MS = 60_000;
let offset = 0;

async function ask(): Promise<void> {
  const sent = Date.now();
  try {
    const suite = await fetchSuite();
    offset = Date.parse(suite.now) - (sent + Date.now()) / 2;
    server.suite = suite;
    server.error = null;
  } catch (cause) {
    server.error = cause instanceof ApiError ? cause.message : 'The server cannot be reached';
  }
}

/** Asks at once and every minute, and lets the clock run. Returns how to stop. */
export function watchServer(): () => void {
  void ask();
  const refresh = setInterval(() => void ask(), REFRESH_MS);
  const tick = setInterval(() => {
    server.now = Date.now() + offset;
  }, 1000);
  return () => {
    clearInterval(refresh);
    clearInterval(tick);
  };
}
